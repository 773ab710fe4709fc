//! Records as a table: a column for each field, those of objects within by their dotted path. Values stay as they are
//! in the file; a list or an object is never text to learn from by itself.

use super::malformed::Malformed;
use super::records::{Broken, Record, Records};
use super::roles::Part;
use super::value::Value;
use super::{ColumnChoice, chat, json, names};
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
    /// What in it cannot be read.
    pub broken: Vec<Broken>,
}

/// Cells by row and column.
#[derive(Default)]
pub(super) struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Row>,
    /// Whether the format knows text only.
    pub text_only: bool,
    index: Vec<String>,
}

impl Table {
    /// The records that can be rows; others are added to the malformed. Of very many fields those are read that have
    /// known names or are chosen, whatever stands before them.
    pub fn of(
        found: Records,
        choice: Option<&ColumnChoice>,
        malformed: &mut Malformed,
        notes: &mut Vec<String>,
    ) -> Table {
        let mut records = found.records;
        let mut broken = read_cells(&mut records, found.text_only);
        let mut table = Table { index: found.index, text_only: found.text_only, ..Table::default() };
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut narrowed = false;
        for (number, Record { at, fields }) in records.into_iter().enumerate() {
            let mut cells = Vec::new();
            fields.into_iter().for_each(|(name, value)| flatten(name, value, DEPTH, &mut cells));
            let (mut count, all) = (places.len(), cells.len());
            cells.retain(|(name, _)| {
                let known =
                    count < 2 * MOST_COLUMNS && (names::is_known(name) || choice.is_some_and(|c| c.names(name)));
                let new = !places.contains_key(name);
                count += usize::from(new);
                !new || count <= MOST_COLUMNS || known
            });
            if cells.is_empty() && all > 0 {
                malformed.add(at, || format!("with it the records have more than {MOST_COLUMNS} different fields"));
                continue;
            }
            narrowed |= cells.len() < all;
            let broken = broken.remove(&number).unwrap_or_default();
            let mut row = Row { at, cells: vec![None; table.columns.len()], broken };
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
        if narrowed {
            let which = "the others only where their names are known or chosen";
            notes.push(format!("There are more than {MOST_COLUMNS} fields: the first are read, {which}."));
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

    /// A part as it is chosen: the column's name, and the path in it.
    pub fn name(&self, part: &Part) -> String {
        let column = &self.columns[part.column];
        part.path.as_ref().map_or_else(|| column.clone(), |path| format!("{column}.{path}"))
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

    /// Whether its conversations end with what the user says, so that the answer stands elsewhere.
    pub fn awaits_answer(&self, column: usize) -> bool {
        self.all(column, |value| value.as_list().and_then(<[Value]>::last).is_some_and(chat::is_asking))
    }

    /// Whether its values are lists.
    pub fn is_list(&self, column: usize) -> bool {
        self.all(column, |value| value.as_list().is_some())
    }

    /// Whether most of its texts are lists or objects as Python prints them.
    pub fn is_printed(&self, column: usize) -> bool {
        let texts =
            self.values(column).take(LOOKED_AT).filter_map(Value::as_text).filter(|text| !text.trim().is_empty());
        let (all, printed) =
            texts.fold((0, 0), |(all, printed), text| (all + 1, printed + usize::from(is_printed(text))));
        printed > 0 && 2 * printed >= all
    }

    /// Whether nearly every text of a column stands `within` another of its row, as `how` says.
    pub fn stands_in(&self, column: usize, within: usize, how: impl Fn(&str, &str) -> bool) -> bool {
        let text = |row: &Row, at: usize| row.cells.get(at)?.as_ref()?.scalar().filter(|text| !text.trim().is_empty());
        let pairs = self.rows.iter().take(LOOKED_AT).filter_map(|row| Some((text(row, column)?, text(row, within)?)));
        let (all, inside) = pairs.fold((0, 0), |(all, inside), (part, whole)| {
            (all + 1, inside + usize::from(whole.trim().len() > part.trim().len() && how(whole.trim(), part.trim())))
        });
        all > 0 && 10 * inside >= 9 * all
    }

    /// Whether it says yes or no of each record.
    pub fn is_yes_or_no(&self, column: usize) -> bool {
        self.all(column, |value| yes(value).is_some())
    }

    /// Whether there is anything to read in it.
    pub fn holds_text(&self, column: usize) -> bool {
        self.values(column).any(|value| !value.scalar().unwrap_or_else(|| "…".into()).trim().is_empty())
    }

    /// Whether there are words in it, and not numbers or marks alone.
    pub fn holds_words(&self, column: usize) -> bool {
        let words = |text: &str| !text.trim().is_empty() && text.trim().parse::<f64>().is_err();
        self.values(column).any(|value| value.as_text().is_some_and(words) || value.as_list().is_some())
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

/// What a mark says, as JSON or as a text: true or 1, false or 0.
pub(super) fn yes(value: &Value) -> Option<bool> {
    match value.scalar()?.trim().to_lowercase().as_str() {
        "true" | "1" | "1.0" => Some(true),
        "false" | "0" | "0.0" => Some(false),
        _ => None,
    }
}

/// Adds a field's cells: those of an object each for itself.
fn flatten(name: String, value: Value, depth: usize, cells: &mut Vec<(String, Value)>) {
    match chat::as_turns(value, &name) {
        Value::Object(fields) if depth > 0 && (1..=MOST_WITHIN).contains(&fields.len()) => {
            fields.into_iter().for_each(|(field, value)| flatten(format!("{name}.{field}"), value, depth - 1, cells));
        }
        value => cells.push((name, value)),
    }
}

/// JSON in texts is read where a column's name or most of its texts say that it stands for what it holds: conversations
/// in any column, what [`names::holds`], and where the format knows nothing but text, objects too. What cannot be read as
/// the others of its column are is given by the record's place.
fn read_cells(records: &mut [Record], text_only: bool) -> HashMap<usize, Vec<Broken>> {
    let mut columns: HashMap<&str, (usize, usize)> = HashMap::new();
    for (name, value) in records.iter().flat_map(|record| &record.fields) {
        let Some(text) = value.as_text().map(str::trim).filter(|text| !text.is_empty()) else { continue };
        let (texts, begun) = columns.entry(name).or_default();
        *texts += 1;
        *begun += usize::from(text.starts_with(['[', '{']));
    }
    let may = |name: &str, texts: usize, some: usize| {
        some > 0 && (2 * some >= texts || names::is_one_of(name, &names::CHATS))
    };
    let columns: Vec<(String, usize)> = columns
        .into_iter()
        .filter(|(name, (texts, begun))| may(name, *texts, *begun))
        .map(|(name, (texts, _))| (name.to_owned(), texts))
        .collect();
    let mut broken: HashMap<usize, Vec<Broken>> = HashMap::new();
    for (column, texts) in columns {
        let held = |value: &Value| match value {
            _ if chat::is_messages(value) => true,
            Value::Object(_) => text_only && !names::stands(&column) || names::holds(&column),
            Value::List(_) => names::holds(&column),
            _ => false,
        };
        let mut read: Vec<(usize, usize, Result<Value, String>)> = Vec::new();
        for (at, record) in records.iter().enumerate() {
            let Some(place) = record.fields.iter().position(|(name, _)| *name == column) else { continue };
            let Some(text) = record.fields[place].1.as_text().filter(|text| !text.trim().is_empty()) else { continue };
            read.push((at, place, json::value(text)));
        }
        if !may(&column, texts, read.iter().filter(|(_, _, value)| value.as_ref().is_ok_and(held)).count()) {
            continue;
        }
        for (at, place, value) in read {
            match value {
                Ok(value @ (Value::List(_) | Value::Object(_))) => records[at].fields[place].1 = value,
                other => {
                    let why = other.map_or_else(|reason| reason, |value| format!("{} in JSON", value.kind()));
                    let reason = format!("“{column}” is no JSON list or object as in other records: {why}");
                    records[at].fields.remove(place);
                    broken.entry(at).or_default().push(Broken { column: column.clone(), reason });
                }
            }
        }
    }
    broken
}

/// Whether a text is a list or an object as Python or NumPy prints it.
pub(super) fn is_printed(text: &str) -> bool {
    const BEGINS: [&str; 7] = ["{'", "[{'", "['", "[['", "[[{'", "array([", "[array("];
    let text = text.trim();
    BEGINS.iter().any(|begin| text.starts_with(begin)) && text.ends_with([']', '}', ')'])
}
