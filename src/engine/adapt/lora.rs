//! Low-rank adaptation (Hu et al. 2021), with PEFT's conventions: A uniform in ±1/√in (Kaiming's, a = √5), B zero,
//! scale alpha/rank or alpha/√rank (Kalajdzievski 2023).
//!
//! Adapters are named after their layer: `blocks.{i}.attention.query.lora_a` `[in, rank]` and `….lora_b`
//! `[rank, out]`, the transposes of PEFT's `lora_A` and `lora_B`.

use super::AdaptError;
use crate::engine::model::{Decoder, HostTensor, LowRank, ModelError, Parameter, Tensors, Weight, WeightSource};
use crate::seed::Seed;
use crate::spec::{Lora, Target};
use burn::Tensor;
use burn::tensor::TensorData;
use rand::Rng;

/// Adapters that do nothing yet.
pub fn fresh(base: &Decoder, lora: &Lora, seed: Seed) -> Result<Decoder, AdaptError> {
    install(base, lora, &mut Fresh(seed))
}

/// The base with one adapter's values.
pub fn install(base: &Decoder, lora: &Lora, source: &mut impl WeightSource) -> Result<Decoder, AdaptError> {
    let mut model = base.clone();
    let device = model.device().clone();
    let mut found = false;
    for layer in 0..model.config().layers {
        for &target in &lora.targets {
            let Some(linear) = model.linear(layer, target) else { continue };
            let [inputs, outputs] = linear.weight.dims();
            let mut matrix = |part: &str, shape: [usize; 2]| -> Result<Tensor<2>, ModelError> {
                let values = source.tensor(&name(layer, target, part), &shape)?;
                Ok(Tensor::from_data(TensorData::new(values, shape), &device))
            };
            let a = matrix("lora_a", [inputs, lora.rank])?;
            let b = matrix("lora_b", [lora.rank, outputs])?;
            linear.adapters.push(LowRank { a, b, scale: lora.scale(), dropout: lora.dropout });
            found = true;
        }
    }
    if found { Ok(model) } else { Err(AdaptError::NoTarget { targets: lora.targets.clone() }) }
}

/// Visits the matrices of the adapter installed last.
pub fn visit(model: &mut Decoder, lora: &Lora, visit: &mut impl FnMut(String, Parameter<'_>)) {
    for layer in 0..model.config().layers {
        for &target in &lora.targets {
            if let Some(adapter) = model.linear(layer, target).and_then(|linear| linear.adapters.last_mut()) {
                visit(name(layer, target, "lora_a"), Parameter::Matrix(&mut adapter.a));
                visit(name(layer, target, "lora_b"), Parameter::Matrix(&mut adapter.b));
            }
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
    let mut model = adapted.dense();
    let device = model.device().clone();
    for layer in 0..model.config().layers {
        for target in Target::ALL {
            let Some(linear) = model.linear(layer, target) else { continue };
            for adapter in std::mem::take(&mut linear.adapters) {
                let dense = adapter.a.matmul(adapter.b).mul_scalar(adapter.scale);
                linear.weight = Weight::Whole(linear.weight.dense(&device) + dense);
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

pub(super) fn name(layer: usize, target: Target, part: &str) -> String {
    let place = match target {
        Target::Query => "attention.query",
        Target::Key => "attention.key",
        Target::Value => "attention.value",
        Target::AttentionOut => "attention.out",
        Target::Gate => "mlp.gate",
        Target::Up => "mlp.up",
        Target::Down => "mlp.down",
    };
    format!("blocks.{layer}.{place}.{part}")
}

/// The values that training starts from.
struct Fresh(Seed);

impl WeightSource for Fresh {
    fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let count = shape.iter().product();
        if name.ends_with("lora_b") {
            return Ok(vec![0.0; count]);
        }
        let bound = 1.0 / (shape[0] as f64).sqrt();
        let mut rng = self.0.derive(name, 0).rng();
        Ok((0..count).map(|_| (bound * (2.0 * rng.random::<f64>() - 1.0)) as f32).collect())
    }
}

impl HostTensor {
    /// `[rows, columns]` to `[columns, rows]`: between this lab's layout and PyTorch's.
    pub fn transposed(&self) -> HostTensor {
        let &[rows, columns] = self.shape.as_slice() else { return self.clone() };
        let values = (0..columns).flat_map(|c| (0..rows).map(move |r| self.values[r * columns + c])).collect();
        HostTensor { shape: vec![columns, rows], values }
    }
}
