//! Everything that is shown of points at once: their laws, where those cross, what pretraining is worth, which run
//! would tell most.

use crate::laws::crossover::common_factors;
use crate::laws::warning::short;
use crate::laws::{
    Advice, Candidate, CriticalPoint, Crossover, Law, Options, Point, Report, TransferReport, advise, critical_point,
    crossover, fit, transfer,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is to be fitted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AnalysisRequest {
    pub points: Vec<Point>,
    /// What groups are called where they are shown; a group without a name here is called by its own word.
    pub names: BTreeMap<String, String>,
    /// None lets the fit choose.
    pub law: Option<Law>,
    pub draws: usize,
    /// Hide the largest size, fit, reveal.
    pub backtest: bool,
    /// Groups of runs from scratch, which the others' transfer is measured against.
    pub scratch: Vec<String>,
    /// Runs that could be made next, by group.
    pub candidates: Vec<(String, Vec<Candidate>)>,
}

/// Everything that is shown of the points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    pub report: Report,
    pub crossings: Vec<Crossing>,
    /// Every tuned group against every group from scratch.
    pub transfers: Vec<Transfer>,
    /// For groups with signal; the most telling run first.
    pub advice: Vec<GroupAdvice>,
    /// How many points it is about.
    pub points: usize,
    /// What it took, where somebody timed it.
    pub milliseconds: f64,
}

/// Which runs of a group would tell most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupAdvice {
    pub group: String,
    /// As it is called.
    pub name: String,
    pub advice: Vec<Advice>,
}

/// Where the curves of two groups, as they are called, cross.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Crossing {
    pub first: String,
    pub second: String,
    /// The second factor at which, where they are surfaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<f64>,
    pub found: Crossover,
    /// By Zhang's formula, where both are its laws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formula: Option<CriticalPoint>,
}

impl Crossing {
    /// In a sentence, for amounts of data called `across`.
    pub fn sentence(&self, across: &str) -> String {
        let said = self.found.sentence(&self.first, &self.second, across);
        let Some(n) = self.n else { return said };
        let formula = self.formula.map_or(String::new(), |formula| {
            format!(" Zhang's formula, without the constants: {} {across}.", short(formula.at(n)))
        });
        format!("At {}: {said}{formula}", short(n))
    }
}

/// What pretraining is worth to a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// As it is called.
    pub name: String,
    /// What the group from scratch is called, where there are several.
    pub against: Option<String>,
    pub report: TransferReport,
}

/// Crossings are looked for among so many groups.
const CROSSED: usize = 6;
/// And for so many values of a second factor.
const SIZES: usize = 12;
/// How far beyond the largest size the forecast lies that the next run should narrow.
const FORECAST_FACTOR: f64 = 4.0;

/// Runs that may be worth making by every group: a second run of each size, and two and four times the largest; what a run
/// costs grows with its data and with the second factor.
pub fn candidates(points: &[Point]) -> Vec<(String, Vec<Candidate>)> {
    let groups: BTreeSet<&str> = points.iter().map(|point| point.group.as_str()).collect();
    let of_group = |group: &str| {
        let usable = points.iter().filter(|p| p.group == group && p.d > 0.0 && p.d.is_finite());
        let mut cells: Vec<(f64, Option<f64>)> = usable.map(|point| (point.d, point.n)).collect();
        let largest = cells.iter().map(|cell| cell.0).fold(0.0, f64::max);
        let sizes: Vec<Option<f64>> = cells.iter().map(|cell| cell.1).collect();
        cells.extend(sizes.iter().flat_map(|n| [2.0 * largest, FORECAST_FACTOR * largest].map(|d| (d, *n))));
        cells.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        cells.dedup();
        cells.into_iter().map(|(d, n)| Candidate { d, n, cost: d * n.unwrap_or(1.0) }).collect()
    };
    groups.into_iter().map(|group| (group.to_string(), of_group(group))).collect()
}

/// Fits and compares.
pub fn analyse(request: &AnalysisRequest) -> Analysis {
    let AnalysisRequest { law, draws, backtest, .. } = *request;
    let report = fit(&request.points, &Options { law, draws, backtest, ..Options::default() });
    Analysis::of(report, request)
}

impl Analysis {
    /// What follows from a report of the request's points.
    pub fn of(mut report: Report, request: &AnalysisRequest) -> Analysis {
        for group in &mut report.groups {
            if let Some(name) = request.names.get(&group.group) {
                group.name = group.called(name);
            }
        }
        Analysis {
            crossings: crossings(&report),
            transfers: transfers(request),
            advice: advice(&report, &request.candidates),
            points: request.points.len(),
            milliseconds: 0.0,
            report,
        }
    }

    /// Whether no group has a law.
    pub fn is_empty(&self) -> bool {
        self.report.groups.iter().all(|group| group.fit.is_none())
    }
}

/// Between every two groups with signal.
fn crossings(report: &Report) -> Vec<Crossing> {
    let groups = report.groups.iter().filter(|group| group.signal);
    let fits: Vec<_> = groups.filter_map(|group| Some((&group.name, group.fit.as_ref()?))).take(CROSSED).collect();
    let pairs =
        fits.iter().enumerate().flat_map(|(at, first)| fits[at + 1..].iter().map(move |second| (first, second)));
    let each = pairs.flat_map(|(&(first, a), &(second, b))| {
        let places: Vec<Option<f64>> = match a.law.is_joint() || b.law.is_joint() {
            true => common_factors(a, b).into_iter().map(Some).take(SIZES).collect(),
            false => vec![None],
        };
        let formula = critical_point(a, b);
        places.into_iter().filter_map(move |n| {
            let found = crossover(a, b, n)?;
            Some(Crossing { first: first.clone(), second: second.clone(), n, found, formula })
        })
    });
    each.collect()
}

fn transfers(request: &AnalysisRequest) -> Vec<Transfer> {
    let AnalysisRequest { points, scratch, names, .. } = request;
    let of = |group: &str| points.iter().filter(|point| point.group == group).cloned().collect::<Vec<_>>();
    let name = |group: &str| names.get(group).map_or(group, String::as_str).to_string();
    let tuned: BTreeSet<&String> = points.iter().map(|p| &p.group).filter(|group| !scratch.contains(group)).collect();
    let each = scratch.iter().flat_map(|scratch_group| {
        let scratch_points = of(scratch_group);
        let against = (scratch.len() > 1).then(|| name(scratch_group));
        let transfer = move |group: &String| Transfer {
            name: name(group),
            against: against.clone(),
            report: transfer(&scratch_points, &of(group)),
        };
        tuned.iter().copied().map(transfer).collect::<Vec<_>>()
    });
    each.collect()
}

fn advice(report: &Report, candidates: &[(String, Vec<Candidate>)]) -> Vec<GroupAdvice> {
    let each = candidates.iter().filter_map(|(group, cells)| {
        // Where nothing is claimed there is no forecast to narrow.
        let group = report.group(group).filter(|group| group.signal)?;
        let fit = group.fit.as_ref()?;
        let largest = group.points.iter().filter_map(|point| point.n).reduce(f64::max).filter(|_| fit.law.is_joint());
        let advice = advise(fit, group.noise?, (FORECAST_FACTOR * fit.largest_d, largest), cells);
        let (key, name) = (group.group.clone(), group.name.clone());
        (!advice.is_empty()).then_some(GroupAdvice { group: key, name, advice })
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups are told apart by what they are, whatever they are called: two ways of training from scratch with names that
    /// begin alike, and a tuned group called as one of them.
    #[test]
    fn names_decide_nothing() {
        let curve = |group: &str, b: f64| -> Vec<Point> {
            (0..7).map(|i| 64.0 * 2f64.powi(i)).map(|d| Point::new(group, d, b * d.powf(-0.3))).collect()
        };
        let names = [("s1", "From scratch (rate 0.001)"), ("s2", "From scratch (rate 0.01)"), ("t", "From scratch")];
        let request = AnalysisRequest {
            points: [curve("s1", 9.0), curve("s2", 8.0), curve("t", 4.0)].concat(),
            names: names.map(|(key, name)| (key.into(), name.into())).into(),
            draws: 30,
            scratch: vec!["s1".into(), "s2".into()],
            ..AnalysisRequest::default()
        };
        let found = analyse(&request);
        assert_eq!(found.report.group("t").map(|group| group.name.as_str()), Some("From scratch"));
        let said: Vec<_> = found.transfers.iter().map(|t| (t.name.as_str(), t.against.as_deref())).collect();
        assert_eq!(said, [("From scratch", Some(names[0].1)), ("From scratch", Some(names[1].1))]);
        assert!(found.transfers.iter().all(|transfer| transfer.report.rows.len() == 7));
        // 4·d^−0.3 is worth (9/4)^(1/0.3) and (8/4)^(1/0.3) times the data.
        for (transfer, ratio) in found.transfers.iter().zip([9.0f64 / 4.0, 8.0 / 4.0]) {
            let crate::laws::Effective::Measured { multiplier, .. } = transfer.report.rows[0].effective else {
                panic!()
            };
            assert!((multiplier / ratio.powf(1.0 / 0.3) - 1.0).abs() < 0.01, "{multiplier}");
        }
        let alone = analyse(&AnalysisRequest { scratch: vec!["s2".into()], ..request });
        let said: Vec<_> = alone.transfers.iter().map(|t| (t.name.as_str(), t.against.as_deref())).collect();
        assert_eq!(said, [("From scratch (rate 0.001)", None), ("From scratch", None)]);
    }

    /// A group split by size is not the group that is called like a part of it.
    #[test]
    fn parts_of_a_group_are_not_other_groups() {
        let curve = |group: &str, n: Option<f64>, b: f64| -> Vec<Point> {
            let d = (0..6).map(|i| 64.0 * 2f64.powi(i));
            d.map(|d| Point { n, ..Point::new(group, d, b * d.powf(-0.3)) }).collect()
        };
        let points = [curve("a", Some(5.0), 3.0), curve("a", Some(6.0), 4.0), curve("a, N=5", None, 9.0)].concat();
        let report = fit(&points, &Options { draws: 0, ..Options::default() });
        let found: Vec<_> = report.groups.iter().map(|g| (g.group.as_str(), g.n, g.points.len())).collect();
        assert_eq!(found, [("a", Some(5.0), 6), ("a", Some(6.0), 6), ("a, N=5", None, 6)]);
        assert_eq!(report.groups[0].name, "a, N=5");
    }
}
