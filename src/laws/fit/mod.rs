//! From points to a report: every group cleaned, its law chosen among those that it can tell apart, fitted, described.

pub(crate) mod fitted;
pub(crate) mod multistart;
pub(crate) mod newton;
pub(crate) mod objective;
pub(crate) mod starting_values;
pub(crate) mod units;

use crate::laws::choose::Reach;
use crate::laws::fit::fitted::describe;
use crate::laws::forms::padded;
use crate::laws::point::{Cleaned, clean, distinct, factors, rows_of};
use crate::laws::report::*;
use crate::laws::uncertainty::{backtest, bootstrap};
use crate::laws::{Column, Law, Objective, Point, Warning, choose, diagnose};
use crate::seed::Seed;
use std::collections::BTreeMap;
use std::str::FromStr;

/// Groups beyond this many are left out, so that a wrongly chosen column cannot hang the page.
const MOST_GROUPS: usize = 500;
/// Rows × draws beyond this are not worth the wait; with so many rows a few draws say as much.
const MOST_REFITTED_ROWS: usize = 1_000_000;
const FEWEST_DRAWS: usize = 20;
/// No exponent of a second factor from fewer values.
const FEWEST_FACTORS: usize = 4;

/// How points are fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The law to fit; none lets the lab choose.
    pub law: Option<Law>,
    pub objective: Objective,
    /// Hide this many of the largest of each group, and predict them.
    pub holdout: usize,
    /// The largest of what.
    pub hide: Hide,
    /// Bootstrap refits per group; 0 for no intervals.
    pub draws: usize,
    /// Fixes the bootstrap.
    pub seed: Seed,
    /// Hide the largest size (of a joint law: the largest model), fit, reveal.
    pub backtest: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            law: None,
            objective: Objective::default(),
            holdout: 0,
            hide: Hide::Data,
            draws: 300,
            seed: Seed(0),
            backtest: false,
        }
    }
}

/// What the largest are hidden of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hide {
    /// Amounts of data.
    #[default]
    Data,
    /// Values of the second factor: model sizes.
    Factor,
    /// Data times second factor, as compute grows with.
    Compute,
}

/// A name that is nothing to hide by.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("nothing is hidden by \"{0}\": use x (data), n (model sizes) or compute")]
pub struct UnknownHide(pub String);

impl FromStr for Hide {
    type Err = UnknownHide;

    fn from_str(text: &str) -> Result<Hide, UnknownHide> {
        match text {
            "x" => Ok(Hide::Data),
            "n" => Ok(Hide::Factor),
            "compute" => Ok(Hide::Compute),
            other => Err(UnknownHide(other.to_string())),
        }
    }
}

impl Hide {
    fn of(self, point: &Point) -> f64 {
        match self {
            Hide::Data => point.d,
            Hide::Factor => point.n.unwrap_or(0.0),
            Hide::Compute => point.d * point.n.unwrap_or(1.0),
        }
    }
}

/// Fits every group. Bad points are left out and said so; a group that cannot be fitted has warnings and no fit.
pub fn fit(points: &[Point], options: &Options) -> Report {
    let groups = grouped(points, options.law);
    let mut warnings = Vec::new();
    if groups.len() > MOST_GROUPS {
        warnings.push(Warning::TooManyGroups { fitted: MOST_GROUPS, given: groups.len() });
    }
    let groups = groups.into_iter().take(MOST_GROUPS);
    let groups = groups.map(|(group, points)| fit_group(group, &points, options)).collect();
    Report { version: REPORT_VERSION, objective: options.objective, groups, warnings }
}

/// A group, and the bits of the second factor's value where it is split by that.
type Part = (String, Option<u64>);

/// By group; and, where the law is of data alone, by second factor too.
fn grouped(points: &[Point], law: Option<Law>) -> BTreeMap<Part, Vec<Point>> {
    let mut groups: BTreeMap<String, Vec<Point>> = BTreeMap::new();
    for point in points {
        groups.entry(point.group.clone()).or_default().push(point.clone());
    }
    let mut split: BTreeMap<Part, Vec<Point>> = BTreeMap::new();
    for (name, points) in groups {
        let factors = distinct(points.iter().filter_map(|p| p.n).filter(|n| n.is_finite()));
        let joint = law.map_or(factors.len() >= FEWEST_FACTORS, Law::is_joint);
        if joint || factors.len() < 2 {
            split.entry((name, None)).or_default().extend(points);
            continue;
        }
        for point in points {
            split.entry((name.clone(), point.n.filter(|n| n.is_finite()).map(f64::to_bits))).or_default().push(point);
        }
    }
    split
}

fn fit_group((group, n): Part, points: &[Point], options: &Options) -> GroupReport {
    let Cleaned { mut points, zero_shot, warnings } = clean(points);
    let hidden = hold_out(&mut points, options.holdout, options.hide);
    let sizes = distinct(points.iter().map(|p| p.d));
    let mut report = GroupReport {
        name: String::new(),
        group,
        n: n.map(f64::from_bits),
        sizes: sizes.len(),
        span: sizes.last().zip(sizes.first()).map_or(1.0, |(hi, lo)| hi / lo),
        signal: false,
        noise: None,
        fit: None,
        rivals: Vec::new(),
        last_loss_percent: None,
        forecasts: Vec::new(),
        ahead: Vec::new(),
        backtest: None,
        points,
        zero_shot,
        warnings,
    };
    report.name = report.called(&report.group);
    if report.points.is_empty() {
        report.warnings.push(Warning::Empty);
        return report;
    }
    if let Some(warning) = options.law.and_then(|law| lacks(law, &report.points)) {
        report.warnings.push(warning);
        return report;
    }
    if let Some(law) = options.law.filter(|law| law.tells_factors()) {
        let (factors, fitted) = (factors(&report.points), law.card().most_factors);
        if factors.len() > fitted {
            report.points.retain(|point| factors[..fitted].contains(&point.factor));
            report.warnings.push(Warning::TooManyFactors { fitted, given: factors.len() });
        }
    }
    let rows = rows_of(&report.points);
    report.last_loss_percent = choose::last_loss_percent(&rows);
    let reach = if options.holdout > 0 && options.hide == Hide::Factor { Reach::Factor } else { Reach::Data };
    if report.sizes < 2 {
        report.warnings.push(Warning::OneSize);
        return report;
    }
    if let Some(warning) = diagnose::not_falling(&report.points) {
        report.noise = diagnose::replicate_noise(&report.points);
        report.warnings.push(warning);
        return report;
    }
    report.rivals = choose::among(&candidates(&report.points, options.law), &rows, options.objective, reach);
    report.warnings.extend(chosen_by_hidden(&report.rivals, reach));
    if !report.rivals.is_empty() {
        let draws = affordable(options.draws, rows.len());
        if draws < options.draws {
            report.warnings.push(Warning::FewerDraws { drawn: draws, asked: options.draws });
        }
        report.fit = describe_best(&report.rivals, &report.points, options, draws);
    }
    if let Some(fit) = &report.fit {
        let (forecasts, unknown) = forecasts(fit, &report.points, hidden);
        report.forecasts = forecasts;
        report.warnings.extend(unknown);
        report.ahead = ahead(fit, &report.points);
    }
    if options.backtest {
        report.backtest = backtest::backtest(&report.points, options);
    }
    let chosen = report.rivals.first().map(|rival| rival.law);
    let compared = chosen.and_then(|law| choose::against_last_loss(law, &rows, options.objective));
    if report.fit.is_some() && options.draws < FEWEST_DRAWS {
        report.warnings.push(Warning::NoIntervals { draws: options.draws });
    }
    diagnose::diagnose(&mut report, compared);
    report
}

/// The first of the rivals as it is shown, with draws in which the others have their say.
pub(crate) fn describe_best(rivals: &[Rival], points: &[Point], options: &Options, draws: usize) -> Option<FittedLaw> {
    let chosen = rivals.first()?;
    let rows = rows_of(points);
    let Options { objective, seed, .. } = *options;
    let draws = bootstrap::draws(&choose::plausible(rivals, &rows), &rows, objective, draws, seed);
    let others = match options.law {
        None => choose::not_ruled_out(rivals, &rows, objective),
        Some(_) => Vec::new(),
    };
    Some(describe(chosen.law, points, &padded(&chosen.theta), draws, others, objective))
}

/// Bootstrap refits of so many rows, as many as asked for where that does not take too long.
pub(crate) fn affordable(draws: usize, rows: usize) -> usize {
    draws.min((MOST_REFITTED_ROWS / rows.max(1)).max(FEWEST_DRAWS))
}

/// Says so where a law was chosen by its error on hidden values of the second factor.
fn chosen_by_hidden(rivals: &[Rival], reach: Reach) -> Option<Warning> {
    let [first, second, ..] = rivals else { return None };
    let (percent, other_percent) = first.held_out_percent.zip(second.held_out_percent)?;
    let title = |rival: &Rival| rival.law.card().title.to_string();
    (reach == Reach::Factor).then(|| Warning::ChosenByHidden {
        law: title(first),
        percent,
        other: title(second),
        other_percent,
    })
}

/// The laws to try: the one asked for, or those that the points can tell apart.
pub(crate) fn candidates(points: &[Point], law: Option<Law>) -> Vec<Law> {
    let every_factor = points.iter().all(|p| p.n.is_some());
    let factors = distinct(points.iter().filter_map(|p| p.n)).len();
    match law {
        Some(law) => vec![law],
        None => {
            Law::tried(every_factor && factors >= FEWEST_FACTORS, distinct(points.iter().map(|p| p.d)).len()).collect()
        }
    }
}

/// What a law needs and the points do not have.
pub(crate) fn lacks(law: Law, points: &[Point]) -> Option<Warning> {
    let title = law.card().title.to_string();
    if law.needs(Column::SecondFactor) && points.iter().any(|p| p.n.is_none()) {
        return Some(Warning::NoFactor { law: title });
    }
    // Points without it repeat nothing, but some must.
    let unknown = law.needs(Column::DistinctData) && points.iter().all(|p| p.unique.is_none());
    unknown.then_some(Warning::NoUnique { law: title })
}

/// Predictions for hidden points, and a warning for those that the fit knows nothing of: no number stands in for them.
pub(crate) fn forecasts(fit: &FittedLaw, seen: &[Point], hidden: Vec<Point>) -> (Vec<Forecast>, Vec<Warning>) {
    let nearest = |hidden: &Point| {
        let of_its_curve = seen.iter().filter(|p| !fit.law.is_joint() || p.is_beside(hidden));
        of_its_curve.max_by(|a, b| a.d.total_cmp(&b.d)).map(|p| p.loss)
    };
    let percent = |predicted: f64, point: &Point| finite(100.0 * (predicted / point.loss - 1.0));
    let mut found = Vec::new();
    let mut unknown: BTreeMap<Option<String>, usize> = BTreeMap::new();
    for point in hidden {
        match fit.predict_for(point.d, point.n, point.factor.as_deref()) {
            Some(predicted) => found.push(Forecast {
                error_percent: percent(predicted.mid, &point),
                last_loss_percent: nearest(&point).map(|loss| percent(loss, &point)),
                run: fit.predict_run(point.d, point.n, point.factor.as_deref()),
                predicted,
                point,
            }),
            None => *unknown.entry(point.factor).or_default() += 1,
        }
    }
    let unknown = unknown.into_iter().map(|(factor, points)| Warning::NoForecast { factor, points });
    (found, unknown.collect())
}

/// Forecasts are told at these multiples of the largest amount of data.
const AHEAD: [f64; 2] = [2.0, TRUSTED_FACTOR];

/// What one more run beyond the points would give, by a joint law at its largest second factor of the first kind.
fn ahead(fit: &FittedLaw, points: &[Point]) -> Vec<Ahead> {
    let first = points.first().and_then(|point| point.factor.clone());
    let of_first = points.iter().filter(|point| point.factor == first).filter_map(|point| point.n);
    let n = of_first.reduce(f64::max).filter(|_| fit.law.is_joint());
    let factor = first.filter(|_| n.is_some() && fit.law.tells_factors());
    let at = |times: f64| {
        let d = times * fit.largest_d;
        let predicted = fit.predict_for(d, n, factor.as_deref())?;
        Some(Ahead { n, factor: factor.clone(), predicted, run: fit.predict_run(d, n, factor.as_deref())? })
    };
    AHEAD.into_iter().filter_map(at).collect()
}

/// Budgets of compute closer than this are one.
const SAME: f64 = 1.05;

/// Takes the `count` largest sizes, models or budgets out of `points`.
fn hold_out(points: &mut Vec<Point>, count: usize, hide: Hide) -> Vec<Point> {
    let mut sizes = distinct(points.iter().map(|point| hide.of(point)));
    if hide == Hide::Compute {
        // Of each budget the largest stays.
        sizes.reverse();
        sizes.dedup_by(|smaller, larger| *larger <= SAME * *smaller);
        sizes.reverse();
    }
    let keep = sizes.len().saturating_sub(count);
    let limit = if keep == 0 { f64::NEG_INFINITY } else { sizes[keep - 1] };
    let (kept, hidden) = std::mem::take(points).into_iter().partition(|point| hide.of(point) <= limit);
    *points = kept;
    hidden
}
