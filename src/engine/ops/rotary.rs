//! Rotary position embedding (Su et al. 2021) in Hugging Face's half-split layout: dimension `i` of a head
//! rotates with dimension `i + rotary/2` by the angle `position · theta^(-2i/rotary)`.

use super::embedding::composed_rows;
use super::host::{SliceOp, run};
use super::{Layout, Regular};
use crate::spec::{ModelConfig, Position};
use burn::Tensor;
use burn::tensor::{Device, TensorData};
use std::sync::Arc;

/// The angles of a model's positions.
#[derive(Clone, Debug)]
pub struct Rotary {
    /// `[positions, rotary/2]`
    cos: Tensor<2>,
    sin: Tensor<2>,
    /// The same in memory, for the host.
    values: [Arc<[f32]>; 2],
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
            values: [cos.clone().into(), sin.clone().into()],
            cos: table(cos),
            sin: table(sin),
            positions,
            half,
        })
    }

    pub fn positions(&self) -> usize {
        self.positions
    }

    /// Cosines and sines, `[positions, half]`.
    #[cfg(feature = "gpu")]
    pub(super) fn tables(&self) -> [&Tensor<2>; 2] {
        [&self.cos, &self.sin]
    }

    /// Half of the dimensions that rotate.
    #[cfg(feature = "gpu")]
    pub(super) fn half(&self) -> usize {
        self.half
    }
}

pub(super) fn composed(x: Tensor<2>, rotary: &Rotary, layout: &Layout, heads: usize) -> Tensor<2> {
    let ([rows, width], half) = (x.dims(), rotary.half);
    let head_dim = width / heads;
    let [sequences, tokens] = layout.as_regular().map_or([1, rows], |shape| [shape.sequences, shape.tokens]);
    let table = |t: &Tensor<2>| {
        let t = match layout.as_regular() {
            Some(Regular { tokens, offset, .. }) => t.clone().narrow(0, offset, tokens),
            None => composed_rows(t.clone(), layout.positions()),
        };
        t.reshape([1, tokens, 1, half])
    };
    let (cos, sin) = (table(&rotary.cos), table(&rotary.sin));
    let x = x.reshape([sequences, tokens, heads, head_dim]);
    let first = x.clone().narrow(3, 0, half);
    let second = x.clone().narrow(3, half, half);
    let mut parts = vec![first.clone() * cos.clone() - second.clone() * sin.clone(), second * cos + first * sin];
    if 2 * half < head_dim {
        parts.push(x.narrow(3, 2 * half, head_dim - 2 * half));
    }
    Tensor::cat(parts, 3).reshape([rows, width])
}

/// The derivative is the rotation back.
pub(super) fn host(x: Tensor<2>, rotary: &Rotary, layout: &Layout, heads: usize) -> Tensor<2> {
    let shape @ [_, width] = x.dims();
    let [cos, sin] = rotary.values.clone();
    let positions = layout.positions().clone();
    let op = Rotate { cos, sin, half: rotary.half, positions, heads, head_dim: width / heads };
    run(op, [x.into_dispatch()], shape)
}

#[derive(Clone, Debug)]
struct Rotate {
    /// `[positions, half]`
    cos: Arc<[f32]>,
    sin: Arc<[f32]>,
    half: usize,
    /// Of each row.
    positions: Arc<[u32]>,
    heads: usize,
    head_dim: usize,
}

impl Rotate {
    fn rotate(&self, x: &[f32], direction: f32) -> Vec<f32> {
        let mut out = x.to_vec();
        for (values, &position) in out.chunks_exact_mut(self.heads * self.head_dim).zip(self.positions.iter()) {
            let at = position as usize * self.half;
            let (cos, sin) = (&self.cos[at..at + self.half], &self.sin[at..at + self.half]);
            for head in values.chunks_exact_mut(self.head_dim) {
                let (first, second) = head[..2 * self.half].split_at_mut(self.half);
                for ((a, b), (cos, sin)) in first.iter_mut().zip(second).zip(cos.iter().zip(sin)) {
                    let sin = direction * sin;
                    (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
                }
            }
        }
        out
    }
}

impl SliceOp<1> for Rotate {
    type Saved = ();

    fn forward(&self, [x]: [&[f32]; 1], _: bool) -> (Vec<f32>, ()) {
        (self.rotate(x, 1.0), ())
    }

    fn backward(&self, _: [&[f32]; 1], (): (), gradient: &[f32], _: [bool; 1]) -> [Option<Vec<f32>>; 1] {
        [Some(self.rotate(gradient, -1.0))]
    }
}
