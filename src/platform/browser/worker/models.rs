//! The visitor's models: inspected, downloaded, checked and kept. A worker of its own does this, so that no training waits
//! for it; it holds no device.

use super::Inbox;
use super::handles::{Handles, PIECE};
use super::hub::Hub;
use super::post::{progress, say};
use crate::engine::formats::{Checkpoint, Description, Files, WeightsError, hash_files, index_shards, parse_json};
use crate::engine::train::bench::bench;
use crate::hub::transfer::{TransferError, sha256};
use crate::hub::{Address, AddressError, Host};
use crate::job::{Command, JobEvent, JobId, LoadStep, ModelSource, ModelSummary, Output, PartialDownload, Progress};
use crate::plan::bench::BenchSize;
use crate::plan::estimate::Estimate;
use crate::platform::storage::{InPlace, Models, Room, StoreError, model_path};
use crate::record::{ModelCard, Origin};
use crate::spec::{MethodKind, TrainConfig};
use burn::tensor::Device;
use std::collections::{BTreeMap, BTreeSet};
use web_sys::File;

/// Between two messages about progress.
const TELL_EVERY_MS: f64 = 120.0;
/// The first bytes of a weights file that are looked at; most headers are smaller.
const HEAD: usize = 1 << 18;
/// Files of a model that are no weights, and whether it needs them.
const SMALL: [(&str, bool); 6] = [
    ("config.json", true),
    (TOKENIZER, true),
    ("tokenizer_config.json", false),
    ("special_tokens_map.json", false),
    ("generation_config.json", false),
    ("chat_template.jinja", false),
];
const TOKENIZER: &str = "tokenizer.json";
const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Transfer(#[from] TransferError),
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("cancelled; what has arrived is kept")]
    Stopped,
    #[error(
        "the browser’s storage has room for {room} MB and this model needs {needed} MB: remove models or runs you no longer need"
    )]
    NoRoom { room: u64, needed: u64 },
    #[error("this browser cannot read files in a worker: use a current Chromium, Firefox or Safari")]
    NoReader,
}

/// A job of this kind under way: hears the visitor's wish to end it, and says how far it is.
pub struct Loading<'a> {
    id: JobId,
    inbox: &'a mut Inbox,
    stopped: bool,
    told: f64,
}

impl<'a> Loading<'a> {
    pub fn new(id: JobId, inbox: &'a mut Inbox) -> Self {
        Loading { id, inbox, stopped: false, told: 0.0 }
    }

    /// An error once the visitor has stopped it; what else was said waits.
    pub fn check(&mut self) -> Result<(), LoadError> {
        while let Some(message) = self.inbox.arrived() {
            match message {
                (Command::Stop(id), _) if id == self.id => self.stopped = true,
                (Command::Stop(id), _) => self.inbox.withdraw(id),
                other => self.inbox.waiting.push_back(other),
            }
        }
        if self.stopped { Err(LoadError::Stopped) } else { Ok(()) }
    }

    pub fn progress(&mut self, step: LoadStep, file: &str, done: u64, total: u64) {
        let now = js_sys::Date::now();
        if now - self.told >= TELL_EVERY_MS || done == total {
            self.told = now;
            progress(self.id, Progress::Loading { step, file: file.into(), done, total });
        }
    }
}

/// The last word of such a job.
pub fn finish(id: JobId, result: Result<Output, LoadError>) {
    match result {
        Err(LoadError::Stopped) => say(id, JobEvent::Stopped),
        result => super::post::finish(id, result),
    }
}

pub async fn remove(name: &str) -> Result<(), LoadError> {
    Ok(Models::open().await?.remove(name).await?)
}

pub async fn inspect(
    source: &ModelSource,
    files: Vec<File>,
    loading: &mut Loading<'_>,
) -> Result<ModelSummary, LoadError> {
    let mut summary = match source {
        ModelSource::Files { .. } => {
            let checkpoint = Checkpoint::open(Handles::new(files)?)?;
            needs_tokenizer(&checkpoint)?;
            summary(&checkpoint)?
        }
        ModelSource::Hub { host, address } => {
            let (mut hub, name) = open(host, address)?;
            let mut summary = summary(&Checkpoint::open(heads(&mut hub, loading).await?)?)?;
            if let Ok(models) = Models::open().await {
                summary.here = models.files(&name).await?.iter().map(|file| file.size() as u64).sum();
            }
            summary
        }
    };
    summary.flops_per_second = speed().await;
    Ok(summary)
}

fn open(host: &str, address: &str) -> Result<(Hub, String), LoadError> {
    let host = Host::parse(host)?;
    let address = Address::parse(address, &host)?;
    let name = address.to_string();
    Ok((Hub::new(host, address), name))
}

fn needs_tokenizer<F>(checkpoint: &Checkpoint<F>) -> Result<(), WeightsError> {
    match checkpoint.tokenizer {
        Some(_) => Ok(()),
        None => {
            let remedy = "add this model’s tokenizer.json: without it no text can be read";
            Err(WeightsError::file(TOKENIZER, "it is missing", remedy))
        }
    }
}

/// What config and headers say, checked against each other.
fn summary<F: Files>(checkpoint: &Checkpoint<F>) -> Result<ModelSummary, LoadError> {
    checkpoint.check()?;
    Ok(ModelSummary {
        family: checkpoint.description.family.model_type().into(),
        dtype: checkpoint.tensors.dtype(),
        config: checkpoint.config().clone(),
        bytes: checkpoint.tensors.bytes(),
        here: 0,
        notes: checkpoint.notes.clone(),
        flops_per_second: 0.0,
    })
}

/// The starts of a hub's files: enough for everything but the weights themselves.
#[derive(Default)]
struct Heads(BTreeMap<String, (Vec<u8>, u64)>);

impl Files for Heads {
    fn length(&self, file: &str) -> Option<u64> {
        self.0.get(file).map(|(_, length)| *length)
    }

    fn read(&self, file: &str, start: u64, length: usize) -> Result<Vec<u8>, WeightsError> {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let bytes = self.0.get(file).and_then(|(bytes, _)| bytes.get(start..start.checked_add(length)?));
        bytes.map(<[u8]>::to_vec).ok_or_else(|| WeightsError::file(file, "it ends early", "download it again"))
    }
}

async fn heads(hub: &mut Hub, loading: &mut Loading<'_>) -> Result<Heads, LoadError> {
    const CONFIG: &str = "config.json";
    let mut heads = Heads::default();
    let config = hub.small(CONFIG, loading).await?.ok_or_else(|| hub.absent(CONFIG))?;
    heads.0.insert(CONFIG.into(), (config.clone(), config.len() as u64));
    // Refused before the weights are asked for.
    Description::read(parse_json(CONFIG, &config)?)?;
    for file in weight_files(hub, &mut heads, loading).await? {
        let mut head = hub.start(&file, HEAD, loading).await?.ok_or_else(|| hub.absent(&file))?;
        let named = head.0.first_chunk().map_or(0, |prefix| u64::from_le_bytes(*prefix)).saturating_add(8);
        if named > head.0.len() as u64 && named < 100 << 20 {
            head = hub.start(&file, named as usize, loading).await?.ok_or_else(|| hub.absent(&file))?;
        }
        heads.0.insert(file, head);
    }
    Ok(heads)
}

/// The one file of weights, or the shards that the index names.
async fn weight_files(hub: &mut Hub, heads: &mut Heads, loading: &mut Loading<'_>) -> Result<Vec<String>, LoadError> {
    let Some(index) = hub.small(INDEX, loading).await? else { return Ok(vec![SINGLE.into()]) };
    heads.0.insert(INDEX.into(), (index.clone(), index.len() as u64));
    Ok(index_shards(&parse_json(INDEX, &index)?)?.into_values().collect::<BTreeSet<_>>().into_iter().collect())
}

pub async fn load(
    name: String,
    source: &ModelSource,
    files: Vec<File>,
    keep: bool,
    loading: &mut Loading<'_>,
) -> Result<ModelCard, LoadError> {
    match source {
        ModelSource::Files { label, .. } => {
            let handles = Handles::new(files)?;
            let card = check(&handles, name, None, loading)?;
            let card = ModelCard { origin: card.origin.map(|origin| Origin { from: label.clone(), ..origin }), ..card };
            match keep {
                true => copy(&handles, card, loading).await,
                false => Ok(card),
            }
        }
        ModelSource::Hub { host, address } => download(name, host, address, loading).await,
    }
}

/// Reads everything once: shapes, numbers, what names the weights, and whether they are what a hub announced by their
/// hashes.
fn check(
    handles: &Handles,
    name: String,
    announced: Option<(&Hub, &BTreeMap<String, String>)>,
    loading: &mut Loading<'_>,
) -> Result<ModelCard, LoadError> {
    loading.progress(LoadStep::Checking, SINGLE, 0, 0);
    if let Some((hub, hashes)) = announced {
        for (file, hash) in hashes {
            if hash_files(handles, [file.as_str()])? != *hash {
                return Err(TransferError::Content { hub: hub.to_string(), file: file.clone() }.into());
            }
        }
    }
    let checkpoint = Checkpoint::open(handles)?;
    needs_tokenizer(&checkpoint)?;
    let ModelSummary { family, dtype, config, bytes, .. } = summary(&checkpoint)?;
    loading.check()?;
    checkpoint.check_numbers()?;
    // One file's hash is the base's.
    let sha256 = match announced.and_then(|(_, hashes)| hashes.get(SINGLE)) {
        Some(hash) => hash.clone(),
        None => checkpoint.sha256()?,
    };
    loading.check()?;
    let origin = Origin { family, dtype, from: String::new(), kept: false };
    Ok(ModelCard { name, sha256, bytes, config, pretraining: None, origin: Some(origin) })
}

async fn needs_room(needed: u64) -> Result<(), LoadError> {
    match Room::ask().await {
        Some(room) if room.quota.saturating_sub(room.used) < needed => {
            let room = room.quota.saturating_sub(room.used) >> 20;
            Err(LoadError::NoRoom { room, needed: needed >> 20 })
        }
        _ => Ok(()),
    }
}

/// Copies the visitor's files into the browser's storage, in pieces; nothing stays of a copy that fails.
async fn copy(handles: &Handles, card: ModelCard, loading: &mut Loading<'_>) -> Result<ModelCard, LoadError> {
    let models = Models::open().await?;
    needs_room(card.bytes).await?;
    let copied = copy_files(handles, &models, &card.name, loading).await;
    let card = ModelCard { origin: card.origin.map(|origin| Origin { kept: true, ..origin }), ..card };
    match copied {
        Ok(()) => {
            models.finish(&card).await?;
            Ok(card)
        }
        Err(error) => {
            models.remove(&card.name).await?;
            Err(error)
        }
    }
}

async fn copy_files(
    handles: &Handles,
    models: &Models,
    name: &str,
    loading: &mut Loading<'_>,
) -> Result<(), LoadError> {
    let checkpoint = Checkpoint::open(handles)?;
    let weights: Vec<&str> = checkpoint.tensors.shards().collect();
    let small = |file: &str| file == INDEX || SMALL.iter().any(|(small, _)| *small == file);
    for file in handles.names().filter(|file| small(file) || weights.contains(file)) {
        let place = InPlace::open(models.store(), &model_path(name, file)).await?;
        place.cut(0)?;
        let length = handles.length(file).unwrap_or(0);
        for start in (0..length).step_by(PIECE as usize) {
            loading.check()?;
            let piece = PIECE.min(length - start);
            handles.piece(file, start, piece as usize, |bytes| place.write(start, bytes))??;
            loading.progress(LoadStep::Copying, file, start + piece, length);
        }
    }
    Ok(())
}

async fn download(name: String, host: &str, address: &str, loading: &mut Loading<'_>) -> Result<ModelCard, LoadError> {
    let (mut hub, _) = open(host, address)?;
    let models = Models::open().await?;
    let begun = models.partial(&name).await?;
    let mut download = begun.unwrap_or_else(|| PartialDownload {
        name: name.clone(),
        host: host.into(),
        address: address.into(),
        revision: None,
        parts: BTreeMap::new(),
    });
    if let Some(commit) = &download.revision {
        hub.revision = commit.clone();
    }
    for (file, needed) in SMALL {
        if !hub.bring(&models, &mut download, file, loading).await? && needed {
            return Err(hub.absent(file));
        }
    }
    let mut heads = Heads::default();
    let weights = weight_files(&mut hub, &mut heads, loading).await?;
    if weights != [SINGLE] {
        hub.bring(&models, &mut download, INDEX, loading).await?;
    }
    for file in &weights {
        if !hub.bring(&models, &mut download, file, loading).await? {
            return Err(hub.absent(file));
        }
    }
    let handles = Handles::new(models.files(&name).await?)?;
    let hashes = download.parts.iter().filter_map(|(file, part)| Some((file.clone(), sha256(part.tag.as_deref()?)?)));
    let hashes = hashes.filter(|(file, _)| weights.contains(file)).collect();
    let card = match check(&handles, name.clone(), Some((&hub, &hashes)), loading) {
        Ok(card) => card,
        Err(LoadError::Stopped) => return Err(LoadError::Stopped),
        // What is damaged would be damaged again.
        Err(error) => {
            drop(handles);
            models.remove(&name).await?;
            return Err(error);
        }
    };
    let from = format!("{hub}/{address}, revision {}", hub.revision);
    let card = ModelCard { origin: card.origin.map(|origin| Origin { from, kept: true, ..origin }), ..card };
    models.finish(&card).await?;
    Ok(card)
}

/// Operations a second of training on this processor: full tuning of a small model, timed now.
async fn speed() -> f64 {
    let (size, method) = (BenchSize::Medium, MethodKind::Full);
    let timing = bench(size, method, [1, 3], &Device::flex(), js_sys::Date::now).await;
    let train =
        TrainConfig { batch_size: size.batch(), sequence: size.config().context, ..TrainConfig::default_for(method) };
    let flops = Estimate::of(&size.config(), &method.method(), &train).step_flops;
    timing.map_or(0.0, |timing| flops / (timing.ms_per_step / 1000.0).max(1e-6))
}
