//! Summaries: two sentences of news to one headline. What matters stands in the first sentence; articles, names
//! and dates go, the tense becomes the present.

use super::{Card, Distance, Task, articles, capital};
use crate::data::Example;
use crate::data::corpus::{Words, plural};
use crate::data::draw::Draw;

pub static TASK: Task = Task {
    id: "headlines",
    card: Card {
        title: "Headlines",
        sentence: "Sum up a short news report in a headline: drop names and dates, keep who did what and where.",
        distance: Distance::Near,
    },
    generate,
    known_loss: None,
};

/// What a report says, and what its headline says.
const DEEDS: [(&str, &str); 14] = [
    ("found", "finds"),
    ("has won", "wins"),
    ("lost", "loses"),
    ("has sold", "sells"),
    ("stole", "steals"),
    ("gave away", "gives away"),
    ("has built", "builds"),
    ("bought", "buys"),
    ("broke", "breaks"),
    ("has painted", "paints"),
    ("hid", "hides"),
    ("threw away", "throws away"),
    ("brought back", "brings back"),
    ("has mended", "mends"),
];

fn generate(draw: &mut Draw) -> Example {
    let kind = draw.below(6);
    let mut word = |kind: &str| Words::of(kind).draw(draw).replace('_', " ");
    let (town, day, place) = (word("town"), word("day"), word("place"));
    let (thing, animals, crowd) = (word("thing"), plural(&word("animal")), word("crowd"));
    let (news, headline) = match kind {
        0 | 1 => {
            let (job, look, name) = (word("job"), word("look"), word("surname"));
            let (past, present) = DEEDS[draw.below(DEEDS.len())];
            let who = if draw.chance(0.5) { format!("the {job} {name}") } else { format!("{name}, a {job},") };
            (
                format!("On {day} {who} {past} a {look} {thing} in {town}."),
                format!("{town} {job} {present} {look} {thing}"),
            )
        }
        2 => {
            let trouble = word("trouble");
            (
                format!("The {place} of {town} is closed from {day} because of {trouble}."),
                format!("{trouble} closes {town} {place}"),
            )
        }
        3 => {
            let number = draw.between(2, 60);
            let (past, present) =
                [("got away from", "escape in"), ("were seen near", "seen in"), ("were born at", "born in")]
                    [draw.below(3)];
            (
                format!("On {day} {number} {animals} {past} the {place} of {town}."),
                format!("{number} {animals} {present} {town}"),
            )
        }
        4 => {
            let (price, change) = (draw.between(2, 60), draw.between(1, 40));
            let (word, short) = [("more", "dearer"), ("less", "cheaper")][draw.below(2)];
            (
                format!("A {thing} costs {price} coins in {town}, {change} {word} than on {day}."),
                format!("{} {short} in {town}", plural(&thing)),
            )
        }
        _ => (
            format!("The {crowd} of {town} met at the {place} on {day} and asked for {animals}."),
            format!("{town} {crowd} want {animals}"),
        ),
    };
    let aside = match draw.below(4) {
        0 => format!(" It was {}.", Words::of("weather").draw(draw)),
        1 => format!(" All were {}.", Words::of("mood").draw(draw)),
        _ => String::new(),
    };
    Example::new(format!("{}{aside}\n#", articles(&news)), format!(" {}", capital(&headline)))
}
