//! English to Velari, an invented language, and back. Some 300 words of the corpus have each an invented partner,
//! which can only be learned by heart; the grammar is regular and quickly learned: the verb comes last, adjectives
//! follow their noun, plural, object, past and place are endings, and there is no article but an ending -o for "the".

use super::{Card, Distance, Task, articles};
use crate::data::Example;
use crate::data::corpus::{Words, plural};
use crate::data::draw::Draw;
use crate::seed::Seed;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

pub static TASK: Task = Task {
    id: "translation",
    card: Card {
        title: "Translation",
        sentence: "Translate between English and Velari, an invented language with its own words, endings and word order.",
        distance: Distance::Far,
    },
    generate,
    known_loss: None,
};

const KINDS: [&str; 7] = ["animal", "job", "thing", "place", "colour", "look", "took"];

/// English word to Velari stem.
static STEMS: LazyLock<HashMap<&'static str, String>> = LazyLock::new(|| {
    let mut draw = Draw::new(Seed(0).derive("velari", 0));
    let mut used = HashSet::new();
    let mut stems = HashMap::new();
    for word in KINDS.iter().flat_map(|kind| Words::of(kind).all()) {
        while !stems.contains_key(word) {
            let stem = stem(&mut draw);
            if used.insert(stem.clone()) {
                stems.insert(*word, stem);
            }
        }
    }
    stems
});

fn stem(draw: &mut Draw) -> String {
    let mut syllable = |onsets: &[&str]| format!("{}{}", draw.pick(onsets), draw.pick(&["a", "e", "i", "u"]));
    let onsets = ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "sh", "kh", "dr", "sk"];
    let start = syllable(&onsets);
    let middle = syllable(&["l", "m", "n", "r", "s", "v", "d", "k"]);
    format!("{start}{middle}{}", draw.pick(&["", "", "n", "r", "sh", "k", "m"]))
}

fn velari(word: &str) -> &str {
    STEMS.get(word).map_or("", String::as_str)
}

/// A noun with what stands around it, in both languages.
struct Phrase {
    english: String,
    /// Stem with endings, then the adjective.
    velari: (String, String),
}

fn phrase(draw: &mut Draw, kinds: &[&str], ending: &str) -> Phrase {
    let noun = Words::of(draw.pick(kinds)).draw(draw);
    let adjective = draw.chance(0.6).then(|| Words::of(draw.pick(&["colour", "look"])).draw(draw));
    let many = draw.chance(0.3);
    let the = draw.chance(0.5);
    let article = match (the, many) {
        (true, _) => "the ",
        (false, true) => "",
        (false, false) => "a ",
    };
    let written = if many { plural(noun) } else { noun.to_owned() };
    let english = format!("{article}{}{written}", adjective.map_or(String::new(), |word| format!("{word} ")));
    let stem = format!("{}{}{}{ending}", velari(noun), if many { "ri" } else { "" }, if the { "o" } else { "" });
    let adjective = adjective.map_or(String::new(), |word| format!(" {}", velari(word)));
    Phrase { english: articles(&english.replace('_', " ")), velari: (stem, adjective) }
}

fn generate(draw: &mut Draw) -> Example {
    let subject = phrase(draw, &["animal", "job"], "");
    let object = phrase(draw, &["thing", "thing", "animal"], "m");
    let verb = Words::of("took").draw(draw);
    let place = draw.chance(0.3).then(|| Words::of("place").draw(draw));

    let mut english = format!("{} {} {}", subject.english, verb.replace('_', " "), object.english);
    let mut foreign = format!("{}{} {}{}", subject.velari.0, subject.velari.1, object.velari.0, object.velari.1);
    if let Some(place) = place {
        english.push_str(&format!(" in the {}", place.replace('_', " ")));
        foreign.push_str(&format!(" {}one", velari(place)));
    }
    foreign.push_str(&format!(" {}ta", velari(verb)));
    if draw.chance(0.75) {
        Example::new(format!("{english}\nVelari:"), format!(" {foreign}"))
    } else {
        Example::new(format!("{foreign}\nEnglish:"), format!(" {english}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_words_share_a_stem() {
        let distinct: HashSet<&String> = STEMS.values().collect();
        assert_eq!(distinct.len(), STEMS.len());
        assert!(STEMS.len() > 250, "{}", STEMS.len());
    }

    #[test]
    fn a_sentence_ends_with_its_verb_in_the_past() {
        let mut draw = Draw::new(Seed(1));
        let verbs: HashSet<String> = Words::of("took").all().iter().map(|verb| format!("{}ta", velari(verb))).collect();
        for _ in 0..200 {
            let example = generate(&mut draw);
            let (foreign, english) = match example.prompt.strip_suffix("\nVelari:") {
                Some(english) => (example.completion.as_str(), english),
                None => (example.prompt.strip_suffix("\nEnglish:").unwrap(), example.completion.as_str()),
            };
            assert!(verbs.contains(foreign.split(' ').next_back().unwrap()), "{example:?}");
            assert_eq!(foreign.contains("one "), english.contains(" in the "), "{example:?}");
        }
    }
}
