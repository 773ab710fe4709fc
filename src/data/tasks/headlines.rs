//! Summaries: two sentences of news to one headline. What matters stands in the first sentence; articles, names
//! and dates go, the tense becomes the present.

use super::{Card, Distance};
use crate::data::Example;
use crate::data::corpus::{Words, plural};
use crate::data::draw::Draw;

pub const CARD: Card = Card {
    title: "Headlines",
    blurb: "Sum up a short news report in a headline: drop names and dates, keep who did what and where.",
    distance: Distance::Near,
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

pub fn generate(draw: &mut Draw) -> Example {
    let mut word = |kind: &str| Words::of(kind).draw(draw).replace('_', " ");
    let (town, day, place) = (word("town"), word("day"), word("place"));
    let (job, thing, look, animal) = (word("job"), word("thing"), word("look"), word("animal"));
    let (trouble, crowd, other, mood) = (word("trouble"), word("crowd"), word("crowd"), word("mood"));
    let name = format!("{} {}", word(draw_kind(&job)), word("surname"));
    let number = draw.between(2, 60);
    let animals = plural(&animal);

    let (news, headline) = match draw.below(6) {
        0 | 1 => {
            let (past, present) = DEEDS[draw.below(DEEDS.len())];
            let who = draw.pick(&["the {job} {name}", "{name}, a {job},"]);
            let who = who.replace("{job}", &job).replace("{name}", &name);
            (
                format!("On {day} {who} {past} a {look} {thing} in {town}."),
                format!("{town} {job} {present} {look} {thing}"),
            )
        }
        2 => (
            format!("The {place} of {town} has been closed since {day} because of {trouble}."),
            format!("{trouble} closes {town} {place}"),
        ),
        3 => {
            let (past, headline) =
                [("got away from", "escape in"), ("were seen near", "seen in"), ("were born at", "born in")]
                    [draw.below(3)];
            (
                format!("On {day} {number} {animals} {past} the {place} of {town}."),
                format!("{number} {animals} {headline} {town}"),
            )
        }
        4 => {
            let more = draw.between(1, 40);
            let (word, headline) = [("more", "dearer"), ("less", "cheaper")][draw.below(2)];
            (
                format!("A {thing} now costs {number} coins in {town}, {more} {word} than on {day}."),
                format!("{} {headline} in {town}", plural(&thing)),
            )
        }
        _ => (
            format!("The {crowd} of {town} met at the {place} on {day} and asked for {number} new {animals}."),
            format!("{town} {crowd} want {animals}"),
        ),
    };
    let aside = match draw.below(4) {
        0 => format!("The {other} are {mood}."),
        1 => format!("\"I am {mood},\" said {name}."),
        2 => format!("It was {mood_or_weather}.", mood_or_weather = Words::of("weather").draw(draw)),
        _ => format!("Many {other} came to see it."),
    };
    Example::new(format!("{news} {aside}\nHeadline:"), format!(" {}", capital(&headline)))
}

fn draw_kind(job: &str) -> &'static str {
    if job.len().is_multiple_of(2) { "woman" } else { "man" }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
