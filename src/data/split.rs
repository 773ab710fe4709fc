//! Train, dev and test, such that no text is in two of them.
//!
//! The side of an example follows from a hash of its key: its prompt, or its text where it has none. Equal keys
//! fall on the same side, wherever and however often they occur, so nothing leaks. Generated tasks, which have no
//! end, use fixed shares of the hash ([`Split::of`]); a finite file is divided by rank of the hash
//! ([`Splits::divide`]), so that a small one gets its test examples too.

use super::{Example, Task};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashSet};

/// A side of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Split {
    Train,
    /// Chooses when to stop and which settings are best.
    Dev,
    /// Looked at once, by no choice.
    Test,
}

/// The examples of one data source, disjoint. Train is in the order in which subsets grow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Splits {
    pub train: Vec<Example>,
    pub dev: Vec<Example>,
    pub test: Vec<Example>,
}

/// Why data cannot be divided for a run.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum SplitError {
    #[error(
        "only {distinct} different examples; training, choosing and testing need at least {MIN_EXAMPLES}. Add more data"
    )]
    TooFew { distinct: usize },
    #[error("{asked} training examples asked for, but the data has {available}. Choose a smaller size or add data")]
    TooMany { asked: usize, available: usize },
    #[error("no task is called “{0}”. The tasks are: {tasks}", tasks = Task::ALL.map(Task::id).join(", "))]
    NoTask(String),
    #[error("the run was made with other data ({asked:.8}…) than what is loaded ({loaded:.8}…). Load its file again")]
    OtherData { asked: String, loaded: String },
}

/// Fewest distinct examples that can be divided.
pub const MIN_EXAMPLES: usize = 8;
/// Most examples that dev and test each take from a file.
const MAX_HELD_OUT: usize = 256;

impl Split {
    /// All sides.
    pub const ALL: [Split; 3] = [Split::Train, Split::Dev, Split::Test];

    /// The side a generated example belongs to: of 16 parts of the hash, one is dev and one test.
    pub fn of(example: &Example) -> Split {
        match key(example, Scope::Prompt)[0] % 16 {
            0 => Split::Test,
            1 => Split::Dev,
            _ => Split::Train,
        }
    }

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Dev => "dev",
            Split::Test => "test",
        }
    }
}

impl Splits {
    /// Divides the examples of a file: an eighth each for dev and test (at most 256 examples), the rest to train.
    /// Examples that repeat another, letter for letter, are dropped.
    pub fn divide(examples: &[Example]) -> Result<Splits, SplitError> {
        let mut seen = HashSet::new();
        let distinct: Vec<&Example> = examples.iter().filter(|example| seen.insert(*example)).collect();
        if distinct.len() < MIN_EXAMPLES {
            return Err(SplitError::TooFew { distinct: distinct.len() });
        }
        // Where nearly all prompts are the same ("Classify:"), they cannot tell the sides apart.
        let prompts: HashSet<Key> = distinct.iter().map(|example| key(example, Scope::Prompt)).collect();
        let scope = if 2 * prompts.len() >= distinct.len() { Scope::Prompt } else { Scope::Whole };
        let mut groups: BTreeMap<Key, Vec<&Example>> = BTreeMap::new();
        distinct.iter().for_each(|example| groups.entry(key(example, scope)).or_default().push(example));

        let held_out = (distinct.len() / 8).clamp(1, MAX_HELD_OUT);
        let mut splits = Splits::default();
        for group in groups.into_values() {
            // A prompt that repeats more often than that is left to training.
            let side = if group.len() > held_out {
                &mut splits.train
            } else if splits.test.len() < held_out {
                &mut splits.test
            } else if splits.dev.len() < held_out {
                &mut splits.dev
            } else {
                &mut splits.train
            };
            side.extend(group.into_iter().cloned());
        }
        if splits.train.is_empty() || splits.dev.is_empty() {
            return Err(SplitError::TooFew { distinct: prompts.len() });
        }
        Ok(splits)
    }
}

pub(super) type Key = [u8; 32];

/// What must be equal for two examples to count as the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The prompt, or the text where there is none.
    Prompt,
    /// Prompt and completion.
    Whole,
}

/// Texts that differ in letter case and white space alone are too near for two sides.
pub(super) fn key(example: &Example, scope: Scope) -> Key {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        for word in text.split_whitespace() {
            hash.update(word.to_lowercase());
            hash.update(" ");
        }
        hash.update([0]);
    };
    add(&example.prompt);
    if scope == Scope::Whole || example.prompt.trim().is_empty() {
        add(&example.completion);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(examples: &[Example], scope: Scope) -> HashSet<Key> {
        examples.iter().map(|example| key(example, scope)).collect()
    }

    #[test]
    fn case_and_space_do_not_make_another_text() {
        let one = Example::new("The  Cat\n", "sat");
        assert_eq!(key(&one, Scope::Whole), key(&Example::new("the cat", " SAT "), Scope::Whole));
        assert_ne!(key(&one, Scope::Whole), key(&Example::new("the", "cat sat"), Scope::Whole));
        assert_eq!(key(&one, Scope::Prompt), key(&Example::new("the cat", "slept"), Scope::Prompt));
    }

    #[test]
    fn a_constant_prompt_still_divides() {
        let examples: Vec<Example> = (0..80).map(|i| Example::new("Classify:", format!("{i}"))).collect();
        let splits = Splits::divide(&examples).unwrap();
        assert_eq!((splits.train.len(), splits.dev.len(), splits.test.len()), (60, 10, 10));
    }

    #[test]
    fn too_little_is_refused_with_what_to_do() {
        let same: Vec<Example> = (0..50).map(|_| Example::text("again")).collect();
        assert_eq!(Splits::divide(&same), Err(SplitError::TooFew { distinct: 1 }));
        assert!(Splits::divide(&[]).unwrap_err().to_string().contains("Add more data"));
    }

    proptest! {
        #[test]
        fn no_text_is_on_two_sides(
            pairs in prop::collection::vec(("[ab]{0,3}", "[abc]{1,3}"), 0..120),
        ) {
            let examples: Vec<Example> = pairs.iter().map(|(p, c)| Example::new(p, c)).collect();
            let Ok(splits) = Splits::divide(&examples) else { return Ok(()) };
            let sides = [&splits.train, &splits.dev, &splits.test].map(|side| keys(side, Scope::Whole));
            prop_assert!(sides.iter().all(|side| !side.is_empty()));
            prop_assert!(sides[0].is_disjoint(&sides[1]) && sides[0].is_disjoint(&sides[2]));
            prop_assert!(sides[1].is_disjoint(&sides[2]));
            prop_assert_eq!(sides.iter().map(HashSet::len).sum::<usize>(), keys(&examples, Scope::Whole).len());
        }

        #[test]
        fn order_and_repetition_do_not_matter(texts in prop::collection::hash_set("[a-z]{1,6}", 8..60)) {
            let examples: Vec<Example> = texts.iter().map(Example::text).collect();
            let reversed: Vec<Example> = examples.iter().rev().chain(&examples).cloned().collect();
            prop_assert_eq!(Splits::divide(&examples), Splits::divide(&reversed));
        }
    }
}
