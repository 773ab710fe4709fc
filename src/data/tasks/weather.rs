//! The task whose true entropy is known: each invented town has its own chances of eight kinds of weather, and
//! an example is a town's weather on three independent days. A perfect model of the towns still cannot know the
//! dice, and how much it cannot know is a sum of powers of two. Towns are Zipf-distributed: common ones are
//! learned soon, rare ones keep the loss falling.

use super::{Card, Distance, KnownLoss, Task};
use crate::data::Example;
use crate::data::draw::{Draw, Zipf};
use crate::seed::Seed;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

pub static TASK: Task = Task {
    id: "weather",
    card: Card {
        title: "Weather (true loss known)",
        sentence: "Guess three days of weather in an invented town: each town has its own fixed odds, so the best possible loss is known exactly.",
        distance: Distance::Middle,
    },
    generate,
    known_loss: Some(KnownLoss { nats, entropy_nats }),
};

const TOWNS: usize = 100;
const DAYS: usize = 3;
const KINDS: [&str; 8] = ["sun", "rain", "fog", "wind", "snow", "hail", "storm", "cloud"];

struct Town {
    name: String,
    /// Likeliest first; the k-th (from 1) has probability 2^-k, the last one the remainder, 2^-7.
    kinds: [&'static str; KINDS.len()],
}

static TOWN_LIST: LazyLock<Vec<Town>> = LazyLock::new(|| {
    let mut draw = Draw::new(Seed(0).derive("weather towns", 0));
    let mut names = HashSet::new();
    let mut towns = Vec::with_capacity(TOWNS);
    while towns.len() < TOWNS {
        let name = name(&mut draw);
        if names.insert(name.clone()) {
            let mut kinds = KINDS;
            draw.shuffle(&mut kinds);
            towns.push(Town { name, kinds });
        }
    }
    towns
});
static TOWN_RANKS: LazyLock<Zipf> = LazyLock::new(|| Zipf::new(TOWNS, 2.0));

fn name(draw: &mut Draw) -> String {
    let start =
        draw.pick(&["B", "D", "F", "G", "H", "K", "L", "M", "N", "P", "R", "S", "T", "V", "W", "Z", "Br", "St"]);
    let vowels = ["a", "e", "i", "o", "u", "ei", "oa"];
    let end = draw.pick(&["bury", "by", "dale", "den", "ford", "ham", "ley", "mere", "mouth", "ton", "wick", "stow"]);
    format!("{start}{}{}{end}", draw.pick(&vowels), draw.pick(&["", "l", "r", "n", "s", "m", "th", "ck"]))
}

fn generate(draw: &mut Draw) -> Example {
    let town = &TOWN_LIST[TOWN_RANKS.draw(draw)];
    // The day tells nothing; it makes every prompt another.
    let prompt = format!("Day {} in {}:", draw.between(1, 99_999), town.name);
    let days: Vec<&str> = (0..DAYS).map(|_| town.kinds[rank(draw)]).collect();
    Example::new(prompt, format!(" {}", days.join(", ")))
}

/// Heads until tails, seven throws at most.
fn rank(draw: &mut Draw) -> usize {
    (0..KINDS.len() - 1).take_while(|_| draw.chance(0.5)).count()
}

fn bits(rank: usize) -> usize {
    (rank + 1).min(KINDS.len() - 1)
}

/// −ln P(completion | prompt), where the example is one of this task's.
fn nats(example: &Example) -> Option<f64> {
    static BY_NAME: LazyLock<HashMap<&str, &Town>> =
        LazyLock::new(|| TOWN_LIST.iter().map(|town| (town.name.as_str(), town)).collect());
    let name = example.prompt.strip_suffix(':')?.rsplit(' ').next()?;
    let kinds = &BY_NAME.get(name)?.kinds;
    let days = example.completion.strip_prefix(' ')?.split(", ").map(|day| kinds.iter().position(|kind| *kind == day));
    let days: Vec<usize> = days.collect::<Option<_>>()?;
    let total: usize = days.iter().map(|&rank| bits(rank)).sum();
    (days.len() == DAYS).then_some(total as f64 * std::f64::consts::LN_2)
}

/// Three times Σ −p·ln p.
fn entropy_nats() -> f64 {
    let day: f64 = (0..KINDS.len()).map(|rank| bits(rank) as f64 / (1u64 << bits(rank)) as f64).sum();
    DAYS as f64 * day * std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frequent_weather_of_a_town_is_its_likeliest() {
        let mut draw = Draw::new(Seed(5));
        let town = &TOWN_LIST[0];
        let mut counts = [0usize; 8];
        for example in (0..40_000).map(|_| generate(&mut draw)).filter(|e| e.prompt.contains(&town.name)) {
            for day in example.completion.trim().split(", ") {
                counts[town.kinds.iter().position(|kind| *kind == day).unwrap()] += 1;
            }
        }
        let total: usize = counts.iter().sum();
        for (rank, &count) in counts.iter().enumerate() {
            let expected = total as f64 / (1u64 << bits(rank)) as f64;
            assert!((count as f64 - expected).abs() < 5.0 * expected.sqrt(), "{counts:?}");
        }
    }

    #[test]
    fn only_possible_weather_has_a_likelihood() {
        let [first, second, ..] = TOWN_LIST[0].kinds;
        let prompt = format!("Day 3 in {}:", TOWN_LIST[0].name);
        let nats = |completion: String| nats(&Example::new(&prompt, completion));
        assert_eq!(nats(format!(" {first}, {first}, {second}")), Some(4.0 * std::f64::consts::LN_2));
        assert_eq!(nats(format!(" {first}, {first}")), None);
        assert_eq!(nats(" frogs, rain, rain".into()), None);
    }
}
