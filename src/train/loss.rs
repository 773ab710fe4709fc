//! Cross-entropy of the target tokens.

use crate::data::Batch;
use crate::model::{Decoder, ModelError, Noise};
use burn::Tensor;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, TensorData};

/// The summed negative log-likelihood of a batch's targets, `[1]`. `noise` while training.
pub fn sum_nats(model: &Decoder, batch: &Batch, noise: Option<&Noise>) -> Result<Tensor<1>, ModelError> {
    let hidden = model.hidden(model.ids(&batch.inputs)?, batch.rows, noise);
    let likelihood = log_softmax(model.logits(hidden), 1).gather(1, targets(model, batch)?).reshape([-1]);
    let weights = TensorData::new(batch.weights.clone(), [batch.weights.len()]);
    Ok((likelihood * Tensor::from_data(weights, model.device())).sum().neg())
}

/// What each position should say, `[positions, 1]`.
pub(crate) fn targets(model: &Decoder, batch: &Batch) -> Result<Tensor<2, Int>, ModelError> {
    Ok(model.ids(&batch.targets)?.unsqueeze_dim(1))
}
