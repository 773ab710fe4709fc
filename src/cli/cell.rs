//! `lab cell`: trains the cells that come in by specification, for whoever spreads an experiment over machines.

use super::experiment::{self, Planned};
use crate::platform::native::threads::{Here, Worker};
use crate::spec::{RunId, RunSpec, Source};
use anyhow::{Context, Error, Result, ensure};
use std::io::{BufRead, Write, stdin, stdout};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Between two signs of life on standard error.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// The specification is at fault: it would fail again. As clap's for bad arguments.
const BAD: i32 = 2;
/// Something else is: another try may succeed (`EX_TEMPFAIL` of sysexits.h).
const AGAIN: i32 = 75;

#[derive(clap::Args)]
pub struct Args {
    /// The folder that holds the base models.
    #[arg(long, default_value = "www/models")]
    models: PathBuf,
    /// The experiment file that names the cells' own data, where they have such.
    #[arg(long, value_name = "FILE")]
    experiment: Option<PathBuf>,
}

pub fn run(args: Args) -> Result<()> {
    end_with_parent();
    let code = train_all(&args).unwrap_or_else(|error| {
        eprintln!("lab: {error:#}");
        AGAIN
    });
    if code == 0 { Ok(()) } else { std::process::exit(code) }
}

/// Trains what comes in; the exit code.
fn train_all(args: &Args) -> Result<i32> {
    let here = match &args.experiment {
        None => Here { models: args.models.clone(), own: None, made: super::made_here },
        Some(path) => {
            let beside = path.parent().map(PathBuf::from).unwrap_or_default();
            Planned::of(experiment::read(path)?, &args.models, &beside)?.here
        }
    };
    let running: Arc<Mutex<Option<(RunId, Instant)>>> = Arc::default();
    let seen = running.clone();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(HEARTBEAT);
            if let Some((id, begun)) = &*seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) {
                eprintln!("{id} is being trained for {} s", begun.elapsed().as_secs());
            }
        }
    });
    let mut worker = Worker::new(here);
    for line in stdin().lock().lines() {
        let line = line.context("standard input cannot be read")?;
        if line.trim().is_empty() {
            continue;
        }
        let spec = match read(&line, &worker) {
            Ok(spec) => spec,
            Err(error) => {
                eprintln!("{error:#}");
                return Ok(BAD);
            }
        };
        let set = |now| *running.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = now;
        set(Some((spec.id(), Instant::now())));
        let trained = worker.train(&spec);
        set(None);
        match trained {
            Ok(record) => {
                let mut out = stdout().lock();
                writeln!(out, "{}", record.to_json()).and_then(|()| out.flush()).context("nobody reads the records")?;
            }
            Err(error) => {
                eprintln!("{}: {error:#}", spec.id());
                return Ok(if always_fails(&error) { BAD } else { AGAIN });
            }
        }
    }
    Ok(0)
}

/// The specification in a line, once it can be trained here as far as it says itself.
fn read(line: &str, worker: &Worker) -> Result<RunSpec> {
    let spec: RunSpec = serde_json::from_str(line).context("this line is no specification of a run")?;
    spec.check()?;
    let own = matches!(spec.data.source, Source::User { .. });
    ensure!(!own || worker.has_own_data(), "{} is on data of one's own: name them with --experiment", spec.id());
    Ok(spec)
}

/// Whether the run itself is at fault: trained again it does the same, to the bit.
fn always_fails(error: &Error) -> bool {
    use crate::data::SplitError;
    use crate::engine::train::TrainError;
    error.chain().any(|cause| cause.is::<TrainError>() || cause.is::<SplitError>())
}

/// What started this may be killed; then nobody reads what is trained here.
fn end_with_parent() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, getppid, set_parent_process_death_signal};
        let parent = getppid();
        // A kernel that does not know it leaves the rest as it is.
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
        if getppid() != parent {
            std::process::exit(AGAIN);
        }
    }
}
