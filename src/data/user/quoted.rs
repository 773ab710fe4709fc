//! Rows of delimited text, quoted as RFC 4180 has it, strictly: a quote that is never closed, or closed in the midst
//! of a cell, is named by line and column and costs its own line only, where lenient readers let it swallow the rows
//! below it without a word.

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub text: String,
    /// What stands in quotes is as it was meant, white space included.
    pub quoted: bool,
}

/// The cells of one row, and the line that it begins on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub line: usize,
    pub cells: Vec<Cell>,
}

/// A row that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Where the quote opens.
    pub line: usize,
    /// Which cell it is, from 1.
    pub cell: usize,
    pub reason: String,
}

/// The rows of `text`; blank lines are passed over.
#[derive(Clone, Debug)]
pub(super) struct Rows<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    delimiter: u8,
    /// Whether a backslash takes its meaning from a quote, as MySQL writes it.
    escapes: bool,
}

impl<'a> Rows<'a> {
    pub fn of(text: &'a str, first_line: usize, delimiter: u8, escapes: bool) -> Self {
        Rows { text, at: 0, line: first_line, delimiter, escapes }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes over the end of a line, however it is written; whether there was one.
    fn end_of_line(&mut self) -> bool {
        let rest = &self.text[self.at..];
        let length = ["\r\n", "\n", "\r"].iter().find(|end| rest.starts_with(**end)).map_or(0, |end| end.len());
        self.at += length;
        self.line += usize::from(length > 0);
        length > 0
    }

    fn spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    /// Text up to a byte that `stops`, which is not taken. Before it, an escaped byte is as it is written.
    fn text_until(&mut self, text: &mut String, stops: impl Fn(u8) -> bool) -> Option<u8> {
        loop {
            let rest = &self.text[self.at..];
            let length = rest.bytes().position(|byte| stops(byte) || self.escapes && byte == b'\\');
            let length = length.unwrap_or(rest.len());
            text.push_str(&rest[..length]);
            self.at += length;
            if self.peek().is_none_or(&stops) {
                return self.peek();
            }
            let escaped = rest
                .as_bytes()
                .get(length + 1)
                .copied()
                .filter(|&byte| matches!(byte, b'"' | b'\\' | b'\n') || byte == self.delimiter);
            text.push(char::from(escaped.unwrap_or(b'\\')));
            self.line += usize::from(escaped == Some(b'\n'));
            self.at += if escaped.is_some() { 2 } else { 1 };
        }
    }

    fn plain(&mut self) -> Cell {
        let (mut text, delimiter) = (String::new(), self.delimiter);
        self.text_until(&mut text, |byte| byte == delimiter || byte == b'\n' || byte == b'\r');
        Cell { text, quoted: false }
    }

    /// A cell whose opening quote was just read; none where the text ends within it.
    fn quoted(&mut self) -> Option<Cell> {
        let mut text = String::new();
        loop {
            let stop = self.text_until(&mut text, |byte| byte == b'"' || byte == b'\n')?;
            self.at += 1;
            if stop == b'\n' {
                text.push('\n');
                self.line += 1;
            } else if self.peek() == Some(b'"') {
                text.push('"');
                self.at += 1;
            } else {
                return Some(Cell { text, quoted: true });
            }
        }
    }

    fn row(&mut self) -> Result<Row, Fault> {
        let mut row = Row { line: self.line, cells: Vec::new() };
        let mut begins = self.at;
        loop {
            let cell_begins = self.at;
            self.spaces();
            if self.peek() == Some(b'"') {
                let (line, quote) = (self.line, self.at);
                self.at += 1;
                let open = Rows { at: self.at, ..self.clone() };
                let character = self.text[begins..quote].chars().count() + 1;
                let cell = self.quoted();
                self.spaces();
                let over = matches!(self.peek(), None | Some(b'\n' | b'\r')) || self.peek() == Some(self.delimiter);
                let why = match &cell {
                    None => "is never closed: close it, or write \"\" for a quote".to_owned(),
                    Some(_) if !over => {
                        format!("is closed on line {} in the midst of text: write \"\" for a quote within", self.line)
                    }
                    Some(_) => String::new(),
                };
                match cell.filter(|_| over) {
                    Some(cell) => row.cells.push(cell),
                    None => {
                        // The rows below are none of its.
                        *self = open;
                        self.at += self.text[self.at..].find(['\n', '\r']).unwrap_or(self.text.len() - self.at);
                        self.end_of_line();
                        let reason = format!("the quote at character {character} {why}");
                        return Err(Fault { line, cell: row.cells.len() + 1, reason });
                    }
                }
                if self.line > line {
                    // What follows on this line counts from its own begin.
                    begins = self.text[..self.at].rfind('\n').map_or(0, |at| at + 1);
                }
            } else {
                self.at = cell_begins;
                let cell = self.plain();
                row.cells.push(cell);
            }
            if self.peek() == Some(self.delimiter) {
                self.at += 1;
            } else {
                self.end_of_line();
                return Ok(row);
            }
        }
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.peek()?;
            match self.row() {
                Ok(row) if matches!(&row.cells[..], [only] if !only.quoted && only.text.trim().is_empty()) => {}
                row => return Some(row),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str, escapes: bool) -> Vec<Result<Vec<String>, (usize, usize)>> {
        let cells = |row: Row| row.cells.into_iter().map(|cell| cell.text).collect();
        let rows = Rows::of(text, 1, b',', escapes);
        rows.map(|row| row.map(cells).map_err(|fault| (fault.line, fault.cell))).collect()
    }

    fn row(cells: &[&str]) -> Result<Vec<String>, (usize, usize)> {
        Ok(cells.iter().map(|cell| cell.to_string()).collect())
    }

    #[test]
    fn quotes_hold_delimiters_lines_and_quotes() {
        let text = "a,\"b, \"\"c\"\"\nd\",\r\n\n  x , \"y\" ,\"\"\rlast,5\" disk";
        let expected = [row(&["a", "b, \"c\"\nd", ""]), row(&["  x ", "y", ""]), row(&["last", "5\" disk"])];
        assert_eq!(read(text, false), expected);
    }

    #[test]
    fn an_open_quote_costs_its_own_line_only() {
        assert_eq!(read("a,b\nc,\"d\ne,f\n", false), [row(&["a", "b"]), Err((2, 2)), row(&["e", "f"])]);
        // Closed by the opening quote of a later row.
        let text = "a,b\n\"c,d\ne,f\ng,\"h\"\n";
        assert_eq!(read(text, false), [row(&["a", "b"]), Err((2, 1)), row(&["e", "f"]), row(&["g", "h"])]);
        let reason = Rows::of("a,\"b\" c", 7, b',', false).next().unwrap().unwrap_err();
        assert_eq!((reason.line, reason.cell), (7, 2));
        assert!(reason.reason.starts_with("the quote at character 3 is closed on line 7"), "{}", reason.reason);
    }

    #[test]
    fn backslashes_escape_where_they_are_asked_to() {
        let text = "a\\,b,\"say \\\"b\\\", \\n \\\\\"";
        assert!(read(text, false)[0].is_err());
        assert_eq!(read(text, true), [row(&["a,b", "say \"b\", \\n \\"])]);
    }

    proptest! {
        #[test]
        fn any_cells_come_back(rows in prop::collection::vec(prop::collection::vec("[ab ,\"\n\r;é]{0,6}", 1..4), 1..5)) {
            let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
            let text: Vec<String> =
                rows.iter().map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(",")).collect();
            let found: Vec<Vec<String>> = read(&text.join("\n"), false).into_iter().map(Result::unwrap).collect();
            prop_assert_eq!(found, rows);
        }

        #[test]
        fn any_text_is_gone_through(text in "[ab,\"\\\\\n\r é]{0,60}", escapes: bool) {
            let lines = text.split(['\n', '\r']).count();
            prop_assert!(read(&text, escapes).len() <= lines);
        }
    }
}
