//! `lab plan`: what an experiment file asks for, and what it costs on this machine, before anything is trained.

use super::experiment::{self, Planned};
use crate::engine::train::{Callbacks, Every, Report, TrainError, drive};
use crate::plan::estimate::Estimate;
use crate::plan::evaluation::Evaluations;
use crate::platform::native::threads::Worker;
use crate::platform::native::{memory, records};
use crate::record::EvalPoint;
use crate::spec::{ModelConfig, RunSpec, TrainConfig};
use anyhow::{Context, Result, ensure};
use pollster::block_on;
use serde_json::json;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(clap::Args)]
pub struct Args {
    /// The experiment: a TOML file.
    file: PathBuf,
    /// The folder that holds the base models.
    #[arg(long, default_value = "www/models")]
    models: PathBuf,
    /// Records made already; their cells are left out.
    #[arg(long, value_name = "RECORDS")]
    out: Option<PathBuf>,
    /// Cells trained at the same time, for the total; the cores if not given.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    workers: Option<u32>,
    /// Print the cells alone, one specification a line, as `lab cell` reads them.
    #[arg(long)]
    specs: bool,
    /// Print a Slurm array script that trains the cells, each task a chunk of them.
    #[arg(long, requires = "out", conflicts_with = "specs")]
    slurm: bool,
    /// Cells of one Slurm task: clusters cap how many tasks an array has.
    #[arg(long, requires = "slurm", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    chunk: u32,
    /// Print JSON, one line a cell with its cost.
    #[arg(long, conflicts_with_all = ["specs", "slurm"])]
    json: bool,
}

/// What a method on a base takes here, in seconds.
struct Pace {
    step: f64,
    /// The evaluation of one batch.
    batch: f64,
}

pub fn run(args: Args) -> Result<()> {
    let file = experiment::read(&args.file)?;
    let beside = args.file.parent().map(PathBuf::from).unwrap_or_default();
    let planned = Planned::of(file, &args.models, &beside)?;
    let mut cells = planned.experiment.cells();
    let all = cells.len();
    if let Some(out) = &args.out {
        let done: HashSet<_> = records::finished(out)?.into_iter().map(|record| record.id).collect();
        cells.retain(|cell| !done.contains(&cell.id()));
    }
    if args.specs {
        for cell in &cells {
            println!("{}", serde_json::to_string(cell)?);
        }
        return Ok(());
    }
    if let (true, Some(out)) = (args.slurm, &args.out) {
        print!("{}", slurm(&args, out, cells.len())?);
        return Ok(());
    }
    let free = memory::available();
    let mut worker = Worker::new(planned.here.clone());
    let mut total = 0.0;
    let mut most = 0;
    for (base, config) in planned.experiment.bases.iter().zip(&planned.configs) {
        for (method, train) in &planned.experiment.methods {
            let of_these = |cell: &&RunSpec| cell.base == *base && cell.method == *method && cell.train == *train;
            let Some(first) = cells.iter().find(of_these) else { continue };
            let estimate = Estimate::of(config, method, train);
            if let Some(Err(too_large)) = free.map(|free| estimate.check(free)) {
                eprintln!("{} {}: {too_large}", base.name, method.kind());
                continue;
            }
            most = most.max(estimate.bytes());
            let pace = Pace::measure(&mut worker, first, config, planned.held_out)
                .with_context(|| format!("{} {}", base.name, method.kind()))?;
            for cell in cells.iter().filter(of_these) {
                let seconds = pace.seconds(cell, config, planned.held_out);
                total += seconds;
                let (kind, precision) = (method.kind(), method.base_precision());
                if args.json {
                    let cost = json!({ "seconds": seconds, "bytes": estimate.bytes() });
                    println!("{}", json!({ "id": cell.id(), "spec": cell, "cost": cost }));
                } else {
                    println!(
                        "{} {} {kind} {precision} {} examples, rate {:.0e}, seed {}: {} steps, about {seconds:.1} s, {} MB",
                        cell.id(),
                        base.name,
                        cell.data.examples,
                        train.learning_rate,
                        cell.seed.0,
                        train.steps(cell.data.examples),
                        estimate.bytes() / 1_000_000,
                    );
                }
            }
        }
    }
    let workers = args.workers.unwrap_or_else(super::cores).min(cells.len().max(1) as u32);
    eprintln!(
        "{} of {all} cells to train: about {total:.0} s of one core, {:.0} s with {workers} at once; {} MB for each at most",
        cells.len(),
        total / f64::from(workers),
        most / 1_000_000
    );
    Ok(())
}

/// An array script. Each task takes the missing cells of its own number and writes their records to a file of its own
/// beside `out`: none waits for another.
fn slurm(args: &Args, out: &Path, cells: usize) -> Result<String> {
    ensure!(cells > 0, "{} has every record: there is nothing to submit", out.display());
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    let (file, models, out) = (quoted(&args.file), quoted(&args.models), quoted(out));
    let chunk = args.chunk as usize;
    let last = cells.div_ceil(chunk) - 1;
    Ok(format!(
        r#"#!/bin/bash
#SBATCH --job-name=tunelab
#SBATCH --array=0-{last}
#SBATCH --cpus-per-task=1
#SBATCH --output=tunelab-%A-%a.log
# {cells} runs, {chunk} a task. Afterwards: cat {out}.*.part >> {out} && lab sweep {file} --models {models} --out {out}
set -euo pipefail
first=$((SLURM_ARRAY_TASK_ID * {chunk} + 1))
lab plan {file} --models {models} --out {out} --specs |
  sed -n "${{first}},$((first + {chunk} - 1))p" |
  lab cell --models {models} --experiment {file} > {out}."$SLURM_ARRAY_TASK_ID".part
"#
    ))
}

impl Pace {
    /// Runs a cell of this kind for a few steps.
    fn measure(worker: &mut Worker, cell: &RunSpec, config: &ModelConfig, held_out: [usize; 2]) -> Result<Pace> {
        const STEPS: usize = 8;
        let train =
            TrainConfig { max_steps: STEPS, max_epochs: f64::from(u32::MAX), eval_every: STEPS, ..cell.train.clone() };
        let batches = Evaluations::of(config, &cell.method, &train, cell.data.examples, held_out).dev_batches();
        let mut session = worker.session(&RunSpec { train, ..cell.clone() })?;
        let mut clock = Clock { begun: Instant::now(), steps: Vec::new(), evaluated: 0.0 };
        block_on(drive(&mut session, &mut clock))?;
        let last = clock.steps.last().copied().context("no step was timed")?;
        // The first step makes what later ones find made.
        let mut between: Vec<f64> = clock.steps.windows(2).map(|pair| pair[1] - pair[0]).collect();
        between.sort_by(f64::total_cmp);
        let step = between.get(between.len() / 2).copied().context("one step is too few to time")?;
        Ok(Pace { step, batch: (clock.evaluated - last) / batches.max(1) as f64 })
    }

    /// A whole run's. The base is tested once for all of them, which is left out.
    fn seconds(&self, cell: &RunSpec, config: &ModelConfig, held_out: [usize; 2]) -> f64 {
        let evaluations = Evaluations::of(config, &cell.method, &cell.train, cell.data.examples, held_out);
        let evaluated = evaluations.work(false) - evaluations.done(1, 1, 0);
        cell.train.steps(cell.data.examples) as f64 * self.step + evaluated as f64 * self.batch
    }
}

/// When each step and the evaluation were done, in seconds.
struct Clock {
    begun: Instant,
    steps: Vec<f64>,
    evaluated: f64,
}

impl Callbacks for Clock {
    type Error = TrainError;

    fn now(&self) -> f64 {
        1e3 * self.begun.elapsed().as_secs_f64()
    }

    fn every(&self) -> Every {
        Every { report: 0.0, ..Every::NEVER }
    }

    fn stepped(&mut self, _: Report) {
        self.steps.push(self.now() / 1e3);
    }

    fn evaluated(&mut self, _: EvalPoint, _: usize) {
        self.evaluated = self.now() / 1e3;
    }
}
