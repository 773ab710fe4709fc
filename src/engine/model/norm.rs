//! Layer norm (Ba et al. 2016) and RMS norm (Zhang & Sennrich 2019) over a row.

use super::parameter::{Loader, ModelError, Parameter, WeightSource};
use crate::engine::ops::host::norm::{LayerNorm, RmsNorm};
use crate::engine::ops::host::{on_host, on_three, on_two};
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
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        if on_host(&x.device()) {
            let (shape, epsilon, weight) = (x.dims(), self.epsilon as f32, self.weight.clone());
            return match &self.bias {
                None => on_two(RmsNorm { epsilon }, x, weight, shape),
                Some(bias) => on_three(LayerNorm { epsilon }, x, weight, bias.clone(), shape),
            };
        }
        let weight = self.weight.clone().unsqueeze::<2>();
        match &self.bias {
            None => {
                let inverse = (x.clone().square().mean_dim(1) + self.epsilon).sqrt().recip();
                x * inverse * weight
            }
            Some(bias) => {
                let centred = x.clone() - x.mean_dim(1);
                let inverse = (centred.clone().square().mean_dim(1) + self.epsilon).sqrt().recip();
                centred * inverse * weight + bias.clone().unsqueeze::<2>()
            }
        }
    }
}
