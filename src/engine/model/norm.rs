//! Layer norm (Ba et al. 2016) and RMS norm (Zhang & Sennrich 2019) over a row.

use super::parameter::{Loader, ModelError, Parameter, WeightSource};
use crate::engine::ops::Ops;
use crate::spec::{Role, Term};
use burn::Tensor;

#[derive(Clone, Debug)]
pub(crate) struct NormLayer {
    weight: Tensor<1>,
    /// Layer norm's; RMS norm has none.
    bias: Option<Tensor<1>>,
    epsilon: f64,
}

impl NormLayer {
    pub fn load<S: WeightSource>(role: Role, loader: &mut Loader<'_, S>) -> Result<Self, ModelError> {
        let weight = loader.vector(role, Term::Weight)?;
        Ok(NormLayer { weight, bias: loader.bias(role)?, epsilon: loader.config.norm_eps })
    }

    pub fn visit(&mut self, role: Role, visit: &mut impl FnMut(String, Parameter<'_>)) {
        visit(role.name(Term::Weight), Parameter::Vector(&mut self.weight));
        if let Some(bias) = &mut self.bias {
            visit(role.name(Term::Bias), Parameter::Vector(bias));
        }
    }

    /// `[rows, d]` to `[rows, d]`.
    pub fn forward(&self, x: Tensor<2>, ops: &dyn Ops) -> Tensor<2> {
        match &self.bias {
            None => ops.rms_norm(x, &self.weight, self.epsilon),
            Some(bias) => ops.layer_norm(x, &self.weight, bias, self.epsilon),
        }
    }
}
