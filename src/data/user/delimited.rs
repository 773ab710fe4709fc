//! CSV and its kin, quoted as RFC 4180 has it.

use super::table::Table;
use super::{Content, Malformed};

pub(super) fn read(text: &str, delimiter: u8) -> (Content, Malformed) {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut table = Table::default();
    let mut malformed = Malformed::default();
    for (at, record) in reader.records().enumerate() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(at + 1, |position| position.line() as usize);
                malformed.add(line, || error.to_string());
                continue;
            }
        };
        let line = record.position().map_or(at + 1, |position| position.line() as usize);
        let cells: Vec<String> = record.iter().map(str::to_owned).collect();
        if table.columns.is_empty() {
            if is_header(&cells) {
                table.columns = cells.iter().map(|name| name.trim().to_owned()).collect();
                continue;
            }
            table.columns = (1..=cells.len()).map(|number| format!("column {number}")).collect();
        }
        if cells.len() != table.columns.len() {
            malformed.add(line, || format!("{} cells where the header has {}", cells.len(), table.columns.len()));
            continue;
        }
        table.rows.push(cells.into_iter().map(Some).collect());
    }
    (Content::Table(table), malformed)
}

/// Names are short, distinct and no numbers; a first row that is otherwise is data.
fn is_header(cells: &[String]) -> bool {
    let name = |cell: &String| {
        let cell = cell.trim();
        (1..=40).contains(&cell.len()) && cell.parse::<f64>().is_err()
    };
    cells.iter().all(name) && cells.iter().enumerate().all(|(at, cell)| !cells[..at].contains(cell))
}
