//! Long memory: a conversation in which facts are said once, other things are talked of, and then one of the facts
//! is asked for. Only looking back far can answer; a guess from the question alone cannot.

use super::{Card, Distance, Task, articles, capital};
use crate::data::Example;
use crate::data::corpus::Words;
use crate::data::draw::Draw;

pub static TASK: Task = Task {
    id: "memory",
    card: Card {
        title: "Long memory",
        sentence: "Answer a question about a fact that was said at the start of a conversation, before the talk went elsewhere.",
        distance: Distance::Near,
    },
    generate,
    known_loss: None,
};

/// Facts that stand before the question, the asked one among them.
const FACTS: usize = 3;
/// Bytes of facts that leave no room for chatter.
const LONG: usize = 66;

fn generate(draw: &mut Draw) -> Example {
    let mut kinds = [0, 1, 2, 3, 4, 5];
    draw.shuffle(&mut kinds);
    let facts: Vec<(String, String, String)> = kinds[..FACTS].iter().map(|&kind| fact(draw, kind)).collect();
    let (_, question, answer) = &facts[draw.below(FACTS)];
    let told: Vec<&str> = facts.iter().map(|(told, ..)| told.as_str()).collect();
    let mut said = articles(&told.join(" "));
    // A small model reads 64 tokens: no chatter where the facts are long already.
    if said.len() < LONG {
        said.push_str(&format!(" {}", chatter(draw)));
    }
    Example::new(format!("{said}\nQ: {question}\nA:"), format!(" {answer}."))
}

/// What is told, the question and the answer.
fn fact(draw: &mut Draw, kind: usize) -> (String, String, String) {
    let mut word = |kind: &str| Words::of(kind).draw(draw).replace('_', " ");
    match kind {
        0 => {
            let (thing, room) = (word("thing"), word("room"));
            (format!("The {thing} is in the {room}."), format!("Where is the {thing}?"), format!("In the {room}"))
        }
        1 => {
            let (event, day) = (word("event"), word("day"));
            (format!("The {event} is on {day}."), format!("When is the {event}?"), format!("On {day}"))
        }
        2 => {
            let (cloth, colour) = (word("cloth"), word("colour"));
            let is = if cloth.ends_with('s') && cloth != "dress" { "are" } else { "is" };
            (format!("My {cloth} {is} {colour}."), format!("What colour {is} the {cloth}?"), capital(&colour))
        }
        3 => {
            let (name, town) = (word("woman"), word("town"));
            (format!("{name} went to {town}."), format!("Where is {name}?"), format!("In {town}"))
        }
        4 => {
            let (name, job) = (word("man"), word("job"));
            (format!("{name} is a {job}."), format!("What is {name}?"), capital(&job))
        }
        _ => {
            let (animal, name) = (word("animal"), word("man"));
            (format!("The {animal} is {name}."), format!("Who is {name}?"), format!("The {animal}"))
        }
    }
}

fn chatter(draw: &mut Draw) -> String {
    let mut word = |kind: &str| Words::of(kind).draw(draw).replace('_', " ");
    let lines = [format!("It is {}.", word("weather")), format!("I am {}.", word("mood"))];
    lines[draw.below(lines.len())].clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn the_answer_stands_in_the_conversation() {
        let mut draw = Draw::new(Seed(1));
        for example in (0..500).map(|_| generate(&mut draw)) {
            let answer = example.completion.trim().trim_end_matches('.').to_lowercase();
            let key = answer.trim_start_matches("in ").trim_start_matches("on ");
            let told = example.prompt.lines().next().unwrap().to_lowercase();
            assert!(told.contains(key), "{example:?}");
        }
    }
}
