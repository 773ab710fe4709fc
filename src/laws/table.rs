//! Points from outside: any CSV or JSON table, its columns chosen by name. Nothing here panics, whatever the bytes;
//! rows without a number where one belongs are left out, and the warning that comes along says which.

use crate::laws::{Point, Warning};
use serde_json::Value;
use std::io::Read;

/// More rows than any experiment has; a bound on memory for a file dropped by mistake.
pub const MOST_ROWS: usize = 1_000_000;
const MOST_COLUMNS: usize = 1_000;
/// Of a cell that cannot be read, so many characters are shown.
const LONGEST_CELL: usize = 40;

/// A file of points as text.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub columns: Vec<String>,
    /// One list per row, as long as `columns`; an absent cell is empty.
    pub rows: Vec<Vec<String>>,
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
    #[error("more than {MOST_ROWS} rows or {MOST_COLUMNS} columns: thin the file out")]
    TooLarge,
}

impl Table {
    /// Reads CSV (comma, semicolon or tab; quoted as in RFC 4180, and cells trimmed) or JSON (objects in an array, under any one key of an
    /// object, or one per line).
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
        let run = find(&all, &["seed", "run"], &taken).filter(|run| *run != x);
        let factor = find(&all, &["factor"], &taken).filter(|_| n.is_some());
        Some(Columns { x, y, n, factor, group, run, unique })
    }

    /// The points of the rows, and a warning where rows had to be left out: those with something else than a number
    /// where a number belongs.
    pub fn points(&self, columns: &Columns) -> Result<(Vec<Point>, Option<Warning>), TableError> {
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
        let text = |row: &[String], at: Option<usize>| at.map_or(String::new(), |at| row[at].clone());
        // The column of the first cell that cannot be read, in its place.
        let required = |row: &[String], at: usize| number(&row[at]).ok_or(at);
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
        let warning = unread.first().map(|&(row, column)| Warning::NotNumbers {
            rows: unread.len(),
            first: row + 1,
            column: self.columns[column].clone(),
            cell: self.rows[row][column].chars().take(LONGEST_CELL).collect(),
        });
        Ok((points, warning))
    }

    fn is_numeric(&self, column: &str) -> bool {
        let Some(at) = self.columns.iter().position(|name| name == column) else { return false };
        let mut some = false;
        for cell in self.rows.iter().map(|row| &row[at]).filter(|cell| !cell.is_empty()) {
            if number(cell).is_none_or(f64::is_nan) {
                return false;
            }
            some = true;
        }
        some
    }
}

fn number(cell: &str) -> Option<f64> {
    cell.trim().parse().ok()
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
    Ok(Table { columns, rows: rows.collect() })
}

fn parse_json(text: &str) -> Result<Table, TableError> {
    let objects = match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(items)) => items,
        Ok(Value::Object(fields)) => match fields.iter().find_map(|(_, value)| objects_in(value)) {
            Some(items) => items.clone(),
            None => vec![Value::Object(fields)],
        },
        Ok(_) => return Err(TableError::NoObjects),
        Err(whole) => {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            let items: Result<Vec<Value>, _> = lines.map(serde_json::from_str).collect();
            items.map_err(|_| TableError::Json { reason: whole.to_string() })?
        }
    };
    let mut columns: Vec<String> = Vec::new();
    for key in objects.iter().filter_map(Value::as_object).flat_map(|object| object.keys()) {
        if !columns.contains(key) {
            columns.push(key.clone());
        }
        if columns.len() > MOST_COLUMNS {
            return Err(TableError::TooLarge);
        }
    }
    if columns.is_empty() {
        return Err(TableError::NoObjects);
    }
    if objects.len() > MOST_ROWS {
        return Err(TableError::TooLarge);
    }
    let cell = |value: Option<&Value>| match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let row = |object: &serde_json::Map<String, Value>| columns.iter().map(|name| cell(object.get(name))).collect();
    let rows = objects.iter().filter_map(Value::as_object).map(row).collect();
    Ok(Table { columns, rows })
}

/// The array, where it holds an object.
fn objects_in(value: &Value) -> Option<&Vec<Value>> {
    value.as_array().filter(|items| items.iter().any(Value::is_object))
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
            assert_eq!(warning, None);
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
        let said = warning.unwrap().to_string();
        assert_eq!(said, "3 rows left out: row 2 has \"n/a\" in column loss, where a number belongs");
    }
}
