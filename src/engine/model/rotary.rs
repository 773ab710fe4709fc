//! Rotary position embedding (Su et al. 2021) in Hugging Face's half-split layout: dimension `i` of a head
//! rotates with dimension `i + rotary/2` by the angle `position · theta^(-2i/rotary)`.

use crate::engine::ops::host::rotary::Rotate;
use crate::engine::ops::host::{on_host, on_one};
use crate::spec::{ModelConfig, Position};
use burn::Tensor;
use burn::tensor::{Device, TensorData};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(crate) struct Rotary {
    /// `[positions, rotary/2]`
    cos: Tensor<2>,
    sin: Tensor<2>,
    /// The same in memory, for the CPU backend.
    table: [Arc<[f32]>; 2],
    positions: usize,
    /// Half of the dimensions that rotate.
    half: usize,
}

impl Rotary {
    /// Tables for `positions`, or nothing where positions are learned.
    pub fn new(config: &ModelConfig, positions: usize, device: &Device) -> Option<Self> {
        let Position::Rotary { theta, .. } = config.position else { return None };
        let half = config.rotary_dims() / 2;
        let angles = (0..positions)
            .flat_map(|position| (0..half).map(move |i| position as f64 * theta.powf(-(i as f64) / half as f64)));
        let (cos, sin): (Vec<f32>, Vec<f32>) = angles.map(|a| (a.cos() as f32, a.sin() as f32)).unzip();
        let table = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, [positions, half]), device);
        Some(Rotary {
            table: [cos.clone().into(), sin.clone().into()],
            cos: table(cos),
            sin: table(sin),
            positions,
            half,
        })
    }

    pub fn positions(&self) -> usize {
        self.positions
    }

    /// Rotates rows of heads, `[batch · tokens, heads · head_dim]`, whose first token stands at `offset`.
    pub fn apply(&self, x: Tensor<2>, tokens: usize, heads: usize, offset: usize) -> Tensor<2> {
        let [rows, width] = x.dims();
        let (half, head_dim) = (self.half, width / heads);
        if on_host(&x.device()) {
            let [cos, sin] = self.table.clone();
            return on_one(Rotate { cos, sin, half, tokens, offset, heads, head_dim }, x, [rows, width]);
        }
        let table = |t: &Tensor<2>| t.clone().narrow(0, offset, tokens).reshape([1, tokens, 1, half]);
        let (cos, sin) = (table(&self.cos), table(&self.sin));
        let x = x.reshape([rows / tokens, tokens, heads, head_dim]);
        let first = x.clone().narrow(3, 0, half);
        let second = x.clone().narrow(3, half, half);
        let mut parts = vec![first.clone() * cos.clone() - second.clone() * sin.clone(), second * cos + first * sin];
        if 2 * half < head_dim {
            parts.push(x.narrow(3, 2 * half, head_dim - 2 * half));
        }
        Tensor::cat(parts, 3).reshape([rows, width])
    }
}
