//! Cross-entropy of logits.

use super::host::{SliceOp, exp, numbers, run, sum};
use burn::Tensor;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, TensorData};
use std::sync::Arc;

pub(super) fn composed(logits: Tensor<2>, targets: &[u32], weights: Vec<f32>) -> Tensor<1> {
    let device = logits.device().inner();
    let likelihood = log_softmax(logits, 1).gather(1, column(targets, &device)).reshape([-1]);
    let weights = TensorData::new(weights, [targets.len()]);
    (likelihood * Tensor::from_data(weights, &device)).sum().neg()
}

pub(super) fn composed_by_row(logits: Tensor<2>, targets: &[u32]) -> [Tensor<1>; 2] {
    let likelihood = log_softmax(logits.inner(), 1);
    let best = likelihood.clone().max_dim(1).reshape([-1]);
    let targets = column(targets, &likelihood.device());
    let likelihood: Tensor<1> = likelihood.gather(1, targets).reshape([-1]);
    [likelihood.clone().neg(), likelihood.greater_equal(best).float()]
}

/// `[targets, 1]`
fn column(targets: &[u32], device: &Device) -> Tensor<2, Int> {
    let ids: Vec<i32> = targets.iter().map(|&id| id as i32).collect();
    Tensor::from_data(TensorData::new(ids, [targets.len(), 1]), device)
}

pub(super) fn host(logits: Tensor<2>, targets: Arc<[u32]>, weights: Vec<f32>) -> Tensor<1> {
    let vocab = logits.dims()[1];
    run(CrossEntropy { targets, weights: weights.into(), vocab }, [logits.into_dispatch()], [1, 1]).reshape([1])
}

pub(super) fn host_by_row(logits: Tensor<2>, targets: &[u32]) -> [Tensor<1>; 2] {
    let [rows, vocab] = logits.dims();
    assert_eq!(rows, targets.len(), "a target for every row of logits");
    let mut powers = vec![0.0; vocab];
    let (nats, first): (Vec<f32>, Vec<f32>) = numbers(&logits.inner(), |logits| {
        let rows = logits.chunks_exact(vocab).zip(targets);
        let row = |(row, &target): (&[f32], &u32)| {
            let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            powers.iter_mut().zip(row).for_each(|(power, logit)| *power = exp(logit - highest));
            let logit = row[target as usize];
            (sum(&powers).ln() + highest - logit, f32::from(logit >= highest))
        };
        rows.map(row).unzip()
    });
    [nats, first].map(|values| Tensor::from_data(TensorData::new(values, [rows]), &Device::flex()))
}

/// The sum of `weight · −ln softmax(logits)[target]` over rows: logits `[rows, vocab]` to `[1]`.
#[derive(Clone, Debug)]
struct CrossEntropy {
    targets: Arc<[u32]>,
    weights: Arc<[f32]>,
    vocab: usize,
}

impl SliceOp<1> for CrossEntropy {
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
