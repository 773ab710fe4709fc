//! From text to batches: tasks and files give [`Example`]s; these are split, drawn in nested subsets,
//! tokenised and padded into [`Batch`]es. Plain numbers throughout; the engine makes tensors of them.

use serde::{Deserialize, Serialize};

/// One training example. The loss counts the completion's tokens only; plain text has an empty prompt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Example {
    pub prompt: String,
    pub completion: String,
}

/// Turns text into token ids and back.
pub trait Tokenizer {
    fn vocab_size(&self) -> usize;
    /// The id that ends an example, and starts one that has no prompt.
    fn end_of_text(&self) -> u32;
    fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError>;
    /// Bytes that are not UTF-8 come back as U+FFFD.
    fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError>;
}

#[derive(Debug, thiserror::Error)]
#[error("tokenizer: {0}")]
pub struct TokenizerError(pub String);

/// An example in tokens: `ids` is prompt then completion then end-of-text; from `target_start` on, ids are targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokenized {
    pub ids: Vec<u32>,
    pub target_start: usize,
    /// Bytes of the completion's text, for bits per byte.
    pub target_bytes: usize,
}

/// Rows of equal length, padded on the right.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    pub rows: usize,
    pub columns: usize,
    /// What the model reads, row-major `[rows, columns]`; padding is end-of-text.
    pub inputs: Vec<u32>,
    /// What it should say next, `[rows, columns]`; at padding and prompt any id, its weight is 0.
    pub targets: Vec<u32>,
    /// 1 where the target counts, 0 elsewhere, `[rows, columns]`.
    pub weights: Vec<f32>,
}
