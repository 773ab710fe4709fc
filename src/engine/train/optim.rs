//! AdamW (Loshchilov & Hutter 2019) over all trained tensors.
//!
//! Moments are plain tensors in rows, one pair per trained tensor, so that a run can be stored and go on bit for
//! bit (burn's own optimizer hides its state).

use crate::engine::model::Parameter;
use crate::engine::ops::{AdamWStep, Ops};
use crate::spec::{ParameterSpec, TrainConfig};
use burn::Tensor;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
pub struct AdamW {
    ops: &'static dyn Ops,
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
    pub fn new(ops: &'static dyn Ops, config: &TrainConfig, trained: &[ParameterSpec]) -> Self {
        let decaying = trained.iter().filter(|parameter| parameter.decays);
        AdamW {
            ops,
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
        let step = AdamWStep {
            decay: decay as f32,
            beta1_rest: (1.0 - self.beta1) as f32,
            beta2: self.beta2 as f32,
            beta2_rest: (1.0 - self.beta2) as f32,
            correction: (1.0 - self.beta2.powi(self.steps as i32)).sqrt() as f32,
            epsilon: self.epsilon as f32,
            rate: (rate / (1.0 - self.beta1.powi(self.steps as i32))) as f32,
        };
        let Moments { first, second } = &mut self.moments[index];
        parameter.change(|value| self.ops.adamw(value, [first, second], gradient, &step));
    }
}
