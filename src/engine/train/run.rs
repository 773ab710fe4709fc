//! What a run takes, what it says of itself on the way, what comes out, and what can go wrong.

use super::checkpoint::CheckpointError;
use crate::data::{Batches, Tokenized};
use crate::engine::adapt::AdaptError;
use crate::engine::model::{ModelError, Tensors};
use crate::metrics::MetricsError;
use crate::record::{DataReport, EvalPoint, Evaluation, RunRecord};
use crate::spec::{Precision, SpecError};

#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Spec(#[from] SpecError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Adapt(#[from] AdaptError),
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("the base is loaded in {loaded} and the run was planned on {planned}: load the base as planned")]
    Precision { loaded: Precision, planned: Precision },
    #[error("the {split} split has no target token: choose data with longer examples, or more of it")]
    Empty { split: &'static str },
    #[error("the loss became {loss} near step {step} at learning rate {rate:.1e}: lower the rate or clip the gradient")]
    Diverged { step: usize, rate: f64, loss: f64 },
    #[error("{name} is trained and the loss does not depend on it: this is a fault of the lab, please report it")]
    NoGradient { name: String },
    #[error("the run has not finished yet: advance it to its end first")]
    Unfinished,
}

/// The tokenised examples of one run.
#[derive(Clone, Debug)]
pub struct RunData {
    pub train: Batches,
    pub dev: Vec<Tokenized>,
    pub test: Vec<Tokenized>,
    /// Tokens of a prompt's initial text; empty elsewhere.
    pub prompt_text: Vec<u32>,
    /// The base on the test split, where it was measured before.
    pub base_test: Option<Evaluation>,
    /// What is said of the data before the run, and kept with its record.
    pub report: DataReport,
}

/// What one [`Session::advance`](super::Session::advance) did.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// One optimizer step. `step` counts from 1; the mean loss of the steps since it was last read, where it was
    /// read back now; `tokens` that its targets depend on: padding is not counted.
    Stepped { step: usize, of: usize, nats_per_token: Option<f64>, tokens: usize },
    /// One batch of an evaluation.
    Evaluating { tokens: usize },
    /// A dev evaluation is complete.
    Evaluated(EvalPoint),
    /// Everything is measured: call [`Session::finish`](super::Session::finish).
    Finished,
}

/// A run's results.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The trained tensors: the whole model, the adapter or the prompt.
    pub tensors: Tensors,
    pub record: RunRecord,
}
