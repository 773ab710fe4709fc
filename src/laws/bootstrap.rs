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

use super::forms::{Bounds, MAX, Vector};
use super::newton::{Effort, minimise};
use super::point::Row;
use super::{Law, Objective};
use crate::seed::Seed;
use rand::Rng;

/// One refit: a law and its parameters, as in `Fit::theta`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    pub law: Law,
    pub theta: [f64; MAX],
}

impl Draw {
    pub(crate) fn loss(&self, row: &Row) -> f64 {
        self.law.loss(&self.theta, row)
    }
}

/// A law that the points may follow, at its best fit.
pub(crate) struct Believed {
    pub law: Law,
    pub theta: Vector,
}

/// Refits of the laws believed, each draw's law by lot, warm-started at its own fit. No allocation per draw.
pub(crate) fn draws(believed: &[Believed], rows: &[Row], objective: Objective, count: usize, seed: Seed) -> Vec<Draw> {
    let worlds: Vec<World> = believed.iter().filter_map(|each| World::new(each, rows)).collect();
    if worlds.is_empty() {
        return Vec::new();
    }
    let mut rng = seed.derive("bootstrap", 0).rng();
    let mut scratch = rows.to_vec();
    let draw = |_| {
        let World { law, held, bounds, fitted, residuals } = &worlds[rng.random_range(0..worlds.len())];
        for (row, fitted) in scratch.iter_mut().zip(fitted) {
            let residual: f64 = residuals[rng.random_range(0..residuals.len())];
            row.ln_loss = fitted + if rng.random() { residual } else { -residual };
        }
        let refit = minimise(*law, &scratch, held, bounds, objective.delta(), Effort::SKETCH);
        Draw { law: *law, theta: law.to_natural(&refit.theta, rows) }
    };
    (0..count).map(draw).collect()
}

/// What is drawn from, were a law the true one.
struct World {
    law: Law,
    held: Vector,
    bounds: Bounds,
    fitted: Vec<f64>,
    /// Widened; drawn with either sign.
    residuals: Vec<f64>,
}

impl World {
    /// None where the law has as many parameters as there are rows: it leaves no residual to draw.
    fn new(believed: &Believed, rows: &[Row]) -> Option<World> {
        let Believed { law, theta } = *believed;
        let spare = rows.len().checked_sub(law.count(rows)).filter(|&spare| spare > 0)?;
        let widen = student(spare) / NORMAL;
        let held = law.to_working(&theta, rows);
        let fitted: Vec<f64> = rows.iter().map(|row| law.working_ln_loss(&held, row)).collect();
        let mut residuals: Vec<f64> =
            rows.iter().zip(&fitted).map(|(row, fitted)| widen * (row.ln_loss - fitted)).collect();
        residuals.sort_by(|a, b| b.abs().total_cmp(&a.abs()));
        residuals.truncate(spare);
        Some(World { law, held, bounds: law.bounds(rows), fitted, residuals })
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
