//! English endings: plurals, -ing, third persons. Rules, and the exceptions among the corpus's words.

const PLURALS: [(&str, &str); 22] = [
    ("mouse", "mice"),
    ("goose", "geese"),
    ("sheep", "sheep"),
    ("deer", "deer"),
    ("fish", "fish"),
    ("wolf", "wolves"),
    ("calf", "calves"),
    ("knife", "knives"),
    ("shelf", "shelves"),
    ("thief", "thieves"),
    ("foot", "feet"),
    ("tooth", "teeth"),
    ("child", "children"),
    ("man", "men"),
    ("woman", "women"),
    ("postman", "postmen"),
    ("fisherman", "fishermen"),
    ("watchman", "watchmen"),
    ("loaf", "loaves"),
    ("scissors", "scissors"),
    ("chalk", "chalk"),
    ("lynx", "lynxes"),
];

/// "box" → "boxes", "berry" → "berries", "toy_ship" → "toy_ships".
pub fn plural(noun: &str) -> String {
    let (front, last) = noun.rsplit_once('_').map_or(("", noun), |(front, last)| (&noun[..front.len() + 1], last));
    if let Some((_, plural)) = PLURALS.iter().find(|(singular, _)| *singular == last) {
        return format!("{front}{plural}");
    }
    sibilant_s(noun)
}

/// "watch" → "watches", "carry" → "carries", "go" → "goes".
pub fn third_person(verb: &str) -> String {
    // "pick_up" → "picks_up"
    if let Some((verb, rest)) = verb.split_once('_') {
        return format!("{}_{rest}", third_person(verb));
    }
    if verb.ends_with('o') { format!("{verb}es") } else { sibilant_s(verb) }
}

/// "ride" → "riding", "run" → "running", "pick_up" → "picking_up".
pub fn ing(verb: &str) -> String {
    if let Some((verb, rest)) = verb.split_once('_') {
        return format!("{}_{rest}", ing(verb));
    }
    let letters: Vec<char> = verb.chars().collect();
    match letters[..] {
        [.., 'i', 'e'] => format!("{}ying", &verb[..verb.len() - 2]),
        [.., before, 'e'] if !matches!(before, 'e' | 'o' | 'y') => format!("{}ing", &verb[..verb.len() - 1]),
        [.., before, vowel, last] if doubles(before, vowel, last, verb) => format!("{verb}{last}ing"),
        _ => format!("{verb}ing"),
    }
}

fn doubles(before: char, vowel: char, last: char, verb: &str) -> bool {
    let short = (verb.len() <= 4 && verb != "open") || verb == "begin" || verb == "forget";
    short && !is_vowel(before) && is_vowel(vowel) && !is_vowel(last) && !matches!(last, 'w' | 'x' | 'y')
}

fn sibilant_s(word: &str) -> String {
    let consonant_y = word.ends_with('y') && !word.chars().rev().nth(1).is_some_and(is_vowel);
    if consonant_y {
        format!("{}ies", &word[..word.len() - 1])
    } else if ["s", "x", "z", "ch", "sh"].iter().any(|end| word.ends_with(end)) {
        format!("{word}es")
    } else {
        format!("{word}s")
    }
}

/// Whether a letter is written as a vowel.
pub fn is_vowel(letter: char) -> bool {
    "aeiouAEIOU".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings() {
        let words = ["box", "berry", "toy", "wolf", "toy_ship", "magnifying_glass", "goose_feather"];
        let plurals = ["boxes", "berries", "toys", "wolves", "toy_ships", "magnifying_glasses", "goose_feathers"];
        assert_eq!(words.map(plural), plurals);
        let verbs = ["go", "watch", "carry", "pick_up"];
        assert_eq!(verbs.map(third_person), ["goes", "watches", "carries", "picks_up"]);
        let verbs = ["ride", "run", "go", "carry", "see", "lie", "pick_up", "steal", "throw", "hide", "open"];
        let ings = [
            "riding",
            "running",
            "going",
            "carrying",
            "seeing",
            "lying",
            "picking_up",
            "stealing",
            "throwing",
            "hiding",
            "opening",
        ];
        assert_eq!(verbs.map(ing), ings);
    }
}
