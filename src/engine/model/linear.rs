//! A linear layer, with or without low-rank adapters beside it (Hu et al. 2021). W stays out of the gradient's graph
//! where it is not trained, so neither its gradient nor its input's copy is made.

use super::decoder::ForwardPass;
use super::parameter::{Loader, ModelError, Parameter, WeightSource};
use crate::engine::ops::{Layer, Weight};
use crate::seed::Draw;
use crate::spec::{Role, Term};
use burn::Tensor;
use burn::tensor::TensorData;
use std::cell::RefCell;

#[derive(Clone, Debug)]
pub struct Linear {
    /// `[in, out]`
    pub(crate) weight: Weight,
    pub(crate) bias: Option<Tensor<1>>,
    /// What is added beside the weight: one adapter in training, several when adapters are blended.
    pub(crate) adapters: Vec<LowRank>,
}

/// A low-rank addition to a linear layer: `scale · (x·a)·b`.
#[derive(Clone, Debug)]
pub struct LowRank {
    /// `[in, rank]`: PEFT's `lora_A`, transposed.
    pub a: Tensor<2>,
    /// `[rank, out]`: PEFT's `lora_B`, transposed.
    pub b: Tensor<2>,
    pub scale: f64,
    /// Share of the adapter's inputs that is zeroed while training.
    pub dropout: f64,
}

/// The random choices of one training pass. Made on the host, so that every device drops the same inputs.
#[derive(Debug)]
pub struct Dropout(RefCell<Draw>);

impl Dropout {
    pub fn new(draw: Draw) -> Self {
        Dropout(RefCell::new(draw))
    }

    /// Inverted dropout (Srivastava et al. 2014): 0 with probability `share`, else 1/(1-share).
    fn drop(&self, x: Tensor<2>, share: f64) -> Tensor<2> {
        let shape = x.dims();
        let kept = (1.0 / (1.0 - share)) as f32;
        let mut draw = self.0.borrow_mut();
        let mask: Vec<f32> =
            (0..shape[0] * shape[1]).map(|_| if draw.unit_f32() < share as f32 { 0.0 } else { kept }).collect();
        let mask = Tensor::from_data(TensorData::new(mask, shape), &x.device().inner());
        x * mask
    }
}

impl Linear {
    pub(crate) fn load<S: WeightSource>(role: Role, loader: &mut Loader<'_, S>) -> Result<Self, ModelError> {
        Ok(Linear { weight: loader.weight(role)?, bias: loader.bias(role)?, adapters: Vec::new() })
    }

    pub(crate) fn visit(&mut self, role: Role, visit: &mut impl FnMut(String, Parameter<'_>)) {
        self.weight.visit(role, visit);
        if let Some(bias) = &mut self.bias {
            visit(role.name(Term::Bias), Parameter::Vector(bias));
        }
    }

    /// Its tensors, where at most one adapter is added beside the weight, and nothing is dropped.
    pub(crate) fn layer(&self, pass: &ForwardPass<'_>) -> Option<Layer<'_>> {
        let adapter = match self.adapters.as_slice() {
            [] => None,
            [adapter] if pass.dropout.is_none() || adapter.dropout == 0.0 => Some((adapter.matrices(), adapter.scale)),
            _ => return None,
        };
        Some(Layer { weight: &self.weight, bias: self.bias.as_ref(), adapter })
    }

    /// `[rows, in]` to `[rows, out]`.
    pub(crate) fn forward(&self, x: Tensor<2>, pass: &ForwardPass<'_>) -> Tensor<2> {
        self.added(x, None, pass)
    }

    /// The same added to `sum`.
    pub(crate) fn forward_onto(&self, sum: Tensor<2>, x: Tensor<2>, pass: &ForwardPass<'_>) -> Tensor<2> {
        self.added(x, Some(sum), pass)
    }

    fn added(&self, x: Tensor<2>, sum: Option<Tensor<2>>, pass: &ForwardPass<'_>) -> Tensor<2> {
        let (ops, bias) = (pass.ops, self.bias.as_ref());
        if let Some(Layer { adapter: Some((adapter, scale)), .. }) = self.layer(pass) {
            return ops.linear_adapted(x, &self.weight, bias, adapter, scale, sum);
        }
        let dropout = |adapter: &LowRank| pass.dropout.filter(|_| adapter.dropout > 0.0);
        let plain = ops.linear(x.clone(), &self.weight, bias, sum);
        self.adapters.iter().fold(plain, |sum, adapter| {
            let x = match dropout(adapter) {
                Some(dropout) => dropout.drop(x.clone(), adapter.dropout),
                None => x.clone(),
            };
            sum + ops.low_rank(x, adapter.matrices(), adapter.scale)
        })
    }
}

impl LowRank {
    fn matrices(&self) -> [&Tensor<2>; 2] {
        [&self.a, &self.b]
    }
}
