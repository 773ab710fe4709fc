//! Clinic notes: what a patient says, as the short coded note that a clinic keeps. Every complaint has a code and a
//! plan of its own, to be learned by heart; common ones come often, rare ones seldom. All codes are invented.

use super::{Card, Distance, Task};
use crate::data::Example;
use crate::data::corpus::Words;
use crate::data::draw::{Draw, Zipf};
use crate::seed::Seed;
use std::collections::HashSet;
use std::sync::LazyLock;

pub static TASK: Task = Task {
    id: "clinic",
    card: Card {
        title: "Clinic notes",
        sentence: "Turn what a patient tells into a short coded note: who, which complaints with their codes, how long, and the plan.",
        distance: Distance::Middle,
    },
    generate,
    known_loss: None,
};

struct Complaint {
    words: String,
    /// A letter and two digits.
    code: String,
    plan: &'static str,
}

const KINDS: [&str; 8] =
    ["pain in the", "swelling of the", "a burn on the", "a cut on the", "an itching", "a stiff", "a numb", "a weak"];

static COMPLAINTS: LazyLock<Vec<Complaint>> = LazyLock::new(|| {
    let mut draw = Draw::new(Seed(0).derive("clinic codes", 0));
    let parts = Words::of("part").all();
    let mut words: Vec<String> =
        KINDS.iter().flat_map(|kind| parts.iter().map(move |part| format!("{kind} {part}"))).collect();
    draw.shuffle(&mut words);
    let ills = Words::of("ill").all().iter().map(|ill| format!("a {}", ill.replace('_', " ")).replace("a ea", "an ea"));
    let mut used = HashSet::new();
    let mut complaints = Vec::new();
    for words in ills.chain(words) {
        let mut code = String::new();
        while code.is_empty() || !used.insert(code.clone()) {
            code = format!("{}{}", draw.pick(&["A", "B", "C", "H", "K", "M", "R", "S", "T"]), draw.between(10, 99));
        }
        complaints.push(Complaint { words, code, plan: Words::of("remedy").any(&mut draw) });
    }
    complaints
});
static RANKS: LazyLock<Zipf> = LazyLock::new(|| Zipf::new(COMPLAINTS.len(), 4.0));

fn generate(draw: &mut Draw) -> Example {
    let first = &COMPLAINTS[RANKS.draw(draw)];
    let second = &COMPLAINTS[RANKS.draw(draw)];
    let (age, woman) = (draw.between(2, 90), draw.chance(0.5));
    let name = Words::of(if woman { "woman" } else { "man" }).draw(draw);
    let (number, unit) = (draw.between(2, 12), draw.pick(&["days", "weeks", "months"]));
    let short = &unit[..1];

    let mut said = format!("{name}, {age}, has had {} for {number} {unit}", first.words);
    let mut note = format!("{}{age} {} {number}{short}", if woman { 'F' } else { 'M' }, first.code);
    if first.code != second.code {
        match draw.below(3) {
            0 => {
                said.push_str(&format!(" and {}", second.words));
                note.push_str(&format!(", {}", second.code));
            }
            1 => {
                let words = second.words.trim_start_matches("an ").trim_start_matches("a ");
                said.push_str(&format!(", but no {words}"));
                note.push_str(&format!(", no {}", second.code));
            }
            _ => {}
        }
    }
    Example::new(format!("{said}.\nNote:"), format!(" {note}: {}", first.plan.replace('_', " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_and_codes_are_one_to_one() {
        let codes: HashSet<&String> = COMPLAINTS.iter().map(|complaint| &complaint.code).collect();
        let words: HashSet<&String> = COMPLAINTS.iter().map(|complaint| &complaint.words).collect();
        assert_eq!((codes.len(), words.len()), (COMPLAINTS.len(), COMPLAINTS.len()));
    }
}
