//! AdamW's step (Loshchilov & Hutter 2019), in PyTorch's order of operations.

use super::host::{change_row, numbers};
use burn::Tensor;
use std::fmt::Debug;

/// The numbers of one step that all elements of a tensor share.
#[derive(Clone, Copy, Debug)]
pub struct AdamWStep {
    /// What is left of the value: 1 − rate · weight decay.
    pub decay: f32,
    /// 1 − β₁
    pub beta1_rest: f32,
    pub beta2: f32,
    /// 1 − β₂
    pub beta2_rest: f32,
    /// √(1 − β₂ᵗ)
    pub correction: f32,
    pub epsilon: f32,
    /// rate / (1 − β₁ᵗ)
    pub rate: f32,
}

/// A trained tensor in one row, with its moments.
#[derive(Clone, Debug)]
pub struct Row {
    pub value: Tensor<1>,
    pub moments: [Tensor<1>; 2],
    /// Whether weight decay pulls it.
    pub decays: bool,
}

/// All trained tensors, moved together.
pub trait Joined: Debug + Send {
    /// Clips gradients by the norm of all of them and moves every row, with `step`'s decay where it decays.
    fn step(&mut self, gradients: Vec<Tensor<1>>, limit: f64, step: &AdamWStep);

    /// The rows' values, which later steps leave as they are.
    fn values(&self) -> Vec<Tensor<1>>;

    /// The rows' moments.
    fn moments(&self) -> Vec<[Tensor<1>; 2]>;
}

pub(super) fn composed(
    value: Tensor<1>,
    [first, second]: [&mut Tensor<1>; 2],
    gradient: Tensor<1>,
    step: &AdamWStep,
) -> Tensor<1> {
    let squared = gradient.clone().square().mul_scalar(step.beta2_rest);
    first.inplace(|m| m.clone() + (gradient - m).mul_scalar(step.beta1_rest));
    second.inplace(|v| v.mul_scalar(step.beta2) + squared);
    let denominator = second.clone().sqrt().div_scalar(step.correction).add_scalar(step.epsilon);
    value.mul_scalar(step.decay) - (first.clone() / denominator).mul_scalar(step.rate)
}

/// One pass, without new memory where no other tensor shares what is changed.
pub(super) fn host(
    mut value: Tensor<1>,
    [first, second]: [&mut Tensor<1>; 2],
    gradient: Tensor<1>,
    step: &AdamWStep,
) -> Tensor<1> {
    numbers(&gradient, |gradient| {
        change_row(&mut value, |values| {
            change_row(first, |first| {
                change_row(second, |second| {
                    let lengths = [values.len(), first.len(), second.len()];
                    assert_eq!(lengths, [gradient.len(); 3], "value, moments and gradient are of one length");
                    for (((p, m), v), g) in values.iter_mut().zip(first).zip(second).zip(gradient) {
                        *m += (g - *m) * step.beta1_rest;
                        *v = *v * step.beta2 + g * g * step.beta2_rest;
                        *p = *p * step.decay - step.rate * (*m / (v.sqrt() / step.correction + step.epsilon));
                    }
                });
            });
        });
    });
    value
}
