//! What the worker holds: a device, the models it has loaded, the visitor's data, and the browser's storage.

use super::fetch::{FetchError, fetch};
use super::handles::Handles;
use super::models::LoadError;
use super::post::progress;
use super::turn::{Turn, in_time};
use crate::data::user::UserData;
use crate::data::{Prepared, SplitError, Splits, Task, Tokenizer, TokenizerError};
use crate::engine::adapt::{self, AdaptError};
use crate::engine::formats::{Checkpoint, Files, MemoryFiles, TensorFiles, WeightsError};
use crate::engine::model::{Decoder, HostTensor, ModelError, Tensors};
use crate::engine::text::{ChatError, TextTokenizer};
use crate::engine::train::TrainError;
use crate::job::{Backend, DeviceReport, Event, JobId, ModelRef, PROTOCOL_VERSION, Progress};
use crate::platform::browser::device;
use crate::platform::storage::{BrowserStore, Models, Store, StoreError, records};
use crate::record::ModelCard;
use crate::record::{Evaluation, Reading, RecordError, RunRecord};
use crate::spec::{Base, Precision, RunSpec, Source};
use burn::tensor::Device;
use std::collections::HashMap;
use std::rc::Rc;
use web_sys::File;

#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Adapt(#[from] AdaptError),
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    #[error(transparent)]
    Split(#[from] SplitError),
    #[error(transparent)]
    User(#[from] crate::data::user::UserError),
    #[error("{name} could not be read: was it moved or changed since it was chosen? Choose it again")]
    File { name: String },
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the site's list of models cannot be read: {0}")]
    Index(serde_json::Error),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("no model called {0} is on the shelf: load it first, or reload the page")]
    NoModel(String),
    #[error("the model {name} on the shelf is not the one this run was planned with: load that one again")]
    OtherModel { name: String },
    #[error("the tuned weights of run {0} are no longer in the browser's storage: remove the run and train it again")]
    NoTuned(String),
    #[error("the record kept with run {run} cannot be read ({error}): train it again")]
    NoRecord { run: String, error: RecordError },
    #[error("only LoRA adapters can be merged into a base's weights: leave the others out")]
    NotLora,
    #[error("this worker's program does not do that job: reload the page")]
    NotHere,
    #[error(transparent)]
    Chat(#[from] ChatError),
    #[error(transparent)]
    Adapter(#[from] super::adapters::AdapterError),
}

/// A base in memory.
pub struct LoadedBase {
    pub sha256: String,
    pub model: Decoder,
    pub tokenizer: TextTokenizer,
    pub description: crate::engine::formats::Description,
}

pub struct Engine {
    /// The job under way: what is fetched is fetched for it.
    pub job: JobId,
    pub device: Device,
    pub report: DeviceReport,
    pub store: BrowserStore,
    pub turn: Turn,
    cards: Vec<ModelCard>,
    /// Bases in memory with how they rest there, the last used last.
    bases: Vec<((String, Precision), Rc<LoadedBase>)>,
    /// The visitor's models that lie in no storage: their weights' hash and files.
    provided: HashMap<String, (String, Vec<File>)>,
    /// Tokenizers of the visitor's models that are not in memory.
    tokenizers: HashMap<String, Rc<TextTokenizer>>,
    /// The visitor's own data, as they were read.
    user: Option<UserData>,
    /// Those data as the last run's base and sequence divide them: a sweep's runs differ in neither.
    prepared: Option<(Base, usize, Prepared)>,
    /// A base's loss on a source's test split, by base, precision, source and columns: the same for every cell.
    pub base_tests: HashMap<(String, Precision, Source, usize), Evaluation>,
}

/// Weights that stay in memory for the next run, at most.
const BASES_BYTES: u64 = 1 << 30;

/// A driver that needs longer to open a device has stopped answering.
const OPEN_SECONDS: u32 = 30;

impl Engine {
    /// Opens the device; an error is one sentence for the page.
    pub async fn open(wanted: Backend) -> Result<Self, String> {
        let report = device::probe(wanted).await;
        let opened = in_time(OPEN_SECONDS, open_device(report.clone())).await;
        let device = opened.ok_or_else(|| format!("{} did not open within {OPEN_SECONDS} s", report.name))??;
        let turn = Turn::new().map_err(|error| format!("no message channel in this browser: {error:?}"))?;
        Ok(Engine {
            job: JobId::default(),
            device,
            report,
            store: BrowserStore::open().await,
            turn,
            cards: Vec::new(),
            bases: Vec::new(),
            provided: HashMap::new(),
            tokenizers: HashMap::new(),
            user: None,
            prepared: None,
            base_tests: HashMap::new(),
        })
    }

    pub fn opened(&self) -> Event {
        Event::Opened { version: PROTOCOL_VERSION, device: self.report.clone() }
    }

    async fn cards(&mut self) -> Result<&[ModelCard], WorkerError> {
        if self.cards.is_empty() {
            let json = fetch("models/index.json", |_, _| {}).await?;
            self.cards = serde_json::from_slice(&json).map_err(WorkerError::Index)?;
        }
        Ok(&self.cards)
    }

    /// The first of the site's bases: its tokenizer is that of all of them.
    async fn any_base(&mut self) -> Result<Rc<LoadedBase>, WorkerError> {
        let name = self.cards().await?.first().map(|card| card.name.clone());
        self.base(&name.ok_or_else(|| WorkerError::NoModel("(any)".into()))?).await
    }

    /// A base by name in f32.
    pub async fn base(&mut self, name: &str) -> Result<Rc<LoadedBase>, WorkerError> {
        self.base_in(Precision::F32, name).await
    }

    /// A base by name with its weights resting in `precision`, loaded once while there is room.
    pub async fn base_in(&mut self, precision: Precision, name: &str) -> Result<Rc<LoadedBase>, WorkerError> {
        if let Some(at) = self.bases.iter().position(|((loaded, rests), _)| loaded == name && *rests == precision) {
            let found = self.bases.remove(at);
            let base = found.1.clone();
            self.bases.push(found);
            return Ok(base);
        }
        let base = match self.own(name).await? {
            Some((sha256, files)) => self.load(Checkpoint::open(files)?, sha256, precision)?,
            None => {
                let checkpoint = Checkpoint::open(self.base_files(name).await?)?;
                let sha256 = checkpoint.sha256()?;
                self.load(checkpoint, sha256, precision)?
            }
        };
        let base = Rc::new(base);
        self.bases.push(((name.into(), precision), base.clone()));
        Ok(base)
    }

    fn load<F: Files>(
        &mut self,
        mut checkpoint: Checkpoint<F>,
        sha256: String,
        precision: Precision,
    ) -> Result<LoadedBase, WorkerError> {
        let config = checkpoint.config().clone();
        // Those used longest ago make room; what a session still trains on stays as long as it needs it.
        let held = |bases: &[((String, Precision), Rc<LoadedBase>)]| {
            bases.iter().map(|((_, precision), base)| base.model.config().bytes(*precision)).sum::<u64>()
        };
        while !self.bases.is_empty() && held(&self.bases) + config.bytes(precision) > BASES_BYTES {
            self.bases.remove(0);
        }
        let missing = || WeightsError::file("tokenizer.json", "it is missing", "add this model's tokenizer.json");
        let tokenizer = checkpoint.tokenizer.take().ok_or_else(missing)?;
        let model = Decoder::load_as(precision, &config, &mut checkpoint, &self.device)?;
        Ok(LoadedBase { sha256, model, tokenizer, description: checkpoint.description })
    }

    /// A model that the visitor brought, by its files: handed over by the page, or in the browser's storage.
    async fn own(&self, name: &str) -> Result<Option<(String, Handles)>, WorkerError> {
        if let Some((sha256, files)) = self.provided.get(name) {
            return Ok(Some((sha256.clone(), Handles::new(files.clone())?)));
        }
        let Ok(models) = Models::open().await else { return Ok(None) };
        match models.card(name).await? {
            Some(card) => Ok(Some((card.sha256, Handles::new(models.files(name).await?)?))),
            None => Ok(None),
        }
    }

    /// Takes the files of a model that lies in no storage.
    pub fn provide(&mut self, base: String, sha256: String, files: Vec<File>) {
        self.provided.insert(base, (sha256, files));
    }

    /// The files of a base of the site.
    pub async fn base_files(&mut self, name: &str) -> Result<MemoryFiles, WorkerError> {
        let card = self.cards().await?.iter().find(|card| card.name == name);
        let sha256 = card.ok_or_else(|| WorkerError::NoModel(name.into()))?.sha256.clone();
        let (mut files, job) = (Vec::new(), self.job);
        for file in ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"] {
            let report = |loaded, total| {
                if file == "model.safetensors" {
                    progress(job, Progress::Fetching { base: name.into(), loaded, total });
                }
            };
            // What is kept in the browser goes by this address: other weights have another.
            let url = format!("models/{name}/{file}?{sha256}");
            files.push((file.to_string(), fetch(&url, report).await?));
        }
        Ok(files.into_iter().collect())
    }

    /// Encodes as `base` would, without loading its weights; an empty name stands for the bases of the site.
    pub async fn encode_with<T>(
        &mut self,
        base: &str,
        encode: impl FnOnce(&TextTokenizer) -> Result<T, WorkerError>,
    ) -> Result<T, WorkerError> {
        if let Some((_, loaded)) = self.bases.iter().find(|((loaded, _), _)| loaded == base) {
            return encode(&loaded.tokenizer);
        }
        if let Some(tokenizer) = self.tokenizers.get(base) {
            return encode(tokenizer);
        }
        match self.own(base).await? {
            Some((_, files)) => {
                let tokenizer = Checkpoint::open(files)?.tokenizer.ok_or_else(|| WorkerError::NoModel(base.into()))?;
                let tokenizer = self.tokenizers.entry(base.into()).or_insert(Rc::new(tokenizer));
                encode(tokenizer)
            }
            None => encode(&self.any_base().await?.tokenizer),
        }
    }

    /// The base that a spec names, exactly.
    pub async fn planned_base(&mut self, spec: &RunSpec) -> Result<Rc<LoadedBase>, WorkerError> {
        let planned = &spec.base;
        let base = self.base_in(spec.method.base_precision(), &planned.name).await?;
        match base.sha256 == planned.sha256 {
            true => Ok(base),
            false => Err(WorkerError::OtherModel { name: planned.name.clone() }),
        }
    }

    /// A run's data, and what became of what was read: long texts are divided by the tokens of the run's base.
    pub fn splits(&mut self, spec: &RunSpec, tokenizer: &TextTokenizer) -> Result<(Splits, Reading), WorkerError> {
        let (Source::User { .. }, Some(user)) = (&spec.data.source, &self.user) else {
            return Ok((Splits::for_run(&spec.data, None)?, Reading::default()));
        };
        let sequence = spec.train.sequence;
        let (_, _, Prepared { splits, reading }) = match self.prepared.take() {
            Some(last) if last.0 == spec.base && last.1 == sequence => self.prepared.insert(last),
            _ => self.prepared.insert((spec.base.clone(), sequence, user.prepare(tokenizer, sequence)?)),
        };
        Ok((Splits::for_run(&spec.data, Some((&user.sha256, splits)))?, reading.clone()))
    }

    /// Takes the visitor's own data in place of those before.
    pub fn use_data(&mut self, data: UserData) {
        (self.user, self.prepared) = (Some(data), None);
    }

    /// The model to complete a prompt with.
    pub async fn model(&mut self, model: &ModelRef) -> Result<(Decoder, Rc<LoadedBase>), WorkerError> {
        match model {
            ModelRef::Base(name) => {
                let base = self.base(name).await?;
                Ok((base.model.clone(), base))
            }
            ModelRef::Tuned { base, run } => {
                let (record, tensors) = self.tuned(&run.0).await?;
                let base = self.base_in(record.spec.method.base_precision(), base).await?;
                Ok((adapt::install(&base.model, &record.spec.method, &mut &tensors)?, base))
            }
            ModelRef::Adapted { base, adapters } => {
                let base = self.base(base).await?;
                let mut model = base.model.clone();
                for blended in adapters {
                    let (method, tensors) = self.adapter(&blended.adapter, &base).await?;
                    model = adapt::add(&model, &method, &mut &tensors, blended.weight)?;
                }
                Ok((model, base))
            }
        }
    }

    /// A run's record and what it trained, from storage.
    pub async fn tuned(&self, run: &str) -> Result<(RunRecord, Tensors), WorkerError> {
        let missing = || WorkerError::NoTuned(run.into());
        let record = records::read(&self.store, run).await?.ok_or_else(missing)?;
        let bytes = self.store.read(&records::path(run, records::TUNED)).await?.ok_or_else(missing)?;
        let record = RunRecord::from_json(&record).map_err(|error| WorkerError::NoRecord { run: run.into(), error })?;
        let files: MemoryFiles = [(records::TUNED.to_string(), bytes)].into_iter().collect();
        Ok((record, all(&TensorFiles::open_file(files, records::TUNED)?)?))
    }

    /// A generated task's first examples, for showing.
    pub fn task_examples(task: &Task, count: usize) -> Vec<crate::data::Example> {
        task.examples(crate::seed::Seed(0).derive("subset", 0), crate::data::Split::Train).take(count).collect()
    }

    pub fn count_tokens(tokenizer: &dyn Tokenizer, texts: &[crate::data::Example]) -> Result<u64, WorkerError> {
        let mut tokens = 0;
        for example in texts {
            tokens += tokenizer.closed(&example.completion, None)?.len() as u64;
        }
        Ok(tokens)
    }
}

/// Every tensor of a file.
fn all(file: &TensorFiles<MemoryFiles>) -> Result<Tensors, WeightsError> {
    let shapes = file.names().filter_map(|name| Some((name.to_string(), file.shape(name)?.to_vec())));
    shapes.map(|(name, shape)| Ok((name.clone(), HostTensor { values: file.read(&name, &shape)?, shape }))).collect()
}

#[cfg(not(feature = "webgpu"))]
async fn open_device(report: DeviceReport) -> Result<Device, String> {
    match report.backend {
        Backend::WebGpu => Err("this worker was built for the CPU: start the GPU's worker".into()),
        _ => Ok(Device::flex()),
    }
}

#[cfg(feature = "webgpu")]
async fn open_device(report: DeviceReport) -> Result<Device, String> {
    match report.backend {
        Backend::WebGpu => device::open_gpu(|reason| super::post::post(&Event::DeviceLost { reason })).await,
        _ => Ok(Device::flex()),
    }
}
