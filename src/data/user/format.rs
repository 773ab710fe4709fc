//! Which format a file is in: by its name where that tells, by its first lines where it does not (pasted text). JSON
//! begins like nothing else, and is JSON under any name.

use super::names;
use serde_json::Value;

/// A table in Markdown as one whose cells the pipe alone parts: bars at the ends and the line under the header go; none
/// where the text is no such table. Its lines keep their number.
pub(super) fn plain_table(text: &str) -> Option<String> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let (header, rule) = (lines.next()?, lines.next()?);
    let is_rule = |line: &str| {
        let cells = cells(line);
        !cells.is_empty() && cells.iter().all(|cell| cell.contains('-') && cell.chars().all(|c| matches!(c, '-' | ':')))
    };
    let wide = cells(header).len();
    if !header.contains('|') || !is_rule(rule) || wide != cells(rule).len() || lines.any(|line| !line.contains('|')) {
        return None;
    }
    let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
    let row = |line: &str| match line.trim().is_empty() || is_rule(line) {
        true => String::new(),
        false => cells(line).iter().map(quoted).collect::<Vec<_>>().join("|"),
    };
    Some(text.lines().map(row).collect::<Vec<_>>().join("\n"))
}

/// The cells of a line of Markdown's tables; a pipe behind a backslash parts nothing.
fn cells(line: &str) -> Vec<String> {
    let line = line.trim();
    let line = line.strip_prefix('|').unwrap_or(line);
    let line = line.strip_suffix('|').filter(|rest| !rest.ends_with('\\')).unwrap_or(line);
    let mut cells = vec![String::new()];
    let mut escaped = false;
    for c in line.chars() {
        match (c, escaped) {
            ('|', false) => cells.push(String::new()),
            ('|', true) => {
                let last = cells.last_mut().expect("there is always a cell");
                last.pop();
                last.push('|');
            }
            _ => cells.last_mut().expect("there is always a cell").push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

/// How to read a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Plain or Markdown.
    Text,
    /// A value a line, or one array.
    Json,
    /// CSV and its kin, by their delimiter.
    Delimited(u8),
}

const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

impl Format {
    /// The format that a file's name, or else its text, speaks for.
    pub fn of(name: &str, text: &str) -> Format {
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default();
        match ending.as_str() {
            "jsonl" | "ndjson" | "json" => Format::Json,
            "tsv" | "tab" => Format::Delimited(b'\t'),
            "csv" => Format::Delimited(delimiter(text)),
            _ if is_json(text) => Format::Json,
            "txt" | "md" | "markdown" | "text" | "rst" => match Format::sniff(text) {
                Format::Delimited(delimiter) if names_columns(text, delimiter) => Format::Delimited(delimiter),
                _ => Format::Text,
            },
            _ => Format::sniff(text),
        }
    }

    fn sniff(text: &str) -> Format {
        if plain_table(text).is_some() {
            return Format::Delimited(b'|');
        }
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(6).collect();
        // Prose has commas too; a table has equally many on every line, after a header of short names.
        let table = DELIMITERS.into_iter().find(|&delimiter| {
            let counts: Vec<usize> = lines.iter().map(|line| count(line, delimiter)).collect();
            let header = lines.first().map_or("", |line| line);
            let named = header.split(delimiter as char).all(|name| (1..=24).contains(&name.trim().len()));
            counts.len() >= 2 && counts[0] >= 1 && counts.iter().all(|&count| count == counts[0]) && named
        });
        table.map_or(Format::Text, Format::Delimited)
    }
}

/// Whether its first line is the names of columns that training data have.
fn names_columns(text: &str, delimiter: u8) -> bool {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    header.split(delimiter as char).all(|name| names::is_known(name.trim().trim_matches('"')))
}

/// Whether it begins as an object or a list of objects does.
fn is_json(text: &str) -> bool {
    let mut signs = text.chars().filter(|c| !c.is_whitespace());
    let first = |text: &str| text.lines().next().is_some_and(|line| serde_json::from_str::<Value>(line).is_ok());
    match (signs.next(), signs.next()) {
        (Some('['), Some('{')) | (Some('{'), Some('"')) => true,
        (Some('{'), Some('}')) => first(text.trim_start()),
        _ => false,
    }
}

/// Delimiters in a line that stand outside of quotes.
fn count(line: &str, delimiter: u8) -> usize {
    let mut quoted = false;
    let outside = |byte: &u8| {
        quoted ^= *byte == b'"';
        !quoted && *byte == delimiter
    };
    line.bytes().filter(outside).count()
}

/// The delimiter that the first line has most of, of those that the next lines have as often where there are such.
fn delimiter(text: &str) -> u8 {
    let mut lines = text.lines().skip(comments(text)).filter(|line| !line.trim().is_empty());
    let header = lines.next().unwrap_or("");
    let below: Vec<&str> = lines.take(6).collect();
    let even = |of: u8| !below.is_empty() && below.iter().all(|line| count(line, of) == count(header, of));
    // Of equals the first wins, the comma before all.
    let named = DELIMITERS.into_iter().rev().filter(|&of| count(header, of) > 0);
    named.max_by_key(|&of| (even(of), count(header, of))).unwrap_or(b',')
}

/// Lines before a table that say what it is: they begin with # and have no delimiter, and the next line has.
pub(super) fn comments(text: &str) -> usize {
    let delimits = |line: &str| DELIMITERS.into_iter().any(|of| count(line, of) > 0);
    let comments = text.lines().take_while(|line| line.starts_with('#') && !delimits(line)).count();
    if text.lines().nth(comments).is_some_and(delimits) { comments } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_in_markdown_is_a_table() {
        let table = "| question | answer |\n|:---|---:|\n| a \\| b | \"c\" |\n| d | |\n";
        assert_eq!(Format::of("pasted text", table), Format::Delimited(b'|'));
        let plain = "\"question\"|\"answer\"\n\n\"a | b\"|\"\"\"c\"\"\"\n\"d\"|\"\"";
        assert_eq!(plain_table(table).as_deref(), Some(plain));
        assert_eq!(plain_table("a | b\n--- | ---\nc | d").as_deref(), Some("\"a\"|\"b\"\n\n\"c\"|\"d\""));
        for text in ["Title\n---\nText | more", "| a | b |\n| c | d |", "a | b\n---|---\nand prose below"] {
            assert_eq!(plain_table(text), None, "{text}");
        }
    }

    #[test]
    fn names_decide_then_content() {
        assert_eq!(Format::of("a.TXT", "a,b\n1,2"), Format::Text);
        assert_eq!(Format::of("a.txt", "\"prompt\",completion\nname it,a cat"), Format::Delimited(b','));
        for text in ["{\"a\":1}", "[{\"a\":1}]", " [\n {\n  \"a\": 1", "{\n  \"data\": ["] {
            assert_eq!([Format::of("a.txt", text), Format::of("pasted text", text)], [Format::Json; 2], "{text}");
        }
        for text in ["{braces} and more", "[Verse 1]\nLa"] {
            assert_eq!([Format::of("a.txt", text), Format::of("pasted text", text)], [Format::Text; 2], "{text}");
        }
        for text in ["\"Question, in full\";\"Answer, short\"\n\"a\";\"b\"", "a (b, c);d (e, f)\nx;y\nz;w"] {
            assert_eq!(Format::of("a.csv", text), Format::Delimited(b';'), "{text}");
        }
        let quoted = "\"prompt\";\"completion\"\n\"a\";\"b; c\"";
        assert_eq!(Format::of("pasted text", quoted), Format::Delimited(b';'));
        assert_eq!(Format::of("a.csv", "text\nhello, you"), Format::Delimited(b','));
        assert_eq!(Format::of("a.csv", "a;b\n1;2"), Format::Delimited(b';'));
        assert_eq!(Format::of("pasted text", "{\"text\": \"x\"}\n{\"text\": \"y\"}"), Format::Json);
        assert_eq!(Format::of("pasted text", "question,answer\nwhy,so\nhow,thus"), Format::Delimited(b','));
        assert_eq!(Format::of("pasted text", "a\tb\n1\t2"), Format::Delimited(b'\t'));
        let prose = "It was late, and the rain fell on the roofs.\nNobody, not even Tom, was out in the street.";
        assert_eq!(Format::of("pasted text", prose), Format::Text);
    }
}
