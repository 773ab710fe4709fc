//! `lab sweep`: an experiment on the command line, with the same engine and the same records as the page. Records go
//! to a file as they finish; a second call goes on with what is missing.

use crate::engine::formats::Checkpoint;
use crate::job::pool::{Ended, Pool};
use crate::plan::grid::Experiment;
use crate::plan::precision::costs;
use crate::plan::queue::Queue;
use crate::platform::native::files;
use crate::platform::native::folder::Folder;
use crate::platform::native::threads::Threads;
use crate::record::RunRecord;
use crate::spec::{Base, Method, MethodKind, ModelConfig, Precision, Source, TrainConfig};
use anyhow::{Context, Error, Result, ensure};
use std::path::{Path, PathBuf};

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
    /// Cells trained at the same time; the records are the same, each thread holds its own bases in memory.
    #[arg(long, default_value_t = 1)]
    threads: u32,
    /// The records' file: a JSON array.
    #[arg(long)]
    out: PathBuf,
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
        bases: bases.iter().map(|(base, _)| base.clone()).collect(),
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
    let (mut threads, heard) = Threads::new(&args.models, super::made_here);
    let mut pool = Pool::start(args.threads, &mut threads);
    while !pool.is_done(&queue) {
        let (worker, heard) = heard.recv().context("every thread ended")?;
        match pool.hear(worker, heard, &mut queue, &mut threads) {
            Some(Ended::Finished(run)) => {
                let records: Vec<&RunRecord> = queue.records().collect();
                files::replace(&args.out, serde_json::to_string(&records)?.as_bytes())?;
                if let Some(record) = records.iter().find(|record| record.id == run) {
                    eprintln!("{}/{all} {}", records.len(), line(record));
                }
            }
            Some(Ended::Failed(spec, reason)) => {
                eprintln!("{} {} {}: {reason}", spec.base.name, spec.method.kind(), spec.data.examples);
            }
            None => {}
        }
    }
    let records: Vec<&RunRecord> = queue.records().collect();
    for cost in costs(&records) {
        let config = bases.iter().find(|(base, _)| base.name == cost.base).map(|(_, config)| config);
        let held = config.map_or_else(String::new, |c| format!(" in {} kB", c.bytes(cost.precision) / 1000));
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

/// A base by name, as far as planning needs it.
fn open(models: &Path, name: &str) -> Result<(Base, ModelConfig)> {
    let folder = models.join(name);
    let at = || format!("the base in {}", folder.display());
    let checkpoint = Checkpoint::open(Folder::open(&folder)?).with_context(at)?;
    ensure!(checkpoint.tokenizer.is_some(), "{} has no tokenizer.json", folder.display());
    Ok((Base { name: name.into(), sha256: checkpoint.sha256().with_context(at)? }, checkpoint.config().clone()))
}

/// A finished cell on one line.
fn line(record: &RunRecord) -> String {
    let RunRecord { spec, test, base_test, best_step, steps, wall_seconds, .. } = record;
    format!(
        "{} {} {} {}: {:.4} nats/token (base {:.4}), rate {:.0e}, step {best_step} of {steps}, {wall_seconds:.1} s",
        spec.base.name,
        spec.method.kind(),
        spec.method.base_precision(),
        spec.data.examples,
        test.nats_per_token,
        base_test.nats_per_token,
        spec.train.learning_rate,
    )
}

fn read_records(file: &Path) -> Result<Vec<RunRecord>> {
    let Some(bytes) = files::read(file)? else { return Ok(Vec::new()) };
    let records = String::from_utf8(bytes).map_err(Error::from).and_then(|text| Ok(RunRecord::list_from_json(&text)?));
    records
        .with_context(|| format!("{} is no file of records: move it away, or name another with --out", file.display()))
}
