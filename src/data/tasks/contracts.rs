//! Contract clauses: an agreement told in plain words, as a clause in the language of contracts. The parties become
//! roles, verbs become nouns, and each kind of agreement has its own formula.

use super::{Card, Distance};
use crate::data::Example;
use crate::data::corpus::{Words, plural};
use crate::data::draw::{Draw, Zipf};
use std::sync::LazyLock;

pub const CARD: Card = Card {
    title: "Contract clauses",
    blurb: "Write an agreement told in plain words as a contract clause, with parties in their roles and the formula of its kind.",
    distance: Distance::Middle,
};

/// Plain words and clause. {a}, {b}: the parties; {n}, {k}: numbers; the others are kinds of words.
const AGREEMENTS: [(&str, &str); 18] = [
    (
        "{a} sells {b} a {thing} for {n} {coin}.",
        "Seller {a} transfers title in the {thing} to Buyer {b} for {n} {coin}.",
    ),
    (
        "{a} rents a {place} to {b} for {n} {coin} a month.",
        "Lessor {a} lets the {place} to Lessee {b}; rent {n} {coin} monthly.",
    ),
    ("{a} works as a {job} for {b} from {month}.", "Employer {b} engages {a} as {job}, effective 1 {month}."),
    ("{a} lends {b} {n} {coin} until {month}.", "Lender {a} advances {n} {coin} to {b}, repayable by 1 {month}."),
    ("{a} brings {b} {n} {things} on {day}.", "Supplier {a} shall deliver {n} {things} to {b} on {day}."),
    ("{a} may not tell anyone about the {thing} of {b}.", "{a} shall keep the {thing} of {b} in strict confidence."),
    (
        "{a} pays {b} {n} {coin} if the {thing} breaks.",
        "{a} shall indemnify {b} up to {n} {coin} for damage to the {thing}.",
    ),
    (
        "{a} repairs the {place} of {b} by {month}.",
        "Contractor {a} shall restore the {place} of {b} no later than {month}.",
    ),
    ("{a} and {b} share the {animals} half and half.", "{a} and {b} hold the {animals} jointly in equal parts."),
    ("{a} stops working for {b} in {month}.", "The engagement of {a} by {b} terminates on 1 {month}."),
    ("{a} gives {b} a {thing} and wants nothing for it.", "Donor {a} gratuitously assigns the {thing} to {b}."),
    ("if {a} pays late, it costs {n} {coin} more.", "In default of payment {a} incurs a penalty of {n} {coin}."),
    ("{a} keeps the {animal} of {b} for {n} days.", "Custodian {a} takes the {animal} of {b} into care for {n} days."),
    ("only {a} may sell {food} in {town}.", "{a} enjoys the exclusive right to vend {food} in {town}."),
    ("{a} may walk through the {place} of {b}.", "{b} grants {a} a right of way across the {place}."),
    ("{a} promises to be the {job} if {b} is ill.", "{a} shall act as {job} in substitution for {b}."),
    ("{a} pays the {coin} that {b} owes, {n} in all.", "Guarantor {a} assumes the debt of {b}, being {n} {coin}."),
    (
        "what {a} and {b} cannot settle, the {job} of {town} decides.",
        "Disputes of {a} and {b} are referred to the {job} of {town}.",
    ),
];

pub fn generate(draw: &mut Draw) -> Example {
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
        ("{coin}", "coin"),
        ("{month}", "month"),
        ("{day}", "day"),
        ("{food}", "food"),
        ("{town}", "town"),
    ] {
        fillings.push((slot, Words::of(kind).draw(draw).to_owned()));
    }
    // Plain words say first names, the clause says initials and surnames.
    let mut told = plain.to_owned();
    let mut written = clause.to_owned();
    for (slot, kind) in [("{a}", "woman"), ("{b}", "man")] {
        let (first, last) = (Words::of(kind).draw(draw), Words::of("surname").draw(draw));
        told = told.replace(slot, &format!("{first} {last}"));
        written = written.replace(slot, last);
    }
    for (slot, word) in &fillings {
        let word = word.replace('_', " ");
        told = told.replace(slot, &word);
        written = written.replace(slot, &word);
    }
    let (first, rest) = told.split_at(1);
    Example::new(format!("{}{rest}\nClause:", first.to_uppercase()), format!(" {written}"))
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
