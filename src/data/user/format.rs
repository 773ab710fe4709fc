//! Which format a file is in: by its name where that tells, by its first lines where it does not (pasted text).

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
            "txt" | "md" | "markdown" | "text" | "rst" => Format::Text,
            "jsonl" | "ndjson" | "json" => Format::Json,
            "tsv" | "tab" => Format::Delimited(b'\t'),
            "csv" => Format::Delimited(delimiter_of_header(text)),
            _ => Format::sniff(text),
        }
    }

    fn sniff(text: &str) -> Format {
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(6).collect();
        let is_json = |line: &str| {
            let line = line.trim();
            line.starts_with('{') && serde_json::from_str::<serde_json::Value>(line).is_ok()
        };
        if lines.first().is_some_and(|line| is_json(line)) || text.trim_start().starts_with("[{") {
            return Format::Json;
        }
        // Prose has commas too; a table has equally many on every line, after a header of short names.
        let table = DELIMITERS.into_iter().find(|&delimiter| {
            let counts: Vec<usize> =
                lines.iter().map(|line| line.bytes().filter(|&b| b == delimiter).count()).collect();
            let header = lines.first().map_or("", |line| line);
            let named = header.split(delimiter as char).all(|name| (1..=24).contains(&name.trim().len()));
            counts.len() >= 2 && counts[0] >= 1 && counts.iter().all(|&count| count == counts[0]) && named
        });
        table.map_or(Format::Text, Format::Delimited)
    }
}

/// The delimiter that the first line has most of.
fn delimiter_of_header(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or("");
    let count = |delimiter: u8| header.bytes().filter(|&byte| byte == delimiter).count();
    // Of equals the first wins, the comma before all.
    DELIMITERS.into_iter().rev().max_by_key(|&delimiter| count(delimiter)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_decide_then_content() {
        assert_eq!(Format::of("a.TXT", "{\"a\":1}"), Format::Text);
        assert_eq!(Format::of("a.csv", "text\nhello, you"), Format::Delimited(b','));
        assert_eq!(Format::of("a.csv", "a;b\n1;2"), Format::Delimited(b';'));
        assert_eq!(Format::of("pasted text", "{\"text\": \"x\"}\n{\"text\": \"y\"}"), Format::Json);
        assert_eq!(Format::of("pasted text", "question,answer\nwhy,so\nhow,thus"), Format::Delimited(b','));
        assert_eq!(Format::of("pasted text", "a\tb\n1\t2"), Format::Delimited(b'\t'));
        let prose = "It was late, and the rain fell on the roofs.\nNobody, not even Tom, was out in the street.";
        assert_eq!(Format::of("pasted text", prose), Format::Text);
    }
}
