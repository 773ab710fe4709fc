//! How sure is a fit? Refits to noise like that which was seen (residual bootstrap; Efron and Tibshirani 1993, chapter
//! 9): each run keeps its size and takes the misfit of a run drawn at random. Drawing the runs themselves would lose
//! whole sizes from curves of five to fourteen points, and with them the exponent.
//!
//! A fit of nearly absolute errors passes through as many points as it has parameters. Their residuals of zero are left
//! out of the draw: kept, they would make the noise look calmer at its centre than it is, and the intervals too narrow.
//! The rest are drawn with either sign, and widened by Student's t over the normal quantile, because so few residuals
//! tell their own spread badly.
//!
//! Where the lab chooses the law, the choice is uncertain too: every law that the points leave open gets its share of
//! the draws (model averaging; Buckland, Burnham and Augustin 1997). How often the intervals then hold the truth, and
//! where they fall short, is in `tests/laws_coverage.rs`.

use crate::laws::fit::newton::{Stopping, minimise};
use crate::laws::forms::{Bounds, MAX, Vector};
use crate::laws::point::Row;
use crate::laws::{Law, Objective};
use crate::seed::Seed;

/// One refit: a law and its parameters, as in `FittedLaw::theta`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Replicate {
    pub law: Law,
    pub theta: [f64; MAX],
}

impl Replicate {
    pub(crate) fn loss(&self, row: &Row) -> f64 {
        self.law.loss(&self.theta, row)
    }
}

/// A law that the points may follow, at its best fit.
pub(crate) struct Plausible {
    pub law: Law,
    pub theta: Vector,
}

/// Refits of the plausible laws, each draw's law by lot, warm-started at its own fit. No allocation per draw.
pub(crate) fn draws(
    plausible: &[Plausible],
    rows: &[Row],
    objective: Objective,
    count: usize,
    seed: Seed,
) -> Vec<Replicate> {
    let models: Vec<ErrorModel> = plausible.iter().filter_map(|each| ErrorModel::new(each, rows)).collect();
    if models.is_empty() {
        return Vec::new();
    }
    let mut random = seed.derive("bootstrap", 0).draw();
    let mut scratch = rows.to_vec();
    let draw = |_| {
        let ErrorModel { law, working, bounds, fitted, residuals } = &models[random.index(models.len())];
        for (row, fitted) in scratch.iter_mut().zip(fitted) {
            let residual: f64 = residuals[random.index(residuals.len())];
            row.ln_loss = fitted + if random.coin() { residual } else { -residual };
        }
        let refit = minimise(*law, &scratch, working, bounds, objective.delta(), Stopping::SKETCH);
        Replicate { law: *law, theta: law.to_natural(&refit.theta, rows) }
    };
    (0..count).map(draw).collect()
}

/// What is drawn from, were a law the true one.
struct ErrorModel {
    law: Law,
    working: Vector,
    bounds: Bounds,
    fitted: Vec<f64>,
    /// Widened; drawn with either sign.
    residuals: Vec<f64>,
}

impl ErrorModel {
    /// None where the law has as many parameters as there are rows: it leaves no residual to draw.
    fn new(plausible: &Plausible, rows: &[Row]) -> Option<ErrorModel> {
        let Plausible { law, theta } = *plausible;
        let spare = rows.len().checked_sub(law.count(rows)).filter(|&spare| spare > 0)?;
        let widen = student(spare) / NORMAL;
        let working = law.to_working(&theta, rows);
        let fitted: Vec<f64> = rows.iter().map(|row| law.working_ln_loss(&working, row)).collect();
        let mut residuals: Vec<f64> =
            rows.iter().zip(&fitted).map(|(row, fitted)| widen * (row.ln_loss - fitted)).collect();
        residuals.sort_by(|a, b| b.abs().total_cmp(&a.abs()));
        residuals.truncate(spare);
        Some(ErrorModel { law, working, bounds: law.bounds(rows), fitted, residuals })
    }
}

/// The 97.5% quantile of the normal distribution, and of Student's t.
const NORMAL: f64 = 1.959964;

fn student(freedom: usize) -> f64 {
    const SMALL: [f64; 8] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306];
    let v = freedom as f64;
    // Beyond the table by Cornish and Fisher's expansion (Abramowitz and Stegun 26.7.5), good to 0.001.
    SMALL
        .get(freedom.saturating_sub(1))
        .copied()
        .unwrap_or(NORMAL + 2.3723 / v + 2.8225 / (v * v) + 2.556 / (v * v * v))
}
