//! A base's weights with adapters merged in, one tensor at a time.

use super::trainable;
use crate::engine::model::{ModelError, Tensors, WeightSource};
use crate::spec::{Method, ModelConfig, ParameterSpec};

/// `W + Σ weight · what the adapter adds`.
pub struct MergedWeights<'a, S> {
    pub config: &'a ModelConfig,
    pub base: &'a mut S,
    pub adapters: &'a [WeightedAdapter<'a>],
}

/// An adapter that merges ([`MethodKind::merges`](crate::spec::MethodKind::merges)) and the factor by which it counts.
#[derive(Clone, Copy, Debug)]
pub struct WeightedAdapter<'a> {
    pub method: &'a Method,
    pub tensors: &'a Tensors,
    pub weight: f64,
}

impl<S: WeightSource> WeightSource for MergedWeights<'_, S> {
    fn tensor(&mut self, parameter: &ParameterSpec) -> Result<Vec<f32>, ModelError> {
        let mut weight = self.base.tensor(parameter)?;
        for WeightedAdapter { method, tensors, weight: factor } in self.adapters {
            trainable(method).merge(self.config, parameter, tensors, *factor, &mut weight)?;
        }
        Ok(weight)
    }
}
