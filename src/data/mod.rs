//! From text to batches: tasks and files give [`Example`]s; these are split, drawn in nested subsets,
//! tokenised and padded into [`Batch`]es. Plain numbers throughout; the engine makes tensors of them.

mod batch;
pub mod corpus;
mod draw;
mod pieces;
mod prepared;
mod split;
mod subset;
pub mod tasks;
mod tokenize;
pub mod user;

pub use batch::{Batch, Batches, evaluation_batch, evaluation_batches};
pub use prepared::Prepared;
pub use split::{Split, SplitError, Splits};
pub use subset::{TASK_DEV, TASK_TEST};
pub use tasks::Task;
pub use tokenize::{ByteTokenizer, Tokenized, Tokenizer, TokenizerError, tokenize, tokenize_all};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One training example. The loss counts the completion's tokens only; plain text has an empty prompt.
/// A completion brings its own separator (most begin with a space or follow a newline in the prompt).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Example {
    pub prompt: String,
    pub completion: String,
    /// Where the example is an answer in a conversation: all that was said up to it, the answer last. A model with
    /// a chat template reads these instead of the plain form above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chat: Vec<Message>,
}

/// The examples' identity, in hex.
pub(crate) fn sha256<'a>(examples: impl IntoIterator<Item = &'a Example>) -> String {
    let mut hash = Sha256::new();
    for text in examples.into_iter().flat_map(|example| [&example.prompt, &example.completion]) {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    format!("{:x}", hash.finalize())
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message {
    /// "system", "user" or "assistant".
    pub role: String,
    pub content: String,
}

impl Message {
    /// A turn of `role`.
    pub fn new(role: &str, content: impl Into<String>) -> Self {
        Message { role: role.into(), content: content.into() }
    }
}

/// A conversation as plain text, for models without a chat template: a line a turn. `answer`: the assistant's next
/// turn begins at its end.
pub fn plain_chat(messages: &[Message], answer: bool) -> String {
    let turns = messages.iter().map(|message| format!("{}:{}\n", message.role, spoken(&message.content)));
    turns.collect::<String>() + if answer { "assistant:" } else { "" }
}

/// What follows the colon of a plain turn. White space that it begins with stays, for it may be a code's indentation.
fn spoken(content: &str) -> String {
    let gap = if content.starts_with(char::is_whitespace) { "" } else { " " };
    format!("{gap}{}", content.trim_end())
}

impl Example {
    /// An example without a conversation.
    pub fn new(prompt: impl Into<String>, completion: impl Into<String>) -> Self {
        Example { prompt: prompt.into(), completion: completion.into(), chat: Vec::new() }
    }

    /// Text without a prompt: every token is a target.
    pub fn text(text: impl Into<String>) -> Self {
        Example::new("", text)
    }
}
