//! AdamW (Loshchilov & Hutter 2019) in PyTorch's order of operations, and clipping by the global norm
//! (Pascanu et al. 2013) as in PyTorch's `clip_grad_norm_`.
//!
//! Moments are plain tensors in rows, one pair per trained tensor, so that a run can be stored and go on bit for
//! bit (burn's own optimizer hides its state).

use crate::engine::model::Parameter;
use crate::engine::ops::host::step::{self, Coefficients};
use crate::engine::ops::on_host;
use crate::spec::{ParameterSpec, TrainConfig};
use burn::Tensor;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
pub struct AdamW {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    weight_decay: f64,
    /// The tensors that weight decay pulls.
    decaying: BTreeSet<String>,
    pub(crate) moments: Vec<Moments>,
    pub(crate) steps: usize,
}

/// Running means of one tensor's gradient and of its square.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    pub first: Tensor<1>,
    pub second: Tensor<1>,
}

impl AdamW {
    /// For the tensors in `trained`.
    pub fn new(config: &TrainConfig, trained: &[ParameterSpec]) -> Self {
        let decaying = trained.iter().filter(|parameter| parameter.decays);
        AdamW {
            beta1: config.beta1,
            beta2: config.beta2,
            epsilon: config.epsilon,
            weight_decay: config.weight_decay,
            decaying: decaying.map(|parameter| parameter.name.clone()).collect(),
            moments: Vec::new(),
            steps: 0,
        }
    }

    /// Begins a step: the tensors' updates follow in a fixed order.
    pub fn begin(&mut self) {
        self.steps += 1;
    }

    /// Moves the `index`-th trained tensor against its gradient (one row).
    pub fn update(&mut self, index: usize, name: &str, parameter: &mut Parameter<'_>, gradient: Tensor<1>, rate: f64) {
        if index == self.moments.len() {
            self.moments.push(Moments { first: gradient.zeros_like(), second: gradient.zeros_like() });
        }
        let decay = if self.decaying.contains(name) { 1.0 - rate * self.weight_decay } else { 1.0 };
        let correction1 = 1.0 - self.beta1.powi(self.steps as i32);
        let correction2 = 1.0 - self.beta2.powi(self.steps as i32);
        let Moments { first, second } = &mut self.moments[index];
        if on_host(&gradient.device()) {
            let coefficients = Coefficients {
                keep: decay as f32,
                first: (1.0 - self.beta1) as f32,
                second: [self.beta2 as f32, (1.0 - self.beta2) as f32],
                correction: correction2.sqrt() as f32,
                epsilon: self.epsilon as f32,
                rate: (rate / correction1) as f32,
            };
            return parameter.change(|mut values| {
                step::adamw(&mut values, [first, second], gradient, coefficients);
                values
            });
        }
        let squared = gradient.clone().square().mul_scalar(1.0 - self.beta2);
        first.inplace(|m| m.clone() + (gradient - m).mul_scalar(1.0 - self.beta1));
        second.inplace(|v| v.mul_scalar(self.beta2) + squared);
        let denominator = second.clone().sqrt().div_scalar(correction2.sqrt()).add_scalar(self.epsilon);
        let step = (first.clone() / denominator).mul_scalar(rate / correction1);
        parameter.set_flat(parameter.flat().mul_scalar(decay) - step);
    }
}

/// Scales gradients so that their global norm is at most `limit`; 0 leaves them. Nothing is read from the device.
pub fn clip(mut gradients: Vec<Tensor<1>>, limit: f64) -> Vec<Tensor<1>> {
    if limit <= 0.0 {
        return gradients;
    }
    if gradients.first().is_some_and(|gradient| on_host(&gradient.device())) {
        let coefficient = limit / (step::squares(&gradients).sqrt() + 1e-6);
        if coefficient.is_nan() || coefficient < 1.0 {
            gradients.iter_mut().for_each(|gradient| step::scale(gradient, coefficient as f32));
        }
        return gradients;
    }
    let squares = gradients.iter().map(|gradient| gradient.clone().square().sum());
    let Some(total) = squares.reduce(|sum, square| sum + square) else { return gradients };
    let coefficient = total.sqrt().add_scalar(1e-6).recip().mul_scalar(limit).clamp_max(1.0);
    gradients.into_iter().map(|gradient| gradient * coefficient.clone()).collect()
}
