//! How sure is a fit? Refits to noise like that which was seen (residual bootstrap; Efron and Tibshirani 1993, chapter
//! 9): each run keeps its size and takes the misfit of a run drawn at random. Drawing the runs themselves would lose
//! whole sizes from curves of five to fourteen points, and with them the exponent.
//!
//! Residuals are widened by √(n/(n−p)), because a fit with p parameters follows its own noise.

use super::forms::Vector;
use super::newton::{Effort, minimise};
use super::point::Row;
use super::{Law, Objective};
use crate::seed::Seed;
use rand::Rng;

/// Refits warm-started at `theta`. No allocation per draw but the result's own.
pub(crate) fn draws(
    law: Law,
    rows: &[Row],
    theta: &Vector,
    objective: Objective,
    count: usize,
    seed: Seed,
) -> Vec<Vector> {
    let parameters = law.parameters().len();
    if rows.len() <= parameters {
        return Vec::new();
    }
    let widen = (rows.len() as f64 / (rows.len() - parameters) as f64).sqrt();
    let held = law.inward(theta, rows);
    let fitted: Vec<f64> = rows.iter().map(|row| law.held_ln_loss(&held, row)).collect();
    let residuals: Vec<f64> = rows.iter().zip(&fitted).map(|(row, fitted)| widen * (row.ln_loss - fitted)).collect();
    let mean = residuals.iter().sum::<f64>() / residuals.len() as f64;
    let bounds = law.bounds(rows);
    let mut rng = seed.derive("bootstrap", 0).rng();
    let mut scratch = rows.to_vec();
    (0..count)
        .map(|_| {
            for (row, fitted) in scratch.iter_mut().zip(&fitted) {
                row.ln_loss = fitted + residuals[rng.random_range(0..residuals.len())] - mean;
            }
            law.outward(&minimise(law, &scratch, &held, &bounds, objective.delta(), Effort::SKETCH).theta, rows)
        })
        .collect()
}
