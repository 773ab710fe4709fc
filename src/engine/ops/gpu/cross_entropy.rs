//! Cross-entropy of logits, a group of threads a row: neither the probabilities nor their logarithms are kept.

use super::op::{KernelOp, Slope, empty, run};
use super::upload;
use burn::Tensor;
use burn::backend::wgpu::CubeTensor;
use burn_cubecl::cubecl::{self, prelude::*};
use std::sync::Arc;

/// The sum of `weight · −ln softmax(logits)[target]` over rows: logits `[rows, vocab]` to `[1]`.
#[derive(Clone, Debug)]
struct CrossEntropy {
    /// The targets, and the weights' bits: `[2 · rows]`.
    targets: CubeTensor,
    rows: usize,
    vocab: usize,
}

pub(super) fn cross_entropy(logits: Tensor<2>, targets: Arc<[u32]>, weights: Vec<f32>) -> Tensor<1> {
    let [rows, vocab] = logits.dims();
    let words: Vec<u32> = targets.iter().copied().chain(weights.into_iter().map(f32::to_bits)).collect();
    let op = CrossEntropy { targets: upload(&words, &logits.device()), rows, vocab };
    run(op, vec![logits.into_dispatch()])
}

impl KernelOp for CrossEntropy {
    /// ln of the sum of each row's powers, and its weighted loss: `[rows, 2]`.
    type Saved = CubeTensor;

    fn forward(&self, inputs: &[CubeTensor]) -> (CubeTensor, CubeTensor) {
        let logits = &inputs[0];
        let (out, saved) = (empty(logits, [1]), empty(logits, [self.rows, 2]));
        // SAFETY: the kernels stay within the rows; targets are of the vocabulary.
        unsafe {
            nats::launch_unchecked(
                &logits.client,
                CubeCount::new_1d(self.rows as u32),
                CubeDim::new_1d(THREADS as u32),
                logits.clone().into_buffer_arg(),
                self.targets.clone().into_buffer_arg(),
                saved.clone().into_buffer_arg(),
                self.rows,
                self.vocab,
            );
            total::launch_unchecked(
                &logits.client,
                CubeCount::new_1d(1),
                CubeDim::new_1d(THREADS as u32),
                saved.clone().into_buffer_arg(),
                out.clone().into_buffer_arg(),
                self.rows,
            );
        }
        (out, saved)
    }

    fn backward(&self, inputs: &[CubeTensor], saved: CubeTensor, gradient: CubeTensor, mut into: Vec<Option<Slope>>) {
        let (logits, Some(Slope { tensor, add })) = (&inputs[0], into.remove(0)) else { return };
        // SAFETY: as above.
        unsafe {
            nats_slopes::launch_unchecked(
                &logits.client,
                CubeCount::new_1d(self.rows as u32),
                CubeDim::new_1d(THREADS as u32),
                logits.clone().into_buffer_arg(),
                self.targets.clone().into_buffer_arg(),
                saved.into_buffer_arg(),
                gradient.into_buffer_arg(),
                tensor.into_buffer_arg(),
                self.rows,
                self.vocab,
                add,
            );
        }
    }
}

/// Threads of a group.
const THREADS: usize = 64;

#[cube(launch_unchecked)]
fn nats(logits: &[f32], targets: &[u32], saved: &mut [f32], rows: usize, vocab: usize) {
    let mut highs = Shared::<[f32]>::new_slice(THREADS);
    let mut sums = Shared::<[f32]>::new_slice(THREADS);
    let unit = UNIT_POS as usize;
    let from = CUBE_POS * vocab;
    let mut high = f32::new(-1e30);
    for at in range_stepped(unit, vocab, THREADS) {
        high = high.max(logits[from + at]);
    }
    highs[unit] = high;
    sync_cube();
    for other in 0..THREADS {
        high = high.max(highs[other]);
    }
    let mut sum = 0.0f32;
    for at in range_stepped(unit, vocab, THREADS) {
        sum += (logits[from + at] - high).exp();
    }
    sums[unit] = sum;
    sync_cube();
    if unit == 0 {
        let mut all = 0.0f32;
        for other in 0..THREADS {
            all += sums[other];
        }
        let whole = high + all.ln();
        let weight = f32::reinterpret(targets[rows + CUBE_POS]);
        saved[CUBE_POS * 2] = whole;
        saved[CUBE_POS * 2 + 1] = weight * (whole - logits[from + targets[CUBE_POS] as usize]);
    }
}

#[cube(launch_unchecked)]
fn total(saved: &[f32], out: &mut [f32], rows: usize) {
    let mut sums = Shared::<[f32]>::new_slice(THREADS);
    let unit = UNIT_POS as usize;
    let mut sum = 0.0f32;
    for row in range_stepped(unit, rows, THREADS) {
        sum += saved[row * 2 + 1];
    }
    sums[unit] = sum;
    sync_cube();
    if unit == 0 {
        let mut all = 0.0f32;
        for other in 0..THREADS {
            all += sums[other];
        }
        out[0] = all;
    }
}

#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
fn nats_slopes(
    logits: &[f32],
    targets: &[u32],
    saved: &[f32],
    gradient: &[f32],
    out: &mut [f32],
    rows: usize,
    vocab: usize,
    #[comptime] add: bool,
) {
    let from = CUBE_POS * vocab;
    let (whole, target) = (saved[CUBE_POS * 2], targets[CUBE_POS] as usize);
    let weight = f32::reinterpret(targets[rows + CUBE_POS]) * gradient[0];
    for at in range_stepped(UNIT_POS as usize, vocab, THREADS) {
        let mut value = (logits[from + at] - whole).exp() * weight;
        if at == target {
            value -= weight;
        }
        if comptime!(add) {
            value += out[from + at];
        }
        out[from + at] = value;
    }
}
