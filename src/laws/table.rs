//! Points from outside: any CSV or JSON table, its columns chosen by name. Nothing here panics, whatever the bytes;
//! rows without a number where one belongs are left out, and a warning that comes along says which; another says how
//! numbers were read that are not written plainly.

use crate::data::user::value::Value;
use crate::laws::number::{Decimal, decimal_in, number};
use crate::laws::{Point, Warning};
use std::collections::HashMap;
use std::io::Read;

/// More rows than any experiment has; a bound on memory for a file dropped by mistake.
pub const MOST_ROWS: usize = 1_000_000;
const MOST_COLUMNS: usize = 1_000;
/// Of a cell that cannot be read, so many characters are shown.
const LONGEST_CELL: usize = 40;
/// What stands where a number is missing.
const MISSING: [&str; 8] = ["n/a", "na", "nan", "null", "none", "-", "–", "?"];
/// What columns of runs are called.
const RUNS: [&str; 2] = ["seed", "run"];

/// A file of points as text.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub columns: Vec<String>,
    /// One list per row, as long as `columns`; an absent cell is empty.
    pub rows: Vec<Vec<String>>,
    /// Whether semicolons part the cells, as where the comma stands before decimals.
    semicolons: bool,
}

/// Which column is what.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    /// Amount of data.
    pub x: String,
    /// Loss.
    pub y: String,
    /// Second factor.
    pub n: Option<String>,
    /// Which factor `n` is, where the rows vary several.
    pub factor: Option<String>,
    pub group: Option<String>,
    /// Run or seed.
    pub run: Option<String>,
    /// Distinct data, where data was repeated.
    pub unique: Option<String>,
}

/// Why a file is no table of points.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TableError {
    #[error("the file is empty: give a CSV with a header line, or JSON objects")]
    Empty,
    #[error("line {line}: {found} cells under {expected} columns; check quotes and separators there")]
    Ragged { line: usize, found: usize, expected: usize },
    #[error("line {line}: a quote is opened and never closed; close it")]
    OpenQuote { line: usize },
    #[error("not a table that can be read ({reason}): save it as CSV in UTF-8")]
    Csv { reason: String },
    #[error("not JSON that can be read ({reason}): give an array of objects, or one object per line")]
    Json { reason: String },
    #[error("the JSON holds no objects: give an array of objects with one field per column")]
    NoObjects,
    #[error("no column is called \"{wanted}\"; there are: {}", present.join(", "))]
    NoColumn { wanted: String, present: Vec<String> },
    #[error("two columns are called \"{name}\": rename one, so that it is clear which is meant")]
    TwoColumns { name: String },
    #[error("the JSON's columns are not of one length: give each as many values")]
    UnevenColumns,
    #[error("more than {MOST_ROWS} rows or {MOST_COLUMNS} columns: thin the file out")]
    TooLarge,
}

impl Table {
    /// Refuses two columns of one name: either might be meant.
    fn of(columns: Vec<String>, rows: Vec<Vec<String>>, semicolons: bool) -> Result<Table, TableError> {
        let mut named: Vec<&String> = columns.iter().filter(|name| !name.is_empty()).collect();
        named.sort();
        match named.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(TableError::TwoColumns { name: pair[0].clone() }),
            None => Ok(Table { columns, rows, semicolons }),
        }
    }

    /// Reads CSV (comma, semicolon or tab; quoted as in RFC 4180, and cells trimmed) or JSON (objects in an array, under any
    /// key of an object, or one per line; columns by name, as pandas writes them). A field that stands twice is refused.
    pub fn parse(text: &str) -> Result<Table, TableError> {
        let text = text.trim_start_matches('\u{feff}').trim();
        match text.chars().next() {
            None => Err(TableError::Empty),
            Some('[' | '{') => parse_json(text),
            Some(_) => parse_csv(text),
        }
    }

    /// The columns that look like data, loss and so on by name; none where no pair of numeric columns does.
    pub fn guess(&self) -> Option<Columns> {
        let numeric: Vec<&str> = self.columns.iter().map(String::as_str).filter(|name| self.is_numeric(name)).collect();
        let find = |among: &[&str], words: &[&str], not: &[&str]| {
            let fits = |name: &&&str| {
                let lower = name.to_lowercase();
                !not.contains(&lower.as_str())
            };
            let exact = |word: &&str| among.iter().filter(fits).find(|name| name.to_lowercase() == **word);
            let within = |word: &&str| {
                let mut longer = among.iter().filter(fits);
                longer.find(|name| word.len() > 2 && name.to_lowercase().contains(*word))
            };
            words.iter().find_map(exact).or_else(|| words.iter().find_map(within)).map(|name| name.to_string())
        };
        let y = find(&numeric, &["loss", "test_loss", "nats_per_token", "nll", "loss", "error", "perplexity"], &[])?;
        let n = find(&numeric, &["n", "n_params", "params", "parameters", "model_size"], &[&y.to_lowercase()]);
        let unique = find(&numeric, &["unique"], &[&y.to_lowercase()]);
        let taken: Vec<String> =
            [Some(&y), n.as_ref(), unique.as_ref()].iter().flatten().map(|t| t.to_lowercase()).collect();
        let taken: Vec<&str> = taken.iter().map(String::as_str).collect();
        let sizes = ["d", "n_examples", "n_tokens", "n_data", "d_f", "examples", "tokens", "data", "size", "samples"];
        let x = find(&numeric, &sizes, &taken)?;
        let all: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let group = find(&all, &["group", "method", "curve", "task", "dataset"], &taken);
        let run = find(&all, &RUNS, &taken).filter(|run| *run != x);
        let factor = find(&all, &["factor"], &taken).filter(|_| n.is_some());
        Some(Columns { x, y, n, factor, group, run, unique })
    }

    /// The column that looks like runs or seeds, by its whole name.
    pub fn runs(&self) -> Option<String> {
        let called = |word: &&str| self.columns.iter().find(|name| name.to_lowercase() == **word);
        RUNS.iter().find_map(called).cloned()
    }

    /// The points of the rows, with warnings where rows had to be left out, those with something else than a number where
    /// a number belongs, and where numbers are written so that their reading has to be said.
    pub fn points(&self, columns: &Columns) -> Result<(Vec<Point>, Vec<Warning>), TableError> {
        let at = |wanted: &String| {
            self.columns
                .iter()
                .position(|name| name == wanted)
                .ok_or_else(|| TableError::NoColumn { wanted: wanted.clone(), present: self.columns.clone() })
        };
        let (x, y) = (at(&columns.x)?, at(&columns.y)?);
        let [n, factor, group, run, unique] =
            [&columns.n, &columns.factor, &columns.group, &columns.run, &columns.unique]
                .map(|name| name.as_ref().map(at).transpose());
        let (n, factor, group, run, unique) = (n?, factor?, group?, run?, unique?);
        let numbers = [Some(x), Some(y), n, unique];
        let decimals: Vec<Decimal> = (0..self.columns.len())
            .map(|at| if numbers.contains(&Some(at)) { self.decimal(at) } else { Decimal::Point })
            .collect();
        let text = |row: &[String], at: Option<usize>| at.map_or(String::new(), |at| row[at].clone());
        // The column of the first cell that cannot be read, in its place.
        let required = |row: &[String], at: usize| number(&row[at], decimals[at]).ok_or(at);
        let optional = |row: &[String], at: Option<usize>| {
            at.filter(|&at| !row[at].is_empty()).map(|at| required(row, at)).transpose()
        };
        let point = |row: &[String]| -> Result<Point, usize> {
            Ok(Point {
                group: text(row, group),
                run: text(row, run),
                d: required(row, x)?,
                loss: required(row, y)?,
                n: optional(row, n)?,
                factor: Some(text(row, factor)).filter(|factor| !factor.is_empty()),
                unique: optional(row, unique)?,
            })
        };
        let (mut points, mut unread) = (Vec::with_capacity(self.rows.len()), Vec::new());
        for (index, row) in self.rows.iter().enumerate() {
            match point(row) {
                Ok(point) => points.push(point),
                Err(column) => unread.push((index, column)),
            }
        }
        let mut warnings: Vec<Warning> =
            numbers.iter().flatten().filter_map(|&at| self.reading(at, decimals[at])).collect();
        // Losses are of such numbers, amounts seldom.
        let amounts = [Some(x), n, unique];
        warnings.extend(amounts.iter().flatten().filter_map(|&at| self.doubtful(at, decimals[at])));
        warnings.extend(unread.first().map(|&(row, column)| Warning::NotNumbers {
            rows: unread.len(),
            first: row + 1,
            column: self.columns[column].clone(),
            cell: self.rows[row][column].chars().take(LONGEST_CELL).collect(),
        }));
        Ok((points, warnings))
    }

    fn cells(&self, column: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().map(move |row| row[column].as_str()).filter(|cell| !cell.is_empty())
    }

    /// The decimal mark of a column: told by its own cells, by the other columns', or by what parts the cells. A table of
    /// points, or with as many of either, has points.
    fn decimal(&self, column: usize) -> Decimal {
        let majority = |cells: &mut dyn Iterator<Item = &str>| {
            let (points, commas) =
                cells.filter_map(decimal_in).fold((0, 0), |(points, commas), decimal| match decimal {
                    Decimal::Point => (points + 1, commas),
                    Decimal::Comma => (points, commas + 1),
                });
            match (points, commas) {
                (0, 0) => None,
                _ if commas > points => Some(Decimal::Comma),
                _ => Some(Decimal::Point),
            }
        };
        let own = majority(&mut self.cells(column));
        let of_numbers = |at: &usize| self.cells(*at).all(|cell| cell.starts_with(|c: char| !c.is_alphabetic()));
        let all = || majority(&mut (0..self.columns.len()).filter(of_numbers).flat_map(|at| self.cells(at)));
        own.or_else(all).unwrap_or(if self.semicolons { Decimal::Comma } else { Decimal::Point })
    }

    /// How the first number of a column was read that is not written plainly.
    fn reading(&self, column: usize, decimal: Decimal) -> Option<Warning> {
        self.cells(column).find_map(|cell| {
            let value = number(cell, decimal)?;
            let plain = cell.parse::<f64>().is_ok_and(|plain| plain == value || plain.is_nan());
            (!plain).then(|| Warning::ReadAs { column: self.columns[column].clone(), cell: cell.to_string(), value })
        })
    }

    /// Numbers of a column whose mark may part thousands or begin decimals, and was read as the latter.
    fn doubtful(&self, column: usize, decimal: Decimal) -> Option<Warning> {
        let mark = if decimal == Decimal::Point { '.' } else { ',' };
        if self.cells(column).any(|cell| decimal_in(cell).is_some()) {
            return None;
        }
        self.cells(column).find(|cell| cell.contains(mark)).and_then(|cell| {
            let value = number(cell, decimal)?;
            let thousands: String = cell.chars().filter(|c| *c != mark).collect();
            let (column, cell) = (self.columns[column].clone(), cell.to_string());
            Some(Warning::MayBeThousands { column, cell, value, thousands })
        })
    }

    /// Whether more of its cells are numbers than are not, those left out that say that a number is missing.
    fn is_numeric(&self, column: &str) -> bool {
        let Some(at) = self.columns.iter().position(|name| name == column) else { return false };
        let decimal = self.decimal(at);
        let told = self.cells(at).filter(|cell| !MISSING.contains(&cell.to_lowercase().as_str()));
        let (numbers, others) = told.fold((0, 0), |(numbers, others), cell| match number(cell, decimal) {
            Some(value) if !value.is_nan() => (numbers + 1, others),
            _ => (numbers, others + 1),
        });
        numbers > others
    }
}

/// What stands after the text: a quote that is never closed swallows it.
const END: &[u8] = b"\n\0";

fn parse_csv(text: &str) -> Result<Table, TableError> {
    let header = text.lines().next().ok_or(TableError::Empty)?;
    let count = |separator: &u8| header.bytes().filter(|byte| byte == separator).count();
    // The last of the most frequent: a comma before the others.
    let separator = b"\t;,".iter().copied().max_by_key(count).ok_or(TableError::Empty)?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes().chain(END));
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| TableError::Csv { reason: error.to_string() })? {
        let (from, line) = record.position().map_or((0, 1), |at| (at.byte() as usize, at.line() as usize));
        if from >= text.len() {
            break;
        }
        if reader.position().byte() as usize > text.len() + 1 {
            return Err(TableError::OpenQuote { line });
        }
        if record.len() == 1 && record[0].is_empty() {
            continue;
        }
        let expected = rows.first().map_or(record.len(), Vec::len);
        if record.len() != expected {
            return Err(TableError::Ragged { line, found: record.len(), expected });
        }
        if rows.len() > MOST_ROWS || expected > MOST_COLUMNS {
            return Err(TableError::TooLarge);
        }
        rows.push(record.iter().map(String::from).collect());
    }
    let mut rows = rows.into_iter();
    let columns = rows.next().ok_or(TableError::Empty)?;
    Table::of(columns, rows.collect(), separator == b';')
}

fn parse_json(text: &str) -> Result<Table, TableError> {
    let value = match serde_json::from_str::<Value>(text) {
        Ok(value) => value,
        Err(whole) => {
            let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
            let items: Result<Vec<Value>, _> = lines().map(serde_json::from_str).collect();
            // Where every line is to be an object, what is wrong is wrong in one of them.
            let by_line = lines().count() > 1 && lines().all(|line| line.starts_with('{') && line.ends_with('}'));
            Value::List(items.map_err(|of_line| {
                let reason = if by_line { of_line.to_string() } else { whole.to_string() };
                TableError::Json { reason }
            })?)
        }
    };
    match value {
        Value::List(items) => by_row(&items),
        Value::Object(fields) => of_object(&fields),
        _ => Err(TableError::NoObjects),
    }
}

/// A table in one object: its columns, its rows by number, names and rows apart (pandas' `to_json` with orient columns,
/// index and split), or a list of objects under any key.
fn of_object(fields: &[(String, Value)]) -> Result<Table, TableError> {
    let field = |name: &str| fields.iter().find(|(field, _)| field == name).and_then(|(_, value)| value.as_list());
    if let (Some(names), Some(rows)) = (field("columns"), field("data"))
        && names.iter().all(|name| name.as_text().is_some())
        && rows.iter().all(|row| row.as_list().is_some())
    {
        return split(names, rows);
    }
    let columns = fields.iter().filter(|(_, value)| is_column(value)).count();
    if columns > 0 && fields.iter().all(|(_, value)| is_column(value) || is_plain(value)) {
        return by_column(fields);
    }
    if let Some(items) = fields.iter().find_map(|(_, value)| objects_in(value)) {
        return by_row(items);
    }
    let values: Vec<Value> = fields.iter().map(|(_, value)| value.clone()).collect();
    match values.as_slice() {
        [Value::Object(only)] => of_object(only),
        _ if !values.is_empty() && values.iter().all(|value| value.as_object().is_some()) => by_row(&values),
        _ => by_row(&[Value::Object(fields.to_vec())]),
    }
}

/// A table of objects, one a row; its columns come as they first stand in them.
fn by_row(items: &[Value]) -> Result<Table, TableError> {
    let objects = || items.iter().filter_map(Value::as_object);
    if items.len() > MOST_ROWS {
        return Err(TableError::TooLarge);
    }
    let (mut columns, mut places): (Vec<String>, HashMap<&str, usize>) = (Vec::new(), HashMap::new());
    for (name, _) in objects().flatten() {
        if !places.contains_key(name.as_str()) {
            places.insert(name, columns.len());
            columns.push(name.clone());
        }
        if columns.len() > MOST_COLUMNS {
            return Err(TableError::TooLarge);
        }
    }
    if columns.is_empty() {
        return Err(TableError::NoObjects);
    }
    let row = |object: &[(String, Value)]| {
        let mut row = vec![String::new(); columns.len()];
        object.iter().for_each(|(name, value)| row[places[name.as_str()]] = cell(value));
        row
    };
    let rows = objects().map(row).collect();
    Table::of(columns, rows, false)
}

/// A table that comes as the names of its columns and its rows of cells.
fn split(names: &[Value], rows: &[Value]) -> Result<Table, TableError> {
    if names.len() > MOST_COLUMNS || rows.len() > MOST_ROWS {
        return Err(TableError::TooLarge);
    }
    let rows: Vec<Vec<String>> =
        rows.iter().filter_map(Value::as_list).map(|row| row.iter().map(cell).collect()).collect();
    if rows.iter().any(|row| row.len() != names.len()) {
        return Err(TableError::UnevenColumns);
    }
    Table::of(names.iter().map(cell).collect(), rows, false)
}

/// A value of JSON as a cell.
fn cell(value: &Value) -> String {
    let written = || serde_json::to_string(value).expect("a value is always written");
    match value {
        Value::Null => String::new(),
        Value::List(_) | Value::Object(_) => written(),
        scalar => scalar.scalar().unwrap_or_default(),
    }
}

fn is_plain(value: &Value) -> bool {
    value.as_list().is_none() && value.as_object().is_none()
}

/// Whether a field is a whole column: plain values in a list, or by the row's own number as pandas writes them.
fn is_column(value: &Value) -> bool {
    match value {
        Value::List(values) => !values.is_empty() && values.iter().all(is_plain),
        Value::Object(rows) => {
            !rows.is_empty() && rows.iter().all(|(row, value)| row.parse::<u64>().is_ok() && is_plain(value))
        }
        _ => false,
    }
}

/// A column's cells with the labels of their rows.
type Labelled = Vec<(u64, String)>;

/// A table that comes column by column; a plain value is the same in every row.
fn by_column(fields: &[(String, Value)]) -> Result<Table, TableError> {
    let cells = |value: &Value| -> Option<Labelled> {
        match value {
            Value::List(values) => Some((0..).zip(values.iter().map(cell)).collect()),
            Value::Object(rows) => {
                let mut rows: Labelled =
                    rows.iter().filter_map(|(row, value)| Some((row.parse().ok()?, cell(value)))).collect();
                rows.sort();
                Some(rows)
            }
            _ => None,
        }
    };
    let columns: Vec<Option<Labelled>> = fields.iter().map(|(_, value)| cells(value)).collect();
    let Some(first) = columns.iter().flatten().next() else { return Err(TableError::NoObjects) };
    if fields.len() > MOST_COLUMNS || first.len() > MOST_ROWS {
        return Err(TableError::TooLarge);
    }
    let labels = |column: &[(u64, String)]| column.iter().map(|(label, _)| *label).collect::<Vec<_>>();
    let expected = labels(first);
    if columns.iter().flatten().any(|column| labels(column) != expected) {
        return Err(TableError::UnevenColumns);
    }
    let row = |at: usize| {
        let of = columns.iter().zip(fields).map(|(column, (_, value))| match column {
            Some(cells) => cells[at].1.clone(),
            None => cell(value),
        });
        of.collect()
    };
    let rows = (0..first.len()).map(row).collect();
    Table::of(fields.iter().map(|(name, _)| name.clone()).collect(), rows, false)
}

/// The list, where it holds an object.
fn objects_in(value: &Value) -> Option<&[Value]> {
    value.as_list().filter(|items| items.iter().any(|item| item.as_object().is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_spreadsheets_write() {
        for text in [
            "method,d,loss\nlora,64,2.5\n\"full, all\",128,2.25\n",
            "\u{feff}method;d;loss\r\nlora;64;2.5\r\n\"full, all\";128;2.25",
            "method\td\tloss\n\nlora\t64\t 2.5\n\"full, all\"\t128\t2.25\n\n",
            r#"[{"method":"lora","d":64,"loss":2.5},{"method":"full, all","d":128,"loss":2.25}]"#,
            r#"{"version":1,"points":[{"method":"lora","d":64,"loss":2.5},{"method":"full, all","d":128,"loss":2.25}]}"#,
            "{\"method\":\"lora\",\"d\":64,\"loss\":2.5}\n{\"method\":\"full, all\",\"d\":128,\"loss\":2.25}",
        ] {
            let table = Table::parse(text).unwrap();
            let columns = table.guess().unwrap();
            assert_eq!(
                (columns.x.as_str(), columns.y.as_str(), columns.group.as_deref()),
                ("d", "loss", Some("method"))
            );
            let (points, warning) = table.points(&columns).unwrap();
            assert_eq!(warning, []);
            assert_eq!(points, [Point::new("lora", 64.0, 2.5), Point::new("full, all", 128.0, 2.25)]);
        }
    }

    #[test]
    fn guesses_the_columns_of_published_tables() {
        let table =
            Table::parse("dataset,model,family,n_params,n_examples,test_loss\nflan,gpt2,G,1e8,200,4.2").unwrap();
        let columns = table.guess().unwrap();
        assert_eq!((columns.x.as_str(), columns.y.as_str()), ("n_examples", "test_loss"));
        assert_eq!((columns.n.as_deref(), columns.group.as_deref()), (Some("n_params"), Some("dataset")));
        let table = Table::parse("run,n_params,n_tokens,n_unique_tokens,val_loss\na,1,2,3,4").unwrap();
        let columns = table.guess().unwrap();
        assert_eq!((columns.x.as_str(), columns.unique.as_deref()), ("n_tokens", Some("n_unique_tokens")));
        assert_eq!(columns.run.as_deref(), Some("run"));
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let error = |text: &str| Table::parse(text).unwrap_err();
        assert_eq!(error("  \n"), TableError::Empty);
        assert_eq!(error("a,b\n1,2\n3\n"), TableError::Ragged { line: 3, found: 1, expected: 2 });
        assert_eq!(error("a,b\n1,\"2\n"), TableError::OpenQuote { line: 2 });
        assert_eq!(error("a,b\n1,2\n\"3,4\n5,6\n"), TableError::OpenQuote { line: 3 });
        assert_eq!(error("[1, 2]"), TableError::NoObjects);
        assert!(matches!(error("[{\"a\": 1},"), TableError::Json { .. }));
        let table = Table::parse("a,b\n1,x").unwrap();
        let columns = Columns { x: "a".into(), y: "loss".into(), ..Columns::default() };
        assert!(table.points(&columns).unwrap_err().to_string().contains("there are: a, b"));
    }

    #[test]
    fn rows_without_a_number_are_left_out_and_the_first_is_named() {
        let table = Table::parse("d,loss,n\n64,2.5,\n128,n/a,1e6\n256,,2e6\n512,2.1,big").unwrap();
        let columns = Columns { x: "d".into(), y: "loss".into(), n: Some("n".into()), ..Columns::default() };
        let (points, warning) = table.points(&columns).unwrap();
        assert_eq!(points, [Point::new("", 64.0, 2.5)]);
        let said = warning[0].to_string();
        assert_eq!(said, "3 rows left out: row 2 has \"n/a\" in column loss, where a number belongs");
    }

    #[test]
    fn missing_numbers_do_not_hide_their_column() {
        for missing in ["n/a", "NaN", "-", "null", "diverged"] {
            let table = Table::parse(&format!("size,loss,note\n64,2.5,a\n128,{missing},b\n256,2.1,7")).unwrap();
            let columns = table.guess().unwrap_or_default();
            assert_eq!((columns.x.as_str(), columns.y.as_str()), ("size", "loss"), "{missing}");
            let (points, _) = table.points(&columns).unwrap();
            assert_eq!(points.iter().filter(|point| point.loss.is_finite()).count(), 2, "{missing}");
        }
        assert_eq!(Table::parse("size,loss\n64,low\n128,2.1").unwrap().guess(), None, "half is no majority");
    }

    #[test]
    fn amounts_that_may_be_thousands_are_said_to_be_read_as_decimals() {
        let said = |text: &str| {
            let table = Table::parse(text).unwrap();
            let (_, warnings) = table.points(&table.guess().unwrap()).unwrap();
            warnings.iter().map(Warning::to_string).collect::<Vec<_>>()
        };
        let doubtful = "in column d \"1.024\" is read as 1.024, with decimals: if 1024 is meant, write it so";
        assert_eq!(said("d,loss\n1.024,2.125\n2.048,2.001"), [doubtful]);
        // A cell that leaves no choice, whole numbers, and losses leave no doubt.
        for plain in ["d,loss\n1.024,2.5\n20.48,2.0", "d,loss\n1024,2.125\n2048,2.001"] {
            assert_eq!(said(plain), Vec::<String>::new(), "{plain}");
        }
    }

    #[test]
    fn numbers_are_read_as_they_are_meant_and_the_reading_is_said() {
        let read = |text: &str| {
            let table = Table::parse(text).unwrap();
            let columns = table.guess().unwrap();
            let (points, warnings) = table.points(&columns).unwrap();
            let pairs: Vec<(f64, f64)> = points.iter().map(|point| (point.d, point.loss)).collect();
            (pairs, warnings.iter().map(Warning::to_string).collect::<Vec<_>>())
        };
        let (points, said) = read("d,loss\n512,2.5\n\"1,024\",2.25\n\"2,048\",2.125");
        assert_eq!(points, [(512.0, 2.5), (1024.0, 2.25), (2048.0, 2.125)]);
        assert_eq!(said, ["in column d \"1,024\" is read as 1024, and the others alike"]);
        let (points, said) = read("d;seed;loss\n64;1;3,01\n1.024;1;2,541");
        assert_eq!(points, [(64.0, 3.01), (1024.0, 2.541)]);
        assert_eq!(said.len(), 2);
        // Losses of three decimals alone: the semicolons tell.
        assert_eq!(read("d;loss\n64;3,012\n128;2,541").0, [(64.0, 3.012), (128.0, 2.541)]);
        assert_eq!(read("d\tloss\n64k\t31%\n1_000_000\t25 %").0, [(64e3, 0.31), (1e6, 0.25)]);
        let (points, said) = read("d,loss\n64,2.5\n1e3,2.25");
        assert_eq!((points, said), (vec![(64.0, 2.5), (1000.0, 2.25)], vec![]));
    }

    #[test]
    fn two_columns_of_one_name_are_refused() {
        let error = Table::parse("d,loss,loss\n1,2,3").unwrap_err();
        assert_eq!(error, TableError::TwoColumns { name: "loss".into() });
        // An index and a comment without names are not asked for.
        assert!(Table::parse(",,d,loss\n0,a,1,2").is_ok());
    }

    #[test]
    fn json_by_column_is_read() {
        for text in [
            r#"{"d": {"0": 64, "2": 256, "10": 512}, "loss": {"0": 2.5, "10": 2.0, "2": 2.25}}"#,
            r#"{"d": [64, 256, 512], "loss": [2.5, 2.25, 2.0]}"#,
            r#"{"points": {"d": [64, 256, 512], "loss": [2.5, 2.25, 2.0]}}"#,
            r#"{"columns": ["d", "loss"], "index": [0, 1, 2], "data": [[64, 2.5], [256, 2.25], [512, 2.0]]}"#,
            r#"{"0": {"d": 64, "loss": 2.5}, "1": {"d": 256, "loss": 2.25}, "2": {"d": 512, "loss": 2.0}}"#,
            r#"{"a": {"d": 64, "loss": 2.5}, "b": {"d": 256, "loss": 2.25}, "c": {"d": 512, "loss": 2.0}}"#,
        ] {
            let table = Table::parse(text).unwrap();
            let (points, warnings) = table.points(&table.guess().unwrap()).unwrap();
            assert_eq!(points, [(64.0, 2.5), (256.0, 2.25), (512.0, 2.0)].map(|(d, loss)| Point::new("", d, loss)));
            assert_eq!(warnings, []);
        }
        // A plain value is that of every row.
        let table = Table::parse(r#"{"group": "lora", "d": [64, 256], "loss": [2.5, 2.25]}"#).unwrap();
        assert_eq!(table.rows, [["lora", "64", "2.5"], ["lora", "256", "2.25"]]);
        for text in [
            r#"{"d": [64, 256], "loss": [2.5]}"#,
            r#"{"d": {"0": 64, "1": 256}, "loss": {"0": 2.5, "2": 2.25}}"#,
            r#"{"columns": ["d", "loss"], "data": [[64, 2.5], [256]]}"#,
        ] {
            assert_eq!(Table::parse(text), Err(TableError::UnevenColumns), "{text}");
        }
    }

    #[test]
    fn a_field_that_stands_twice_is_refused() {
        for text in [
            r#"[{"d": 64, "loss": 2.5, "loss": 2.6}]"#,
            r#"{"d": [64, 128], "loss": [2.5, 2.25], "loss": [2.4, 2.2]}"#,
            r#"{"d": {"0": 64, "0": 128}, "loss": {"0": 2.5, "1": 2.25}}"#,
            "{\"d\": 64, \"loss\": 2.5}\n{\"d\": 128, \"loss\": 2.5, \"loss\": 2.6}",
        ] {
            let said = Table::parse(text).unwrap_err().to_string();
            assert!(said.contains("stands twice"), "{said}");
        }
    }
}
