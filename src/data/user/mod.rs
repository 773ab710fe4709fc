//! The visitor's own data: pasted text or files become divided examples, or an error that says which file, where
//! and what to do. Nothing here panics on any input, and nothing is read beyond [`READ_LIMIT`].

mod chat;
mod decode;
mod delimited;
mod format;
mod json;
mod passages;
mod table;

pub use format::Format;
pub use table::{Column, ColumnChoice};

use super::{Example, SplitError, Splits, sha256};
use table::Table;

/// Bytes that are read of all files together.
pub const READ_LIMIT: usize = 64 << 20;

/// What was dropped or pasted, as far as it was read.
#[derive(Clone, Debug)]
pub struct File {
    pub name: String,
    /// The start of the file, or all of it.
    pub bytes: Vec<u8>,
    /// The whole file's size in bytes.
    pub size: u64,
}

/// What the visitor chose about their data.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which columns hold what, where the visitor said so.
    pub columns: Option<ColumnChoice>,
    /// Leave malformed lines out instead of refusing the file.
    pub skip_malformed: bool,
}

/// Data ready for runs.
#[derive(Clone, Debug)]
pub struct UserData {
    pub name: String,
    /// SHA-256 of all examples in hex: the identity that a spec names.
    pub sha256: String,
    pub splits: Splits,
    /// Bytes of the training completions.
    pub train_bytes: u64,
    /// Columns found, to choose from; empty where there are none.
    pub columns: Vec<Column>,
    /// The columns in use, chosen or guessed.
    pub chosen: Option<ColumnChoice>,
    /// What was cut, left out or guessed, a sentence each.
    pub notes: Vec<String>,
}

/// Why data cannot be used, with the file and the place.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum UserError {
    #[error("no file and no text was given")]
    Nothing,
    #[error("{file} is empty")]
    Empty { file: String },
    #[error("{file} is {kind}, not text. {advice}")]
    Binary { file: String, kind: &'static str, advice: &'static str },
    #[error("{file} is not UTF-8: byte {offset} (line {line}) begins no character. Save it as UTF-8 and load it again")]
    NotUtf8 { file: String, offset: usize, line: usize },
    #[error("{file}, line {line}: {reason}. {malformed} of {lines} lines are malformed: correct or remove them")]
    Malformed { file: String, line: usize, reason: String, malformed: usize, lines: usize },
    #[error("{file} has no column “{asked}”. Its columns are: {columns}")]
    NoColumn { file: String, asked: String, columns: String },
    #[error("{file} holds no text to learn from: every example would be empty")]
    NoText { file: String },
    #[error(transparent)]
    Split(#[from] SplitError),
}

/// Lines that could not be used: how many, the first and why, and the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Malformed {
    count: usize,
    first: usize,
    last: usize,
    reason: String,
}

impl Malformed {
    /// `reason` is asked for the first line only: a file may have millions.
    fn add(&mut self, line: usize, reason: impl FnOnce() -> String) {
        if self.count == 0 || line < self.first {
            (self.first, self.reason) = (line, reason());
        }
        self.last = self.last.max(line);
        self.count += 1;
    }
}

/// What a file's format yields.
pub(crate) enum Content {
    /// Running text, to be cut into passages.
    Text(String),
    Table(Table),
    /// Conversations and the like, already examples.
    Examples(Vec<Example>),
}

/// Reads all of `files` as one data set. Read at most [`READ_LIMIT`] bytes of files before calling.
pub fn read(name: &str, files: &[File], options: &Options) -> Result<UserData, UserError> {
    let mut notes = Vec::new();
    let mut columns = Vec::new();
    let mut chosen = None;
    let mut examples = Vec::new();
    let mut room = READ_LIMIT;
    for file in files {
        let bytes = &file.bytes[..file.bytes.len().min(room)];
        room -= bytes.len();
        let cut = (bytes.len() as u64) < file.size;
        if cut {
            notes.push(format!("Used the first {} of {} of {}.", mib(bytes.len() as u64), mib(file.size), file.name));
        }
        if bytes.is_empty() && cut {
            continue;
        }
        let text = decode::text(&file.name, bytes, cut)?;
        if text.trim().is_empty() {
            return Err(UserError::Empty { file: file.name.clone() });
        }
        let before = examples.len();
        let (content, malformed) = match Format::of(&file.name, text) {
            Format::Text => (Content::Text(text.to_owned()), Malformed::default()),
            Format::Json => json::read(text, options.columns.is_none()),
            Format::Delimited(delimiter) => delimited::read(text, delimiter),
        };
        report_malformed(file, text, malformed, cut, options, &mut notes)?;
        match content {
            Content::Text(text) => examples.extend(passages::of_text(&text).into_iter().map(Example::text)),
            Content::Examples(found) => examples.extend(found),
            Content::Table(table) => {
                let choice = table.choose(&file.name, options.columns.as_ref(), &mut notes)?;
                if columns.is_empty() {
                    columns = table.preview();
                }
                examples.extend(table.examples(&choice));
                chosen = Some(choice);
            }
        }
        if examples.len() == before {
            return Err(UserError::NoText { file: file.name.clone() });
        }
    }
    if files.is_empty() {
        return Err(UserError::Nothing);
    }
    let splits = Splits::divide(&examples)?;
    let repeated = examples.len() - splits.train.len() - splits.dev.len() - splits.test.len();
    if repeated > 0 {
        notes.push(format!("Left out {repeated} examples that repeat another."));
    }
    let train_bytes = splits.train.iter().map(|example| example.completion.len() as u64).sum();
    Ok(UserData { name: name.to_owned(), sha256: sha256(&examples), splits, train_bytes, columns, chosen, notes })
}

fn report_malformed(
    file: &File,
    text: &str,
    mut malformed: Malformed,
    cut: bool,
    options: &Options,
    notes: &mut Vec<String>,
) -> Result<(), UserError> {
    // The last record of a cut file is no one's mistake.
    if cut && malformed.count > 0 && malformed.last + 1 >= text.lines().count() {
        malformed.count -= 1;
    }
    if malformed.count == 0 {
        return Ok(());
    }
    if !options.skip_malformed {
        return Err(UserError::Malformed {
            file: file.name.clone(),
            line: malformed.first,
            reason: malformed.reason,
            malformed: malformed.count,
            lines: text.lines().filter(|line| !line.trim().is_empty()).count(),
        });
    }
    notes.push(format!(
        "Left out {} malformed lines of {}, the first at line {}: {}.",
        malformed.count, file.name, malformed.first, malformed.reason
    ));
    Ok(())
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / (1 << 20) as f64)
}

#[cfg(test)]
mod tests;
