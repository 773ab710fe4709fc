//! The corpus's words, by kind, most common first. The tasks build on the same words.

use crate::data::draw::{Draw, Zipf};
use std::collections::HashMap;
use std::sync::LazyLock;

/// One kind of word, most common first.
pub struct Words {
    words: Vec<&'static str>,
    ranks: Zipf,
}

impl Words {
    /// A list of the lexicon. The names are those of `words.txt` and of the tables of `facts.txt`; an unknown one
    /// is an empty list, which draws "".
    pub fn of(kind: &str) -> &'static Words {
        static NONE: LazyLock<Words> = LazyLock::new(|| Words::new(Vec::new()));
        Words::find(kind).unwrap_or(&NONE)
    }

    /// The words of one kind, by its name in words.txt.
    pub fn find(kind: &str) -> Option<&'static Words> {
        LEXICON.lists.get(kind)
    }

    /// Words in the order given.
    pub fn new(words: Vec<&'static str>) -> Self {
        // Flatter than Zipf at the head: the tenth of the list that comes first is of like frequency.
        let ranks = Zipf::new(words.len(), words.len() as f64 / 10.0);
        Words { words, ranks }
    }

    /// Every word, in order.
    pub fn all(&self) -> &[&'static str] {
        &self.words
    }

    /// A word by Zipf's law.
    pub fn draw(&self, draw: &mut Draw) -> &'static str {
        self.words.get(self.ranks.draw(draw)).copied().unwrap_or("")
    }

    /// A word of even chance.
    pub fn any(&self, draw: &mut Draw) -> &'static str {
        self.words.get(draw.below(self.words.len())).copied().unwrap_or("")
    }
}

/// What a table says of a word: `tabled("fox", "home")` is "den".
pub(super) fn tabled(word: &str, fact: &str) -> Option<&'static str> {
    LEXICON.facts.get(fact)?.get(word).copied()
}

struct Lexicon {
    lists: HashMap<&'static str, Words>,
    /// By name of the fact, then by word.
    facts: HashMap<&'static str, HashMap<&'static str, &'static str>>,
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lists: HashMap<&'static str, Vec<&'static str>> = HashMap::new();
    let mut facts: HashMap<&'static str, HashMap<&'static str, &'static str>> = HashMap::new();
    let mut kind = "";
    for line in lines(include_str!("words.txt")) {
        if let Some(name) = line.strip_prefix('%') {
            kind = name;
        } else {
            for word in line.split_whitespace() {
                // "went/go" is a past and its base form.
                let (word, base) = word.split_once('/').unwrap_or((word, word));
                facts.entry("base").or_default().insert(word, base);
                lists.entry(kind).or_default().push(word);
            }
        }
    }
    let mut columns: Vec<&str> = Vec::new();
    for line in lines(include_str!("facts.txt")) {
        if let Some(header) = line.strip_prefix('&') {
            columns = header.split_whitespace().collect();
            continue;
        }
        let cells: Vec<&str> = line.split_whitespace().collect();
        for (column, cell) in columns.iter().zip(&cells).skip(1) {
            facts.entry(column).or_default().insert(cells[0], cell);
        }
        lists.entry(columns[0]).or_default().push(cells[0]);
    }
    Lexicon { lists: lists.into_iter().map(|(name, words)| (name, Words::new(words))).collect(), facts }
});

/// The lines that say something.
pub(super) fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn lists_and_tables_are_read() {
        assert_eq!(tabled("fox", "home"), Some("den"));
        assert_eq!(tabled("went", "base"), Some("go"));
        assert_eq!(tabled("fox", "bloom"), None);
        assert!(Words::find("nonsense").is_none());
        assert_eq!(Words::of("nonsense").draw(&mut Draw::new(crate::seed::Seed(0))), "");
    }

    #[test]
    fn no_list_names_a_word_twice() {
        for (kind, words) in &LEXICON.lists {
            let distinct: HashSet<_> = words.all().iter().collect();
            assert_eq!(distinct.len(), words.all().len(), "%{kind} repeats a word");
        }
    }

    #[test]
    fn every_table_is_full() {
        let mut columns = 0;
        for line in lines(include_str!("facts.txt")) {
            let width = line.split_whitespace().count();
            columns = if line.starts_with('&') { width } else { columns };
            assert_eq!(width, columns, "{line}");
        }
    }
}
