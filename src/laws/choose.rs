//! Which law? The one that best predicts the largest sizes when they are left out; AICc (Hurvich and Tsai 1989) decides
//! where there are too few sizes to leave any out.

use super::forms::MAX;
use super::point::{Row, distinct};
use super::report::Rival;
use super::solve::solve;
use super::start::Care;
use super::{Law, Objective};

/// How many of the largest sizes are left out in turn.
const LEFT_OUT: usize = 3;

/// One law, scored but not chosen against others.
pub(crate) fn only(law: Law, rows: &[Row], objective: Objective) -> Vec<Rival> {
    let mut rivals = among(&[law], rows, objective);
    rivals.iter_mut().for_each(|rival| rival.chosen = true);
    rivals
}

/// Every law tried, the chosen one first.
pub(crate) fn among(laws: &[Law], rows: &[Row], objective: Objective) -> Vec<Rival> {
    let mut rivals: Vec<Rival> = laws.iter().filter_map(|&law| score(law, rows, objective)).collect();
    let key = |rival: &Rival| {
        (rival.held_out_percent.unwrap_or(f64::INFINITY), rival.aicc.unwrap_or(f64::INFINITY), rival.theta.len())
    };
    rivals.sort_by(|a, b| key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal));
    if let Some(first) = rivals.first_mut() {
        first.chosen = true;
    }
    rivals
}

fn score(law: Law, rows: &[Row], objective: Objective) -> Option<Rival> {
    let solution = solve(law, rows, objective, Care::Full)?;
    let count = law.parameters().len();
    Some(Rival {
        law,
        chosen: false,
        objective: solution.objective,
        aicc: aicc(law, rows, &solution.theta[..count]),
        held_out_percent: held_out_percent(law, rows, objective),
        theta: solution.theta[..count].to_vec(),
    })
}

/// AICc with Gaussian errors of ln loss; the noise is one more parameter.
fn aicc(law: Law, rows: &[Row], theta: &[f64]) -> Option<f64> {
    let (n, k) = (rows.len() as f64, theta.len() as f64 + 1.0);
    if n - k - 1.0 <= 0.0 {
        return None;
    }
    let squares: f64 = rows.iter().map(|row| (law.ln_loss(theta, row) - row.ln_loss).powi(2)).sum();
    Some(n * (squares / n).max(1e-30).ln() + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0))
}

/// The mean error on the next size when the largest sizes are left out one after another.
fn held_out_percent(law: Law, rows: &[Row], objective: Objective) -> Option<f64> {
    let sizes = distinct(rows.iter().map(|row| row.d));
    let mut errors = Vec::new();
    for left_out in 1..=LEFT_OUT {
        if sizes.len() < left_out + law.parameters().len() {
            break;
        }
        let limit = sizes[sizes.len() - left_out];
        let seen: Vec<Row> = rows.iter().filter(|row| row.d < limit).copied().collect();
        let mut theta = [0.0; MAX];
        let solution = solve(law, &seen, objective, Care::Quick)?;
        theta.copy_from_slice(&solution.theta);
        let hidden = rows.iter().filter(|row| row.d == limit);
        errors.extend(hidden.map(|row| 100.0 * (law.ln_loss(&theta, row) - row.ln_loss).exp_m1().abs()));
    }
    if errors.is_empty() { None } else { Some(errors.iter().sum::<f64>() / errors.len() as f64) }
}
