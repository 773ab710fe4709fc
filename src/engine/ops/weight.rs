//! The matrix of a linear layer, an embedding or a head: a whole tensor, which can be trained, or one that is packed
//! into less than f32 and stays as it is.

use super::{Packed, PackedTensors};
use burn::Tensor;
use burn::tensor::{Device, TensorData};
use std::sync::Arc;

/// `[rows, columns]`
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "a few dozen in a model, and whole tensors are what every run uses")]
pub enum Weight {
    Whole(Tensor<2>),
    /// On the host.
    Packed(Arc<Packed>),
    /// On another device.
    PackedOnDevice(Box<PackedTensors>),
}

impl Weight {
    pub fn dims(&self) -> [usize; 2] {
        match self {
            Weight::Whole(tensor) => tensor.dims(),
            Weight::Packed(packed) => packed.shape(),
            Weight::PackedOnDevice(packed) => packed.shape(),
        }
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> u64 {
        match self {
            Weight::Whole(tensor) => 4 * tensor.shape().num_elements() as u64,
            Weight::Packed(packed) => packed.bytes(),
            Weight::PackedOnDevice(packed) => packed.bytes(),
        }
    }

    /// The values as one f32 tensor.
    pub fn dense(&self) -> Tensor<2> {
        match self {
            Weight::Whole(tensor) => tensor.clone(),
            Weight::PackedOnDevice(packed) => packed.dense(),
            Weight::Packed(packed) => {
                let [rows, columns] = packed.shape();
                let mut values = Vec::new();
                packed.unpack(0..rows, 0..columns, &mut values);
                Tensor::from_data(TensorData::new(values, [rows, columns]), &Device::flex())
            }
        }
    }
}
