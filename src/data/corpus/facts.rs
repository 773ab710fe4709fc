//! The corpus's world: some 1200 people and their towns, whose facts are the same in every document. A fact that
//! no table holds (Mira Talbot's job, Ashford's river) is the word at which a hash of its name points.

use super::inflect::{ing, plural, third_person};
use super::lexicon::{Words, tabled};
use crate::data::draw::{Draw, Zipf};
use std::sync::LazyLock;

const PEOPLE: usize = 1200;

/// A word or person in a document: `key` names it among the facts, `shown` is what is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    pub key: String,
    pub shown: String,
}

impl Value {
    /// A word of the lexicon, whose underscores are spaces.
    pub fn word(word: &str) -> Value {
        Value { key: word.to_owned(), shown: word.replace('_', " ") }
    }

    /// A person, shown by first name.
    fn person(first: &str, last: &str) -> Value {
        Value { key: format!("{first} {last}"), shown: first.to_owned() }
    }
}

/// One of the world's people, some of them met often.
pub fn person(draw: &mut Draw) -> Value {
    static RANKS: LazyLock<Zipf> = LazyLock::new(|| Zipf::new(PEOPLE, 30.0));
    let number = RANKS.draw(draw).to_string();
    let kind = if hash(&number, "sex").is_multiple_of(2) { "woman" } else { "man" };
    Value::person(pick(kind, &number), pick("surname", &number))
}

/// What `name` is of `of`: an ending ("s", "ing"), a pronoun, a relative, a table's fact or one of the world's.
pub fn fact(of: &Value, name: &str) -> Option<Value> {
    let key = of.key.as_str();
    let her = || Words::of("woman").all().contains(&key.split(' ').next().unwrap_or(""));
    let pronoun = |she: &str, he: &str| Some(Value::word(if her() { she } else { he }));
    let shown = |word: &str| Some(Value { key: key.to_owned(), ..Value::word(word) });
    match name {
        // An ending changes what is written, not what it is.
        "s" => shown(&plural(key)),
        "ing" => shown(&ing(tabled(key, "base").unwrap_or(key))),
        "does" => shown(&third_person(tabled(key, "base").unwrap_or(key))),
        "he" => pronoun("she", "he"),
        "him" => pronoun("her", "him"),
        "his" => pronoun("her", "his"),
        "child" => pronoun("girl", "boy"),
        "full" => Some(Value { key: key.to_owned(), shown: key.to_owned() }),
        "last" => key.split(' ').nth(1).map(Value::word),
        "sister" | "mother" | "daughter" => relative(key, name, "woman"),
        "brother" | "father" | "son" => relative(key, name, "man"),
        "friend" => {
            let kind = if hash(key, "friend's sex").is_multiple_of(2) { "woman" } else { "man" };
            let own = format!("{key} friend");
            Some(Value::person(pick(kind, &own), pick("surname", &own)))
        }
        _ => tabled(key, name).map(Value::word).or_else(|| Words::find(name).map(|_| Value::word(pick(name, key)))),
    }
}

fn relative(key: &str, name: &str, kind: &str) -> Option<Value> {
    let last = key.split(' ').nth(1)?;
    Some(Value::person(pick(kind, &format!("{key} {name}")), last))
}

/// The word of list `kind` that belongs to `key`, for all time.
fn pick(kind: &str, key: &str) -> &'static str {
    let words = Words::of(kind).all();
    words.get((hash(key, kind) % words.len().max(1) as u64) as usize).copied().unwrap_or("")
}

/// FNV-1a with a final mix: facts are asked for some ten times a sentence, so this must be quick.
fn hash(key: &str, of: &str) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in key.bytes().chain([0]).chain(of.bytes()) {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    state = (state ^ (state >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    state ^ (state >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn facts_are_fixed_and_chain() {
        let mira = Value::person("Mira", "Talbot");
        let job = fact(&mira, "job").unwrap();
        assert_eq!(fact(&mira, "job"), Some(job.clone()));
        assert_eq!(fact(&job, "tool").unwrap().key, tabled(&job.key, "tool").unwrap());
        assert_eq!(fact(&mira, "he").unwrap().shown, "she");
        assert_eq!(fact(&mira, "full").unwrap().shown, "Mira Talbot");
        assert!(fact(&mira, "brother").unwrap().key.ends_with(" Talbot"));
        assert_eq!(fact(&mira, "nonsense"), None);
        assert_eq!(fact(&Value::word("went"), "ing").unwrap().shown, "going");
    }

    #[test]
    fn jobs_are_spread_over_people() {
        let mut draw = Draw::new(Seed(1));
        let jobs: std::collections::HashSet<String> =
            (0..500).map(|_| fact(&person(&mut draw), "job").unwrap().key).collect();
        assert!(jobs.len() > 40, "{}", jobs.len());
    }
}
