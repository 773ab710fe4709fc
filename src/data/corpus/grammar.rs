//! A context-free grammar with memory. A rule is `@name` and its alternatives, one a line (`3*` before one makes
//! it three times as likely). In an alternative:
//!
//! - `{rule}` or `{list}` writes an expansion or a word; `{x:rule}` also remembers it as x, `{x=rule}` only that;
//! - `{x}` writes what is remembered, `{x.fact.fact}` follows facts;
//! - `{#2-9}` is a number, `{x+y}` and `{x-y}` a sum and a difference;
//! - `[one|other|]` is a choice, `\n` a new line, `^` makes the next letter a capital.
//!
//! Sentences get their capital and "a" before a vowel its "n" afterwards. Memory lasts for a document.

use super::facts::{Value, fact, person};
use super::inflect::is_vowel;
use super::lexicon::{Words, lines};
use crate::data::draw::Draw;
use std::collections::HashMap;
#[cfg(test)]
use std::collections::HashSet;

pub struct Grammar {
    rules: HashMap<&'static str, Rule>,
}

#[derive(Default)]
struct Rule {
    alternatives: Vec<Template>,
    /// Sums of the weights up to each alternative.
    cumulative: Vec<usize>,
}

type Template = Vec<Piece>;

enum Piece {
    Text(&'static str),
    Slot { remember: Option<&'static str>, silent: bool, source: Source },
    Choice(Vec<Template>),
}

enum Source {
    /// A remembered value, list or rule, and facts to follow from it.
    Path(Vec<&'static str>),
    Number(usize, usize),
    Sum(&'static str, &'static str),
    Difference(&'static str, &'static str),
}

type Memory = HashMap<&'static str, Value>;

impl Grammar {
    pub fn parse(files: &[&'static str]) -> Grammar {
        let mut rules: HashMap<&'static str, Rule> = HashMap::new();
        let mut name = "";
        for line in files.iter().flat_map(|file| lines(file)) {
            if let Some(next) = line.strip_prefix('@') {
                name = next;
                continue;
            }
            let (weight, text) = match line.split_once("* ") {
                Some((digits, text)) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                    (digits.parse().unwrap_or(1), text)
                }
                _ => (1, line),
            };
            let rule = rules.entry(name).or_default();
            rule.cumulative.push(rule.cumulative.last().unwrap_or(&0) + weight);
            rule.alternatives.push(template(text));
        }
        Grammar { rules }
    }

    pub fn expand(&self, rule: &str, draw: &mut Draw) -> String {
        let mut out = String::new();
        if let Some(rule) = self.rules.get(rule) {
            self.write(rule.choose(draw), &mut Memory::new(), draw, &mut out);
        }
        finish(&out)
    }

    fn write(&self, template: &Template, memory: &mut Memory, draw: &mut Draw, out: &mut String) {
        for piece in template {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Choice(choices) => self.write(&choices[draw.below(choices.len())], memory, draw, out),
                Piece::Slot { remember, silent, source } => {
                    let value = self.value(source, memory, draw);
                    if !silent {
                        out.push_str(&value.shown);
                    }
                    if let Some(name) = remember {
                        memory.insert(name, value);
                    }
                }
            }
        }
    }

    fn value(&self, source: &Source, memory: &mut Memory, draw: &mut Draw) -> Value {
        match source {
            Source::Number(low, high) => Value::word(&draw.between(*low, *high).to_string()),
            Source::Sum(a, b) => Value::word(&(number(memory, a) + number(memory, b)).to_string()),
            Source::Difference(a, b) => Value::word(&number(memory, a).abs_diff(number(memory, b)).to_string()),
            Source::Path(path) => {
                let head = self.head(path[0], memory, draw);
                path[1..].iter().fold(head, |value, step| fact(&value, step).unwrap_or(value))
            }
        }
    }

    fn head(&self, name: &str, memory: &mut Memory, draw: &mut Draw) -> Value {
        if let Some(value) = memory.get(name) {
            return value.clone();
        }
        if let Some(rule) = self.rules.get(name) {
            let mut shown = String::new();
            self.write(rule.choose(draw), memory, draw, &mut shown);
            return Value { key: shown.clone(), shown };
        }
        // Not what the document speaks of already, where the list is long enough.
        let words = Words::of(name);
        let mut value = Value { key: String::new(), shown: String::new() };
        for _ in 0..8 {
            value = if name == "person" { person(draw) } else { Value::word(words.draw(draw)) };
            if !memory.values().any(|known| known.shown == value.shown) {
                break;
            }
        }
        value
    }
}

impl Rule {
    fn choose(&self, draw: &mut Draw) -> &Template {
        let point = draw.below(self.cumulative.last().copied().unwrap_or(0));
        &self.alternatives[self.cumulative.partition_point(|&sum| sum <= point)]
    }
}

fn number(memory: &Memory, name: &str) -> usize {
    memory.get(name).and_then(|value| value.shown.parse().ok()).unwrap_or(0)
}

fn template(text: &'static str) -> Template {
    let mut pieces = Template::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '[']) {
        if at > 0 {
            pieces.push(Piece::Text(&rest[..at]));
        }
        let close = closing(&rest[at..]) + at;
        let inside = &rest[at + 1..close];
        pieces.push(if rest[at..].starts_with('{') { slot(inside) } else { Piece::Choice(choices(inside)) });
        rest = rest.get(close + 1..).unwrap_or("");
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// Where the bracket that opens `text` closes.
fn closing(text: &str) -> usize {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

fn choices(text: &'static str) -> Vec<Template> {
    let mut depth = 0;
    let parts = text.split(|c| {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ => {}
        }
        c == '|' && depth == 0
    });
    parts.map(template).collect()
}

fn slot(text: &'static str) -> Piece {
    let (remember, silent, source) = match text.find([':', '=']) {
        Some(at) => (Some(&text[..at]), text.as_bytes()[at] == b'=', &text[at + 1..]),
        None => (None, false, text),
    };
    let range = source.strip_prefix('#').and_then(|range| range.split_once('-'));
    let source = if let Some((low, high)) = range {
        Source::Number(low.parse().unwrap_or(0), high.parse().unwrap_or(0))
    } else if let Some((a, b)) = source.split_once('+') {
        Source::Sum(a, b)
    } else if let Some((a, b)) = source.split_once('-') {
        Source::Difference(a, b)
    } else {
        Source::Path(source.split('.').collect())
    };
    Piece::Slot { remember, silent, source }
}

/// Line breaks, capitals and articles.
fn finish(text: &str) -> String {
    let text = text.replace("\\n", "\n");
    let mut out = String::with_capacity(text.len());
    let mut capital = true;
    let mut before = ' ';
    for letter in text.chars() {
        match letter {
            '^' => capital = true,
            '.' | '!' | '?' | '\n' => {
                out.push(letter);
                capital = true;
            }
            '"' => {
                // An opening quote starts a sentence; after "?" or "!" a closing one goes on ("said she").
                capital = matches!(before, ' ' | '\n') || (capital && before == '.');
                out.push(letter);
            }
            _ if letter.is_alphanumeric() => {
                article(&mut out, letter);
                if capital {
                    out.extend(letter.to_uppercase())
                } else {
                    out.push(letter)
                }
                capital = false;
            }
            _ => out.push(letter),
        }
        before = letter;
    }
    out
}

/// Turns a final "a " into "an " where a vowel follows.
fn article(out: &mut String, next: char) {
    let alone = |text: &str| !text.chars().next_back().is_some_and(char::is_alphanumeric);
    let front = out.strip_suffix("a ").or_else(|| out.strip_suffix("A "));
    if is_vowel(next) && front.is_some_and(alone) {
        out.pop();
        out.push_str("n ");
    }
}

#[cfg(test)]
impl Grammar {
    /// Names in slots that nothing explains.
    pub fn unknown_names(&self) -> Vec<&'static str> {
        let mut remembered: HashSet<&str> = HashSet::new();
        let mut asked: HashSet<&'static str> = HashSet::new();
        let mut facts: HashSet<&'static str> = HashSet::new();
        self.each_slot(|remember, source| {
            remembered.extend(remember);
            match source {
                Source::Path(path) => {
                    asked.insert(path[0]);
                    facts.extend(&path[1..]);
                }
                Source::Sum(a, b) | Source::Difference(a, b) => asked.extend([a, b]),
                Source::Number(..) => {}
            }
        });
        asked.retain(|name| {
            let known = remembered.contains(name) || self.rules.contains_key(name);
            !known && *name != "person" && Words::find(name).is_none()
        });
        // A fact is known if some word or person has it.
        let mut draw = Draw::new(crate::seed::Seed(0));
        let mut things: Vec<Value> = vec![person(&mut draw), Value::word("went")];
        for kind in ["animal", "job", "dish", "thing", "plant", "tree"] {
            things.push(Value::word(Words::of(kind).all()[0]));
        }
        facts.retain(|name| things.iter().all(|thing| fact(thing, name).is_none()));
        asked.into_iter().chain(facts).collect()
    }

    /// Rules that no expansion of `root` can reach.
    pub fn unused_rules(&self, root: &'static str) -> Vec<&'static str> {
        let mut used = HashSet::from([root]);
        self.each_slot(|_, source| {
            if let Source::Path(path) = source {
                used.insert(path[0]);
            }
        });
        self.rules.keys().copied().filter(|name| !used.contains(name)).collect()
    }

    fn each_slot(&self, mut visit: impl FnMut(Option<&'static str>, &Source)) {
        let mut open: Vec<&Template> = self.rules.values().flat_map(|rule| &rule.alternatives).collect();
        while let Some(template) = open.pop() {
            for piece in template {
                match piece {
                    Piece::Text(_) => {}
                    Piece::Choice(choices) => open.extend(choices),
                    Piece::Slot { remember, source, .. } => visit(*remember, source),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn expand(rules: &'static str) -> String {
        Grammar::parse(&[rules]).expand("it", &mut Draw::new(Seed(1)))
    }

    #[test]
    fn memory_facts_and_numbers() {
        let text = expand("@it\n{x:beast} lives in a {x.home}; {x} {n:#3-3} and {m:#4-4} is {n+m}\n@beast\nfox");
        assert_eq!(text, "Fox lives in a den; fox 3 and 4 is 7");
    }

    #[test]
    fn capitals_and_articles() {
        let text = expand("@it\na owl saw a fox. \"is it a old [one|one]?\" asked a.\\nyes! ^no.");
        assert_eq!(text, "An owl saw a fox. \"Is it an old one?\" asked a.\nYes! No.");
    }

    #[test]
    fn weights_weigh() {
        let grammar = Grammar::parse(&["@it\n9* a\nb"]);
        let mut draw = Draw::new(Seed(2));
        let common = (0..1000).filter(|_| grammar.expand("it", &mut draw) == "A").count();
        assert!((860..940).contains(&common), "{common}");
    }
}
