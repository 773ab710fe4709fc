//! How good a model is on a split: the engine hands over each batch's per-token numbers, [`Metrics`] sums them
//! (in f64, in batch order, so that equal runs give equal bits), and [`Calibration`] compares how sure the model
//! was with how often it was right.

use crate::data::Batch;
use crate::record::Evaluation;

/// What does not match a batch.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("{what} holds {found} numbers for a batch of {rows} × {columns}; give one per position")]
pub struct MetricsError {
    what: &'static str,
    found: usize,
    rows: usize,
    columns: usize,
}

/// Sums over the target tokens seen so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    nats: f64,
    tokens: u64,
    correct_tokens: u64,
    bytes: u64,
    examples: u64,
    exact_examples: u64,
}

impl Metrics {
    /// Adds a batch. `nats[rows × columns]`: −ln p of each target; `correct[rows × columns]`: whether the target
    /// was the model's first choice. Positions of weight 0 may hold anything.
    pub fn add(&mut self, batch: &Batch, nats: &[f32], correct: &[bool]) -> Result<(), MetricsError> {
        check("nats", nats.len(), batch)?;
        check("correct", correct.len(), batch)?;
        for row in 0..batch.rows {
            let (mut tokens, mut right) = (0, 0);
            for at in row * batch.columns..(row + 1) * batch.columns {
                if batch.weights[at] > 0.0 {
                    self.nats += f64::from(nats[at]);
                    tokens += 1;
                    right += u64::from(correct[at]);
                }
            }
            if tokens > 0 {
                self.tokens += tokens;
                self.correct_tokens += right;
                self.bytes += batch.target_bytes[row] as u64;
                self.examples += 1;
                self.exact_examples += u64::from(right == tokens);
            }
        }
        Ok(())
    }

    /// `None` before the first target token. Not finite where the model's losses were not.
    pub fn evaluation(&self) -> Option<Evaluation> {
        (self.tokens > 0).then(|| Evaluation {
            nats_per_token: self.nats / self.tokens as f64,
            bits_per_byte: self.nats / std::f64::consts::LN_2 / self.bytes.max(1) as f64,
            token_accuracy: self.correct_tokens as f64 / self.tokens as f64,
            exact_match: self.exact_examples as f64 / self.examples as f64,
            tokens: self.tokens,
            examples: self.examples,
        })
    }
}

/// Target tokens by the probability of the model's first choice, in bins of equal width.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    bins: Vec<Bin>,
}

/// Tokens predicted with about the same confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    pub tokens: u64,
    pub mean_confidence: f64,
    /// Share of the bin's tokens where the first choice was right.
    pub accuracy: f64,
}

impl Calibration {
    /// With so many bins of equal width.
    pub fn new(bins: usize) -> Self {
        Calibration { bins: vec![Bin::default(); bins.max(1)] }
    }

    /// `confidence[rows × columns]`: the probability of the model's first choice.
    pub fn add(&mut self, batch: &Batch, confidence: &[f32], correct: &[bool]) -> Result<(), MetricsError> {
        check("confidence", confidence.len(), batch)?;
        check("correct", correct.len(), batch)?;
        let last = self.bins.len() - 1;
        for at in (0..batch.weights.len()).filter(|&at| batch.weights[at] > 0.0 && confidence[at].is_finite()) {
            let confidence = f64::from(confidence[at]).clamp(0.0, 1.0);
            let bin = &mut self.bins[((confidence * (last + 1) as f64) as usize).min(last)];
            bin.tokens += 1;
            let share = 1.0 / bin.tokens as f64;
            bin.mean_confidence += (confidence - bin.mean_confidence) * share;
            bin.accuracy += (f64::from(u8::from(correct[at])) - bin.accuracy) * share;
        }
        Ok(())
    }

    /// From the least confident to the most.
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }

    /// Expected calibration error (Guo et al. 2017): the mean gap between confidence and accuracy.
    pub fn expected_error(&self) -> Option<f64> {
        let tokens: u64 = self.bins.iter().map(|bin| bin.tokens).sum();
        let gap = |bin: &Bin| bin.tokens as f64 * (bin.mean_confidence - bin.accuracy).abs();
        (tokens > 0).then(|| self.bins.iter().map(gap).sum::<f64>() / tokens as f64)
    }
}

fn check(what: &'static str, found: usize, batch: &Batch) -> Result<(), MetricsError> {
    let (rows, columns) = (batch.rows, batch.columns);
    if found == rows * columns { Ok(()) } else { Err(MetricsError { what, found, rows, columns }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{ByteTokenizer, Example, Tokenized, evaluation_batch, tokenize};
    use std::f64::consts::LN_2;

    /// Two examples and a row that only fills: targets "yes" + end, and "é" + end.
    fn batch() -> Batch {
        let examples: Vec<Tokenized> = [("a:", "yes"), ("bb:", "é")]
            .map(|(p, c)| tokenize(&Example::new(p, c), &ByteTokenizer, 6).unwrap())
            .into();
        evaluation_batch(&examples, 0, 3, 6).unwrap()
    }

    #[test]
    fn a_uniform_model_costs_ln_257_a_token() {
        let batch = batch();
        let mut metrics = Metrics::default();
        assert_eq!(metrics.evaluation(), None);
        let uniform = (257f32).ln();
        metrics.add(&batch, &[uniform; 18], &[false; 18]).unwrap();
        let evaluation = metrics.evaluation().unwrap();
        assert!((evaluation.nats_per_token - f64::from(uniform)).abs() < 1e-12);
        assert!((evaluation.bits_per_byte - 7.0 * f64::from(uniform) / LN_2 / 5.0).abs() < 1e-12);
        assert_eq!((evaluation.tokens, evaluation.examples, evaluation.token_accuracy), (7, 2, 0.0));
    }

    #[test]
    fn one_wrong_token_spoils_its_example_only_and_padding_counts_nowhere() {
        let batch = batch();
        let nats: Vec<f32> = batch.weights.iter().map(|&w| if w > 0.0 { 0.5 } else { f32::NAN }).collect();
        let wrong = batch.weights.iter().position(|&w| w > 0.0).unwrap();
        let correct: Vec<bool> = (0..18).map(|at| at != wrong && batch.weights[at] > 0.0).collect();
        let mut metrics = Metrics::default();
        metrics.add(&batch, &nats, &correct).unwrap();
        metrics.add(&batch, &nats, &correct).unwrap();
        let evaluation = metrics.evaluation().unwrap();
        assert_eq!((evaluation.nats_per_token, evaluation.exact_match), (0.5, 0.5));
        assert_eq!((evaluation.token_accuracy, evaluation.examples), (6.0 / 7.0, 4));
    }

    #[test]
    fn a_wrong_shape_is_refused() {
        let error = Metrics::default().add(&batch(), &[0.0; 17], &[true; 18]).unwrap_err();
        assert_eq!(error.to_string(), "nats holds 17 numbers for a batch of 3 × 6; give one per position");
        assert!(Calibration::new(10).add(&batch(), &[0.0; 18], &[]).is_err());
    }

    #[test]
    fn calibration_finds_the_gap() {
        let batch = batch();
        let mut calibration = Calibration::new(10);
        assert_eq!(calibration.expected_error(), None);
        let correct: Vec<bool> = (0..18).map(|at| at < 5 && at != 1).collect();
        let right = (0..18).filter(|&at| batch.weights[at] > 0.0 && correct[at]).count();
        assert_eq!(right, 3);
        calibration.add(&batch, &[0.75; 18], &correct).unwrap();
        let bin = calibration.bins()[7];
        assert_eq!((bin.tokens, bin.mean_confidence), (7, 0.75));
        assert!((bin.accuracy - 3.0 / 7.0).abs() < 1e-12);
        assert!((calibration.expected_error().unwrap() - (0.75 - 3.0 / 7.0)).abs() < 1e-12);
        calibration.add(&batch, &[1.0; 18], &[true; 18]).unwrap();
        assert_eq!(calibration.bins()[9].tokens, 7);
    }
}
