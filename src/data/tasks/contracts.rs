//! Contract clauses: an agreement told in plain words, as a clause in the language of contracts. The parties become
//! roles, verbs become nouns, and each kind of agreement has its own formula.

use super::{Card, Distance, Task, articles, capital};
use crate::data::Example;
use crate::data::corpus::{Words, plural};
use crate::data::draw::{Draw, Zipf};
use std::sync::LazyLock;

pub static TASK: Task = Task {
    id: "contracts",
    card: Card {
        title: "Contract clauses",
        sentence: "Write an agreement told in plain words as a contract clause, with parties in their roles and the formula of its kind.",
        distance: Distance::Middle,
    },
    generate,
    known_loss: None,
};

/// Plain words and clause. {a}, {b}: the parties; {n}, {k}: numbers; the others are kinds of words.
const AGREEMENTS: [(&str, &str); 18] = [
    ("{a} sells {b} a {thing} for {n} coins.", "Seller {a} conveys the {thing} to Buyer {b} for {n} coins."),
    (
        "{a} rents a {place} to {b} for {n} coins a month.",
        "Lessor {a} lets the {place} to {b}; rent {n} coins monthly.",
    ),
    ("{a} works as a {job} for {b} from {month}.", "Employer {b} engages {a} as {job}, effective {month}."),
    ("{a} lends {b} {n} coins until {month}.", "Lender {a} advances {n} coins to {b}, due {month}."),
    ("{a} brings {b} {n} {things} on {day}.", "Supplier {a} shall deliver {n} {things} to {b} on {day}."),
    ("{a} may not tell anyone about the {thing} of {b}.", "{a} shall keep the {thing} of {b} in strict confidence."),
    ("{a} pays {b} {n} coins if the {thing} breaks.", "{a} shall indemnify {b} with {n} coins for the {thing}."),
    ("{a} repairs the {place} of {b} by {month}.", "{a} shall restore the {place} of {b} not after {month}."),
    ("{a} and {b} share the {animals} half and half.", "{a} and {b} hold the {animals} jointly in equal parts."),
    ("{a} stops working for {b} in {month}.", "Employment of {a} by {b} terminates {month}."),
    ("{a} gives {b} a {thing} and wants nothing for it.", "Donor {a} gratuitously assigns the {thing} to {b}."),
    ("if {a} pays late, it costs {n} coins more.", "In default of payment {a} incurs a penalty of {n} coins."),
    ("{a} keeps the {animal} of {b} for {n} days.", "Custodian {a} holds the {animal} of {b} for {n} days."),
    ("only {a} may sell {food} in {town}.", "{a} has exclusive right to vend {food} in {town}."),
    ("{a} may walk through the {place} of {b}.", "{b} grants {a} a right of way across the {place}."),
    ("{a} promises to be the {job} if {b} is ill.", "{a} shall act as {job} in substitution for {b}."),
    ("{a} pays the coins that {b} owes, {n} in all.", "Guarantor {a} assumes the debt of {b}, being {n} coins."),
    (
        "what {a} and {b} cannot settle, the {job} of {town} decides.",
        "Disputes of {a} and {b} are referred to the {job} of {town}.",
    ),
];

fn generate(draw: &mut Draw) -> Example {
    static RANKS: LazyLock<Zipf> = LazyLock::new(|| Zipf::new(AGREEMENTS.len(), 2.0));
    let (plain, clause) = AGREEMENTS[RANKS.draw(draw)];
    let animal = Words::of("animal").draw(draw);
    let thing = Words::of("thing").draw(draw);
    let mut fillings = vec![
        ("{n}", draw.between(2, 99).to_string()),
        ("{animal}", animal.to_owned()),
        ("{animals}", plural(animal)),
        ("{thing}", thing.to_owned()),
        ("{things}", plural(thing)),
    ];
    for (slot, kind) in [
        ("{place}", "place"),
        ("{job}", "job"),
        ("{month}", "month"),
        ("{day}", "day"),
        ("{food}", "food"),
        ("{town}", "town"),
    ] {
        fillings.push((slot, Words::of(kind).draw(draw).to_owned()));
    }
    let (first, second) = (Words::of("woman").draw(draw), Words::of("man").draw(draw));
    fillings.extend([("{a}", first.to_owned()), ("{b}", second.to_owned())]);
    let mut told = plain.to_owned();
    let mut written = clause.to_owned();
    for (slot, word) in &fillings {
        let word = word.replace('_', " ");
        told = told.replace(slot, &word);
        written = written.replace(slot, &word);
    }
    Example::new(format!("{}\n§", articles(&capital(&told))), format!(" {written}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn no_slot_stays_open() {
        let mut draw = Draw::new(Seed(1));
        for example in (0..2000).map(|_| generate(&mut draw)) {
            assert!(!format!("{}{}", example.prompt, example.completion).contains(['{', '}', '_']), "{example:?}");
        }
    }
}
