//! From points to a report.

use super::describe::describe;
use super::forms::MAX;
use super::point::{Cleaned, Row, clean, distinct};
use super::report::*;
use super::{Law, Objective, Point, Warning, bootstrap, choose};
use crate::seed::Seed;
use std::collections::BTreeMap;

/// Groups beyond this many are left out, so that a wrongly chosen column cannot hang the page.
const MOST_GROUPS: usize = 1000;

#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The law to fit; none lets the lab choose.
    pub law: Option<Law>,
    pub objective: Objective,
    /// Hide this many of the largest sizes of each group, and predict them.
    pub holdout: usize,
    /// Bootstrap refits per group; 0 for no intervals.
    pub draws: usize,
    /// Fixes the bootstrap.
    pub seed: Seed,
    /// Hide the largest size, fit, reveal.
    pub backtest: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { law: None, objective: Objective::default(), holdout: 0, draws: 300, seed: Seed(0), backtest: true }
    }
}

/// Fits every group. Bad points are left out and said so; a group that cannot be fitted has warnings and no fit.
pub fn fit(points: &[Point], options: &Options) -> Report {
    let mut groups: BTreeMap<String, Vec<Point>> = BTreeMap::new();
    for point in points {
        groups.entry(point.group.clone()).or_default().push(point.clone());
    }
    let mut warnings = Vec::new();
    if groups.len() > MOST_GROUPS {
        warnings.push(Warning::TooManyGroups { fitted: MOST_GROUPS, given: groups.len() });
    }
    let groups = groups.into_iter().take(MOST_GROUPS).map(|(name, points)| fit_group(name, &points, options)).collect();
    Report { version: REPORT_VERSION, objective: options.objective, groups, warnings }
}

fn fit_group(group: String, points: &[Point], options: &Options) -> GroupReport {
    let Cleaned { mut points, zero_shot, warnings } = clean(points);
    let held = hold_out(&mut points, options.holdout);
    let sizes = distinct(points.iter().map(|p| p.d));
    let mut report = GroupReport {
        group,
        sizes: sizes.len(),
        span: sizes.last().zip(sizes.first()).map_or(1.0, |(hi, lo)| hi / lo),
        signal: false,
        noise: None,
        fit: None,
        rivals: Vec::new(),
        forecasts: Vec::new(),
        backtest: None,
        points,
        zero_shot,
        warnings,
    };
    let rows: Vec<Row> = report.points.iter().map(Row::of).collect();
    if rows.is_empty() {
        report.warnings.push(Warning::Empty);
        return report;
    }
    report.rivals = match options.law {
        Some(law) => choose::only(law, &rows, options.objective),
        None => choose::among(&Law::OF_DATA, &rows, options.objective),
    };
    let Some(chosen) = report.rivals.iter().find(|rival| rival.chosen).cloned() else { return report };
    let mut theta = [0.0; MAX];
    theta[..chosen.theta.len()].copy_from_slice(&chosen.theta);
    let draws = bootstrap::draws(chosen.law, &rows, &theta, options.objective, options.draws, options.seed);
    let fit = describe(chosen.law, &report.points, &theta, &draws, options.objective);
    let last = report.points.iter().max_by(|a, b| a.d.total_cmp(&b.d)).map(|p| p.loss);
    report.forecasts = held.iter().map(|point| forecast(&fit, point, last)).collect();
    report.fit = Some(fit);
    report
}

/// Takes the `count` largest sizes out of `points`.
fn hold_out(points: &mut Vec<Point>, count: usize) -> Vec<Point> {
    let sizes = distinct(points.iter().map(|p| p.d));
    if count == 0 || sizes.is_empty() {
        return Vec::new();
    }
    let keep = sizes.len().saturating_sub(count);
    let limit = if keep == 0 { f64::NEG_INFINITY } else { sizes[keep - 1] };
    let (kept, held) = std::mem::take(points).into_iter().partition(|p| p.d <= limit);
    *points = kept;
    held
}

fn forecast(fit: &Fit, point: &Point, last_loss: Option<f64>) -> Forecast {
    let predicted = fit.predict(point.d, point.n);
    let error = |predicted: f64| 100.0 * (predicted / point.loss - 1.0);
    Forecast {
        point: point.clone(),
        predicted,
        error_percent: error(predicted.mid),
        last_loss_percent: last_loss.map(error),
    }
}
