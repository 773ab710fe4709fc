//! A point is one finished run: how much data, how large a model, and the loss it ended with on one fixed test set.
//! Checkpoints within a run are not points: their learning rate has not decayed, so their loss lies too high.

use crate::laws::Warning;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One finished run as a law sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Which curve the point belongs to: the method, the task, or both.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The run's id or seed; points of equal size and different runs are replicates.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub run: String,
    /// Amount of data, in any one unit (examples, tokens, bytes). Zero is the base before tuning: shown, not fitted.
    pub d: f64,
    /// Held-out loss, in nats per token or any one positive unit.
    pub loss: f64,
    /// The second factor of a joint law: model size, pretraining tokens or tuned parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<f64>,
    /// Which factor `n` is, where points vary several, each alone: "model size", "pretraining tokens" …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<String>,
    /// Distinct data among `d`, where data was repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique: Option<f64>,
}

impl Point {
    /// A point of one curve, with no second factor.
    pub fn new(group: impl Into<String>, d: f64, loss: f64) -> Point {
        Point { group: group.into(), run: String::new(), d, loss, n: None, factor: None, unique: None }
    }

    /// With a second factor.
    pub fn at_size(mut self, n: f64) -> Point {
        self.n = Some(n);
        self
    }

    /// Whether two points lie on one curve: they differ in data alone.
    pub(crate) fn is_beside(&self, other: &Point) -> bool {
        self.n == other.n && self.factor == other.factor
    }

    /// With its run's name.
    pub fn of_run(mut self, run: impl Into<String>) -> Point {
        self.run = run.into();
        self
    }
}

/// What a fit reads of a point, its logarithms taken once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Row {
    pub d: f64,
    pub ln_d: f64,
    pub n: Option<f64>,
    /// NaN without a second factor: a law that needs one gives no loss there.
    pub ln_n: f64,
    /// `d` where nothing was repeated.
    pub unique: f64,
    pub ln_loss: f64,
    /// Which factor `n` is, where a law has several.
    pub factor: usize,
    /// Which run or seed it is of, where it is named.
    pub run: Option<usize>,
}

impl Row {
    /// A row where only the prediction is wanted.
    pub fn at(d: f64, n: Option<f64>, unique: Option<f64>) -> Row {
        Row {
            d,
            ln_d: d.ln(),
            n,
            ln_n: n.map_or(f64::NAN, f64::ln),
            unique: unique.unwrap_or(d),
            ln_loss: 0.0,
            factor: 0,
            run: None,
        }
    }

    /// Whether two rows lie on one curve, see [`Point::is_beside`].
    pub fn is_beside(&self, other: &Row) -> bool {
        self.n == other.n && self.factor == other.factor
    }

    /// The same at another amount of data, none of it repeated.
    pub fn moved(&self, ln_d: f64) -> Row {
        let d = ln_d.exp();
        Row { d, ln_d, unique: d, ..*self }
    }

    /// With its logarithms.
    pub fn of(point: &Point) -> Row {
        Row { ln_loss: point.loss.ln(), ..Row::at(point.d, point.n, point.unique) }
    }
}

/// Rows ready to fit.
pub(crate) fn rows_of(points: &[Point]) -> Vec<Row> {
    let places: BTreeMap<Option<String>, usize> = factors(points).into_iter().zip(0..).collect();
    let named: BTreeSet<&str> = points.iter().map(|point| point.run.as_str()).filter(|run| !run.is_empty()).collect();
    let runs: BTreeMap<&str, usize> = named.into_iter().zip(0..).collect();
    let row = |point: &Point| Row {
        factor: places[&point.factor],
        run: runs.get(point.run.as_str()).copied(),
        ..Row::of(point)
    };
    points.iter().map(row).collect()
}

/// The factors that points vary, in the order of [`Row::factor`].
pub(crate) fn factors(points: &[Point]) -> Vec<Option<String>> {
    let named: BTreeSet<&Option<String>> = points.iter().map(|point| &point.factor).collect();
    named.into_iter().cloned().collect()
}

/// Points that can be fitted, by size, and what had to be left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cleaned {
    pub points: Vec<Point>,
    /// Points at `d = 0`: the base before tuning.
    pub zero_shot: Vec<Point>,
    pub warnings: Vec<Warning>,
}

/// Numbers beyond this, or below its inverse, are no measurements, and powers of them overflow.
const LARGEST: f64 = 1e100;

/// Leaves out what has no logarithm and what was given twice; sorts by factor, then by data.
pub(crate) fn clean(points: &[Point]) -> Cleaned {
    let mut cleaned = Cleaned::default();
    let (mut not_finite, mut not_positive, mut duplicates) = (0, 0, 0);
    for point in points {
        let numbers = [Some(point.d), Some(point.loss), point.n, point.unique];
        let positive = |value: &f64| *value >= 1.0 / LARGEST;
        if numbers.iter().flatten().any(|value| !value.is_finite() || value.abs() > LARGEST) {
            not_finite += 1;
        } else if !numbers[1..].iter().flatten().all(positive) || !(point.d == 0.0 || positive(&point.d)) {
            not_positive += 1;
        } else if point.d == 0.0 {
            cleaned.zero_shot.push(point.clone());
        } else {
            cleaned.points.push(point.clone());
        }
    }
    // What is absent comes first. All numbers are positive by now, so that they compare like their bits.
    fn key(p: &Point) -> (&Option<String>, [Option<u64>; 4], &str) {
        (&p.factor, [p.n, Some(p.d), p.unique, Some(p.loss)].map(|number| number.map(f64::to_bits)), &p.run)
    }
    cleaned.points.sort_by(|a, b| key(a).cmp(&key(b)));
    // The same run at the same size with the same loss is one result, recorded twice.
    cleaned.points.dedup_by(|a, b| {
        let same = a == b;
        duplicates += same as usize;
        same
    });
    if not_finite > 0 {
        cleaned.warnings.push(Warning::NotFinite { points: not_finite });
    }
    if not_positive > 0 {
        cleaned.warnings.push(Warning::NotPositive { points: not_positive });
    }
    if duplicates > 0 {
        cleaned.warnings.push(Warning::Duplicates { points: duplicates });
    }
    if !cleaned.zero_shot.is_empty() {
        cleaned.warnings.push(Warning::ZeroShot { points: cleaned.zero_shot.len() });
    }
    cleaned
}

/// Distinct values, ascending.
pub(crate) fn distinct(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}
