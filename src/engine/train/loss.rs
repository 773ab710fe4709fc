//! Cross-entropy of the target tokens.

use crate::data::Batch;
use crate::engine::model::{Decoder, Dropout, ModelError, TokenIds};
use burn::Tensor;
use std::borrow::Cow;

/// The summed negative log-likelihood of a batch's targets, `[1]`. `dropout` while training.
pub fn sum_nats(model: &Decoder, batch: &Batch, dropout: Option<&Dropout>) -> Result<Tensor<1>, ModelError> {
    let Scores { logits, targets, weights, .. } = Scores::of(model, batch, dropout)?;
    Ok(model.ops().cross_entropy(logits, targets.0, weights))
}

/// What a model says of a batch's targets.
pub(super) struct Scores {
    /// `[targets, vocab]`
    pub logits: Tensor<2>,
    pub targets: TokenIds,
    pub weights: Vec<f32>,
    /// Where each target stands in the batch.
    pub places: Vec<usize>,
}

impl Scores {
    /// Where shapes are free, only what counts is computed: the columns up to the last target, since no earlier
    /// position sees the others, and of these the logits where a target has weight.
    pub fn of(model: &Decoder, batch: &Batch, dropout: Option<&Dropout>) -> Result<Self, ModelError> {
        let ops = model.ops();
        let short = if ops.fixed_shapes() { Cow::Borrowed(batch) } else { trimmed(batch) };
        let hidden = model.hidden(model.ids(&short.inputs)?, short.rows, dropout);
        if ops.fixed_shapes() {
            let (targets, weights) = (model.ids(&batch.targets)?, batch.weights.clone());
            let places = (0..weights.len()).collect();
            return Ok(Scores { logits: model.logits(hidden), targets, weights, places });
        }
        let counted: Vec<usize> = (0..short.weights.len()).filter(|&at| short.weights[at] > 0.0).collect();
        let targets: Vec<u32> = counted.iter().map(|&at| short.targets[at]).collect();
        let rows = counted.iter().map(|&at| at as u32).collect();
        Ok(Scores {
            logits: model.logits(ops.select_rows(hidden, rows)),
            targets: model.ids(&targets)?,
            weights: counted.iter().map(|&at| short.weights[at]).collect(),
            places: counted.iter().map(|at| at / short.columns * batch.columns + at % short.columns).collect(),
        })
    }
}

/// The batch without the columns after its last target.
fn trimmed(batch: &Batch) -> Cow<'_, Batch> {
    let last = (0..batch.weights.len()).filter(|&at| batch.weights[at] > 0.0).map(|at| at % batch.columns).max();
    // One column is left where nothing counts.
    let columns = last.map_or(1, |last| last + 1);
    if columns == batch.columns {
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
