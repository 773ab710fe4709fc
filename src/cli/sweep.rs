//! `lab sweep`: an experiment on the command line, with the same engine and the same records as the page. Each record
//! goes to a file as it is made; a second call goes on with what is missing.

use super::experiment::{self, Planned};
use crate::job::pool::{Ended, Pool};
use crate::plan::file::{ExperimentFile, FileData};
use crate::plan::precision::costs;
use crate::plan::queue::Queue;
use crate::platform::native::records::{RecordsFile, Repair};
use crate::platform::native::threads::Threads;
use crate::record::RunRecord;
use crate::spec::{Method, MethodKind, Precision, RunId, RunSpec, TrainConfig};
use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::HashSet;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// The experiment: a TOML file, instead of the options that describe one.
    #[arg(required_unless_present_all = ["base", "task"], conflicts_with_all = OPTIONS)]
    file: Option<PathBuf>,
    /// The folder that holds the base models.
    #[arg(long, default_value = "www/models")]
    models: PathBuf,
    #[command(flatten)]
    options: Options,
    /// Cells trained at the same time, the cores if not given; the records are the same, each worker holds its own bases
    /// in memory.
    #[arg(long, alias = "threads", value_parser = clap::value_parser!(u32).range(1..))]
    workers: Option<u32>,
    /// The records' file, one a line; what it holds already is not trained again.
    #[arg(long)]
    out: PathBuf,
}

const OPTIONS: [&str; 9] =
    ["base", "task", "methods", "base_precision", "sizes", "seeds", "steps", "epochs", "patience"];

#[derive(clap::Args)]
struct Options {
    /// Base models by name.
    #[arg(long, value_delimiter = ',')]
    base: Vec<String>,
    /// One of the lab's tasks, by id.
    #[arg(long)]
    task: Option<String>,
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
    #[arg(long, value_delimiter = ',', conflicts_with = "file")]
    rates: Vec<f64>,
}

pub fn run(args: Args) -> Result<()> {
    let folder = args.out.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        ensure!(folder.is_dir(), "{}: there is no such folder; make it, or name another with --out", folder.display());
    }
    let (file, beside) = match &args.file {
        Some(path) => (experiment::read(path)?, path.parent().map(PathBuf::from).unwrap_or_default()),
        None => (args.options.experiment()?, PathBuf::new()),
    };
    let planned = Planned::of(file, &args.models, &beside)?;
    let cells = planned.experiment.cells();
    let wanted: HashSet<RunId> = cells.iter().map(RunSpec::id).collect();
    let (mut out, found, repair) = RecordsFile::open(&args.out)?;
    match repair {
        Repair::None => {}
        Repair::Cut => eprintln!("{}: its last line was cut short; that run is made again", args.out.display()),
        Repair::Rewritten => eprintln!("{}: its list is now one record a line", args.out.display()),
    }
    let mut queue = Queue::default();
    queue.extend(cells);
    found.into_iter().for_each(|record| queue.finish(record));
    let bar = ProgressBar::new(wanted.len() as u64).with_style(
        ProgressStyle::with_template("{bar:30} {pos}/{len} runs, {elapsed} so far, {eta} left")
            .expect("a valid template"),
    );
    let mut made = queue.records().filter(|record| wanted.contains(&record.id)).count();
    bar.set_position(made as u64);
    bar.reset_eta();
    let (mut threads, heard) = Threads::new(planned.here);
    let workers = args.workers.unwrap_or_else(super::cores).min(queue.counts().pending.max(1) as u32);
    let mut pool = Pool::start(workers, &mut threads);
    let mut failed = 0;
    while !pool.is_done(&queue) {
        let (worker, heard) = heard.recv().context("every thread ended")?;
        match pool.hear(worker, heard, &mut queue, &mut threads) {
            Some(Ended::Finished(run)) => {
                if let Some(record) = queue.record(&run) {
                    out.append(record)?;
                    made += 1;
                    bar.inc(1);
                    bar.suspend(|| eprintln!("{made}/{} {}", wanted.len(), line(record)));
                }
            }
            Some(Ended::Failed(spec, reason)) => {
                failed += 1;
                let (name, kind, examples) = (&spec.base.name, spec.method.kind(), spec.data.examples);
                bar.suspend(|| eprintln!("{name} {kind} {examples}: {reason}"));
            }
            None => {}
        }
    }
    bar.finish_and_clear();
    let records: Vec<&RunRecord> = queue.records().collect();
    for cost in costs(&records) {
        let bases = planned.experiment.bases.iter().zip(&planned.configs);
        let config = bases.into_iter().find(|(base, _)| base.name == cost.base).map(|(_, config)| config);
        let held = config.map_or_else(String::new, |c| format!(" in {} kB", c.bytes(cost.precision) / 1000));
        eprintln!(
            "{} held in {}{held}: its own test loss is {:+.4} nats/token against f32",
            cost.base, cost.precision, cost.nats_per_token
        );
    }
    ensure!(failed == 0, "{failed} of {} runs failed, for the reasons above", wanted.len());
    Ok(())
}

impl Options {
    fn experiment(&self) -> Result<ExperimentFile> {
        let mut methods = Vec::new();
        for &kind in &self.methods {
            let rates = if self.rates.is_empty() { vec![None] } else { self.rates.iter().copied().map(Some).collect() };
            for rate in rates {
                let mut train = TrainConfig::default_for(kind);
                train.learning_rate = rate.unwrap_or(train.learning_rate);
                train.max_steps = self.steps.unwrap_or(train.max_steps);
                train.max_epochs = self.epochs.unwrap_or(train.max_epochs);
                train.patience = self.patience.unwrap_or(train.patience);
                methods.extend(self.held(kind)?.into_iter().map(|method| (method, train.clone())));
            }
        }
        Ok(ExperimentFile {
            bases: self.base.clone(),
            data: FileData::Task(self.task.clone().context("--task is missing")?),
            sequence: None,
            methods,
            sizes: self.sizes.clone(),
            seeds: self.seeds,
        })
    }

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
