//! Everything that is shown of points at once: their laws, where those cross, what pretraining is worth, which run
//! would tell most.

use super::{Advice, Cell, Crossover, Law, Options, Point, Report, TransferReport, advise, crossover, fit, transfer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What is to be fitted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Question {
    pub points: Vec<Point>,
    /// None lets the fit choose.
    pub law: Option<Law>,
    pub draws: usize,
    /// Hide the largest size, fit, reveal.
    pub backtest: bool,
    /// The group of runs from scratch, which the others' transfer is measured against.
    pub scratch: Option<String>,
    /// Runs that could be made next, by group.
    pub candidates: Vec<(String, Vec<Cell>)>,
}

/// Everything that is shown of the points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub report: Report,
    pub crossings: Vec<Crossing>,
    /// By group, against the runs from scratch.
    pub transfers: Vec<(String, TransferReport)>,
    /// By group, the most telling run first.
    pub advice: Vec<(String, Vec<Advice>)>,
    /// How many points it is about.
    pub points: usize,
    /// What it took, where somebody timed it.
    pub milliseconds: f64,
}

/// Where the curves of two groups cross.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Crossing {
    pub first: String,
    pub second: String,
    pub found: Crossover,
}

/// Crossings are looked for among so many groups.
const CROSSED: usize = 6;
/// How far beyond the largest size the forecast lies that the next run should narrow.
const FORECAST_FACTOR: f64 = 4.0;

/// Fits and compares.
pub fn answer(question: &Question) -> Answer {
    let Question { law, draws, backtest, .. } = *question;
    let report = fit(&question.points, &Options { law, draws, backtest, ..Options::default() });
    let crossings = crossings(&report);
    let transfers = question.scratch.as_ref().map(|scratch| transfers(&question.points, scratch)).unwrap_or_default();
    let advice = advice(&report, &question.candidates);
    let points = question.points.len();
    Answer { report, crossings, transfers, advice, points, milliseconds: 0.0 }
}

/// Between every two groups with signal.
fn crossings(report: &Report) -> Vec<Crossing> {
    let groups = report.groups.iter().filter(|group| group.signal);
    let fits: Vec<_> = groups.filter_map(|group| Some((&group.group, group.fit.as_ref()?))).take(CROSSED).collect();
    let pairs =
        fits.iter().enumerate().flat_map(|(at, first)| fits[at + 1..].iter().map(move |second| (first, second)));
    pairs
        .filter(|((_, a), (_, b))| !a.law.is_joint() && !b.law.is_joint())
        .filter_map(|((first, a), (second, b))| {
            let found = crossover(a, b, None)?;
            Some(Crossing { first: first.to_string(), second: second.to_string(), found })
        })
        .collect()
}

fn transfers(points: &[Point], scratch: &str) -> Vec<(String, TransferReport)> {
    let of = |name: &str| points.iter().filter(|point| point.group == name).cloned().collect::<Vec<_>>();
    let scratch_points = of(scratch);
    let tuned: BTreeSet<&str> = points.iter().map(|p| p.group.as_str()).filter(|name| *name != scratch).collect();
    tuned.into_iter().map(|name| (name.to_string(), transfer(&scratch_points, &of(name)))).collect()
}

fn advice(report: &Report, candidates: &[(String, Vec<Cell>)]) -> Vec<(String, Vec<Advice>)> {
    let each = candidates.iter().filter_map(|(name, cells)| {
        let group = report.group(name)?;
        let fit = group.fit.as_ref()?;
        let advice = advise(fit, group.noise?, (FORECAST_FACTOR * fit.largest_d, None), cells);
        (!advice.is_empty()).then(|| (name.clone(), advice))
    });
    each.collect()
}
