//! How a model does on a split, batch by batch, without gradients.

use super::loss::Scores;
use crate::data::{Batch, Tokenized, evaluation_batch};
use crate::engine::model::{Decoder, ModelError, read_each};
use crate::engine::train::TrainError;
use crate::metrics::Metrics;
use crate::record::Evaluation;

/// For each position of a batch: −ln p of its target, and whether the target was the model's first choice.
/// Both mean nothing where the batch's weight is 0.
pub async fn batch_nats(model: &Decoder, batch: &Batch) -> Result<(Vec<f32>, Vec<bool>), ModelError> {
    let Scores { logits, targets, places, .. } = Scores::of(model, batch, None)?;
    let (mut nats, mut correct) = (vec![0.0; batch.weights.len()], vec![false; batch.weights.len()]);
    let [found, first] = read_each(model.ops().token_nats(logits, &targets.0)).await?;
    for ((at, found), first) in places.into_iter().zip(found).zip(first) {
        (nats[at], correct[at]) = (found, first > 0.5);
    }
    Ok((nats, correct))
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
