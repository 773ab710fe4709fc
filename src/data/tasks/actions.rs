//! Instructions to user-interface actions: a screen's elements with their numbers, and what the user wants, as
//! clicks and typing. The wish names elements by what they do, the action by their number on this screen.

use super::{Card, Distance, Task};
use crate::data::Example;
use crate::data::corpus::Words;
use crate::data::draw::{Draw, Zipf};
use std::sync::LazyLock;

pub static TASK: Task = Task {
    id: "actions",
    card: Card {
        title: "Screen actions",
        sentence: "Given the elements of a screen and a wish in plain words, say which to click and what to type where.",
        distance: Distance::Far,
    },
    generate,
    known_loss: None,
};

/// A button and wordings of what it does.
const BUTTONS: [(&str, [&str; 2]); 32] = [
    ("Save", ["keep it", "store this"]),
    ("Open", ["open one", "show me another"]),
    ("Send", ["send it", "let it go out"]),
    ("Back", ["go back", "return"]),
    ("Delete", ["throw it away", "remove it"]),
    ("Copy", ["make a second one", "copy this"]),
    ("Help", ["explain this", "I am lost"]),
    ("Print", ["put it on paper", "print this"]),
    ("Close", ["I am done", "shut it"]),
    ("Next", ["go on", "the one after"]),
    ("Undo", ["that was wrong", "take it back"]),
    ("New", ["start a fresh one", "begin another"]),
    ("Buy", ["pay for it", "I want to own it"]),
    ("Share", ["show it to others", "let friends see"]),
    ("Zoom", ["make it larger", "I cannot read it"]),
    ("Mute", ["stop the noise", "be silent"]),
    ("Play", ["start the music", "let me hear it"]),
    ("Pause", ["hold it for a while", "wait a moment"]),
    ("Lock", ["nobody else may use it", "make it safe"]),
    ("Sort", ["put them in order", "order the list"]),
    ("Reply", ["answer this", "write back"]),
    ("Mark", ["remember this one", "give it a star"]),
    ("Map", ["where is it", "show me the way"]),
    ("Call", ["let me speak with them", "ring them"]),
    ("Edit", ["change it", "let me correct this"]),
    ("Load", ["get the rest", "fetch more"]),
    ("Login", ["let me in", "it is me"]),
    ("Camera", ["take a picture", "photograph this"]),
    ("Timer", ["count the minutes", "tell me when it is over"]),
    ("Night", ["make it dark", "it is too bright"]),
    ("Invite", ["ask them to come", "bring someone in"]),
    ("Refresh", ["is there anything new", "look again"]),
];
/// A text field and wordings around what is typed.
const FIELDS: [(&str, [&str; 2]); 6] = [
    ("search", ["look for @", "find @"]),
    ("name", ["call it @", "its name is @"]),
    ("note", ["note @", "write down @"]),
    ("city", ["I live in @", "the town is @"]),
    ("subject", ["it is about @", "the title is @"]),
    ("amount", ["I want @ of them", "make it @"]),
];

fn generate(draw: &mut Draw) -> Example {
    static RANKS: LazyLock<Zipf> = LazyLock::new(|| Zipf::new(BUTTONS.len(), 2.0));
    let mut buttons: Vec<usize> = Vec::new();
    while buttons.len() < 3 {
        let button = RANKS.draw(draw);
        if !buttons.contains(&button) {
            buttons.push(button);
        }
    }
    let (field, typed) = FIELDS[draw.below(FIELDS.len())];
    let mut elements: Vec<&str> = buttons.iter().map(|&button| BUTTONS[button].0).chain([field]).collect();
    draw.shuffle(&mut elements);
    let number = |element: &str| elements.iter().position(|other| *other == element).map_or(0, |at| at + 1);
    let screen: Vec<String> =
        elements.iter().enumerate().map(|(at, element)| format!("{} {element}", at + 1)).collect();

    let (button, wordings) = BUTTONS[buttons[0]];
    let mut wish = draw.pick(&wordings).to_owned();
    let mut actions = format!("click {}", number(button));
    if draw.chance(0.7) {
        let text = match field {
            "city" => Words::of("town").draw(draw).replace('_', " "),
            "amount" => draw.between(2, 99).to_string(),
            _ => Words::of(draw.pick(&["thing", "food", "animal"])).draw(draw).replace('_', " "),
        };
        wish = format!("{}, then {wish}", draw.pick(&typed).replace('@', &text));
        actions = format!("type {} {text}; {actions}", number(field));
    } else if draw.chance(0.5) {
        let (button, wordings) = BUTTONS[buttons[1]];
        wish = format!("{wish}, then {}", draw.pick(&wordings));
        actions = format!("{actions}; click {}", number(button));
    }
    Example::new(format!("{}\n{wish}\nDo:", screen.join(" ")), format!(" {actions}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn actions_use_elements_of_the_screen() {
        let mut draw = Draw::new(Seed(1));
        for example in (0..500).map(|_| generate(&mut draw)) {
            for action in example.completion.trim().split("; ") {
                let number: usize = action.split(' ').nth(1).unwrap().parse().unwrap();
                assert!((1..=4).contains(&number), "{example:?}");
                let screen: Vec<&str> = example.prompt.lines().next().unwrap().split(' ').collect();
                let field = FIELDS.iter().any(|(field, _)| screen[2 * number - 1] == *field);
                assert_eq!((screen[2 * number - 2], field), (number.to_string().as_str(), action.starts_with("type")));
            }
        }
    }
}
