//! CSV and its kin: which delimiter, whether the first row is a header, which columns only number the rows.

use super::format;
use super::malformed::Malformed;
use super::names;
use super::quoted::{Cell, Fault, Row, Rows};
use super::records::{Record, Records};
use super::value::Value;
use std::collections::HashSet;

/// Rows looked at to tell a header from data.
const LOOKED_AT: usize = 200;
/// Longest name of a column, in bytes.
const LONGEST_NAME: usize = 48;

pub(super) fn read(text: &str, delimiter: u8) -> Records {
    let table = if delimiter == b'|' { format::plain_table(text) } else { None };
    let text = table.as_deref().unwrap_or(text);
    // Excel's first line for its own sake.
    let (delimiter, text, first_line) = match stated_delimiter(text) {
        Some((stated, rest)) => (stated, rest, 2),
        None => (delimiter, text, 1),
    };
    let mut notes = Vec::new();
    let comments = format::comments(text);
    let rest = text.split_inclusive('\n').take(comments).map(str::len).sum();
    let (text, first_line) = (&text[rest..], first_line + comments);
    if comments > 0 {
        notes.push(format!("Lines before the table that begin with # are not read: {comments}."));
    }
    let rows = |escapes: bool| -> Vec<Result<Row, Fault>> { Rows::of(text, first_line, delimiter, escapes).collect() };
    let mut found = rows(false);
    if text.contains("\\\"") && unlike_a_table(&found) > 0 {
        let escaped = rows(true);
        if unlike_a_table(&escaped) == 0 {
            notes.push("Backslashes are read as escapes: \\\" is a quote, \\\\ a backslash.".to_owned());
            found = escaped;
        }
    }
    let mut malformed = Malformed::by("line");
    let mut faults = Vec::new();
    let mut table: Vec<Row> = Vec::new();
    for row in found {
        match row {
            Ok(row) => table.push(row),
            Err(fault) => faults.push(fault),
        }
    }
    let titles = title_rows(&table);
    if titles > 0 {
        notes.push(format!("Rows above the columns' names are not read: {titles}."));
        table.drain(..titles);
    }
    let Header { names: mut columns, repeated, padded, numbers } = header(&mut table);
    widen(&mut columns, &table, &mut notes);
    let column = |cell: usize| columns.get(cell - 1).cloned().unwrap_or_else(|| format!("cell {cell}"));
    for Fault { line, cell, reason } in faults {
        malformed.add(line, || format!("{reason} (column “{}”)", column(cell)));
    }
    let index = index_columns(&columns, &table, numbers);
    let mut records = Vec::new();
    for Row { line, mut cells } in table {
        // A delimiter at the end of the line makes no column.
        while cells.len() > columns.len() && cells.last().is_some_and(|cell| cell.text.is_empty()) {
            cells.pop();
        }
        if cells.len() != columns.len() {
            let advice = if columns.len() == 1 { ": put text that holds the delimiter in quotes" } else { "" };
            malformed.add(line, || format!("{} cells where the header has {}{advice}", cells.len(), columns.len()));
            continue;
        }
        let text = |cell: Cell| match padded && !cell.quoted {
            true => Value::Text(cell.text.trim_start().to_owned()),
            false => Value::Text(cell.text),
        };
        let fields = columns.iter().cloned().zip(cells.into_iter().map(text)).collect();
        records.push(Record { at: line, fields });
    }
    Records { records, malformed, notes, index, repeated, text_only: true }
}

/// The delimiter that a first line `sep=;` states, and what follows it.
fn stated_delimiter(text: &str) -> Option<(u8, &str)> {
    let (first, rest) = text.split_once('\n')?;
    let first = first.trim_end_matches('\r').trim_matches('"');
    let head = first.get(..4).filter(|head| head.eq_ignore_ascii_case("sep="))?;
    match &first.as_bytes()[head.len()..] {
        [delimiter] if delimiter.is_ascii() => Some((*delimiter, rest)),
        _ => None,
    }
}

/// Rows that are no rows of a table.
fn unlike_a_table(rows: &[Result<Row, Fault>]) -> usize {
    let width = rows.iter().flatten().next().map_or(0, |row| row.cells.len());
    rows.iter().filter(|row| row.as_ref().map_or(true, |row| row.cells.len() != width)).count()
}

/// Rows above the header of known names that hold one cell at most, as a spreadsheet's title does.
fn title_rows(rows: &[Row]) -> usize {
    let filled = |row: &Row| row.cells.iter().filter(|cell| !cell.text.trim().is_empty()).count();
    let titles = rows.iter().take_while(|row| filled(row) <= 1).count();
    let named = |row: &Row| row.cells.iter().all(|cell| names::is_known(cell.text.trim()));
    if rows.get(titles).is_some_and(named) { titles } else { 0 }
}

#[derive(Default)]
struct Header {
    names: Vec<String>,
    /// Names that several columns have.
    repeated: Vec<String>,
    /// Whether spaces after a delimiter are there for the eye, as they are before names.
    padded: bool,
    /// The columns were numbered, not named.
    numbers: bool,
}

/// Takes the header from the rows, or numbers the columns where the first row is data. Names that are missing or
/// stand twice are made up as pandas does.
fn header(rows: &mut Vec<Row>) -> Header {
    let Some(first) = rows.first() else { return Header::default() };
    if !is_header(&first.cells, &rows[1..]) {
        let names = (1..=first.cells.len()).map(|number| format!("column {number}")).collect();
        return Header { names, numbers: true, ..Header::default() };
    }
    let cells = rows.remove(0).cells;
    let padded = cells.iter().any(|cell| !cell.quoted && cell.text.starts_with(' '));
    let (mut names, mut repeated): (Vec<String>, Vec<String>) = Default::default();
    for (at, cell) in cells.iter().enumerate() {
        let name = Some(cell.text.trim())
            .filter(|name| !name.is_empty())
            .map_or_else(|| format!("column {}", at + 1), str::to_owned);
        if names.contains(&name) && !repeated.contains(&name) {
            repeated.push(name.clone());
        }
        let repeats = (1..).map(|again| format!("{name}.{again}"));
        let free = std::iter::once(name.clone()).chain(repeats).find(|name| !names.contains(name));
        names.push(free.unwrap_or(name));
    }
    Header { names, repeated, padded, numbers: false }
}

/// A name is short and no number, and no sentence. Data may look so too: what names columns of training data settles
/// it, else a header's names are distinct and none of them is a value of its own column.
fn is_header(cells: &[Cell], below: &[Row]) -> bool {
    let text: Vec<&str> = cells.iter().map(|cell| cell.text.trim()).collect();
    // A frame whose columns have no names is written with their numbers.
    let numbered = text.len() > 1 && text[0].is_empty();
    if numbered && text[1..].iter().enumerate().all(|(at, name)| *name == at.to_string()) {
        return true;
    }
    let name = |name: &&str| {
        name.len() <= LONGEST_NAME
            && name.parse::<f64>().is_err()
            && !name.contains('\n')
            && !name.ends_with(['.', '?', '!'])
    };
    let named: Vec<&str> = text.iter().copied().filter(|name| !name.is_empty()).collect();
    if named.is_empty() || !named.iter().all(name) {
        return false;
    }
    if named.iter().any(|name| names::is_known(name)) {
        return true;
    }
    let distinct = (1..named.len()).all(|at| !named[..at].contains(&named[at]));
    let unnamed = text.iter().enumerate().filter(|(_, name)| name.is_empty());
    let only_at_the_ends = unnamed.clone().all(|(at, _)| at == 0 || at + 1 == text.len());
    let value = |at: usize| {
        let cells = below.iter().take(LOOKED_AT).filter_map(move |row| row.cells.get(at));
        cells.map(|cell| cell.text.trim()).any(|cell| cell == text[at])
    };
    distinct && only_at_the_ends && !(0..text.len()).any(|at| !text[at].is_empty() && value(at))
}

/// Where every row has one cell more than the header has names, R wrote the rows' names first: numbers or in quotes, and
/// no two the same. Other first cells are data, and the delimiter too many is in the row.
fn widen(columns: &mut Vec<String>, rows: &[Row], notes: &mut Vec<String>) {
    let wider = |row: &Row| row.cells.len() == columns.len() + 1;
    let filled = |row: &Row| row.cells.last().is_some_and(|cell| !cell.text.is_empty());
    let names: Vec<&Cell> = rows.iter().filter_map(|row| row.cells.first()).collect();
    let alike =
        names.iter().all(|cell| cell.quoted) || names.iter().all(|cell| cell.text.trim().parse::<u64>().is_ok());
    let distinct = names.iter().map(|cell| cell.text.as_str()).collect::<HashSet<_>>().len() == names.len();
    if alike && distinct && !rows.is_empty() && rows.iter().all(wider) && rows.iter().any(filled) {
        notes.push("Every row has a cell more than the header: the first is read as the rows' names.".to_owned());
        columns.insert(0, "row name".to_owned());
    }
}

/// Columns that number the rows: the unnamed first one of `to_csv()`, or one of its usual names.
fn index_columns(columns: &[String], rows: &[Row], numbers: bool) -> Vec<String> {
    let counts = |at: usize| {
        let mut cells = rows.iter().filter_map(|row| row.cells.get(at)).map(|cell| cell.text.trim());
        !rows.is_empty() && cells.all(|cell| cell.parse::<u64>().is_ok())
    };
    let index = |at: usize| {
        let name = columns[at].as_str();
        let usual = name == "row name" || names::is_index(name) || at == 0 && name == "column 1" && !numbers;
        usual && (name == "row name" || counts(at))
    };
    (0..columns.len()).filter(|&at| index(at)).map(|at| columns[at].clone()).collect()
}
