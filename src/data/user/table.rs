//! Records as a table: a column for each field, those of objects within by their dotted path. Values stay as they are
//! in the file; a list or an object is never text to learn from by itself.

use super::malformed::Malformed;
use super::records::{Record, Records};
use super::roles::Part;
use super::value::Value;
use super::{chat, names};
use std::collections::HashMap;

/// Fields of another name on every line are no table, and would not fit in memory as one.
const MOST_COLUMNS: usize = 256;
/// Fields of an object that become columns of their own; one that has more is a column by itself.
const MOST_WITHIN: usize = 32;
/// Objects within objects that become columns.
const DEPTH: usize = 4;
/// Rows looked at to tell what a column holds.
const LOOKED_AT: usize = 1000;

/// A column as the page shows it for choosing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// Its first value, shortened.
    pub sample: String,
}

/// A record's cells; it may lack some at its end.
pub(super) struct Row {
    pub at: usize,
    pub cells: Vec<Option<Value>>,
}

/// Cells by row and column.
#[derive(Default)]
pub(super) struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Row>,
    index: Vec<String>,
}

impl Table {
    /// The records that can be rows; others are added to the malformed.
    pub fn of(found: Records, malformed: &mut Malformed) -> Table {
        let mut records = found.records;
        read_cells(&mut records, found.text_only);
        let mut table = Table { index: found.index, ..Table::default() };
        let mut places: HashMap<String, usize> = HashMap::new();
        for Record { at, fields } in records {
            let mut cells = Vec::new();
            fields.into_iter().for_each(|(name, value)| flatten(name, value, DEPTH, &mut cells));
            let new = cells.iter().filter(|(name, _)| !places.contains_key(name)).count();
            if places.len() + new > MOST_COLUMNS {
                malformed.add(at, || format!("with it the records have more than {MOST_COLUMNS} different fields"));
                continue;
            }
            let mut row = Row { at, cells: vec![None; table.columns.len()] };
            for (name, value) in cells {
                let place = *places.entry(name).or_insert_with_key(|name| {
                    table.columns.push(name.clone());
                    table.columns.len() - 1
                });
                row.cells.resize(table.columns.len(), None);
                row.cells[place] = Some(value).filter(|value| *value != Value::Null);
            }
            table.rows.push(row);
        }
        table
    }

    /// A column by its name, or a part of its values by name and path.
    pub fn part(&self, name: &str) -> Option<Part> {
        let column = |name: &str| self.columns.iter().position(|column| column == name);
        if let Some(column) = column(name) {
            return Some(Part { column, path: None });
        }
        let dots = name.rmatch_indices('.').map(|(at, _)| at);
        let mut parts =
            dots.filter_map(|at| Some(Part { column: column(&name[..at])?, path: Some(name[at + 1..].into()) }));
        parts.find(|part| self.rows.iter().any(|row| part.of(&row.cells).is_some()))
    }

    fn values(&self, column: usize) -> impl Iterator<Item = &Value> {
        self.rows.iter().filter_map(move |row| row.cells.get(column)?.as_ref())
    }

    fn all(&self, column: usize, is: impl Fn(&Value) -> bool) -> bool {
        let mut some = false;
        self.values(column).take(LOOKED_AT).all(|value| {
            some = true;
            is(value)
        }) && some
    }

    /// Whether its values are conversations.
    pub fn is_chat(&self, column: usize) -> bool {
        self.values(column).take(LOOKED_AT).any(chat::is_messages)
    }

    /// Whether it says yes or no of each record.
    pub fn is_yes_or_no(&self, column: usize) -> bool {
        self.all(column, |value| yes(value).is_some())
    }

    /// Whether there is anything to read in it.
    pub fn holds_text(&self, column: usize) -> bool {
        self.values(column).any(|value| !value.scalar().unwrap_or_else(|| "…".into()).trim().is_empty())
    }

    /// Whether the column only tells the records apart.
    pub fn numbers_rows(&self, column: usize) -> bool {
        let name = &self.columns[column];
        self.index.contains(name) || names::names_records(name)
    }

    /// Bytes of its texts.
    pub fn bytes(&self, column: usize) -> usize {
        self.values(column).filter_map(Value::as_text).map(str::len).sum()
    }

    /// The columns, each with its first value.
    pub fn preview(&self) -> Vec<Column> {
        let sample = |at: usize| {
            let first = self.values(at).next();
            let text = first.map(|value| value.scalar().or_else(|| serde_json::to_string(value).ok()));
            text.flatten().unwrap_or_default().chars().take(60).collect()
        };
        self.columns.iter().enumerate().map(|(at, name)| Column { name: name.clone(), sample: sample(at) }).collect()
    }
}

/// What a mark says, as JSON or as a text.
pub(super) fn yes(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Text(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::Text(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Adds a field's cells: those of an object each for itself.
fn flatten(name: String, value: Value, depth: usize, cells: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) if depth > 0 && (1..=MOST_WITHIN).contains(&fields.len()) => {
            fields.into_iter().for_each(|(field, value)| flatten(format!("{name}.{field}"), value, depth - 1, cells));
        }
        value => cells.push((name, value)),
    }
}

/// Conversations that stand in a text as JSON are read as such; where the format knows nothing but text, objects too.
fn read_cells(records: &mut [Record], text_only: bool) {
    let mut columns: HashMap<&str, bool> = HashMap::new();
    for Record { fields, .. } in records.iter() {
        for (name, value) in fields {
            let begins = |text: &str| text.trim_start().starts_with(['[', '{']);
            let may = columns.entry(name).or_insert(true);
            *may &= value.as_text().is_none_or(|text| text.trim().is_empty() || begins(text));
        }
    }
    let columns: Vec<String> = columns.into_iter().filter(|(_, may)| *may).map(|(name, _)| name.to_owned()).collect();
    for column in columns {
        let read = |record: &Record| -> Option<Value> {
            let (_, value) = record.fields.iter().find(|(name, _)| *name == column)?;
            serde_json::from_str(value.as_text()?).ok()
        };
        let object = |value: &Value| text_only && value.as_object().is_some() && !names::is_target(&column);
        let structured = |record: &&Record| {
            let text = record.fields.iter().find(|(name, _)| *name == column).and_then(|(_, value)| value.as_text());
            let blank = text.is_none_or(|text| text.trim().is_empty());
            blank || read(record).is_some_and(|value| chat::is_messages(&value) || object(&value))
        };
        if !records.iter().all(|record| structured(&record)) {
            continue;
        }
        for record in records.iter_mut() {
            if let (Some(value), Some(place)) =
                (read(record), record.fields.iter().position(|(name, _)| *name == column))
            {
                record.fields[place].1 = value;
            }
        }
    }
}
