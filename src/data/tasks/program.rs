//! Text to code, as in the paper on transfer (Hernandez et al. 2021, Python): requests in plain words, answered in
//! a small language of pipelines, conditions, loops and definitions. Every part has several wordings and one
//! meaning, so a request is right only as a whole.

use super::{Card, Distance, Task};
use crate::data::Example;
use crate::data::corpus::{Words, plural};
use crate::data::draw::Draw;

pub static TASK: Task = Task {
    id: "program",
    card: Card {
        title: "Text to code",
        sentence: "Write a one-line program for a request in plain words, in a small language of pipelines, conditions and loops.",
        distance: Distance::Far,
    },
    generate,
    known_loss: None,
};

fn generate(draw: &mut Draw) -> Example {
    let (request, code) = match draw.below(10) {
        0..6 => pipeline(draw),
        6..8 => condition(draw),
        8..9 => repetition(draw),
        _ => definition(draw),
    };
    Example::new(format!("{request}\nCode:"), format!(" {code}"))
}

type Pair = (String, String);

/// Picks a wording and fills in the number.
fn say(draw: &mut Draw, wordings: &[&str], code: &str) -> Pair {
    let n = draw.between(2, 20).to_string();
    (draw.pick(wordings).replace('#', &n), code.replace('#', &n))
}

fn pipeline(draw: &mut Draw) -> Pair {
    let list = plural(Words::of("thing").draw(draw)).replace('_', " ");
    let (mut words, mut code) = (format!("take the {list}"), list.replace(' ', "_"));
    for _ in 0..1 + draw.below(5) / 4 {
        let (word, step) = step(draw);
        words.push_str(&format!(", {word}"));
        code.push_str(&format!(" | {step}"));
    }
    let (word, step) = last_step(draw);
    (format!("{words} and {word}"), format!("{code} | {step}"))
}

fn step(draw: &mut Draw) -> Pair {
    match draw.below(13) {
        0 => say(draw, &["sort them", "put them in order"], "sort"),
        1 => say(draw, &["turn them around", "reverse them"], "reverse"),
        2 => say(draw, &["keep the first #", "use only # of them"], "take #"),
        3 => say(draw, &["skip the first #", "leave out #"], "drop #"),
        4 => say(draw, &["keep those above #", "use what is more than #"], "where > #"),
        5 => say(draw, &["keep those below #", "use what is less than #"], "where < #"),
        6 => say(draw, &["drop those above #", "forget what is more than #"], "where <= #"),
        7 => say(draw, &["keep the even ones", "drop the odd ones"], "where even"),
        8 => say(draw, &["keep the odd ones", "drop the even ones"], "where odd"),
        9 => say(draw, &["add # to each", "make each # more"], "map + #"),
        10 => say(draw, &["take # from each", "make each # less"], "map - #"),
        11 => say(draw, &["double each", "make each twice as much"], "map * 2"),
        _ => say(draw, &["remove those that repeat", "keep each only once"], "unique"),
    }
}

fn last_step(draw: &mut Draw) -> Pair {
    match draw.below(8) {
        0 => say(draw, &["show the sum", "print them together"], "sum | print"),
        1 => say(draw, &["count them", "print how many there are"], "count | print"),
        2 => say(draw, &["show the biggest", "print the largest"], "max | print"),
        3 => say(draw, &["show the smallest", "print the least"], "min | print"),
        4 => say(draw, &["show the last", "print the end"], "last | print"),
        5 => say(draw, &["show all", "print them"], "print"),
        _ => {
            let name = Words::of("animal").draw(draw);
            (format!("keep it as {name}"), format!("-> {name}"))
        }
    }
}

fn name(draw: &mut Draw) -> &'static str {
    Words::of(draw.pick(&["animal", "food"])).draw(draw)
}

fn test(draw: &mut Draw) -> Pair {
    let subject = name(draw);
    let (words, code) = match draw.below(4) {
        0 => say(draw, &["is above #", "is more than #"], "> #"),
        1 => say(draw, &["is below #", "is less than #"], "< #"),
        2 => say(draw, &["is #", "is just #"], "== #"),
        _ => say(draw, &["is not #", "is other than #"], "!= #"),
    };
    (format!("{subject} {words}"), format!("{subject} {code}"))
}

fn action(draw: &mut Draw) -> Pair {
    let target = name(draw);
    let (words, code) = match draw.below(5) {
        0 => say(draw, &["print @", "show @"], "print @"),
        1 => say(draw, &["add # to @", "make @ # more"], "@ += #"),
        2 => say(draw, &["take # from @", "make @ # less"], "@ -= #"),
        3 => say(draw, &["set @ to #", "let @ be #"], "@ = #"),
        _ => say(draw, &["double @", "make @ twice as much"], "@ *= 2"),
    };
    (words.replace('@', target), code.replace('@', target))
}

fn condition(draw: &mut Draw) -> Pair {
    let (test_words, test_code) = test(draw);
    let (then_words, then_code) = action(draw);
    if draw.chance(0.8) {
        return (format!("if {test_words}, {then_words}"), format!("if {test_code} {{ {then_code} }}"));
    }
    let (else_words, else_code) = action(draw);
    (
        format!("if {test_words}, {then_words}, or else {else_words}"),
        format!("if {test_code} {{ {then_code} }} else {{ {else_code} }}"),
    )
}

fn repetition(draw: &mut Draw) -> Pair {
    let (words, code) = action(draw);
    if draw.chance(0.5) {
        let (test_words, test_code) = test(draw);
        return (format!("as long as {test_words}, {words}"), format!("while {test_code} {{ {code} }}"));
    }
    let n = draw.between(2, 40);
    (format!("{n} times, {words}"), format!("repeat {n} {{ {code} }}"))
}

fn definition(draw: &mut Draw) -> Pair {
    let (function, input) = (Words::of("hobby").draw(draw), name(draw));
    let (a, b) = (draw.between(2, 9), draw.between(1, 30));
    let (word, sign) = if draw.chance(0.5) { ("and", '+') } else { ("less", '-') };
    (
        format!("let {function} of {input} be {a} times {input} {word} {b}"),
        format!("fn {}({input}) = {a} * {input} {sign} {b}", function.replace('-', "_")),
    )
}
