//! Points of any CSV or JSON file: its columns, a guess at which is which, and the points they give; and points as
//! CSV again. What a row lacks is said, never invented.

use crate::laws::Point;
use serde_json::Value;

/// Rows beyond this are not read: a fit needs no more, and the page must not hang.
const MOST_ROWS: usize = 200_000;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// Which column holds what, by its place; only amount and loss are needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    pub d: Option<usize>,
    pub loss: Option<usize>,
    pub n: Option<usize>,
    pub group: Option<usize>,
    pub run: Option<usize>,
}

#[derive(Debug, thiserror::Error, PartialEq)]
pub enum PointsError {
    #[error("the file is empty: it needs a header and at least one row")]
    Empty,
    #[error("line {line} of the CSV cannot be read ({reason}): check its quotes")]
    Csv { line: u64, reason: String },
    #[error("the JSON cannot be read ({0}): it should be a list of objects, or one object a line")]
    Json(String),
    #[error("choose the columns of the amount of data and of the loss")]
    NoColumns,
    #[error("no row has a number in both “{d}” and “{loss}”: choose other columns")]
    NoNumbers { d: String, loss: String },
}

/// CSV (comma, semicolon or tab), a JSON list of objects, or JSON lines; nested objects become dotted columns.
pub fn read(text: &str) -> Result<Table, PointsError> {
    let text = text.trim_start_matches('\u{feff}').trim();
    match text.chars().next() {
        None => Err(PointsError::Empty),
        Some('[' | '{') => read_json(text),
        Some(_) => read_csv(text),
    }
}

fn read_csv(text: &str) -> Result<Table, PointsError> {
    let header = text.lines().next().unwrap_or_default();
    let delimiter = [b',', b';', b'\t'].into_iter().max_by_key(|&d| header.bytes().filter(|&b| b == d).count());
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter.unwrap_or(b','))
        .flexible(true)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let wrong = |error: csv::Error| PointsError::Csv {
        line: error.position().map_or(1, csv::Position::line),
        reason: error.to_string(),
    };
    let columns = reader.headers().map_err(wrong)?.iter().map(str::to_string).collect();
    let rows = reader.records().take(MOST_ROWS);
    let rows = rows.map(|row| Ok(row.map_err(wrong)?.iter().map(str::to_string).collect()));
    filled(Table { columns, rows: rows.collect::<Result<_, _>>()? })
}

fn read_json(text: &str) -> Result<Table, PointsError> {
    let lines = || -> Result<Vec<Value>, serde_json::Error> {
        text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect()
    };
    let whole = serde_json::from_str::<Value>(text);
    let objects: Vec<Value> = match whole {
        Ok(Value::Array(objects)) => objects,
        // A report or an export holds its rows in a list of one of its fields.
        Ok(Value::Object(mut fields)) => {
            let list =
                fields.iter().find(|(_, value)| value.as_array().is_some_and(|rows| rows.iter().any(Value::is_object)));
            match list.map(|(name, _)| name.clone()).and_then(|name| fields.remove(&name)) {
                Some(Value::Array(rows)) => rows,
                _ => vec![Value::Object(fields)],
            }
        }
        Ok(_) => return Err(PointsError::Json("it holds no objects".into())),
        Err(error) => lines().map_err(|_| PointsError::Json(error.to_string()))?,
    };
    let mut table = Table::default();
    for object in objects.iter().take(MOST_ROWS) {
        let mut row = vec![String::new(); table.columns.len()];
        flatten("", object, &mut |name, value| {
            let at = table.columns.iter().position(|column| column == name).unwrap_or_else(|| {
                table.columns.push(name.to_string());
                row.push(String::new());
                table.columns.len() - 1
            });
            row[at] = value;
        });
        table.rows.push(row);
    }
    filled(table)
}

fn flatten(name: &str, value: &Value, put: &mut impl FnMut(&str, String)) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(&name, value, put);
            }
        }
        Value::Number(number) => put(name, number.to_string()),
        Value::String(text) => put(name, text.clone()),
        Value::Bool(yes) => put(name, yes.to_string()),
        // Curves and other lists are not a column of points.
        Value::Array(_) | Value::Null => {}
    }
}

fn filled(table: Table) -> Result<Table, PointsError> {
    if table.columns.is_empty() || table.rows.is_empty() { Err(PointsError::Empty) } else { Ok(table) }
}

/// Names that columns go by, best first.
const AMOUNT: [&str; 12] = [
    "d",
    "df",
    "d_f",
    "examples",
    "spec.data.examples",
    "unique_tokens",
    "tokens",
    "data",
    "size",
    "dataset_size",
    "train_size",
    "x",
];
const LOSS: [&str; 8] =
    ["loss", "l", "test.nats_per_token", "test_loss", "nats_per_token", "eval_loss", "perplexity", "y"];
const FACTOR: [&str; 9] =
    ["n", "parameters.non_embedding", "params", "parameters", "model_size", "model_params", "rank", "factor", "x"];
const GROUP: [&str; 7] = ["group", "method", "spec.method", "curve", "task", "model", "series"];
const RUN: [&str; 4] = ["run", "seed", "spec.seed", "id"];

/// The columns by their names; for amount and loss, else the first two that hold numbers.
pub fn guess(table: &Table) -> Columns {
    let find = |names: &[&str], taken: &[Option<usize>]| {
        names.iter().find_map(|name| {
            let at = table.columns.iter().position(|column| column.to_lowercase() == *name)?;
            (!taken.contains(&Some(at))).then_some(at)
        })
    };
    let numeric = |taken: &[Option<usize>]| {
        (0..table.columns.len()).find(|&at| !taken.contains(&Some(at)) && number(&table.rows[0], at).is_some())
    };
    let loss = find(&LOSS, &[]);
    let d = find(&AMOUNT, &[loss]).or_else(|| numeric(&[loss]));
    let loss = loss.or_else(|| numeric(&[d]));
    let n = find(&FACTOR, &[d, loss]);
    let group = find(&GROUP, &[d, loss, n]);
    Columns { d, loss, n, group, run: find(&RUN, &[d, loss, n, group]) }
}

fn number(row: &[String], at: usize) -> Option<f64> {
    row.get(at)?.parse().ok()
}

/// The points, and how many rows had no number where one is needed.
pub fn points(table: &Table, columns: &Columns) -> Result<(Vec<Point>, usize), PointsError> {
    let (Some(d), Some(loss)) = (columns.d, columns.loss) else { return Err(PointsError::NoColumns) };
    let mut points = Vec::new();
    let mut skipped = 0;
    for row in &table.rows {
        let text = |at: Option<usize>| at.and_then(|at| row.get(at)).cloned().unwrap_or_default();
        let factor = columns.n.map(|at| number(row, at));
        match (number(row, d), number(row, loss), factor) {
            (_, _, Some(None)) | (None, _, _) | (_, None, _) => skipped += 1,
            (Some(d), Some(loss), factor) => {
                let point = Point::new(text(columns.group), d, loss).of_run(text(columns.run));
                points.push(match factor.flatten() {
                    Some(n) => point.at_size(n),
                    None => point,
                });
            }
        }
    }
    if points.is_empty() {
        let name = |at: usize| table.columns[at].clone();
        return Err(PointsError::NoNumbers { d: name(d), loss: name(loss) });
    }
    Ok((points, skipped))
}

/// Points as CSV with a header that [`guess`] reads again.
pub fn to_csv(points: &[Point]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let factor = points.iter().any(|point| point.n.is_some());
    let rows = points.iter().map(|point| {
        let mut row = vec![point.group.clone(), point.run.clone(), point.d.to_string(), point.loss.to_string()];
        if factor {
            row.push(point.n.map(|n| n.to_string()).unwrap_or_default());
        }
        row
    });
    let header = ["group", "run", "d", "loss", "n"].map(String::from).into_iter().take(if factor { 5 } else { 4 });
    for row in std::iter::once(header.collect::<Vec<_>>()).chain(rows) {
        // Rows of equal length into memory: there is nothing to fail.
        let _ = writer.write_record(row);
    }
    writer.into_inner().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_points(text: &str) -> Result<(Vec<Point>, usize), PointsError> {
        let table = read(text)?;
        points(&table, &guess(&table))
    }

    #[test]
    fn tables_and_objects_are_read_alike() {
        let expected = (vec![Point::new("lora", 64.0, 2.5).of_run("1"), Point::new("full", 128.0, 2.0).of_run("2")], 0);
        for text in [
            "method,D,loss,seed\nlora,64,2.5,1\nfull,128,2,2\n",
            "seed;method;loss;examples\n1;lora;2.5;64\n2;full;2;128",
            r#"[{"method":"lora","d":64,"loss":2.5,"seed":1},{"method":"full","d":128,"loss":2.0,"seed":2}]"#,
            "{\"method\":\"lora\",\"d\":64,\"loss\":2.5,\"seed\":1}\n{\"method\":\"full\",\"d\":128,\"loss\":2,\"seed\":2}",
        ] {
            assert_eq!(read_points(text), Ok(expected.clone()), "{text}");
        }
    }

    #[test]
    fn rows_without_numbers_are_counted_and_bad_files_said() {
        let (points, skipped) = read_points("d,loss\n64,2.5\n128,n/a\n,\n256,2").expect("two good rows");
        assert_eq!((points.len(), skipped), (2, 2));
        assert_eq!(read_points("  "), Err(PointsError::Empty));
        assert_eq!(read_points("d,loss"), Err(PointsError::Empty));
        assert!(matches!(read_points("[1, 2"), Err(PointsError::Json(_))));
        let words = read_points("d,loss\nmuch,little").expect_err("no numbers");
        assert!(words.to_string().contains("“d”"), "{words}");
    }

    #[test]
    fn a_factor_is_kept_through_a_file() {
        let points =
            vec![Point::new("a, \"b\"", 64.0, 2.5).of_run("1").at_size(1e6), Point::new("c", 1.0, 0.1).at_size(2.0)];
        assert_eq!(read_points(&to_csv(&points)), Ok((points, 0)));
    }

    proptest! {
        #[test]
        fn no_file_panics(text in ".{0,200}") {
            let _ = read_points(&text);
        }
    }
}
