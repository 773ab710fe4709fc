//! Cross-entropy of the target tokens.

use crate::data::Batch;
use crate::engine::model::{Decoder, Dropout, ModelError, TokenIds};
use crate::engine::ops::Layout;
use burn::Tensor;

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
    /// Where shapes are free, only what counts is computed: each row up to its last target, since no earlier position
    /// sees the rest, laid end to end; and the logits where a target has weight.
    pub fn of(model: &Decoder, batch: &Batch, dropout: Option<&Dropout>) -> Result<Self, ModelError> {
        if model.ops().fixed_shapes() {
            let hidden = model.hidden(model.ids(&batch.inputs)?, batch.rows, dropout);
            let (targets, weights) = (model.ids(&batch.targets)?, batch.weights.clone());
            let places = (0..weights.len()).collect();
            return Ok(Scores { logits: model.logits(hidden), targets, weights, places });
        }
        let mut places: Vec<usize> = (0..batch.weights.len()).filter(|&at| batch.weights[at] > 0.0).collect();
        if places.is_empty() {
            // A token is read where nothing counts.
            places.push(0);
        }
        let (mut lengths, mut inputs, mut read) = (Vec::new(), Vec::new(), Vec::new());
        for of_row in places.chunk_by(|a, b| a / batch.columns == b / batch.columns) {
            let first = of_row[0] / batch.columns * batch.columns;
            read.extend(of_row.iter().map(|at| (inputs.len() + at - first) as u32));
            let length = of_row[of_row.len() - 1] - first + 1;
            inputs.extend_from_slice(&batch.inputs[first..first + length]);
            lengths.push(length);
        }
        let some = (read.len() < inputs.len()).then(|| read.into());
        let hidden = model.hidden_at(model.ids(&inputs)?, Layout::ragged(&lengths), some, dropout);
        let targets: Vec<u32> = places.iter().map(|&at| batch.targets[at]).collect();
        Ok(Scores {
            logits: model.logits(hidden),
            targets: model.ids(&targets)?,
            weights: places.iter().map(|&at| batch.weights[at]).collect(),
            places,
        })
    }
}
