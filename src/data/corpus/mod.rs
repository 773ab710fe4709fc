//! The text that the base models are pretrained on: short documents of many kinds (stories, diaries, letters,
//! recipes, reports, questions and answers, lists, dialogues) from a grammar with memory over one invented world.
//!
//! Three things make it worth learning by ever larger models: a wide vocabulary drawn by Zipf's law; a world whose
//! facts stay true in all documents (what a badger eats, where Mira Talbot lives) and can only be known by heart;
//! and references back within a document, which can only be known by reading it. No text is from elsewhere.

mod facts;
mod grammar;
mod inflect;
mod lexicon;

pub use inflect::{plural, third_person};
pub use lexicon::Words;

use super::draw::Draw;
use super::{Example, Split};
use crate::seed::Seed;
use grammar::Grammar;
use std::sync::LazyLock;

static GRAMMAR: LazyLock<Grammar> = LazyLock::new(|| {
    Grammar::parse(&[
        include_str!("phrases.txt"),
        include_str!("stories.txt"),
        include_str!("papers.txt"),
        include_str!("lore.txt"),
        include_str!("talk.txt"),
    ])
});

/// Document `index` of the corpus of `seed`, without a closing newline.
pub fn document(seed: Seed, index: u64) -> String {
    GRAMMAR.expand("document", &mut Draw::new(seed.derive("corpus", index)))
}

/// The documents of one side of the corpus, in order of their index, without end. A document's side follows from
/// its text, so that none is on two.
pub fn documents(seed: Seed, split: Split) -> impl Iterator<Item = String> {
    (0..).map(move |index| document(seed, index)).filter(move |text| Split::of(&Example::text(text)) == split)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};
    use std::collections::{HashMap, HashSet};

    #[test]
    fn a_document_follows_from_seed_and_index_alone() {
        let forward: Vec<String> = (0..50).map(|index| document(Seed(1), index)).collect();
        (0..50).rev().for_each(|index| assert_eq!(document(Seed(1), index), forward[index as usize]));
        assert_ne!(document(Seed(2), 0), forward[0]);
    }

    #[test]
    fn the_corpus_is_fixed_for_all_time() {
        // The base models were made from it: whoever changes it makes them anew.
        let mut hash = Sha256::new();
        (0..200).for_each(|index| hash.update(document(Seed(1), index)));
        let hex = format!("{:x}", hash.finalize());
        assert_eq!(format!("{hex:.16}"), "1d3c85495cd06159");
    }

    #[test]
    fn the_corpus_is_broad_and_clean() {
        let documents: Vec<String> = (0..4000).map(|index| document(Seed(3), index)).collect();
        let mut words: HashMap<String, usize> = HashMap::new();
        for text in &documents {
            assert!(!text.contains(['{', '}', '[', ']', '|', '_', '@', '\\']), "{text}");
            assert!(!text.contains("  ") && text.trim() == text && text.len() >= 40, "{text:?}");
            assert!(!text.contains(" ,") && !text.contains(" .") && !text.contains(".."), "{text:?}");
            for word in text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()) {
                *words.entry(word.to_lowercase()).or_default() += 1;
            }
        }
        assert!(words.len() > 1800, "only {} words", words.len());
        let distinct: HashSet<&String> = documents.iter().collect();
        // Riddles and natural history repeat, as they do in life.
        assert!(distinct.len() as f64 > 0.98 * documents.len() as f64, "{} distinct", distinct.len());
    }

    #[test]
    fn no_document_is_on_two_sides() {
        let [train, test] = [Split::Train, Split::Test].map(|split| documents(Seed(4), split).take(1500));
        let train: HashSet<String> = train.collect();
        assert!(test.into_iter().all(|text| !train.contains(&text)));
    }

    #[test]
    fn every_rule_is_reached_and_every_slot_known() {
        let mut unknown = GRAMMAR.unknown_names();
        unknown.sort();
        assert_eq!(unknown, Vec::<&str>::new());
        let mut unused = GRAMMAR.unused_rules("document");
        unused.sort();
        assert_eq!(unused, Vec::<&str>::new());
    }
}
