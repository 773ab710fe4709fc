//! The command line: one file per verb, each with its `Args` and `run`.

mod base;
mod bench;
mod finetune;
mod fit;
mod folder;
mod generate;
mod logits;
mod memory;
mod pretrain;
mod sweep;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "lab", version, about = "Tunelab on the command line: the same engine, files and laws as the page")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Time fixed work: each method at two sizes.
    Bench(bench::Args),
    /// Fine-tune a model on one of the lab's tasks or a file.
    Finetune(Box<finetune::Args>),
    /// Fit scaling laws to a table of points.
    Fit(fit::Args),
    /// Continue a text.
    Generate(generate::Args),
    /// Print what a model says after every token.
    Logits(logits::Args),
    /// Make the base models of www/models/ladder.json.
    Pretrain(pretrain::Args),
    /// Run an experiment and write its records.
    Sweep(sweep::Args),
}

/// Reads the arguments and does what they say.
pub fn run() -> anyhow::Result<()> {
    match Cli::parse().verb {
        Verb::Bench(args) => bench::run(args),
        Verb::Finetune(args) => finetune::run(*args),
        Verb::Fit(args) => fit::run(args),
        Verb::Generate(args) => generate::run(args),
        Verb::Logits(args) => logits::run(args),
        Verb::Pretrain(args) => pretrain::run(args),
        Verb::Sweep(args) => sweep::run(args),
    }
}

/// The lab's version and, where `./lab` tells it, its commit.
pub(crate) fn version() -> String {
    match std::env::var("TUNELAB_COMMIT") {
        Ok(commit) => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
        Err(_) => env!("CARGO_PKG_VERSION").into(),
    }
}

/// Today's date by the system's clock, UTC.
pub(crate) fn today() -> String {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    date(seconds / 86_400)
}

/// The Gregorian date of a day counted from 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms").
fn date(days: u64) -> String {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        for (days, expected) in [(0, "1970-01-01"), (19_782, "2024-02-29"), (20_779, "2026-11-22")] {
            assert_eq!(date(days), expected);
        }
    }
}
