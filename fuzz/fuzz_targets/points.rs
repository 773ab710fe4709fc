//! Any bytes as a table of points: read or refused, and what is read is fitted without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunelab::laws::{Options, Report, Table, fit};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(table) = Table::parse(text) else { return };
    let Some(columns) = table.guess() else { return };
    let (points, _) = table.points(&columns).expect("guessed columns are there");
    let report = fit(&points, &Options { draws: 20, backtest: true, ..Options::default() });
    Report::from_json(&report.to_json()).expect("a report can be read back");
});
