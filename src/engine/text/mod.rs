//! Text to tokens and back: the tokenizer of a model's folder, and its chat template.

mod chat;
mod tokenizer;

pub use chat::{ChatError, ChatTemplate};
pub(crate) use tokenizer::token_text;
pub use tokenizer::{END_OF_TEXT, TextTokenizer, TokenizerSettings};
