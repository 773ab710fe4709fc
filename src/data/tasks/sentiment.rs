//! Reviews of inns and shops: how many stars, and what was good and bad. Each thing reviewed gets a word whose
//! value must be known ("not", "but" and "very" turn it); the stars follow from the sum.

use super::{Card, Distance, Task};
use crate::data::Example;
use crate::data::corpus::Words;
use crate::data::draw::Draw;
use std::sync::LazyLock;

pub static TASK: Task = Task {
    id: "sentiment",
    card: Card {
        title: "Sentiment of reviews",
        sentence: "Read a review, give one to five stars and say what was good and what was bad.",
        distance: Distance::Middle,
    },
    generate,
    known_loss: None,
};

const ASPECTS: [&str; 24] = [
    "food", "room", "bed", "price", "service", "soup", "bread", "tea", "view", "music", "garden", "cook", "cake",
    "bath", "staff", "door", "window", "kitchen", "table", "light", "cellar", "porch", "key", "stove",
];
/// Words of praise and of blame, most common first.
const VERDICTS: [&str; 2] = [
    "good nice great lovely wonderful fine perfect superb delicious excellent pleasant charming splendid \
     brilliant fantastic cosy flawless heavenly first-rate stunning magical delightful fabulous marvellous dreamy \
     spotless divine gorgeous amazing terrific beautiful elegant glorious impressive enjoyable memorable \
     refreshing exquisite faultless inviting soothing cheering dazzling sublime",
    "bad awful terrible poor dull horrible nasty shabby dreadful filthy boring stale ugly grim hopeless lousy \
     tasteless mouldy vile shocking dismal rotten gloomy rude disgusting appalling worthless dirty cheerless \
     cramped disappointing smelly unpleasant ghastly sloppy grubby dingy miserable wretched mediocre abysmal \
     atrocious woeful revolting",
];

static WORDS: LazyLock<[Words; 2]> = LazyLock::new(|| VERDICTS.map(|words| Words::new(words.split(' ').collect())));

fn generate(draw: &mut Draw) -> Example {
    let mut review = String::new();
    let mut sides: [Vec<&str>; 2] = [Vec::new(), Vec::new()];
    let mut score = 0;
    let mut last = None;
    let mut aspects = ASPECTS;
    draw.shuffle(&mut aspects);
    // Reviewers are mostly of one mind.
    let mind = draw.below(2);
    for aspect in &aspects[..draw.between(2, 3)] {
        let side = if draw.chance(0.75) { mind } else { 1 - mind };
        let (degree, strength) = [("", 1), ("", 1), ("very ", 2), ("quite ", 1), ("not ", -1)][draw.below(5)];
        let word = WORDS[side].draw(draw);
        let side = if strength < 0 { 1 - side } else { side };
        let value = i32::abs(strength) * if side == 0 { 1 } else { -1 };
        review.push_str(match last {
            None => "The ",
            Some(before) if before == side => draw.pick(&[" and the ", ", the "]),
            Some(_) => " but the ",
        });
        review.push_str(&format!("{aspect} was {degree}{word}"));
        sides[side].push(*aspect);
        score += value;
        last = Some(side);
    }
    let stars = (3 + score.clamp(-2, 2)).to_string();
    let list = |side: &[&str], sign: char| side.iter().map(|aspect| format!(" {sign}{aspect}")).collect::<String>();
    let prompt = format!("{review}.\nStars:");
    Example::new(prompt, format!(" {stars}{}{}", list(&sides[0], '+'), list(&sides[1], '-')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn praise_and_blame_share_no_word() {
        assert!(WORDS[0].all().iter().all(|word| !WORDS[1].all().contains(word)));
    }

    #[test]
    fn stars_agree_with_what_was_good_and_bad() {
        let mut draw = Draw::new(Seed(1));
        let mut counts = [0; 6];
        for example in (0..2000).map(|_| generate(&mut draw)) {
            let (good, bad) = (example.completion.matches('+').count(), example.completion.matches('-').count());
            let stars = example.completion[1..2].parse::<usize>().unwrap();
            assert!((1..=5).contains(&stars) && good + bad >= 2);
            assert!(bad > 0 || stars > 3, "{example:?}");
            assert!(good > 0 || stars < 3, "{example:?}");
            counts[stars] += 1;
        }
        assert!(counts[1..].iter().all(|&count| count > 100), "{counts:?}");
    }
}
