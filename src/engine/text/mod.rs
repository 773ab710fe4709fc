//! Text to tokens and back: the tokenizer of a model's folder, and its chat template.

mod chat;
mod jinja;
mod json;
mod python;
mod settings;
mod tokenizer;

pub use chat::{ChatError, ChatTemplate};
pub use settings::{TokenizerClass, TokenizerSettings, end_ids};
pub use tokenizer::{END_OF_TEXT, TextTokenizer};
