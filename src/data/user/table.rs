//! Records with named columns, from CSV or JSON lines: which columns hold prompt and completion, by the names that
//! fine-tuning data usually has, or as the visitor chose.

use super::UserError;
use super::passages::{PASSAGE_BYTES, cut_up};
use crate::data::Example;
use serde::{Deserialize, Serialize};

/// Which columns of a table hold what; the prompt is optional.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnChoice {
    pub prompt: Option<String>,
    pub completion: String,
}

/// A column as the page shows it for choosing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// Its first value, shortened.
    pub sample: String,
}

/// Cells by row and column; a record may lack some.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
}

/// Names that completions and prompts have, likeliest first.
const COMPLETIONS: [&str; 14] = [
    "completion",
    "response",
    "output",
    "answer",
    "target",
    "label",
    "summary",
    "translation",
    "reply",
    "code",
    "headline",
    "title",
    "sentiment",
    "category",
];
const PROMPTS: [&str; 14] = [
    "prompt",
    "instruction",
    "question",
    "input",
    "source",
    "query",
    "text",
    "context",
    "article",
    "document",
    "review",
    "sentence",
    "message",
    "content",
];
const TEXTS: [&str; 5] = ["text", "content", "body", "message", "story"];
/// An instruction may come with an input of its own (Taori et al. 2023).
const INSTRUCTION: [&str; 2] = ["instruction", "input"];

impl Table {
    /// The columns to use: the visitor's choice if there is one, else a guess, which is noted where it was hard.
    pub fn choose(
        &self,
        file: &str,
        asked: Option<&ColumnChoice>,
        notes: &mut Vec<String>,
    ) -> Result<ColumnChoice, UserError> {
        if let Some(choice) = asked {
            for name in [Some(&choice.completion), choice.prompt.as_ref()].into_iter().flatten() {
                if !self.columns.contains(name) {
                    let columns = self.columns.join(", ");
                    return Err(UserError::NoColumn { file: file.to_owned(), asked: name.clone(), columns });
                }
            }
            return Ok(choice.clone());
        }
        let named = |names: &[&str]| names.iter().find_map(|name| self.columns.iter().find(|c| same(c, name)).cloned());
        if let Some(completion) = named(&COMPLETIONS) {
            if let Some(prompt) = named(&PROMPTS) {
                return Ok(ColumnChoice { prompt: Some(prompt), completion });
            }
        } else if let Some(text) = named(&TEXTS) {
            return Ok(ColumnChoice { prompt: None, completion: text });
        }
        let choice = match &self.columns[..] {
            [one] => return Ok(ColumnChoice { prompt: None, completion: one.clone() }),
            [first, second] => ColumnChoice { prompt: Some(first.clone()), completion: second.clone() },
            _ => ColumnChoice { prompt: None, completion: self.wordiest().unwrap_or_default() },
        };
        let prompt = choice.prompt.as_ref().map_or("no prompt".into(), |prompt| format!("“{prompt}” as the prompt"));
        notes.push(format!(
            "Took {prompt} and “{}” as the text to learn; choose other columns if that is wrong.",
            choice.completion
        ));
        Ok(choice)
    }

    /// The column with most text.
    fn wordiest(&self) -> Option<String> {
        let bytes = |column: usize| -> usize {
            self.rows.iter().filter_map(|row| row.get(column)?.as_ref()).map(String::len).sum()
        };
        let (_, name) = self.columns.iter().enumerate().max_by_key(|(at, _)| bytes(*at))?;
        Some(name.clone())
    }

    /// The columns, each with its first value.
    pub fn preview(&self) -> Vec<Column> {
        let sample = |at: usize| {
            let first = self.rows.iter().find_map(|row| row.get(at)?.as_deref());
            first.unwrap_or("").chars().take(60).collect()
        };
        self.columns.iter().enumerate().map(|(at, name)| Column { name: name.clone(), sample: sample(at) }).collect()
    }

    /// The rows as examples; those whose completion is empty are left out. Text without prompt is cut into passages.
    pub fn examples(&self, choice: &ColumnChoice) -> Vec<Example> {
        let column = |name: &str| self.columns.iter().position(|column| column == name);
        let completion = column(&choice.completion);
        let prompt = choice.prompt.as_deref().and_then(column);
        let extra = choice.prompt.as_deref().filter(|prompt| same(prompt, INSTRUCTION[0])).and_then(|_| {
            self.columns.iter().position(|column| same(column, INSTRUCTION[1]) && *column != choice.completion)
        });
        let mut examples = Vec::new();
        for row in &self.rows {
            let cell = |at: Option<usize>| at.and_then(|at| row.get(at)?.as_deref()).unwrap_or("").trim();
            let target = cell(completion);
            if target.is_empty() {
                continue;
            }
            let asked = [cell(prompt), cell(extra)].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
            if asked.is_empty() {
                examples.extend(cut_up(target, PASSAGE_BYTES).into_iter().map(Example::text));
            } else {
                // The line break tells the model where the prompt ends.
                examples.push(Example::new(format!("{}\n", asked.join("\n")), target));
            }
        }
        examples
    }
}

fn same(column: &str, name: &str) -> bool {
    column.trim().eq_ignore_ascii_case(name)
}
