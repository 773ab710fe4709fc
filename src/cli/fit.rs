//! `lab fit`: fits scaling laws to a table of points. The work is [`laws`](crate::laws)'; this reads the arguments and
//! the file.

use crate::laws::{Column, Columns, Law, Objective, Options, Table, fit};
use anyhow::{Context, Result};
use clap::builder::RangedU64ValueParser;
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
    #[arg(long, value_name = "COL", help = format!(
        "The column of distinct data, where data was repeated (for {})", those(|law| law.needs(Column::DistinctData))
    ))]
    unique: Option<String>,
    #[arg(long, value_name = "NAME", default_value = "auto", help = format!("auto, or one of {}", those(|_| true)))]
    law: String,
    /// What is minimised over ln-loss residuals, as huber:DELTA.
    #[arg(long, default_value = "huber:1e-3")]
    objective: Objective,
    /// Hide the K largest sizes of each group and predict them.
    #[arg(long, value_name = "K", default_value_t = 0)]
    holdout: usize,
    /// Bootstrap refits behind the intervals.
    #[arg(long, default_value_t = 300, value_parser = RangedU64ValueParser::<usize>::new().range(0..=10_000))]
    draws: usize,
    /// Print the whole report as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> Result<()> {
    let law = match args.law.as_str() {
        "auto" => None,
        name => Some(name.parse::<Law>()?),
    };
    let file = args.points.display();
    let bytes = std::fs::read(&args.points).with_context(|| format!("{file} cannot be read"))?;
    let text = String::from_utf8(bytes).with_context(|| format!("{file} is not UTF-8 text: save it as CSV or JSON"))?;
    let table = Table::parse(&text).with_context(|| file.to_string())?;
    let columns = Columns {
        x: args.x,
        y: args.y,
        n: args.n,
        factor: args.factor,
        group: args.group,
        unique: args.unique,
        ..Columns::default()
    };
    let (points, unread) = table.points(&columns).with_context(|| args.points.display().to_string())?;
    let Args { objective, holdout, draws, .. } = args;
    let mut report = fit(&points, &Options { law, objective, holdout, draws, ..Options::default() });
    report.warnings.extend(unread);
    print!("{}", if args.json { report.to_json() + "\n" } else { report.to_text() });
    Ok(())
}

/// The names of the laws that are so, with other names that papers use.
fn those(so: impl Fn(Law) -> bool) -> String {
    let name = |law: Law| match law.card().aliases {
        [] => law.to_string(),
        aliases => format!("{law} ({})", aliases.join(", ")),
    };
    Law::ALL.into_iter().filter(|law| so(*law)).map(name).collect::<Vec<_>>().join(", ")
}
