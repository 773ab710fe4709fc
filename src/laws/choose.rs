//! Which law? The one that best predicts the largest sizes when they are left out; AICc (Hurvich and Tsai 1989) decides
//! between equals, and where there are too few sizes to leave any out.

use crate::laws::fit::multistart::best_fit;
use crate::laws::fit::starting_values::Fineness;
use crate::laws::forms::padded;
use crate::laws::point::{Row, distinct};
use crate::laws::report::Rival;
use crate::laws::uncertainty::bootstrap::Plausible;
use crate::laws::{Law, Objective, Replicate};

/// How many of the largest sizes are left out in turn.
const LEFT_OUT: usize = 2;
/// A law is held against repeating the last loss on so many of the largest sizes, and on no fewer.
const MOST_COMPARED: usize = 4;
const FEWEST_COMPARED: usize = 3;
/// Values of a second factor that are left out in turn, where that is what the law is to reach beyond.
const FACTORS_LEFT_OUT: usize = 2;
/// Errors on hidden sizes that differ by less than this share of the noise are a tie, which AICc decides: without it a
/// law with parameters to spare wins by luck in a third of simulated experiments, with it in a tenth.
const TIE: f64 = 0.5;
/// Noise below this, in per cent, is what is left of an exact fit.
const ROUNDING: f64 = 1e-4;
/// A law whose AIC exceeds the lowest by no more than this has some support and should not be dismissed (Burnham,
/// Anderson and Huyvaert 2011, "AIC model selection and multimodel inference in behavioral ecology").
const SUPPORT: f64 = 7.0;
/// Mean squares of ln losses below this are those of an exact fit: what is left of them is rounding.
const EXACT: f64 = 1e-24;
/// A law with a smaller share of the weights gets no draws.
const LEAST_WEIGHT: f64 = 0.01;
/// Rows beyond this many are thinned before any is hidden.
const MOST_ROWS: usize = 1024;

/// What a fit is to reach beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Data,
    Factor,
}

/// Every law tried, the chosen one first: the lowest AICc among those whose error on hidden sizes is about the lowest.
/// Where it is to reach beyond the second factors seen, the lowest error on hidden ones of those.
pub(crate) fn among(laws: &[Law], rows: &[Row], objective: Objective, reach: Reach) -> Vec<Rival> {
    let (splits, tie) = match reach {
        Reach::Factor if laws.iter().all(|law| law.is_joint()) => (by_factor(&thinned(rows), FACTORS_LEFT_OUT), 0.0),
        _ => (splits(rows), TIE),
    };
    let mut rivals: Vec<Rival> = laws.iter().filter_map(|&law| score(law, rows, &splits, objective)).collect();
    let best = rivals.iter().filter_map(|rival| rival.held_out_percent).fold(f64::INFINITY, f64::min);
    let noise = rivals.iter().map(|rival| noise_percent(rival, rows)).fold(f64::INFINITY, f64::min);
    let noise = if noise.is_finite() { noise.max(ROUNDING) } else { ROUNDING };
    let key = |rival: &Rival| {
        let held_out = rival.held_out_percent.unwrap_or(f64::INFINITY);
        (held_out > best + tie * noise, rival.aicc.unwrap_or(f64::INFINITY), held_out)
    };
    rivals.sort_by(|a, b| {
        let ((worse, aicc, held_out), (b_worse, b_aicc, b_held_out)) = (key(a), key(b));
        worse.cmp(&b_worse).then(aicc.total_cmp(&b_aicc)).then(held_out.total_cmp(&b_held_out))
    });
    if let Some(first) = rivals.first_mut() {
        first.chosen = true;
    }
    rivals
}

fn score(law: Law, rows: &[Row], splits: &[Split], objective: Objective) -> Option<Rival> {
    let solution = best_fit(law, rows, objective, Fineness::Fine)?;
    let count = law.count(rows);
    let theta = solution.theta;
    Some(Rival {
        law,
        chosen: false,
        objective: solution.objective,
        aicc: aicc(law, rows, &theta[..count]),
        held_out_percent: held_out_percent(law, splits, objective),
        theta: theta[..count].to_vec(),
    })
}

/// AICc with Gaussian errors of ln loss; the noise is one more parameter.
fn aicc(law: Law, rows: &[Row], theta: &[f64]) -> Option<f64> {
    let (n, k) = (rows.len() as f64, theta.len() as f64 + 1.0);
    if n - k - 1.0 <= 0.0 {
        return None;
    }
    Some(n * (squares(law, rows, theta) / n).max(EXACT).ln() + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0))
}

/// The laws with their Akaike weights, the chosen one first; without those that would hardly get a draw. The correction in
/// AICc is for predicting with one law: on five points it rules out a constant, whatever they say.
pub(crate) fn plausible(rivals: &[Rival], rows: &[Row]) -> Vec<Plausible> {
    let aics: Vec<f64> = rivals.iter().map(|rival| aic(rival.law, &rival.theta, rows)).collect();
    let lowest = aics.iter().copied().fold(f64::INFINITY, f64::min);
    let weights: Vec<f64> = aics.iter().map(|aic| (-(aic - lowest) / 2.0).exp()).collect();
    let least = LEAST_WEIGHT * weights.iter().sum::<f64>();
    let weighed = rivals.iter().zip(weights).filter(|(rival, weight)| rival.chosen || *weight >= least);
    weighed.map(|(rival, weight)| Plausible { law: rival.law, theta: padded(&rival.theta), weight }).collect()
}

/// The laws that were not chosen and have some support, at their best fits: those tried, and those for which there are
/// too few sizes to choose them, but enough to fit them.
pub(crate) fn not_ruled_out(rivals: &[Rival], rows: &[Row], objective: Objective) -> Vec<Replicate> {
    let joint = rivals.iter().any(|rival| rival.law.is_joint());
    let sizes = distinct(rows.iter().map(|row| row.d)).len();
    let untried = Law::tried(joint, usize::MAX).filter(|law| rivals.iter().all(|rival| rival.law != *law));
    let untried = untried.filter(|law| law.count(rows) < sizes);
    let fitted = untried.filter_map(|law| {
        let theta = best_fit(law, rows, objective, Fineness::Coarse)?.theta;
        Some((law, theta[..law.count(rows)].to_vec()))
    });
    let all: Vec<(Law, Vec<f64>)> = rivals.iter().map(|rival| (rival.law, rival.theta.clone())).chain(fitted).collect();
    let lowest = all.iter().map(|(law, theta)| aic(*law, theta, rows)).fold(f64::INFINITY, f64::min);
    // The first is the chosen one.
    let open = all.iter().skip(1).filter(|(law, theta)| aic(*law, theta, rows) <= lowest + SUPPORT);
    open.map(|(law, theta)| Replicate { law: *law, theta: padded(theta) }).collect()
}

fn aic(law: Law, theta: &[f64], rows: &[Row]) -> f64 {
    let count = rows.len() as f64;
    count * (squares(law, rows, theta) / count).max(EXACT).ln() + 2.0 * theta.len() as f64
}

fn squares(law: Law, rows: &[Row], theta: &[f64]) -> f64 {
    rows.iter().map(|row| (law.ln_loss(theta, row) - row.ln_loss).powi(2)).sum()
}

/// Rows hidden and rows seen.
type Split = (Vec<Row>, Vec<Row>);

/// Each of the largest sizes hidden in turn with all beyond it, then the largest second factor.
fn splits(rows: &[Row]) -> Vec<Split> {
    let rows = thinned(rows);
    let mut splits = by_size(&rows, LEFT_OUT);
    splits.extend(by_factor(&rows, 1));
    splits
}

/// The rows of one size hidden and all smaller ones seen, for this many of the largest.
fn by_size(rows: &[Row], count: usize) -> Vec<Split> {
    let sizes = distinct(rows.iter().map(|row| row.d));
    let split = |limit: &f64| {
        let hidden = rows.iter().filter(|row| row.d == *limit).copied().collect();
        (hidden, rows.iter().filter(|row| row.d < *limit).copied().collect())
    };
    sizes.iter().rev().take(count).map(split).collect()
}

/// The same by second factor, with one left to see at least.
fn by_factor(rows: &[Row], count: usize) -> Vec<Split> {
    let factors = distinct(rows.iter().filter_map(|row| row.n));
    let split = |limit: &f64| {
        let hidden = rows.iter().filter(|row| row.n == Some(*limit)).copied().collect();
        (hidden, rows.iter().filter(|row| row.n < Some(*limit)).copied().collect())
    };
    factors.iter().skip(1).rev().take(count).map(split).collect()
}

fn thinned(rows: &[Row]) -> Vec<Row> {
    rows.iter().step_by(rows.len().div_ceil(MOST_ROWS).max(1)).copied().collect()
}

/// Distinct places.
fn places(rows: &[Row]) -> usize {
    rows.chunk_by(|a, b| a.is_beside(b) && a.d == b.d).count()
}

/// The mean error on the hidden rows of these splits.
fn held_out_percent(law: Law, splits: &[Split], objective: Objective) -> Option<f64> {
    let mut errors = Vec::new();
    for (hidden, seen) in splits {
        if places(seen) < law.count(seen) {
            continue;
        }
        let theta = best_fit(law, seen, objective, Fineness::Coarse)?.theta;
        let known = hidden.iter().filter(|row| law.covers(row, seen));
        errors.extend(known.map(|row| percent(law.ln_loss(&theta, row) - row.ln_loss)));
    }
    mean(&errors)
}

/// The same for repeating the last loss seen on the same curve.
pub(crate) fn last_loss_percent(rows: &[Row]) -> Option<f64> {
    let mut errors = Vec::new();
    for (hidden, seen) in splits(rows) {
        errors.extend(hidden.iter().filter_map(|row| last_loss_error(row, &seen)));
    }
    mean(&errors)
}

fn last_loss_error(row: &Row, seen: &[Row]) -> Option<f64> {
    let before = seen.iter().filter(|other| other.is_beside(row));
    let last = before.max_by(|a, b| a.d.total_cmp(&b.d))?;
    Some(percent(last.ln_loss - row.ln_loss))
}

/// The mean errors of a law and of repeating the last loss on the same hidden rows, each of the largest sizes hidden with
/// all beyond it; none where they are too few to compare.
pub(crate) fn against_last_loss(law: Law, rows: &[Row], objective: Objective) -> Option<(f64, f64)> {
    let (mut of_law, mut of_last, mut compared) = (Vec::new(), Vec::new(), 0);
    for (hidden, seen) in by_size(&thinned(rows), MOST_COMPARED) {
        if places(&seen) <= law.count(&seen) {
            continue;
        }
        let Some(solution) = best_fit(law, &seen, objective, Fineness::Coarse) else { continue };
        let before = of_law.len();
        for row in hidden.iter().filter(|row| law.covers(row, &seen)) {
            if let Some(error) = last_loss_error(row, &seen) {
                of_last.push(error);
                of_law.push(percent(law.ln_loss(&solution.theta, row) - row.ln_loss));
            }
        }
        compared += usize::from(of_law.len() > before);
    }
    if compared < FEWEST_COMPARED {
        return None;
    }
    mean(&of_law).zip(mean(&of_last))
}

fn percent(log_error: f64) -> f64 {
    // A forecast off by e^20 is off; beyond that the sum would overflow.
    100.0 * log_error.min(20.0).exp_m1().abs()
}

fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() { None } else { Some(values.iter().sum::<f64>() / values.len() as f64) }
}

/// The misfit of a law, per spare point, in per cent.
fn noise_percent(rival: &Rival, rows: &[Row]) -> f64 {
    let spare = rows.len() as f64 - rival.theta.len() as f64;
    if spare > 0.0 { 100.0 * (squares(rival.law, rows, &rival.theta) / spare).sqrt() } else { f64::INFINITY }
}
