//! Points, fits and reports as files: CSV for spreadsheets, JSON for programs, a table for people.

use crate::laws::report::{Ahead, GroupReport, Interval, Prediction, REPORT_VERSION, Report};
use crate::laws::warning::{plural, short, significant};
use crate::laws::{Advice, Analysis, GroupAdvice, Point};
use std::fmt::Write;

/// Why a report cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("not a report of fits: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("not a report of fits: it has no version")]
    Unversioned,
    #[error("this report has version {found}; this lab reads version {REPORT_VERSION}: fit the points again")]
    Version { found: u64 },
}

/// Points as CSV, in columns that [`Table::guess`](crate::laws::Table::guess) knows.
pub fn points_csv(points: &[Point]) -> String {
    let optional = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let row = |p: &Point| {
        let factor = p.factor.clone().unwrap_or_default();
        [p.group.clone(), p.run.clone(), p.d.to_string(), optional(p.n), factor, optional(p.unique), p.loss.to_string()]
    };
    written(["group", "run", "d", "n", "factor", "unique", "loss"], points.iter().map(row))
}

fn written<const COLUMNS: usize>(header: [&str; COLUMNS], rows: impl Iterator<Item = [String; COLUMNS]>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = header.map(String::from);
    for row in std::iter::once(header).chain(rows) {
        writer.write_record(row).expect("rows of one length, into memory");
    }
    String::from_utf8(writer.into_inner().expect("memory is always written")).expect("cells are text")
}

/// Points as JSON objects in an array.
pub fn points_json(points: &[Point]) -> String {
    serde_json::to_string_pretty(points).expect("points have only plain fields")
}

impl Report {
    /// All of it, versioned.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report has only plain fields")
    }

    /// Reads what [`Report::to_json`] wrote.
    pub fn from_json(text: &str) -> Result<Report, ReportError> {
        let value: serde_json::Value = serde_json::from_str(text)?;
        let found = value.get("version").and_then(|v| v.as_u64()).ok_or(ReportError::Unversioned)?;
        if found != u64::from(REPORT_VERSION) {
            return Err(ReportError::Version { found });
        }
        Ok(serde_json::from_value(value)?)
    }

    /// One line per parameter of each group.
    pub fn to_csv(&self) -> String {
        let fits = self.groups.iter().filter_map(|group| Some((group, group.fit.as_ref()?)));
        let rows = fits.flat_map(|(group, fit)| {
            fit.parameters.iter().map(|p| {
                let (lo, hi) = p.interval.map_or(Default::default(), |i| (i.lo.to_string(), i.hi.to_string()));
                let (law, objective) = (fit.law.to_string(), fit.objective.to_string());
                [group.name.clone(), law, objective, p.symbol.clone(), p.value.to_string(), lo, hi, p.note.clone()]
            })
        });
        written(["group", "law", "objective", "parameter", "value", "lo95", "hi95", "note"], rows)
    }

    /// The fits, as `lab fit` prints them.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for group in &self.groups {
            write_group(&mut text, group);
        }
        for warning in &self.warnings {
            let _ = writeln!(text, "! {warning}");
        }
        text
    }
}

/// Runs that would tell most, named for each group.
const ADVISED: usize = 2;

impl Analysis {
    /// The report, as [`Report::from_json`] reads it, with what follows from it beside.
    pub fn to_json(&self) -> String {
        let value = serde_json::json!({
            "version": self.report.version,
            "objective": self.report.objective,
            "groups": self.report.groups,
            "warnings": self.report.warnings,
            "crossings": self.crossings,
            "transfers": self.transfers,
            "advice": self.advice,
        });
        serde_json::to_string_pretty(&value).expect("an analysis has only plain fields")
    }

    /// What `lab fit` prints, for amounts of data called `across`.
    pub fn to_text(&self, across: &str) -> String {
        let mut text = self.report.to_text();
        if !self.crossings.is_empty() {
            let _ = writeln!(text, "Which method, with how much data?");
            for crossing in &self.crossings {
                let _ = writeln!(text, "  {}", crossing.sentence(across));
            }
            text.push('\n');
        }
        for transfer in &self.transfers {
            let against = transfer.against.as_ref().map_or(String::new(), |name| format!(", against {name}"));
            let _ = writeln!(text, "What is pretraining worth to {}{against}?", named(&transfer.name));
            let _ = writeln!(text, "{}", transfer.report.to_text(across));
        }
        if !self.advice.is_empty() {
            let _ = writeln!(text, "Which runs next, for the loss at four times the largest size?");
        }
        for GroupAdvice { name, advice, .. } in &self.advice {
            for Advice { cell, half_width_percent, after_percent, .. } in advice.iter().take(ADVISED) {
                let size = cell.n.map_or(String::new(), |n| format!(", N = {}", short(n)));
                let (now, then) = (short(*half_width_percent), short(*after_percent));
                let d = short(cell.d);
                let _ = writeln!(text, "  {} at {d} {across}{size}: ±{now}% becomes ±{then}%", named(name));
            }
        }
        text
    }
}

fn named(group: &str) -> &str {
    if group.is_empty() { "all points" } else { group }
}

/// Digits of a loss that is forecast.
const FORECAST_DIGITS: usize = 5;

fn between(interval: Interval) -> String {
    format!("[{}, {}]", significant(interval.lo, FORECAST_DIGITS), significant(interval.hi, FORECAST_DIGITS))
}

fn write_group(text: &mut String, group: &GroupReport) {
    let _ = writeln!(
        text,
        "{}: {} points, {} {} over {}×",
        named(&group.name),
        group.points.len(),
        group.sizes,
        plural(group.sizes, "size", "sizes"),
        short(group.span)
    );
    if !group.signal {
        let _ = writeln!(text, "  not enough signal for an exponent");
    }
    if let Some(fit) = &group.fit {
        let info = fit.law.card();
        let _ = writeln!(text, "  {}   {}   objective {:.6e}", info.title, info.formula, fit.objective);
        for p in &fit.parameters {
            let interval = p.interval.map_or(String::new(), |i| format!("  [{}, {}]", short(i.lo), short(i.hi)));
            let value = if p.identified { format!("{}{interval}", short(p.value)) } else { p.note.clone() };
            let _ = writeln!(text, "  {:>4} = {value}   {}", p.symbol, p.meaning);
        }
    }
    if group.rivals.len() > 1 {
        let _ = writeln!(text, "  law               objective    AICc     error on hidden sizes");
        for rival in &group.rivals {
            let number = |value: Option<f64>, unit| value.map_or("–".to_string(), |v| format!("{v:.2}{unit}"));
            let mark = if rival.chosen { "*" } else { " " };
            let (aicc, held) = (number(rival.aicc, ""), number(rival.held_out_percent, "%"));
            let _ =
                writeln!(text, "{mark} {:<16} {:.4e}   {aicc:>8}  {held:>8}", rival.law.to_string(), rival.objective);
        }
        if let Some(last) = group.last_loss_percent {
            let _ = writeln!(text, "  repeating the last loss {:>31}", format!("{last:.2}%"));
        }
    }
    // Where nothing is claimed of the law, nothing is of its forecasts.
    for Ahead { n, factor, predicted, run } in group.ahead.iter().filter(|_| group.signal) {
        let factor = factor.as_deref().unwrap_or("N");
        let of = n.map_or(String::new(), |n| format!(", {factor} = {}", short(n)));
        let Prediction { d, lo, mid, hi, .. } = *predicted;
        let _ = writeln!(
            text,
            "  forecast at {}{of}: {}, 95% for a run {}, 95% for the law {}",
            short(d),
            significant(mid, FORECAST_DIGITS),
            between(*run),
            between(Interval { lo, hi })
        );
    }
    for forecast in &group.forecasts {
        let Prediction { d, lo, mid, hi, trusted } = forecast.predicted;
        let run = forecast.run.map_or(String::new(), |run| format!(", 95% for a run {}", between(run)));
        let law = if hi > lo { format!(", 95% for the law {}", between(Interval { lo, hi })) } else { String::new() };
        let of = forecast.point.n.map_or(String::new(), |n| format!(", N = {}", short(n)));
        let beyond = if trusted { "" } else { "  (beyond 4×: not to be trusted)" };
        let _ = writeln!(
            text,
            "  at {}{of}: predicted {}{run}{law}, was {}, error {:+.2}%{beyond}",
            short(d),
            significant(mid, FORECAST_DIGITS),
            significant(forecast.point.loss, FORECAST_DIGITS),
            forecast.error_percent
        );
    }
    for warning in &group.warnings {
        let _ = writeln!(text, "  ! {warning}");
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::{Options, Table, fit};

    #[test]
    fn points_come_back() {
        let points = [
            Point::new("a, \"b\"", 64.0, 2.5).of_run("s1").at_size(1e6),
            Point { unique: Some(32.0), ..Point::new("", 0.1, 1.0 / 3.0) }.at_size(2e6),
        ];
        for text in [points_csv(&points), points_json(&points)] {
            let table = Table::parse(&text).unwrap();
            assert_eq!(table.points(&table.guess().unwrap()).unwrap(), (points.to_vec(), Vec::new()));
        }
    }

    #[test]
    fn reports_come_back_and_other_versions_are_refused() {
        let points: Vec<Point> = (0..7).map(|i| Point::new("g", 64.0 * 2f64.powi(i), 4.0 * 0.9f64.powi(i))).collect();
        let mut report = fit(&points, &Options::default());
        let json = report.to_json();
        report
            .groups
            .iter_mut()
            .filter_map(|group| group.fit.as_mut())
            .for_each(|fit| (fit.draws, fit.others) = Default::default());
        assert_eq!(Report::from_json(&json).unwrap(), report);
        let other = json.replacen(&format!("\"version\": {REPORT_VERSION}"), "\"version\": 9", 1);
        assert!(matches!(Report::from_json(&other), Err(ReportError::Version { found: 9 })));
        assert!(matches!(Report::from_json("{\"groups\": []}"), Err(ReportError::Unversioned)));
        assert!(report.to_text().contains("Power law"));
        assert_eq!(report.to_csv().lines().count(), 3);
    }
}
