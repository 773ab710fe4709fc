//! Cross-entropy of logits, and the rows of an embedding.

use super::op::{HostOp, contiguous, plain, slice};
use super::{exp, sum};
use burn::Tensor;
use std::sync::Arc;

/// The sum of `weight · −ln softmax(logits)[target]` over rows: logits `[rows, vocab]` to `[1]`.
#[derive(Clone, Debug)]
pub(crate) struct CrossEntropy {
    pub targets: Arc<[u32]>,
    pub weights: Arc<[f32]>,
    pub vocab: usize,
}

impl HostOp<1> for CrossEntropy {
    /// The gradient of the logits.
    type Saved = Vec<f32>;

    fn forward(&self, [logits]: [&[f32]; 1], keep: bool) -> (Vec<f32>, Vec<f32>) {
        let mut total = 0.0f64;
        let mut slopes = if keep { vec![0.0; logits.len()] } else { Vec::new() };
        let mut powers = vec![0.0; self.vocab];
        for (row, logits) in logits.chunks_exact(self.vocab).enumerate() {
            let (target, weight) = (self.targets[row] as usize, self.weights[row]);
            if weight == 0.0 {
                continue;
            }
            let powers = match keep {
                true => &mut slopes[row * self.vocab..(row + 1) * self.vocab],
                false => &mut powers[..],
            };
            let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            powers.iter_mut().zip(logits).for_each(|(power, logit)| *power = exp(logit - highest));
            let all = sum(powers);
            total += f64::from(weight * (all.ln() + highest - logits[target]));
            if keep {
                let scale = weight / all;
                powers.iter_mut().for_each(|power| *power *= scale);
                powers[target] -= weight;
            }
        }
        (vec![total as f32], slopes)
    }

    fn backward(&self, _: [&[f32]; 1], mut slopes: Vec<f32>, gradient: &[f32], _: [bool; 1]) -> [Option<Vec<f32>>; 1] {
        slopes.iter_mut().for_each(|slope| *slope *= gradient[0]);
        [Some(slopes)]
    }
}

/// For each row of logits `[rows, vocab]` without gradients: −ln softmax(logits)[target], and whether the target
/// is a first choice.
pub(crate) fn row_nats(logits: Tensor<2>, targets: &[u32]) -> Vec<(f32, bool)> {
    let vocab = logits.dims()[1];
    let logits = contiguous(plain(logits.inner().into_dispatch()));
    let mut powers = vec![0.0; vocab];
    let rows = slice(&logits).chunks_exact(vocab);
    assert_eq!(rows.len(), targets.len(), "a target for every row of logits");
    rows.zip(targets)
        .map(|(row, &target)| {
            let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            powers.iter_mut().zip(row).for_each(|(power, logit)| *power = exp(logit - highest));
            let logit = row[target as usize];
            (sum(&powers).ln() + highest - logit, logit >= highest)
        })
        .collect()
}

/// Rows of a matrix `[any, width]` by index: `[rows.len(), width]`.
#[derive(Clone, Debug)]
pub(crate) struct Select {
    pub rows: Arc<[u32]>,
    pub width: usize,
}

impl Select {
    fn row(&self, index: u32) -> std::ops::Range<usize> {
        index as usize * self.width..(index as usize + 1) * self.width
    }
}

impl HostOp<1> for Select {
    type Saved = ();

    fn forward(&self, [table]: [&[f32]; 1], _: bool) -> (Vec<f32>, ()) {
        let mut out = Vec::with_capacity(self.rows.len() * self.width);
        self.rows.iter().for_each(|&row| out.extend_from_slice(&table[self.row(row)]));
        (out, ())
    }

    fn backward(&self, [table]: [&[f32]; 1], (): (), gradient: &[f32], _: [bool; 1]) -> [Option<Vec<f32>>; 1] {
        let mut out = vec![0.0; table.len()];
        for (&row, gradient) in self.rows.iter().zip(gradient.chunks_exact(self.width)) {
            super::add(&mut out[self.row(row)], gradient);
        }
        [Some(out)]
    }
}
