//! Which law? The one that best predicts the largest sizes when they are left out; AICc (Hurvich and Tsai 1989) decides
//! between equals, and where there are too few sizes to leave any out.

use crate::laws::fit::multistart::best_fit;
use crate::laws::fit::starting_values::Fineness;
use crate::laws::forms::padded;
use crate::laws::point::{Row, centre, distinct};
use crate::laws::report::Rival;
use crate::laws::uncertainty::bootstrap::Plausible;
use crate::laws::{Law, Objective};

/// How many of the largest sizes are left out in turn.
const LEFT_OUT: usize = 2;
/// Errors on hidden sizes that differ by less than this share of the noise are a tie, which AICc decides: without it a
/// law with parameters to spare wins by luck in a third of simulated experiments, with it in a tenth.
const TIE: f64 = 0.5;
/// A law whose AIC exceeds the lowest by no more than this has some support and should not be dismissed (Burnham,
/// Anderson and Huyvaert 2011, "AIC model selection and multimodel inference in behavioral ecology").
const SUPPORT: f64 = 7.0;
/// Rows beyond this many are thinned before any is hidden.
const MOST_ROWS: usize = 1024;

/// Every law tried, the chosen one first: the lowest AICc among those whose error on hidden sizes is about the lowest.
pub(crate) fn among(laws: &[Law], rows: &[Row], objective: Objective) -> Vec<Rival> {
    let mut rivals: Vec<Rival> = laws.iter().filter_map(|&law| score(law, rows, objective)).collect();
    let best = rivals.iter().filter_map(|rival| rival.held_out_percent).fold(f64::INFINITY, f64::min);
    let noise = rivals.iter().map(|rival| noise_percent(rival, rows)).fold(f64::INFINITY, f64::min);
    let noise = if noise.is_finite() { noise } else { 0.0 };
    let key = |rival: &Rival| {
        let held_out = rival.held_out_percent.unwrap_or(f64::INFINITY);
        (held_out > best + TIE * noise, rival.aicc.unwrap_or(f64::INFINITY), held_out)
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

fn score(law: Law, rows: &[Row], objective: Objective) -> Option<Rival> {
    let solution = best_fit(law, rows, objective, Fineness::Fine)?;
    let count = law.count(rows);
    let theta = law.to_natural(&solution.theta, rows);
    Some(Rival {
        law,
        chosen: false,
        objective: solution.objective,
        aicc: aicc(law, rows, &theta[..count]),
        held_out_percent: held_out_percent(law, rows, objective),
        theta: theta[..count].to_vec(),
    })
}

/// AICc with Gaussian errors of ln loss; the noise is one more parameter.
fn aicc(law: Law, rows: &[Row], theta: &[f64]) -> Option<f64> {
    let (n, k) = (rows.len() as f64, theta.len() as f64 + 1.0);
    if n - k - 1.0 <= 0.0 {
        return None;
    }
    Some(n * (squares(law, rows, theta) / n).max(1e-30).ln() + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0))
}

/// The laws that the points leave open: the chosen one, and all with about as much support by AIC. The correction in
/// AICc is for predicting with one law: on five points it rules out a constant, whatever they say.
pub(crate) fn plausible(rivals: &[Rival], rows: &[Row]) -> Vec<Plausible> {
    let aic = |rival: &Rival| {
        let count = rows.len() as f64;
        count * (squares(rival.law, rows, &rival.theta) / count).max(1e-30).ln() + 2.0 * rival.theta.len() as f64
    };
    let lowest = rivals.iter().map(aic).fold(f64::INFINITY, f64::min);
    let open = rivals.iter().filter(|rival| rival.chosen || aic(rival) <= lowest + SUPPORT);
    open.map(|rival| Plausible { law: rival.law, theta: padded(&rival.theta) }).collect()
}

fn squares(law: Law, rows: &[Row], theta: &[f64]) -> f64 {
    rows.iter().map(|row| (law.ln_loss(theta, row) - row.ln_loss).powi(2)).sum()
}

/// Rows hidden and rows seen: each of the largest sizes hidden in turn with all beyond it, then the largest second factor.
fn splits(rows: &[Row]) -> Vec<(Vec<Row>, Vec<Row>)> {
    let stride = rows.len().div_ceil(MOST_ROWS).max(1);
    let rows: Vec<Row> = rows.iter().step_by(stride).copied().collect();
    let sizes = distinct(rows.iter().map(|row| row.d));
    let factors = distinct(rows.iter().filter_map(|row| row.n));
    let mut splits = Vec::new();
    for limit in sizes.iter().rev().take(LEFT_OUT) {
        let hidden = rows.iter().filter(|row| row.d == *limit).copied().collect();
        splits.push((hidden, rows.iter().filter(|row| row.d < *limit).copied().collect()));
    }
    if let [.., _, largest] = factors[..] {
        splits.push(rows.iter().partition(|row| row.n == Some(largest)));
    }
    splits
}

/// The mean error on the hidden rows.
fn held_out_percent(law: Law, rows: &[Row], objective: Objective) -> Option<f64> {
    let mut errors = Vec::new();
    for (hidden, mut seen) in splits(rows) {
        let places = seen.chunk_by(|a, b| a.is_beside(b) && a.d == b.d).count();
        if places < law.count(&seen) {
            continue;
        }
        centre(&mut seen);
        let theta = law.to_natural(&best_fit(law, &seen, objective, Fineness::Coarse)?.theta, &seen);
        let known = hidden.iter().filter(|row| law.covers(row, &seen));
        errors.extend(known.map(|row| percent(law.ln_loss(&theta, row) - row.ln_loss)));
    }
    mean(&errors)
}

/// The same for repeating the last loss seen on the same curve.
pub(crate) fn last_loss_percent(rows: &[Row]) -> Option<f64> {
    let mut errors = Vec::new();
    for (hidden, seen) in splits(rows) {
        for row in &hidden {
            let before = seen.iter().filter(|other| other.is_beside(row));
            if let Some(last) = before.max_by(|a, b| a.d.total_cmp(&b.d)) {
                errors.push(percent(last.ln_loss - row.ln_loss));
            }
        }
    }
    mean(&errors)
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
