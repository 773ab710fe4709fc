//! What a run learned from, as it is shown before it begins: which fields became what, what was left out and cut, and
//! the first examples as the model reads them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The data of a run, as they were read and cut.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataReport {
    /// What the files held; empty for the lab's own tasks.
    #[serde(default, skip_serializing_if = "Reading::is_empty")]
    pub reading: Reading,
    pub lengths: Lengths,
    /// The first training examples.
    pub examples: Vec<ShownExample>,
}

/// What became of what the files held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Every field or column, in the order of the file.
    pub fields: Vec<FieldUse>,
    pub left_out: Vec<LeftOut>,
    /// Texts longer than the sequence, which were divided and lost nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divided: Option<Divided>,
    /// What was decided in reading, a sentence each.
    pub notes: Vec<String>,
}

/// Texts in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divided {
    pub texts: u64,
    pub pieces: u64,
    /// Tokens of a piece, at most.
    pub tokens: u64,
}

/// A field or column, and what it is read as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldUse {
    pub name: String,
    pub role: FieldRole,
}

/// What a field is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldRole {
    /// Said before the answer, and not learned.
    Prompt,
    System,
    History,
    /// What is learned, after a prompt.
    Completion,
    /// What is learned, from its first token on.
    Text,
    /// A conversation, whose answers are learned.
    Messages,
    /// The worse of two answers, which is never learned.
    Rejected,
    /// Says whether the record's answer is wanted.
    Wanted,
    Unused,
}

/// Examples that are not learned from, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub count: u64,
    pub reason: String,
}

/// A run's examples in tokens, over all splits; what marks their begin and end counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lengths {
    pub examples: u64,
    /// Tokens of an example that the model reads, at most.
    pub sequence: u64,
    /// Of what is read.
    pub mean_tokens: f64,
    /// Of what there is before any cut.
    pub longest_tokens: u64,
    /// Examples that lose the begin of their prompt or the end of their completion, and the tokens that they lose.
    pub cut: u64,
    pub lost_tokens: u64,
}

/// An example as the model reads it, with special tokens by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownExample {
    pub prompt: String,
    /// What the loss counts.
    pub target: String,
}

impl DataReport {
    /// Whether nothing is told.
    pub fn is_empty(&self) -> bool {
        self == &DataReport::default()
    }

    /// All but the examples, a sentence each.
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences = self.reading.sentences();
        sentences.push(self.lengths.to_string());
        sentences
    }
}

impl Reading {
    /// What became of what was read, a sentence each.
    pub fn sentences(&self) -> Vec<String> {
        let fields: Vec<String> = self.fields.iter().map(|field| format!("{} → {}", field.name, field.role)).collect();
        let fields = (!fields.is_empty()).then(|| format!("Fields: {}", fields.join("; ")));
        let left_out = self.left_out.iter().map(LeftOut::to_string);
        let divided = self.divided.iter().map(Divided::to_string);
        fields.into_iter().chain(self.notes.iter().cloned()).chain(left_out).chain(divided).collect()
    }

    /// Whether no file was read.
    pub fn is_empty(&self) -> bool {
        self == &Reading::default()
    }
}

impl FieldRole {
    /// Whether a run reads it.
    pub fn is_used(self) -> bool {
        !matches!(self, FieldRole::Rejected | FieldRole::Unused)
    }
}

impl fmt::Display for FieldRole {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            FieldRole::Prompt => "prompt",
            FieldRole::System => "system prompt",
            FieldRole::History => "what was said before",
            FieldRole::Completion => "completion, learned",
            FieldRole::Text => "text, learned",
            FieldRole::Messages => "conversation, its answers learned",
            FieldRole::Rejected => "the worse answer, not learned",
            FieldRole::Wanted => "whether the answer is wanted",
            FieldRole::Unused => "not used",
        })
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} left out: {}", self.count, self.reason)
    }
}

impl fmt::Display for Divided {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Divided { texts, pieces, tokens } = self;
        write!(f, "{texts} texts of more than {tokens} tokens are divided into {pieces} pieces")
    }
}

impl fmt::Display for Lengths {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Lengths { examples, sequence, mean_tokens, longest_tokens, cut, lost_tokens } = self;
        write!(f, "{examples} examples of {mean_tokens:.0} tokens on average, the longest of {longest_tokens}; ")?;
        match cut {
            0 => write!(f, "none is cut (the sequence is {sequence})"),
            _ => write!(
                f,
                "{cut} are cut to the sequence of {sequence} and lose {lost_tokens} tokens: a longer one keeps them whole"
            ),
        }
    }
}
