//! From text to batches: tasks and files give [`Example`]s; these are split, drawn in nested subsets,
//! tokenised and padded into [`Batch`]es. Plain numbers throughout; the engine makes tensors of them.

mod batch;
pub mod corpus;
mod draw;
mod split;
mod subset;
pub mod tasks;
mod tokenize;
pub mod user;

pub use batch::{Batch, Batches, evaluation_batch, evaluation_batches};
pub use split::{Split, SplitError, Splits};
pub use subset::{TASK_DEV, TASK_TEST};
pub use tasks::Task;
pub use tokenize::{ByteTokenizer, Tokenized, Tokenizer, TokenizerError, tokenize, tokenize_all};

use serde::{Deserialize, Serialize};

/// One training example. The loss counts the completion's tokens only; plain text has an empty prompt.
/// A completion brings its own separator (most begin with a space or follow a newline in the prompt).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Example {
    pub prompt: String,
    pub completion: String,
}

impl Example {
    pub fn new(prompt: impl Into<String>, completion: impl Into<String>) -> Self {
        Example { prompt: prompt.into(), completion: completion.into() }
    }

    /// Text without a prompt: every token is a target.
    pub fn text(text: impl Into<String>) -> Self {
        Example::new("", text)
    }
}
