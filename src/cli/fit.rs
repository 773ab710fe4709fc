//! `lab fit`: fits scaling laws to a table of points. The work is [`laws`](crate::laws)'; this reads the arguments and
//! the file.

use crate::laws::{Analysis, AnalysisRequest, Column, Columns, Hide, Law, Objective, Options, Table, candidates, fit};
use anyhow::{Context, Result, bail};
use clap::builder::RangedU64ValueParser;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// CSV or JSON with one row per finished run.
    points: PathBuf,
    /// The column of the amount of data.
    #[arg(long, value_name = "COL")]
    x: String,
    /// The column of the loss.
    #[arg(long, value_name = "COL")]
    y: String,
    /// The column of a second factor: model size, pretraining tokens or tuned parameters.
    #[arg(long, value_name = "COL")]
    n: Option<String>,
    #[arg(long, value_name = "COL", requires = "n", help = format!(
        "The column that names which factor --n is, where rows vary several (for {})", those(Law::tells_factors)
    ))]
    factor: Option<String>,
    /// One fit for each value of this column.
    #[arg(long, value_name = "COL")]
    group: Option<String>,
    /// The column of runs or seeds, by which equal results are told apart; a column "seed" or "run" is taken for it.
    #[arg(long, value_name = "COL")]
    run: Option<String>,
    #[arg(long, value_name = "COL", help = format!(
        "The column of distinct data, where data was repeated (for {})", those(|law| law.needs(Column::DistinctData))
    ))]
    unique: Option<String>,
    #[arg(long, value_name = "NAME", default_value = "auto", help = format!("auto, or one of {}", those(|_| true)))]
    law: String,
    /// What is minimised over ln-loss residuals, as huber:DELTA.
    #[arg(long, default_value = "huber:1e-3")]
    objective: Objective,
    /// Groups of runs from scratch, by which the others' transfer is measured.
    #[arg(long, value_name = "GROUP", requires = "group")]
    scratch: Vec<String>,
    /// Hide the K largest of each group and predict them [default: 1 with --hide, else 0].
    #[arg(long, value_name = "K")]
    holdout: Option<usize>,
    /// What --holdout hides the largest of: x (data), n (model sizes) or compute (their product).
    #[arg(long, value_name = "x|n|compute")]
    hide: Option<Hide>,
    /// Bootstrap refits behind the intervals.
    #[arg(long, default_value_t = 300, value_parser = RangedU64ValueParser::<usize>::new().range(0..=10_000))]
    draws: usize,
    /// Print the whole report as JSON.
    #[arg(long)]
    json: bool,
}

/// The exit code where no group has a law.
const NOTHING_FITTED: i32 = 2;

pub fn run(args: Args) -> Result<()> {
    let law = match args.law.as_str() {
        "auto" => None,
        name => Some(name.parse::<Law>()?),
    };
    let file = args.points.display().to_string();
    let bytes = std::fs::read(&args.points).with_context(|| format!("{file} cannot be read"))?;
    let table = Table::parse(&text(bytes, &file)?).with_context(|| file.clone())?;
    let run = args.run.or_else(|| table.runs());
    let columns =
        Columns { x: args.x, y: args.y, n: args.n, factor: args.factor, group: args.group, run, unique: args.unique };
    let (points, readings) = table.points(&columns).with_context(|| file.clone())?;
    if let Some(group) = args.scratch.iter().find(|group| points.iter().all(|point| point.group != **group)) {
        bail!("{file} has no group \"{group}\" to compare with: name one of the --group column");
    }
    let hide = args.hide.unwrap_or_default();
    if hide != Hide::Data && columns.n.is_none() {
        bail!("--hide n and --hide compute need the column of model sizes: name it with --n");
    }
    let holdout = args.holdout.unwrap_or(usize::from(args.hide.is_some()));
    let Args { objective, draws, scratch, .. } = args;
    let mut report = fit(&points, &Options { law, objective, holdout, hide, draws, ..Options::default() });
    report.warnings.extend(readings);
    let candidates = candidates(&points);
    let analysis = Analysis::of(report, &AnalysisRequest { points, scratch, candidates, ..AnalysisRequest::default() });
    print(&if args.json { analysis.to_json() + "\n" } else { analysis.to_text(&columns.x) })?;
    if analysis.is_empty() {
        std::process::exit(NOTHING_FITTED);
    }
    Ok(())
}

/// A file's text; where it is none, the place of the first byte that is not.
fn text(bytes: Vec<u8>, file: &str) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let line = 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count();
        anyhow::anyhow!(
            "{file} is not UTF-8 text (line {line}, byte 0x{:02X}): save it as \"CSV UTF-8\" or JSON",
            bytes[at]
        )
    })
}

/// Writes to standard output; a reader that has seen enough, as `head`, is no failure.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// The names of the laws that are so, with other names that papers use.
fn those(so: impl Fn(Law) -> bool) -> String {
    let name = |law: Law| match law.card().aliases {
        [] => law.to_string(),
        aliases => format!("{law} ({})", aliases.join(", ")),
    };
    Law::ALL.into_iter().filter(|law| so(*law)).map(name).collect::<Vec<_>>().join(", ")
}
