//! Cross-entropy of the target tokens.

use crate::data::Batch;
use crate::engine::model::{Decoder, Ids, ModelError, Noise};
use crate::engine::ops::host::loss::CrossEntropy;
use crate::engine::ops::host::on_one;
use crate::engine::ops::on_host;
use burn::Tensor;
use burn::tensor::TensorData;
use burn::tensor::activation::log_softmax;
use std::borrow::Cow;

/// The summed negative log-likelihood of a batch's targets, `[1]`. `noise` while training.
pub fn sum_nats(model: &Decoder, batch: &Batch, noise: Option<&Noise>) -> Result<Tensor<1>, ModelError> {
    let batch = &trimmed(model, batch);
    let hidden = model.hidden(model.ids(&batch.inputs)?, batch.rows, noise);
    match model.ids(&batch.targets)? {
        Ids::Host(targets) => {
            // Shapes are free on the CPU: logits are computed where a target counts, and only there.
            let counted = || (0..targets.len()).filter(|&at| batch.weights[at] > 0.0);
            let rows: Vec<u32> = counted().map(|at| at as u32).collect();
            let logits = model.logits(Ids::Host(rows.into()).rows_of(hidden));
            let op = CrossEntropy {
                targets: counted().map(|at| targets[at]).collect(),
                weights: counted().map(|at| batch.weights[at]).collect(),
                vocab: model.config().vocab_size,
            };
            Ok(on_one(op, logits, [1, 1]).reshape([1]))
        }
        Ids::Device(targets) => {
            let likelihood = log_softmax(model.logits(hidden), 1).gather(1, targets.unsqueeze_dim(1)).reshape([-1]);
            let weights = TensorData::new(batch.weights.clone(), [batch.weights.len()]);
            Ok((likelihood * Tensor::from_data(weights, model.device())).sum().neg())
        }
    }
}

/// The batch without the columns after its last target: no earlier position sees them. On a GPU, where a new shape
/// means new kernels, the batch stays as it is.
pub(crate) fn trimmed<'a>(model: &Decoder, batch: &'a Batch) -> Cow<'a, Batch> {
    let used = |row: &[f32]| row.iter().rposition(|&weight| weight > 0.0).map_or(1, |last| last + 1);
    let columns = batch.weights.chunks(batch.columns).map(used).max().unwrap_or(batch.columns);
    if columns == batch.columns || !on_host(model.device()) {
        return Cow::Borrowed(batch);
    }
    fn cut<T: Copy>(values: &[T], from: usize, to: usize) -> Vec<T> {
        values.chunks(from).flat_map(|row| row[..to].iter().copied()).collect()
    }
    Cow::Owned(Batch {
        rows: batch.rows,
        columns,
        inputs: cut(&batch.inputs, batch.columns, columns),
        targets: cut(&batch.targets, batch.columns, columns),
        weights: cut(&batch.weights, batch.columns, columns),
        target_bytes: batch.target_bytes.clone(),
    })
}
