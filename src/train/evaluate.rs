//! How a model does on a split, batch by batch, without gradients.

use crate::data::{Batch, Tokenized, evaluation_batch};
use crate::metrics::Metrics;
use crate::model::{Decoder, ModelError, read};
use crate::record::Evaluation;
use crate::train::TrainError;
use burn::Tensor;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, TensorData};

/// For each position of a batch: −ln p of its target, and whether the target was the model's first choice.
/// Both mean nothing where the batch's weight is 0.
pub async fn batch_nats(model: &Decoder, batch: &Batch) -> Result<(Vec<f32>, Vec<bool>), ModelError> {
    let hidden = model.hidden(model.ids(&batch.inputs)?, batch.rows, None);
    let likelihood = log_softmax(model.logits(hidden), 1);
    let best = likelihood.clone().max_dim(1).reshape([-1]);
    let targets: Vec<i32> = batch.targets.iter().map(|&id| id as i32).collect();
    let targets = Tensor::<2, Int>::from_data(TensorData::new(targets, [batch.targets.len(), 1]), model.device());
    let likelihood = likelihood.gather(1, targets).reshape([-1]);
    let mut rows = read(vec![likelihood, best]).await?.into_iter();
    let (likelihood, best) = (rows.next().unwrap_or_default(), rows.next().unwrap_or_default());
    let correct = likelihood.iter().zip(&best).map(|(target, best)| target >= best).collect();
    Ok((likelihood.into_iter().map(|l| -l).collect(), correct))
}

/// Adds batch `index` of a split to `metrics`; false when the split is through.
pub(crate) async fn evaluate_batch(
    model: &Decoder,
    split: &[Tokenized],
    index: usize,
    [rows, columns]: [usize; 2],
    metrics: &mut Metrics,
) -> Result<bool, TrainError> {
    let Some(batch) = evaluation_batch(split, index, rows, columns) else { return Ok(false) };
    let (nats, correct) = batch_nats(model, &batch).await?;
    metrics.add(&batch, &nats, &correct)?;
    Ok(true)
}

/// The whole split at once, in batches of `rows` × `columns`. `None` where it has no target.
pub async fn evaluate(
    model: &Decoder,
    split: &[Tokenized],
    shape: [usize; 2],
) -> Result<Option<Evaluation>, TrainError> {
    let mut metrics = Metrics::default();
    let mut index = 0;
    while evaluate_batch(model, split, index, shape, &mut metrics).await? {
        index += 1;
    }
    Ok(metrics.evaluation())
}
