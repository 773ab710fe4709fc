//! AdamW (Loshchilov & Hutter 2019) over all trained tensors.
//!
//! Moments are plain tensors in rows, one pair per trained tensor, so that a run can be stored and go on bit for
//! bit (burn's own optimizer hides its state).

use crate::engine::model::Parameter;
use crate::engine::ops::{AdamWStep, Joined, Ops, Row};
use crate::spec::{ParameterSpec, TrainConfig};
use burn::Tensor;
use std::collections::BTreeSet;

#[derive(Debug)]
pub struct AdamW {
    ops: &'static dyn Ops,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    weight_decay: f64,
    /// The tensors that weight decay pulls.
    decaying: BTreeSet<String>,
    state: State,
    steps: usize,
}

/// Running means of each tensor's gradient and of its square.
#[derive(Debug)]
enum State {
    Apart(Vec<[Tensor<1>; 2]>),
    Joined(Box<dyn Joined>),
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
            state: State::Apart(Vec::new()),
            steps: 0,
        }
    }

    /// Goes on after `steps` steps that left these moments.
    pub fn resume(&mut self, steps: usize, moments: Vec<[Tensor<1>; 2]>) {
        (self.steps, self.state) = (steps, State::Apart(moments));
    }

    /// Moves the trained tensors against their gradients, which are clipped to `limit`. Both come in one order, rows to
    /// tensors; `visit` may be called more than once.
    pub fn step(
        &mut self,
        gradients: Vec<Tensor<1>>,
        limit: f64,
        rate: f64,
        mut visit: impl FnMut(&mut dyn FnMut(String, Parameter<'_>)),
    ) {
        self.steps += 1;
        let step = AdamWStep {
            decay: (1.0 - rate * self.weight_decay) as f32,
            beta1_rest: (1.0 - self.beta1) as f32,
            beta2: self.beta2 as f32,
            beta2_rest: (1.0 - self.beta2) as f32,
            correction: (1.0 - self.beta2.powi(self.steps as i32)).sqrt() as f32,
            epsilon: self.epsilon as f32,
            rate: (rate / (1.0 - self.beta1.powi(self.steps as i32))) as f32,
        };
        let State::Apart(moments) = &mut self.state else { return self.step_joined(gradients, limit, &step, visit) };
        for gradient in &gradients[moments.len()..] {
            moments.push([gradient.zeros_like(), gradient.zeros_like()]);
        }
        let mut rows = || {
            let mut rows = Vec::new();
            visit(&mut |name, parameter| {
                let moments = moments[rows.len()].clone();
                rows.push(Row { value: parameter.flat(), moments, decays: self.decaying.contains(&name) });
            });
            rows
        };
        if let Some(joined) = self.ops.join(&mut rows) {
            self.state = State::Joined(joined);
            return self.step_joined(gradients, limit, &step, visit);
        }
        let mut tensors = self.ops.clip(gradients, limit).into_iter().zip(moments);
        visit(&mut |name, mut parameter| {
            let (gradient, [first, second]) = tensors.next().expect("each trained tensor has its gradient");
            let decay = if self.decaying.contains(&name) { step.decay } else { 1.0 };
            let step = AdamWStep { decay, ..step };
            parameter.change(|value| self.ops.adamw(value, [first, second], gradient, &step));
        });
    }

    fn step_joined(
        &mut self,
        gradients: Vec<Tensor<1>>,
        limit: f64,
        step: &AdamWStep,
        mut visit: impl FnMut(&mut dyn FnMut(String, Parameter<'_>)),
    ) {
        let State::Joined(joined) = &mut self.state else { return };
        joined.step(gradients, limit, step);
        let mut values = joined.values().into_iter();
        visit(&mut |_, mut parameter| {
            parameter.set_flat(values.next().expect("each trained tensor was joined"));
        });
    }

    /// The moments of each trained tensor; none before the first step.
    pub(crate) fn moments(&self) -> Vec<[Tensor<1>; 2]> {
        match &self.state {
            State::Apart(moments) => moments.clone(),
            State::Joined(joined) => joined.moments(),
        }
    }
}
