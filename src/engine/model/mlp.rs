//! The feed-forward layer: GELU (Hendrycks & Gimpel 2016), exact or by tanh, or SwiGLU (Shazeer 2020).

use super::decoder::ForwardPass;
use super::linear::Linear;
use super::parameter::{Loader, ModelError, Parameter, WeightSource};
use crate::spec::{Activation, Role, Target, Term};
use burn::Tensor;

#[derive(Clone, Debug)]
pub(crate) struct Mlp {
    gate: Option<Linear>,
    up: Linear,
    down: Linear,
    activation: Activation,
}

impl Mlp {
    pub fn load<S: WeightSource>(layer: usize, loader: &mut Loader<'_, S>) -> Result<Self, ModelError> {
        let gate = Role::Linear(layer, Target::Gate);
        let gate = loader.config.has(gate, Term::Weight).then(|| Linear::load(gate, loader)).transpose()?;
        let up = Linear::load(Role::Linear(layer, Target::Up), loader)?;
        let down = Linear::load(Role::Linear(layer, Target::Down), loader)?;
        Ok(Mlp { gate, up, down, activation: loader.config.activation })
    }

    pub fn visit(&mut self, layer: usize, visit: &mut impl FnMut(String, Parameter<'_>)) {
        if let Some(gate) = &mut self.gate {
            gate.visit(Role::Linear(layer, Target::Gate), visit);
        }
        self.up.visit(Role::Linear(layer, Target::Up), visit);
        self.down.visit(Role::Linear(layer, Target::Down), visit);
    }

    pub fn linear(&mut self, target: Target) -> Option<&mut Linear> {
        match target {
            Target::Gate => self.gate.as_mut(),
            Target::Up => Some(&mut self.up),
            Target::Down => Some(&mut self.down),
            Target::Query | Target::Key | Target::Value | Target::AttentionOut => None,
        }
    }

    /// `[rows, d]` to `[rows, d]`, added to `sum`.
    pub fn forward_onto(&self, sum: Tensor<2>, x: Tensor<2>, pass: &ForwardPass<'_>) -> Tensor<2> {
        let hidden = match (&self.gate, self.activation) {
            (Some(gate), _) => match (gate.layer(pass), self.up.layer(pass)) {
                (Some(gate), Some(up)) => pass.ops.gated(x, [gate, up]),
                _ => {
                    let up = self.up.forward(x.clone(), pass);
                    pass.ops.gate(gate.forward(x, pass), up)
                }
            },
            (None, Activation::GeluTanh) => pass.ops.gelu_tanh(self.up.forward(x, pass)),
            (None, _) => pass.ops.gelu(self.up.forward(x, pass)),
        };
        self.down.forward_onto(sum, hidden, pass)
    }
}
