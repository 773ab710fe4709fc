//! `lab sweep`: an experiment on the command line, with the same engine and the same records as the page. Records go
//! to a file as they finish; a second call goes on with what is missing.

use crate::data::Splits;
use crate::engine::formats::Checkpoint;
use crate::engine::model::Decoder;
use crate::engine::text::TextTokenizer;
use crate::engine::train::{Callbacks, RunData, Session, TrainError, drive};
use crate::plan::grid::Experiment;
use crate::plan::precision::costs;
use crate::plan::queue::Queue;
use crate::platform::native::files;
use crate::platform::native::folder::Folder;
use crate::record::{Evaluation, Provenance, RunRecord};
use crate::spec::{Base, Method, MethodKind, Precision, RunSpec, Source, TrainConfig};
use anyhow::{Context, Error, Result, ensure};
use burn::tensor::Device;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(clap::Args)]
pub struct Args {
    /// The folder that holds the base models.
    #[arg(long, default_value = "www/models")]
    models: PathBuf,
    /// Base models by name.
    #[arg(long, value_delimiter = ',', required = true)]
    base: Vec<String>,
    /// One of the lab's tasks, by id.
    #[arg(long)]
    task: String,
    /// full, lora, prompt or scratch.
    #[arg(long, value_delimiter = ',', default_value = "full,lora,prompt")]
    methods: Vec<MethodKind>,
    /// How the frozen base rests under LoRA and prompt tuning: f32, f16, int8, nf4. Several are compared.
    #[arg(long, value_name = "PRECISION", value_delimiter = ',', default_value = "f32")]
    base_precision: Vec<Precision>,
    /// Distinct training examples.
    #[arg(long, value_delimiter = ',', default_value = "64,128,256,512,1024,2048,4096")]
    sizes: Vec<usize>,
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Optimizer steps at most, instead of the default.
    #[arg(long)]
    steps: Option<usize>,
    /// Passes over the training examples at most, instead of the default.
    #[arg(long)]
    epochs: Option<f64>,
    /// Evaluations without a better dev loss that end a run, instead of the default; 0 never ends early.
    #[arg(long)]
    patience: Option<usize>,
    /// Learning rates to compare, each a run of its own, instead of the method's default.
    #[arg(long, value_delimiter = ',')]
    rates: Vec<f64>,
    /// The records' file: a JSON array.
    #[arg(long)]
    out: PathBuf,
}

struct Opened {
    base: Base,
    folder: PathBuf,
    tokenizer: TextTokenizer,
}

pub fn run(args: Args) -> Result<()> {
    let folder = args.out.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        ensure!(folder.is_dir(), "{}: there is no such folder; make it, or name another with --out", folder.display());
    }
    let bases = args.base.iter().map(|name| open(&args.models, name)).collect::<Result<Vec<_>>>()?;
    let mut methods = Vec::new();
    for &kind in &args.methods {
        let rates = if args.rates.is_empty() { vec![None] } else { args.rates.iter().copied().map(Some).collect() };
        for rate in rates {
            let mut train = TrainConfig::default_for(kind);
            train.learning_rate = rate.unwrap_or(train.learning_rate);
            train.max_steps = args.steps.unwrap_or(train.max_steps);
            train.max_epochs = args.epochs.unwrap_or(train.max_epochs);
            train.patience = args.patience.unwrap_or(train.patience);
            methods.extend(args.held(kind)?.into_iter().map(|method| (method, train.clone())));
        }
    }
    let experiment = Experiment {
        bases: bases.iter().map(|opened| opened.base.clone()).collect(),
        source: Source::Task(args.task.clone()),
        methods,
        sizes: args.sizes.clone(),
        seeds: args.seeds,
    };
    let mut queue = Queue::default();
    for record in read_records(&args.out)? {
        queue.finish(record);
    }
    queue.extend(experiment.cells());
    let all = queue.cells().count();
    let mut models: HashMap<(String, Precision), Decoder> = HashMap::new();
    let mut base_tests: HashMap<(String, Precision), Evaluation> = HashMap::new();
    while let Some(spec) = queue.take() {
        let opened = bases.iter().find(|opened| opened.base == spec.base).context("a cell of another base")?;
        let held = (spec.base.name.clone(), spec.method.base_precision());
        if !models.contains_key(&held) {
            models.insert(held.clone(), opened.load(held.1)?);
        }
        match cell(&models[&held], opened, &spec, base_tests.get(&held).copied()) {
            Ok(record) => {
                base_tests.insert(held.clone(), record.base_test);
                eprintln!(
                    "{}/{all} {} {} {} {}: {:.4} nats/token (base {:.4}), rate {:.0e}, step {} of {}, {:.1} s",
                    queue.counts().done + 1,
                    spec.base.name,
                    spec.method.kind(),
                    held.1,
                    spec.data.examples,
                    record.test.nats_per_token,
                    record.base_test.nats_per_token,
                    spec.train.learning_rate,
                    record.best_step,
                    record.steps,
                    record.wall_seconds,
                );
                queue.finish(record);
                let records: Vec<&RunRecord> = queue.records().collect();
                files::replace(&args.out, serde_json::to_string(&records)?.as_bytes())?;
            }
            Err(error) => {
                eprintln!("{} {} {}: {error:#}", spec.base.name, spec.method.kind(), spec.data.examples);
                queue.fail(&spec.id(), error.to_string());
            }
        }
    }
    let records: Vec<&RunRecord> = queue.records().collect();
    for cost in costs(&records) {
        let bytes = |precision| models.get(&(cost.base.clone(), precision)).map(|model| model.bytes());
        let held = bytes(cost.precision).map_or_else(String::new, |bytes| format!(" in {} kB", bytes / 1000));
        eprintln!(
            "{} held in {}{held}: its own test loss is {:+.4} nats/token against f32",
            cost.base, cost.precision, cost.nats_per_token
        );
    }
    Ok(())
}

impl Args {
    /// The method on each precision asked for; what trains every weight stays in f32 and runs once.
    fn held(&self, kind: MethodKind) -> Result<Vec<Method>> {
        let frozen = kind.freezes_base();
        let precisions = self.base_precision.iter().filter(|precision| {
            let also_f32 = self.base_precision.contains(&Precision::F32);
            frozen || precision.is_f32() || !also_f32
        });
        precisions.map(|&precision| Ok(kind.method().on(precision)?)).collect()
    }
}

fn open(models: &Path, name: &str) -> Result<Opened> {
    let folder = models.join(name);
    let checkpoint = checkpoint(&folder)?;
    let base = Base { name: name.into(), sha256: checkpoint.sha256()? };
    let tokenizer = checkpoint.tokenizer.with_context(|| format!("{} has no tokenizer.json", folder.display()))?;
    Ok(Opened { base, folder, tokenizer })
}

fn checkpoint(folder: &Path) -> Result<Checkpoint<Folder>> {
    Checkpoint::open(Folder::open(folder)?).with_context(|| format!("the base in {}", folder.display()))
}

impl Opened {
    fn load(&self, precision: Precision) -> Result<Decoder> {
        let mut checkpoint = checkpoint(&self.folder)?;
        let config = checkpoint.config().clone();
        Ok(Decoder::load_as(precision, &config, &mut checkpoint, &Device::flex())?)
    }
}

fn cell(base: &Decoder, opened: &Opened, spec: &RunSpec, base_test: Option<Evaluation>) -> Result<RunRecord> {
    let begun = Instant::now();
    let splits = Splits::for_run(&spec.data, None)?;
    let data = RunData::of(spec, &splits, &opened.tokenizer, base_test)?;
    let mut session = Session::new(base, spec, data)?;
    pollster::block_on(drive(&mut session, &mut Silent(begun)))?;
    let made = Provenance { device: "native CPU".into(), lab: super::version(), date: super::today() };
    Ok(pollster::block_on(session.finish(begun.elapsed().as_secs_f64(), made))?.record)
}

/// Says nothing on the way.
struct Silent(Instant);

impl Callbacks for Silent {
    type Error = TrainError;

    fn now(&self) -> f64 {
        1e3 * self.0.elapsed().as_secs_f64()
    }
}

fn read_records(file: &Path) -> Result<Vec<RunRecord>> {
    let Some(bytes) = files::read(file)? else { return Ok(Vec::new()) };
    let records = String::from_utf8(bytes).map_err(Error::from).and_then(|text| Ok(RunRecord::list_from_json(&text)?));
    records
        .with_context(|| format!("{} is no file of records: move it away, or name another with --out", file.display()))
}
