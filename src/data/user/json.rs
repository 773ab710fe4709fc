//! JSON: a record a line, or one value that holds all of them: a list, a list under a name, columns of equal length,
//! and the ways in which pandas writes a frame.

use super::malformed::Malformed;
use super::names;
use super::records::{Record, Records};
use super::value::Value;
use super::{UserError, chat};
use std::borrow::Cow;

/// Wrappers within wrappers that are looked into.
const DEPTH: usize = 3;

type Fields = Vec<(String, Value)>;

/// `cut`: the file goes on beyond what is read.
pub(super) fn read(file: &str, text: &str, cut: bool) -> Result<Records, UserError> {
    let mut notes = Vec::new();
    let mut malformed = Malformed::by("line");
    let mut values: Vec<(usize, Value)> = Vec::new();
    match parse(text) {
        Err(error) if spans_lines(text) => match stream(text) {
            Some(several) => {
                malformed = Malformed::by("record");
                values.extend(several.into_iter().enumerate().map(|(at, value)| (at + 1, value)));
            }
            None => {
                let advice = match cut {
                    true => {
                        "The file is longer than what is read of it: save it with a record on each line (JSON lines)"
                    }
                    false => {
                        "It is read as a whole or not at all: correct it, or write a record on each line (JSON lines)"
                    }
                };
                return Err(UserError::Shape { file: file.to_owned(), reason: format!("not JSON: {error}. {advice}") });
            }
        },
        Ok(whole) => {
            if text.trim().contains('\n') || matches!(whole, Value::List(_)) {
                malformed = Malformed::by("record");
            }
            let held = records_in(whole, DEPTH, &mut notes);
            let held = held.map_err(|reason| UserError::Shape { file: file.to_owned(), reason })?;
            values.extend(held.into_iter().enumerate().map(|(at, value)| (at + 1, value)));
        }
        Err(_) => {
            for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                match parse(line) {
                    Ok(value) => values.push((at + 1, value)),
                    Err(error) => malformed.add(at + 1, || short(&error)),
                }
            }
        }
    }
    let mut records = Vec::new();
    for (at, value) in values {
        match value {
            Value::Object(fields) => {
                records.extend(questions_of(fields).into_iter().map(|fields| Record { at, fields }))
            }
            Value::Text(_) => records.push(Record { at, fields: vec![("text".to_owned(), value)] }),
            other => malformed.add(at, || format!("{} where an object with named fields should be", other.kind())),
        }
    }
    Ok(Records { records, malformed, notes, index: Vec::new(), repeated: Vec::new(), text_only: false })
}

/// A value of JSON text, or what is wrong with it.
pub(super) fn value(text: &str) -> Result<Value, String> {
    parse(text).map_err(|error| short(&error))
}

/// A value whose numbers keep their digits; what Python writes and JSON has not (NaN, Infinity) is null.
fn parse(text: &str) -> Result<Value, serde_json::Error> {
    let text = without_nan(text);
    let mut value: Value = serde_json::from_str(&text)?;
    value.with_digits(&mut tokens(&text).filter(|token| token.ends_with(|c: char| c.is_ascii_digit())));
    Ok(value)
}

/// What stands outside of strings and is no sign: numbers and words, in their order.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let begin = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_alphanumeric())?;
            rest = &rest[begin..];
            if let Some(string) = rest.strip_prefix('"') {
                let mut escaped = false;
                let end = string.find(|c: char| {
                    let closes = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    closes
                });
                rest = &string[end? + 1..];
                continue;
            }
            let end = rest.find(|c: char| !(matches!(c, '-' | '+' | '.') || c.is_ascii_alphanumeric()));
            let (token, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            return Some(token);
        }
    })
}

fn without_nan(text: &str) -> Cow<'_, str> {
    if !text.contains("NaN") && !text.contains("Infinity") {
        return text.into();
    }
    let mut read = String::with_capacity(text.len());
    let mut at = 0;
    for token in tokens(text).filter(|token| matches!(*token, "NaN" | "Infinity" | "-Infinity")) {
        let begin = token.as_ptr() as usize - text.as_ptr() as usize;
        read.push_str(&text[at..begin]);
        read.push_str("null");
        at = begin + token.len();
    }
    read.push_str(&text[at..]);
    read.into()
}

/// Whether text that is no JSON was meant as values of several lines, rather than as a record a line.
fn spans_lines(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let Some(first) = lines.next() else { return false };
    let is_open = matches!(parse(first), Err(error) if error.is_eof());
    if !is_open && !first.trim_start().starts_with('[') {
        return false;
    }
    let list = text.trim_start().starts_with('[');
    let (all, whole) = lines.fold((1, 0), |(all, whole), line| (all + 1, whole + usize::from(parse(line).is_ok())));
    list && parse(first).is_err() || is_open && all > 1 && 2 * whole < all
}

/// Values one after another, however their lines are broken.
fn stream(text: &str) -> Option<Vec<Value>> {
    let text = without_nan(text);
    let mut values: Vec<Value> =
        serde_json::Deserializer::from_str(&text).into_iter().collect::<Result<_, _>>().ok()?;
    let mut digits = tokens(&text).filter(|token| token.ends_with(|c: char| c.is_ascii_digit()));
    values.iter_mut().for_each(|value| value.with_digits(&mut digits));
    Some(values)
}

/// The records that one value holds, or why it cannot be told which they are.
fn records_in(value: Value, depth: usize, notes: &mut Vec<String>) -> Result<Vec<Value>, String> {
    let fields = match value {
        Value::List(values) => return Ok(values),
        Value::Object(fields) => fields,
        other => return Ok(vec![other]),
    };
    let is_record = fields.iter().any(|(_, value)| chat::is_messages(value));
    if is_record || fields.is_empty() {
        return Ok(vec![Value::Object(fields)]);
    }
    if let Some(rows) = split_frame(&fields) {
        return Ok(rows);
    }
    if let Some(rows) = columns(&fields, notes)? {
        return Ok(rows);
    }
    if let Some(rows) = frame(&fields) {
        return Ok(rows);
    }
    let records =
        |value: &Value| value.as_list().is_some_and(|list| list.iter().any(|each| each.as_object().is_some()));
    let mut holders: Vec<usize> = (0..fields.len()).filter(|&at| records(&fields[at].1)).collect();
    if holders.len() > 1 {
        let known: Vec<usize> = holders.iter().copied().filter(|&at| has_known_names(&fields[at].1)).collect();
        holders = if known.len() == 1 { known } else { holders };
    }
    if holders.is_empty() && depth > 0 {
        let inner =
            |value: &Value| value.as_object().is_some_and(|fields| fields.iter().any(|(_, value)| records(value)));
        holders = (0..fields.len()).filter(|&at| inner(&fields[at].1)).collect();
    }
    match holders[..] {
        [] => Ok(vec![Value::Object(fields)]),
        [holder] => {
            let others = list(fields.iter().enumerate().filter(|(at, _)| *at != holder).map(|(_, (name, _))| name));
            let beside = if others.is_empty() { String::new() } else { format!("; beside it, not used: {others}") };
            notes.push(format!("The records are those under “{}”{beside}.", fields[holder].0));
            let held = fields.into_iter().nth(holder).map_or(Value::Null, |(_, value)| value);
            records_in(held, depth.saturating_sub(1), notes)
        }
        _ => {
            let names = list(holders.iter().map(|&at| &fields[at].0));
            Err(format!("records stand under several names ({names}): give each list as a file of its own"))
        }
    }
}

fn has_known_names(value: &Value) -> bool {
    let first = value.as_list().and_then(|list| list.first()).and_then(Value::as_object);
    first.is_some_and(|fields| {
        fields.iter().any(|(name, value)| {
            names::is_known(name)
                || value.as_object().is_some_and(|inner| inner.iter().any(|(n, _)| names::is_known(n)))
        })
    })
}

/// `{"columns": […], "data": [[…], …]}`, as pandas writes a frame split.
fn split_frame(fields: &[(String, Value)]) -> Option<Vec<Value>> {
    let get = |wanted: &str| fields.iter().find(|(name, _)| name == wanted).and_then(|(_, value)| value.as_list());
    let names: Vec<&str> = get("columns")?.iter().map(Value::as_text).collect::<Option<_>>()?;
    let row = |row: &Value| {
        let cells = row.as_list().filter(|cells| cells.len() == names.len())?;
        Some(Value::Object(names.iter().map(|name| name.to_string()).zip(cells.iter().cloned()).collect()))
    };
    get("data")?.iter().map(row).collect()
}

/// `{"prompt": […], "completion": […]}`: a list a column.
fn columns(fields: &[(String, Value)], notes: &mut Vec<String>) -> Result<Option<Vec<Value>>, String> {
    let lists: Vec<(&String, &[Value])> =
        fields.iter().filter_map(|(name, value)| Some((name, value.as_list()?))).collect();
    let objects = |list: &[Value]| list.iter().any(|each| each.as_object().is_some());
    // Beside columns stands at most what says something of them all, such as a version.
    let is_record = fields.iter().any(|(name, value)| match value {
        Value::Object(_) => true,
        Value::List(_) => false,
        _ => names::is_known(name),
    });
    if is_record || lists.is_empty() || lists.iter().all(|(_, list)| objects(list)) {
        return Ok(None);
    }
    let length = lists[0].1.len();
    if let Some((name, other)) = lists.iter().find(|(_, list)| list.len() != length) {
        let (first, other) = (lists[0].0, other.len());
        return Err(format!(
            "the columns are of different lengths: “{first}” has {length} values and “{name}” {other}"
        ));
    }
    let others = list(fields.iter().filter(|(_, value)| value.as_list().is_none()).map(|(name, _)| name));
    if !others.is_empty() {
        notes.push(format!("The records are the lists; beside them, not used: {others}."));
    }
    let row =
        |at: usize| Value::Object(lists.iter().map(|(name, list)| (name.to_string(), list[at].clone())).collect());
    Ok(Some((0..length).map(row).collect()))
}

/// An object of objects: pandas' columns by row, its rows by index, or records by a name of their own.
fn frame(fields: &[(String, Value)]) -> Option<Vec<Value>> {
    let objects: Vec<&Fields> = fields
        .iter()
        .map(|(_, value)| if let Value::Object(inner) = value { Some(inner) } else { None })
        .collect::<Option<_>>()?;
    let has = |inner: &Fields, wanted: &String| inner.iter().any(|(name, _)| name == wanted);
    let number = |name: &String| name.parse::<u64>().is_ok();
    let known_in_all = || {
        let mut known = objects[0].iter().filter(|(name, _)| names::is_known(name));
        known.any(|(name, _)| objects.iter().all(|inner| has(inner, name)))
    };
    let keys = fields.iter().all(|(name, _)| number(name)) || !fields.iter().any(|(name, _)| names::is_known(name));
    if keys && objects.len() > 1 && known_in_all() {
        return Some(objects.into_iter().map(|inner| Value::Object(inner.clone())).collect());
    }
    let same = |inner: &&Fields| inner.iter().map(|(name, _)| name).eq(objects[0].iter().map(|(name, _)| name));
    if objects[0].is_empty() || !objects.iter().all(same) {
        return None;
    }
    if fields.iter().all(|(name, _)| number(name)) {
        return Some(objects.into_iter().map(|inner| Value::Object(inner.clone())).collect());
    }
    if !objects[0].iter().all(|(name, _)| number(name)) {
        return None;
    }
    let row = |at: usize| {
        let cells = fields.iter().zip(&objects).map(|((name, _), column)| (name.clone(), column[at].1.clone()));
        Value::Object(cells.collect())
    };
    Some((0..objects[0].len()).map(row).collect())
}

/// SQuAD's articles as their questions, each with its paragraph (Rajpurkar et al. 2016); any other record as it is.
fn questions_of(fields: Fields) -> Vec<Fields> {
    let record = Value::Object(fields);
    let questions = |paragraph: &Value| -> Option<Vec<Fields>> {
        let context = ("context".to_owned(), paragraph.get("context")?.clone());
        let with_context = |question: &Value| {
            let fields = question.as_object()?.iter().cloned();
            Some(std::iter::once(context.clone()).chain(fields).collect())
        };
        paragraph.get("qas")?.as_list()?.iter().map(with_context).collect()
    };
    let found: Option<Vec<Vec<Fields>>> =
        record.get("paragraphs").and_then(Value::as_list).and_then(|list| list.iter().map(questions).collect());
    match (found, record) {
        (Some(found), _) => found.into_iter().flatten().collect(),
        (None, Value::Object(fields)) => vec![fields],
        (None, _) => Vec::new(),
    }
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The parser's words without its position, which would be "line 1" of our one line.
fn short(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let words = text.split(" at line ").next().unwrap_or(&text);
    format!("not JSON ({words}, at character {})", error.column())
}
