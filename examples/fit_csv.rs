//! Fits scaling laws to a table of points, as `lab fit` and the page do: `cargo run --example fit_csv`.

use std::error::Error;
use tunelab::laws::{Options, Report, Table, fit};

pub fn laws_of(csv: &str) -> Result<Report, Box<dyn Error>> {
    let table = Table::parse(csv)?;
    let columns = table.guess().ok_or("no columns look like data and loss: name them in `Columns`")?;
    let (points, doubt) = table.points(&columns)?;
    let mut report = fit(&points, &Options::default());
    report.warnings.extend(doubt);
    Ok(report)
}

#[allow(dead_code, reason = "the tests call what it calls")]
fn main() -> Result<(), Box<dyn Error>> {
    print!("{}", laws_of(include_str!("points.csv"))?.to_text());
    Ok(())
}
