//! Low-rank adaptation (Hu et al. 2021): matrices A and B beside each layer, as [`Lora::matrices`] says.

use super::AdaptError;
use crate::engine::model::{
    Decoder, HostTensor, InitialWeights, LowRank, ModelError, Parameter, Tensors, WeightSource,
};
use crate::engine::ops::Weight;
use crate::seed::Seed;
use crate::spec::{Lora, ParameterSpec, Target};
use burn::Tensor;
use burn::tensor::TensorData;

/// Adapters that do nothing yet.
pub fn fresh(base: &Decoder, lora: &Lora, seed: Seed) -> Result<Decoder, AdaptError> {
    install(base, lora, &mut InitialWeights(seed))
}

/// The base with one adapter's values.
pub fn install(base: &Decoder, lora: &Lora, source: &mut impl WeightSource) -> Result<Decoder, AdaptError> {
    let mut model = base.clone();
    let device = model.device().clone();
    let mut found = false;
    for (layer, target, matrices) in lora.layers(base.config()) {
        let Some(linear) = model.linear(layer, target) else { continue };
        let mut matrix = |parameter: &ParameterSpec| -> Result<Tensor<2>, ModelError> {
            let values = source.tensor(parameter)?;
            Ok(Tensor::from_data(TensorData::new(values, parameter.shape.clone()), &device))
        };
        let [a, b] = &matrices;
        let (a, b) = (matrix(a)?, matrix(b)?);
        linear.adapters.push(LowRank { a, b, scale: lora.scale(), dropout: lora.dropout });
        found = true;
    }
    if found { Ok(model) } else { Err(AdaptError::NoTarget { targets: lora.targets.clone() }) }
}

/// Visits the matrices of the adapter installed last.
pub fn visit(model: &mut Decoder, lora: &Lora, visit: &mut impl FnMut(String, Parameter<'_>)) {
    for (layer, target, [a, b]) in lora.layers(model.config()) {
        if let Some(adapter) = model.linear(layer, target).and_then(|linear| linear.adapters.last_mut()) {
            visit(a.name, Parameter::Matrix(&mut adapter.a));
            visit(b.name, Parameter::Matrix(&mut adapter.b));
        }
    }
}

/// Scales what the adapter installed last adds: 0 turns it off, 1 is as trained. For blending several.
pub fn weigh(model: &mut Decoder, lora: &Lora, weight: f64) {
    for layer in 0..model.config().layers {
        for &target in &lora.targets {
            if let Some(adapter) = model.linear(layer, target).and_then(|linear| linear.adapters.last_mut()) {
                adapter.scale = weight * lora.scale();
            }
        }
    }
}

/// A plain model in f32 whose weights contain all its adapters: `W + s·A·B`.
pub fn merge(adapted: &Decoder) -> Decoder {
    let mut model = adapted.dequantized();
    for layer in 0..model.config().layers {
        for target in Target::ALL {
            let Some(linear) = model.linear(layer, target) else { continue };
            for adapter in std::mem::take(&mut linear.adapters) {
                let dense = adapter.a.matmul(adapter.b).mul_scalar(adapter.scale);
                linear.weight = Weight::Whole(linear.weight.dense() + dense);
            }
        }
    }
    model
}

/// Takes the adapter `lora` with the values of `adapter` out of a merged model again, up to rounding.
pub fn unmerge(merged: &Decoder, lora: &Lora, adapter: &Tensors) -> Result<Decoder, AdaptError> {
    let mut adapted = install(merged, lora, &mut &*adapter)?;
    weigh(&mut adapted, lora, -1.0);
    Ok(merge(&adapted))
}

impl HostTensor {
    /// `[rows, columns]` to `[columns, rows]`: between this lab's layout and PyTorch's.
    pub fn transposed(&self) -> HostTensor {
        let &[rows, columns] = self.shape.as_slice() else { return self.clone() };
        let values = (0..columns).flat_map(|c| (0..rows).map(move |r| self.values[r * columns + c])).collect();
        HostTensor { shape: vec![columns, rows], values }
    }
}
