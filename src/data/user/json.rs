//! JSON: an object or string a line (JSON lines), or one array of them.

use super::table::Table;
use super::{Content, Malformed, chat};
use serde_json::Value;

/// Fields of another name on every line are no table, and would not fit in memory as one.
const MOST_COLUMNS: usize = 256;

/// `conversations`: whether chats become examples by themselves, which they do where no columns are chosen.
pub(super) fn read(text: &str, conversations: bool) -> (Content, Malformed) {
    let mut malformed = Malformed::default();
    let mut records: Vec<(usize, Value)> = Vec::new();
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(values)) => records.extend(values.into_iter().enumerate().map(|(at, value)| (at + 1, value))),
        Ok(value) => records.push((1, value)),
        Err(_) => {
            for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                match serde_json::from_str(line) {
                    Ok(value) => records.push((at + 1, value)),
                    Err(error) => malformed.add(at + 1, || short(&error)),
                }
            }
        }
    }
    if conversations && records.iter().any(|(_, value)| chat::messages(value).is_some()) {
        let mut examples = Vec::new();
        for (line, value) in &records {
            match chat::examples(value) {
                Ok(found) => examples.extend(found),
                Err(reason) => malformed.add(*line, || reason),
            }
        }
        return (Content::Examples(examples), malformed);
    }
    let mut table = Table::default();
    for (line, value) in records {
        let cells: Vec<(String, Value)> = match value {
            Value::Object(map) => map.into_iter().collect(),
            Value::String(_) => vec![("text".to_owned(), value)],
            other => {
                malformed.add(line, || format!("{} where an object with named fields should be", kind(&other)));
                continue;
            }
        };
        let new = cells.iter().filter(|(name, _)| !table.columns.contains(name)).count();
        if table.columns.len() + new > MOST_COLUMNS {
            malformed.add(line, || format!("with it the records have more than {MOST_COLUMNS} different fields"));
            continue;
        }
        let mut row = vec![None; table.columns.len()];
        for (name, value) in cells {
            let at = table.columns.iter().position(|column| *column == name).unwrap_or_else(|| {
                table.columns.push(name);
                row.push(None);
                table.columns.len() - 1
            });
            row[at] = match value {
                Value::String(text) => Some(text),
                Value::Null => None,
                other => Some(other.to_string()),
            };
        }
        table.rows.push(row);
    }
    (Content::Table(table), malformed)
}

/// The parser's words without its position, which would be "line 1" of our one line.
fn short(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let words = text.split(" at line ").next().unwrap_or(&text);
    format!("not JSON ({words}, at character {})", error.column())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
