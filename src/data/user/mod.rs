//! The visitor's own data: pasted text or files become examples, or an error that says which file, where and what to
//! do. What is read is used, shown or refused. Nothing here panics on any input, and nothing is read beyond
//! [`READ_LIMIT`].

mod chat;
mod decode;
mod delimited;
mod examples;
mod format;
mod json;
mod malformed;
mod names;
mod quoted;
mod records;
mod roles;
mod table;
pub(crate) mod value;

pub use format::Format;
pub use table::Column;

use super::{Example, SplitError, TokenizerError, sha256};
use crate::record::{FieldUse, LeftOut, Reading};
use roles::Roles;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadOptions {
    /// Which columns hold what, where the visitor said so.
    pub columns: Option<ColumnChoice>,
    /// Leave malformed lines out instead of refusing the file.
    pub skip_malformed: bool,
}

/// Which columns of a table hold what; the prompt is optional. Both may be paths into what a column holds
/// (`answers.text.0`), and a prompt several columns (`question+context`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnChoice {
    pub prompt: Option<String>,
    pub completion: String,
}

impl ColumnChoice {
    /// Whether a column is chosen, or holds what is.
    fn names(&self, column: &str) -> bool {
        let prompts = self.prompt.iter().flat_map(|prompt| prompt.split(roles::JOIN).chain([prompt.as_str()]));
        prompts.chain([self.completion.as_str()]).any(|name| {
            let rest = name.trim().strip_prefix(column);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}

/// As [`ColumnChoice::from_str`] reads it.
impl fmt::Display for ColumnChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prompt = self.prompt.iter().map(|prompt| format!("prompt={prompt},"));
        write!(f, "{}completion={}", prompt.collect::<String>(), self.completion)
    }
}

/// Why a choice of columns cannot be read.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error(
    "“{0}” chooses no columns: write prompt=NAME,completion=NAME, or completion=NAME alone for text without prompt"
)]
pub struct ChoiceError(String);

impl FromStr for ColumnChoice {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<Self, ChoiceError> {
        let error = || ChoiceError(text.to_owned());
        let (mut prompt, mut completion) = (None, None);
        for part in text.split(',') {
            let (role, name) = part.split_once('=').ok_or_else(error)?;
            let place = match role.trim() {
                "prompt" => &mut prompt,
                "completion" => &mut completion,
                _ => return Err(error()),
            };
            if name.trim().is_empty() || place.replace(name.trim().to_owned()).is_some() {
                return Err(error());
            }
        }
        Ok(ColumnChoice { prompt, completion: completion.ok_or_else(error)? })
    }
}

/// Data as they were read, before a base's tokens are known: see [`UserData::prepare`].
#[derive(Clone, Debug)]
pub struct UserData {
    pub name: String,
    /// SHA-256 of all examples in hex: the identity that a spec names.
    pub sha256: String,
    /// All examples in the order of the files, repeats included, texts uncut.
    pub examples: Vec<Example>,
    /// Whether running text is among them, which has no examples of its own.
    pub running: bool,
    /// Columns found, to choose from; empty where there are none.
    pub columns: Vec<Column>,
    /// The columns in use, chosen or guessed.
    pub chosen: Option<ColumnChoice>,
    /// What became of what the files held.
    pub reading: Reading,
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
    #[error("{file}: {reason}")]
    Shape { file: String, reason: String },
    #[error(
        "{file}, {place} {at}: {reason}. {malformed} of {of} {place}s are malformed: correct or remove them, or leave \
         bad lines out (on the command line: --skip-bad-lines)"
    )]
    Malformed { file: String, place: &'static str, at: usize, reason: String, malformed: usize, of: usize },
    #[error("{file} has no column “{asked}”. Its columns are: {}", .columns.join(", "))]
    NoColumn { file: String, asked: String, columns: Vec<String> },
    #[error(
        "{file}: which column answers “{prompt}” is not known by its name ({candidates}). Choose the columns (on the \
         command line: --columns prompt=NAME,completion=NAME), or call it completion in the file"
    )]
    Unclear { file: String, prompt: String, candidates: String, columns: Vec<String> },
    #[error("{file} has several columns “{name}”: give them names of their own, or choose one by its place: {same}")]
    Twice { file: String, name: String, same: String, columns: Vec<String> },
    #[error("{file} holds no text to learn from: every example would be empty")]
    NoText { file: String },
    #[error(transparent)]
    Split(#[from] SplitError),
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

impl UserError {
    /// The columns to choose from, where a choice is what is missing.
    pub fn columns(&self) -> &[String] {
        match self {
            UserError::NoColumn { columns, .. }
            | UserError::Unclear { columns, .. }
            | UserError::Twice { columns, .. } => columns,
            _ => &[],
        }
    }
}

/// Reads all of `files` as one data set. Read at most [`READ_LIMIT`] bytes of files before calling.
pub fn read(name: &str, files: &[File], options: &ReadOptions) -> Result<UserData, UserError> {
    let mut data = UserData {
        name: name.to_owned(),
        sha256: String::new(),
        examples: Vec::new(),
        running: false,
        columns: Vec::new(),
        chosen: None,
        reading: Reading::default(),
    };
    let mut room = READ_LIMIT;
    for file in files {
        let bytes = &file.bytes[..file.bytes.len().min(room)];
        room -= bytes.len();
        let cut = (bytes.len() as u64) < file.size;
        if cut {
            let (read, size) = (mib(bytes.len() as u64), mib(file.size));
            data.reading.notes.push(format!("Used the first {read} of {size} of {}.", file.name));
        }
        if bytes.is_empty() && cut {
            continue;
        }
        let text = decode::text(&file.name, bytes, cut)?;
        if text.trim().is_empty() {
            return Err(UserError::Empty { file: file.name.clone() });
        }
        let before = data.examples.len();
        let text = text.as_ref();
        match Format::of(&file.name, text) {
            Format::Text => {
                data.running = true;
                let lines = text.replace("\r\n", "\n").replace('\r', "\n");
                data.examples.push(Example::text(lines));
            }
            Format::Json => data.take(file, text, json::read(&file.name, text, cut)?, cut, options)?,
            Format::Delimited(delimiter) => data.take(file, text, delimited::read(text, delimiter), cut, options)?,
        }
        if data.examples.len() == before {
            return Err(UserError::NoText { file: file.name.clone() });
        }
    }
    if files.is_empty() {
        return Err(UserError::Nothing);
    }
    data.sha256 = sha256(&data.examples);
    Ok(data)
}

impl UserData {
    /// Adds the examples of a file's records.
    fn take(
        &mut self,
        file: &File,
        text: &str,
        mut found: records::Records,
        cut: bool,
        options: &ReadOptions,
    ) -> Result<(), UserError> {
        let mut malformed = std::mem::replace(&mut found.malformed, malformed::Malformed::by("line"));
        let repeated = std::mem::take(&mut found.repeated);
        self.reading.notes.append(&mut found.notes);
        let of = match malformed.place() {
            "line" => text.lines().filter(|line| !line.trim().is_empty()).count(),
            _ => found.records.len() + malformed.count(),
        };
        let table = Table::of(found, options.columns.as_ref(), &mut malformed, &mut self.reading.notes);
        let roles = match &options.columns {
            Some(choice) => Some(Roles::chosen(&table, &file.name, choice)?),
            None => Roles::guessed(&table, &file.name)?,
        };
        let Some(roles) = roles else {
            malformed.settle(file, of, cut, options)?;
            return Err(UserError::NoText { file: file.name.clone() });
        };
        let fields = roles.fields(&table);
        if options.columns.is_none() {
            one_of_a_name(&file.name, &table, &fields, &repeated)?;
        }
        let made = examples::examples(&table, &roles, &mut malformed);
        let bad = malformed.settle(file, of, cut, options)?;
        if made.examples.is_empty() && !made.left_out.is_empty() {
            let left_out = made.left_out.iter().chain(&bad).map(LeftOut::to_string);
            let why: Vec<String> = left_out.chain(made.notes).collect();
            return Err(UserError::Shape {
                file: file.name.clone(),
                reason: format!("no example remains: {}", why.join(". ")),
            });
        }
        self.reading.left_out.extend(bad);
        self.reading.left_out.extend(made.left_out);
        self.reading.notes.extend(made.notes);
        self.reading
            .fields
            .extend(fields.into_iter().filter(|field| !self.reading.fields.contains(field)).collect::<Vec<_>>());
        self.examples.extend(made.examples);
        if self.columns.is_empty() {
            self.columns = table.preview();
        }
        self.chosen = Some(roles.choice(&table));
        Ok(())
    }
}

/// Refuses a used column whose name another one has too.
fn one_of_a_name(file: &str, table: &Table, fields: &[FieldUse], repeated: &[String]) -> Result<(), UserError> {
    let used = |field: &&FieldUse| field.role.is_used();
    let same = |field: &FieldUse, name: &String| {
        let rest = field.name.strip_prefix(name.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix('.').is_some_and(|n| n.parse::<u32>().is_ok()))
    };
    let twice = repeated.iter().find(|name| fields.iter().filter(used).any(|field| same(field, name)));
    let Some(name) = twice else { return Ok(()) };
    let alike: Vec<&str> = fields.iter().filter(|field| same(field, name)).map(|field| field.name.as_str()).collect();
    Err(UserError::Twice {
        file: file.to_owned(),
        name: name.clone(),
        same: alike.join(", "),
        columns: table.columns.clone(),
    })
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / (1 << 20) as f64)
}

#[cfg(test)]
mod tests;
