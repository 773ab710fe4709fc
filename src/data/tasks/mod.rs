//! The lab's own fine-tuning tasks: generators without end, one a file, each with what the page says of it.
//! No text is from elsewhere. A sample follows from (seed, split, index) alone.

mod actions;
mod clinic;
mod contracts;
mod headlines;
mod memory;
mod program;
mod sentiment;
mod translation;
mod weather;

use super::draw::Draw;
use super::split::{Scope, key};
use super::{Example, Split};
use crate::seed::Seed;
use std::collections::HashSet;
use std::fmt;

/// A task. Its file says everything of it; the list names the file.
pub struct Task {
    id: &'static str,
    card: Card,
    generate: fn(&mut Draw) -> Example,
    known_loss: Option<KnownLoss>,
}

/// What is known of a task's examples exactly.
struct KnownLoss {
    /// −ln P(completion | prompt) under the generator, where the example is one of the task's.
    nats: fn(&Example) -> Option<f64>,
    /// The mean of that: a completion's entropy given its prompt.
    entropy_nats: fn() -> f64,
}

/// What the page says of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card {
    pub title: &'static str,
    /// What the model learns, in one sentence.
    pub sentence: &'static str,
    /// How far it is from what the base models have read.
    pub distance: Distance,
}

/// How far a task is from the pretraining corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distance {
    /// The corpus's own words and grammar, in a new form.
    Near,
    /// Its grammar with many new words, or its words to a new purpose.
    Middle,
    /// Another language.
    Far,
}

impl Task {
    /// All tasks, from near to far.
    pub const ALL: [&'static Task; 9] = [
        &headlines::TASK,
        &memory::TASK,
        &sentiment::TASK,
        &clinic::TASK,
        &contracts::TASK,
        &weather::TASK,
        &translation::TASK,
        &program::TASK,
        &actions::TASK,
    ];

    /// The id of the default experiment's.
    pub const DEFAULT: &'static str = "headlines";

    /// The name in specs, addresses and on the command line.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// The task that a spec or an address names.
    pub fn from_id(id: &str) -> Option<&'static Task> {
        Task::ALL.into_iter().find(|task| task.id == id)
    }

    /// What the page says of it.
    pub fn card(&self) -> Card {
        self.card
    }

    /// Sample `index` of a split. Whether an example is train, dev or test follows from its text: generated ones
    /// of another split are passed over, so that no text is ever in two, whatever the seeds.
    pub fn sample(&self, seed: Seed, split: Split, index: u64) -> Example {
        let mut draw = Draw::new(seed.derive(self.id(), index));
        loop {
            let example = (self.generate)(&mut draw);
            if Split::of(&example) == split {
                return example;
            }
        }
    }

    /// The samples in order of their index, without those whose prompt came before.
    pub fn examples(&self, seed: Seed, split: Split) -> impl Iterator<Item = Example> {
        let mut seen = HashSet::new();
        (0..).map(move |index| self.sample(seed, split, index)).filter(move |e| seen.insert(key(e, Scope::Prompt)))
    }

    /// The exact −ln P(completion | prompt) under the generator, where it is known. Its mean over a split is the
    /// loss per example below which no model can get, but by luck.
    pub fn true_nats(&self, example: &Example) -> Option<f64> {
        (self.known_loss.as_ref()?.nats)(example)
    }

    /// The exact entropy of a completion given its prompt, where it is known: the loss per example that remains
    /// after endless training on endless data.
    pub fn true_entropy_nats_per_example(&self) -> Option<f64> {
        Some((self.known_loss.as_ref()?.entropy_nats)())
    }
}

/// Tasks are told apart by their ids.
impl PartialEq for Task {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Task {}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

/// "an" for "a" before a vowel.
fn articles(text: &str) -> String {
    let mut words: Vec<&str> = text.split(' ').collect();
    for at in 1..words.len() {
        if words[at].starts_with(['a', 'e', 'i', 'o', 'u']) {
            words[at - 1] = match words[at - 1] {
                "a" => "an",
                "A" => "An",
                other => other,
            };
        }
    }
    words.join(" ")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn ids_name_tasks() {
        assert!(Task::ALL.into_iter().all(|task| Task::from_id(task.id()) == Some(task)));
        assert_eq!(Task::from_id(""), None);
        assert!(Task::from_id(Task::DEFAULT).is_some());
    }

    #[test]
    fn a_sample_follows_from_its_index_alone() {
        for task in Task::ALL {
            let forward: Vec<Example> = (0..20).map(|i| task.sample(Seed(9), Split::Train, i)).collect();
            (0..20).rev().for_each(|i| assert_eq!(task.sample(Seed(9), Split::Train, i), forward[i as usize]));
            assert_ne!(forward[0], task.sample(Seed(10), Split::Train, 0));
        }
    }

    #[test]
    fn no_prompt_is_in_two_splits() {
        for task in Task::ALL {
            let mut sides: HashMap<_, Split> = HashMap::new();
            for (seed, split) in [(1, Split::Train), (0, Split::Dev), (0, Split::Test)] {
                for example in task.examples(Seed(seed), split).take(1000) {
                    assert_eq!(sides.insert(key(&example, Scope::Prompt), split), None, "{task:?}: {example:?}");
                }
            }
        }
    }

    #[test]
    fn tasks_do_not_run_dry() {
        for task in Task::ALL {
            let distinct = task.examples(Seed(1), Split::Train).take(5000).count();
            let raw: HashSet<_> = (0..5000).map(|i| task.sample(Seed(1), Split::Train, i).prompt).collect();
            assert_eq!(distinct, 5000);
            assert!(raw.len() > 4500, "{task:?}: only {} of 5000 prompts are distinct", raw.len());
        }
    }

    #[test]
    fn known_entropies_are_those_of_the_samples() {
        let known: Vec<&Task> =
            Task::ALL.into_iter().filter(|task| task.true_entropy_nats_per_example().is_some()).collect();
        assert!(!known.is_empty());
        for task in known {
            let nats: Vec<f64> =
                task.examples(Seed(4), Split::Test).take(20_000).map(|e| task.true_nats(&e).unwrap()).collect();
            let mean = nats.iter().sum::<f64>() / nats.len() as f64;
            let variance = nats.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / nats.len() as f64;
            let entropy = task.true_entropy_nats_per_example().unwrap();
            let error = (variance / nats.len() as f64).sqrt();
            assert!((mean - entropy).abs() < 4.0 * error, "{task:?}: {mean} ± {error} is not {entropy}");
        }
    }
}
