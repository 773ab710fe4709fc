//! Clipping by the global norm (Pascanu et al. 2013).

use super::host::{change_row, dot, numbers};
use burn::Tensor;

pub(super) fn composed(gradients: Vec<Tensor<1>>, limit: f64) -> Vec<Tensor<1>> {
    if limit <= 0.0 {
        return gradients;
    }
    let squares = gradients.iter().map(|gradient| gradient.clone().square().sum());
    let Some(total) = squares.reduce(|sum, square| sum + square) else { return gradients };
    let coefficient = total.sqrt().add_scalar(1e-6).recip().mul_scalar(limit).clamp_max(1.0);
    gradients.into_iter().map(|gradient| gradient * coefficient.clone()).collect()
}

pub(super) fn host(mut gradients: Vec<Tensor<1>>, limit: f64) -> Vec<Tensor<1>> {
    if limit <= 0.0 {
        return gradients;
    }
    let square = |row: &Tensor<1>| numbers(row, |values| f64::from(dot(values, values)));
    let norm = gradients.iter().map(square).sum::<f64>().sqrt();
    let coefficient = limit / (norm + 1e-6);
    // A norm that is no number makes every gradient none: the run says that it diverged.
    if coefficient.is_nan() || coefficient < 1.0 {
        let scale = |values: &mut [f32]| values.iter_mut().for_each(|value| *value *= coefficient as f32);
        gradients.iter_mut().for_each(|gradient| change_row(gradient, scale));
    }
    gradients
}
