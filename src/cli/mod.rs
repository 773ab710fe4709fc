//! The command line: one file per verb, each with its `Args` and `run`.

mod base;
mod bench;
mod cell;
mod experiment;
mod finetune;
mod fit;
mod generate;
mod logits;
mod method;
mod plan;
mod pretrain;
mod sweep;

use crate::record::Provenance;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "lab", version, about = "Tunelab on the command line: the same engine, files and laws as the page")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

macro_rules! verbs {
    ($($Verb:ident($file:ident): $about:literal),* $(,)?) => {
        #[derive(Subcommand)]
        enum Verb {
            $(#[command(about = $about)] $Verb(Box<$file::Args>)),*
        }

        /// Reads the arguments and does what they say.
        pub fn run() -> anyhow::Result<()> {
            match Cli::parse().verb {
                $(Verb::$Verb(args) => $file::run(*args)),*
            }
        }
    };
}

// `./lab` reads this list too, a line a verb.
verbs! {
    Bench(bench): "Time fixed work: each method at two sizes",
    Cell(cell): "Train the runs that come in by specification, for a cluster's scheduler",
    Finetune(finetune): "Fine-tune a model on one of the lab's tasks or a file",
    Fit(fit): "Fit scaling laws to a table of points",
    Generate(generate): "Continue a text",
    Logits(logits): "Print what a model says after every token",
    Plan(plan): "Say what an experiment file asks for, and what it costs here",
    Pretrain(pretrain): "Make the base models of www/models/ladder.json",
    Sweep(sweep): "Run an experiment and write its records",
}

/// The lab's version and, where `./lab` tells it, its commit.
pub(crate) fn version() -> String {
    match std::env::var("TUNELAB_COMMIT") {
        Ok(commit) => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
        Err(_) => env!("CARGO_PKG_VERSION").into(),
    }
}

/// Cores that this process may use.
pub(crate) fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32)
}

/// What says that a record was made here and now, on the CPU.
pub(crate) fn made_here() -> Provenance {
    made_on("native CPU".into())
}

pub(crate) fn made_on(device: String) -> Provenance {
    Provenance { device, lab: version(), date: today() }
}

/// Seconds since 1970 by the system's clock, UTC.
pub(crate) fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64)
}

/// Today's date, UTC.
pub(crate) fn today() -> String {
    chrono::DateTime::from_timestamp(now(), 0).map_or_else(String::new, |time| time.format("%Y-%m-%d").to_string())
}
