//! The matrix of a linear layer, an embedding or a head: a plain tensor, which can be trained, or one that is frozen
//! and rests in less than f32 ([`Packed`]).

use super::decoder::Ids;
use super::linear::LowRank;
use super::parameter::Parameter;
use crate::engine::ops::host::adapted::Adapted;
use crate::engine::ops::host::frozen::Frozen;
use crate::engine::ops::host::product::Product;
use crate::engine::ops::host::{on_host, on_many, on_one, on_three, on_two};
use crate::engine::ops::packed::{Packed, Words};
use crate::spec::{Role, Term};
use burn::Tensor;
use burn::tensor::module;
use burn::tensor::{Device, TensorData};
use std::sync::Arc;

/// `[rows, columns]`
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "a few dozen in a model, and whole tensors are what every run uses")]
pub(crate) enum Weight {
    Whole(Tensor<2>),
    /// On the CPU.
    Packed(Arc<Packed>),
    /// On another device.
    Words(Box<Words>),
}

impl Weight {
    pub fn packed(packed: Packed, device: &Device) -> Self {
        if on_host(device) {
            Weight::Packed(Arc::new(packed))
        } else {
            Weight::Words(Words::new(&packed, device).into())
        }
    }

    pub fn dims(&self) -> [usize; 2] {
        match self {
            Weight::Whole(tensor) => tensor.dims(),
            Weight::Packed(packed) => packed.shape(),
            Weight::Words(words) => words.shape(),
        }
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> u64 {
        match self {
            Weight::Whole(tensor) => 4 * tensor.shape().num_elements() as u64,
            Weight::Packed(packed) => packed.bytes(),
            Weight::Words(words) => words.bytes(),
        }
    }

    /// Visits a plain tensor; what rests in less is no parameter that could be changed.
    pub fn visit(&mut self, role: Role, visit: &mut impl FnMut(String, Parameter<'_>)) {
        if let Weight::Whole(tensor) = self {
            visit(role.name(Term::Weight), Parameter::Matrix(tensor));
        }
    }

    /// The values as one f32 tensor.
    pub fn dense(&self, device: &Device) -> Tensor<2> {
        match self {
            Weight::Whole(tensor) => tensor.clone(),
            Weight::Words(words) => words.dense(),
            Weight::Packed(packed) if on_host(device) => {
                let [rows, columns] = packed.shape();
                let mut values = Vec::new();
                packed.unpack(0..rows, 0..columns, &mut values);
                Tensor::from_data(TensorData::new(values, [rows, columns]), device)
            }
            Weight::Packed(packed) => Words::new(packed, device).dense(),
        }
    }

    /// The rows that stand at `ids`, `[ids, columns]`.
    pub fn rows(&self, ids: Ids, device: &Device) -> Tensor<2> {
        match (self, ids) {
            (Weight::Packed(packed), Ids::Host(ids)) => {
                let columns = packed.shape()[1];
                let (mut values, mut row) = (Vec::with_capacity(ids.len() * columns), Vec::new());
                for &id in ids.iter() {
                    packed.unpack(id as usize..id as usize + 1, 0..columns, &mut row);
                    values.extend_from_slice(&row);
                }
                Tensor::from_data(TensorData::new(values, [ids.len(), columns]), device)
            }
            (Weight::Words(words), Ids::Device(ids)) => words.rows(*ids).dense(),
            (weight, ids) => ids.rows_of(weight.dense(device)),
        }
    }

    /// `x·W + bias`, or with `transposed` `x·Wᵀ + bias`.
    pub fn product(&self, x: Tensor<2>, transposed: bool, bias: Option<&Tensor<1>>) -> Tensor<2> {
        let ([m, k], [rows, columns]) = (x.dims(), self.dims());
        let n = if transposed { rows } else { columns };
        let device = x.device().inner();
        if !on_host(&device) {
            let dense = self.dense(&device);
            return module::linear(x, if transposed { dense.transpose() } else { dense }, bias.cloned());
        }
        let op = Product { shape: [m, k, n], transposed };
        match (self, bias) {
            (Weight::Packed(weight), None) => on_one(Frozen { op, weight: weight.clone() }, x, [m, n]),
            (Weight::Packed(weight), Some(bias)) => {
                on_two(Frozen { op, weight: weight.clone() }, x, bias.clone(), [m, n])
            }
            (whole, None) => on_two(op, x, whole.dense(&device), [m, n]),
            (whole, Some(bias)) => on_three(op, x, whole.dense(&device), bias.clone(), [m, n]),
        }
    }

    /// `x·W + bias + scale · (x·A)·B` as one operation on the CPU.
    pub fn adapted(&self, x: Tensor<2>, adapter: &LowRank, bias: Option<&Tensor<1>>) -> Tensor<2> {
        let ([m, k], [rank, n]) = (x.dims(), adapter.b.dims());
        let op = Adapted { shape: [m, k, n], rank, scale: adapter.scale as f32 };
        let device = x.device().inner();
        let [x, a, b] = [x, adapter.a.clone(), adapter.b.clone()].map(Tensor::into_dispatch);
        let bias = bias.map(|bias| bias.clone().into_dispatch());
        match (self, bias) {
            (Weight::Packed(weight), None) => on_many(Frozen { op, weight: weight.clone() }, [x, a, b], [m, n]),
            (Weight::Packed(weight), Some(bias)) => {
                on_many(Frozen { op, weight: weight.clone() }, [x, a, b, bias], [m, n])
            }
            (whole, None) => on_many(op, [x, whole.dense(&device).into_dispatch(), a, b], [m, n]),
            (whole, Some(bias)) => on_many(op, [x, whole.dense(&device).into_dispatch(), a, b, bias], [m, n]),
        }
    }
}
