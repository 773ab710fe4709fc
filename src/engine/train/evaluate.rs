//! How a model does on a split, batch by batch, without gradients.

use super::loss::trimmed;
use crate::data::{Batch, Tokenized, evaluation_batch};
use crate::engine::model::{Decoder, Ids, ModelError, read_each};
use crate::engine::ops::host::loss::row_nats;
use crate::engine::ops::on_host;
use crate::engine::train::TrainError;
use crate::metrics::Metrics;
use crate::record::Evaluation;
use burn::Tensor;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, TensorData};

/// For each position of a batch: −ln p of its target, and whether the target was the model's first choice.
/// Both mean nothing where the batch's weight is 0.
pub async fn batch_nats(model: &Decoder, batch: &Batch) -> Result<(Vec<f32>, Vec<bool>), ModelError> {
    if on_host(model.device()) {
        return host_nats(model, batch);
    }
    let hidden = model.hidden(model.ids(&batch.inputs)?, batch.rows, None);
    let likelihood = log_softmax(model.logits(hidden), 1);
    let best = likelihood.clone().max_dim(1).reshape([-1]);
    let targets: Vec<i32> = batch.targets.iter().map(|&id| id as i32).collect();
    let targets = Tensor::<2, Int>::from_data(TensorData::new(targets, [batch.targets.len(), 1]), model.device());
    let likelihood = likelihood.gather(1, targets).reshape([-1]);
    let [likelihood, best] = read_each([likelihood, best]).await?;
    let correct = likelihood.iter().zip(&best).map(|(target, best)| target >= best).collect();
    Ok((likelihood.into_iter().map(|l| -l).collect(), correct))
}

/// The same on the CPU: only what counts is computed.
fn host_nats(model: &Decoder, batch: &Batch) -> Result<(Vec<f32>, Vec<bool>), ModelError> {
    let short = trimmed(model, batch);
    let hidden = model.hidden(model.ids(&short.inputs)?, short.rows, None);
    let counted: Vec<usize> = (0..short.weights.len()).filter(|&at| short.weights[at] > 0.0).collect();
    let rows: Vec<u32> = counted.iter().map(|&at| at as u32).collect();
    let targets: Vec<u32> = counted.iter().map(|&at| short.targets[at]).collect();
    let found = row_nats(model.logits(Ids::Host(rows.into()).rows_of(hidden)), &targets);
    let (mut nats, mut correct) = (vec![0.0; batch.weights.len()], vec![false; batch.weights.len()]);
    for (at, (row_nats, right)) in counted.into_iter().zip(found) {
        let place = at / short.columns * batch.columns + at % short.columns;
        (nats[place], correct[place]) = (row_nats, right);
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
