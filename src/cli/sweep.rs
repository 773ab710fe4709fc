//! `lab sweep`: an experiment on the command line, with the same engine and the same records as the page. Records go
//! to a file as they finish; a second call goes on with what is missing.

use super::folder::Folder;
use crate::data::Splits;
use crate::model::Decoder;
use crate::model::weights::Checkpoint;
use crate::plan::grid::Experiment;
use crate::plan::queue::Queue;
use crate::record::{Evaluation, Provenance, RunRecord};
use crate::spec::{Base, MethodKind, RunSpec, Source, TrainConfig};
use crate::train::{Progress, RunData, Session};
use anyhow::{Context, Result, bail};
use burn::tensor::Device;
use std::collections::HashMap;
use std::fs;
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
    #[arg(long, value_delimiter = ',', default_value = "full,lora,prompt")]
    methods: Vec<String>,
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

struct Loaded {
    base: Base,
    model: Decoder,
    tokenizer: crate::model::TextTokenizer,
}

pub fn run(args: Args) -> Result<()> {
    let device = Device::flex();
    let bases = args.base.iter().map(|name| load(&args.models, name, &device)).collect::<Result<Vec<_>>>()?;
    let mut methods = Vec::new();
    for name in &args.methods {
        let kind = kind(name)?;
        let rates = if args.rates.is_empty() { vec![None] } else { args.rates.iter().copied().map(Some).collect() };
        for rate in rates {
            let mut train = TrainConfig::default_for(kind);
            train.learning_rate = rate.unwrap_or(train.learning_rate);
            train.max_steps = args.steps.unwrap_or(train.max_steps);
            train.max_epochs = args.epochs.unwrap_or(train.max_epochs);
            train.patience = args.patience.unwrap_or(train.patience);
            methods.push((kind.method(), train));
        }
    }
    let experiment = Experiment {
        bases: bases.iter().map(|loaded| loaded.base.clone()).collect(),
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
    let mut base_tests: HashMap<String, Evaluation> = HashMap::new();
    while let Some(spec) = queue.take() {
        let loaded = bases.iter().find(|loaded| loaded.base == spec.base).context("a cell of another base")?;
        let known = base_tests.get(&spec.base.name).copied();
        match cell(loaded, &spec, known) {
            Ok(record) => {
                base_tests.insert(spec.base.name.clone(), record.base_test);
                eprintln!(
                    "{}/{all} {} {} {}: {:.4} nats/token (base {:.4}), rate {:.0e}, step {} of {}, {:.1} s",
                    queue.counts().done + 1,
                    spec.base.name,
                    spec.method.kind(),
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
                fs::write(&args.out, serde_json::to_string(&records)?)?;
            }
            Err(error) => {
                eprintln!("{} {} {}: {error:#}", spec.base.name, spec.method.kind(), spec.data.examples);
                queue.fail(&spec.id(), error.to_string());
            }
        }
    }
    Ok(())
}

fn kind(name: &str) -> Result<MethodKind> {
    Ok(match name {
        "full" => MethodKind::Full,
        "lora" => MethodKind::Lora,
        "prompt" => MethodKind::Prompt,
        "scratch" => MethodKind::Scratch,
        other => bail!("no method is called {other}: full, lora, prompt, scratch"),
    })
}

fn load(models: &Path, name: &str, device: &Device) -> Result<Loaded> {
    let folder = models.join(name);
    let mut checkpoint =
        Checkpoint::open(Folder::open(&folder)?).with_context(|| format!("the base in {}", folder.display()))?;
    let base = Base { name: name.into(), sha256: checkpoint.sha256()? };
    let config = checkpoint.config().clone();
    let model = Decoder::load(&config, &mut checkpoint, device)?;
    let tokenizer = checkpoint.tokenizer.with_context(|| format!("{} has no tokenizer.json", folder.display()))?;
    Ok(Loaded { base, model, tokenizer })
}

fn cell(loaded: &Loaded, spec: &RunSpec, base_test: Option<Evaluation>) -> Result<RunRecord> {
    let begun = Instant::now();
    let splits = Splits::for_run(&spec.data, None)?;
    let data = RunData::of(spec, &splits, &loaded.tokenizer, base_test)?;
    let mut session = Session::new(&loaded.model, spec, data)?;
    while pollster::block_on(session.advance())? != Progress::Finished {}
    let made = Provenance { device: "native CPU".into(), lab: super::version(), date: super::today() };
    Ok(pollster::block_on(session.finish(begun.elapsed().as_secs_f64(), made))?.record)
}

fn read_records(file: &Path) -> Result<Vec<RunRecord>> {
    let Ok(text) = fs::read_to_string(file) else { return Ok(Vec::new()) };
    let values: Vec<serde_json::Value> =
        serde_json::from_str(&text).with_context(|| format!("{} is no list of records", file.display()))?;
    values.iter().map(|value| Ok(RunRecord::from_json(&value.to_string())?)).collect()
}
