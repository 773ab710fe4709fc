//! Batches of one fixed shape, each reproducible alone: a run killed at any step continues with the batch that
//! it would have seen.

use super::Tokenized;
use super::draw::Draw;
use crate::seed::Seed;

/// Rows of equal length, padded on the right.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    pub rows: usize,
    pub columns: usize,
    /// What the model reads, row-major `[rows, columns]`; padding repeats the example's last id (mostly end-of-text).
    pub inputs: Vec<u32>,
    /// What it should say next, `[rows, columns]`; at padding and prompt any id, its weight is 0.
    pub targets: Vec<u32>,
    /// 1 where the target counts, 0 elsewhere, `[rows, columns]`.
    pub weights: Vec<f32>,
    /// Bytes of each row's target text, `[rows]`; 0 for a row that only fills the batch.
    pub target_bytes: Vec<usize>,
}

impl Batch {
    /// Lays `examples` out in `rows` rows; missing rows repeat the first one at weight 0.
    fn of(examples: &[&Tokenized], rows: usize, columns: usize) -> Batch {
        let size = rows * columns;
        let mut batch = Batch {
            rows,
            columns,
            inputs: Vec::with_capacity(size),
            targets: Vec::with_capacity(size),
            weights: Vec::with_capacity(size),
            target_bytes: Vec::with_capacity(rows),
        };
        for row in 0..rows {
            let real = row < examples.len();
            let example = examples[if real { row } else { 0 }];
            let last = example.ids.len() - 1;
            for column in 0..columns {
                let target = column + 1;
                batch.inputs.push(example.ids[column.min(last)]);
                batch.targets.push(example.ids[target.min(last)]);
                let counts = real && target >= example.target_start && target <= last;
                batch.weights.push(if counts { 1.0 } else { 0.0 });
            }
            batch.target_bytes.push(if real { example.target_bytes } else { 0 });
        }
        batch
    }

    /// Tokens that the targets depend on: of each row those up to its last target.
    pub fn tokens(&self) -> usize {
        let read = |row: &[f32]| row.iter().rposition(|&weight| weight > 0.0).map_or(0, |last| last + 1);
        self.weights.chunks(self.columns).map(read).sum()
    }

    /// Targets that count.
    pub fn target_tokens(&self) -> usize {
        self.weights.iter().filter(|&&weight| weight > 0.0).count()
    }
}

/// The training batches of one run, endless: every pass goes through all examples once, in a fresh order.
#[derive(Clone, Debug)]
pub struct Batches {
    examples: Vec<Tokenized>,
    seed: Seed,
    batch_size: usize,
    sequence: usize,
}

impl Batches {
    /// `sequence`: columns of a batch; the examples must have been tokenised for at most this.
    /// `None` where there is no example or no row.
    pub fn new(examples: Vec<Tokenized>, seed: Seed, batch_size: usize, sequence: usize) -> Option<Self> {
        let usable = !examples.is_empty() && batch_size > 0;
        usable.then_some(Batches { examples, seed, batch_size, sequence })
    }

    /// The examples that batches are drawn from.
    pub fn examples(&self) -> &[Tokenized] {
        &self.examples
    }

    /// Batch `index`, from 0. A batch at the end of a pass is filled from the next.
    pub fn batch(&self, index: usize) -> Batch {
        let count = self.examples.len();
        let first = index * self.batch_size;
        let mut pass = first / count;
        let mut order = self.order(pass);
        let rows: Vec<&Tokenized> = (first..first + self.batch_size)
            .map(|position| {
                if position / count != pass {
                    pass = position / count;
                    order = self.order(pass);
                }
                &self.examples[order[position % count] as usize]
            })
            .collect();
        Batch::of(&rows, self.batch_size, self.sequence)
    }

    fn order(&self, pass: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.examples.len() as u32).collect();
        Draw::new(self.seed.derive("order", pass as u64)).shuffle(&mut order);
        order
    }
}

/// How many batches cover `examples` once.
pub fn evaluation_batches(examples: usize, batch_size: usize) -> usize {
    examples.div_ceil(batch_size.max(1))
}

/// Batch `index` of a pass over a split in its own order; `None` past its end. The last one is filled up with
/// rows of weight 0.
pub fn evaluation_batch(examples: &[Tokenized], index: usize, batch_size: usize, sequence: usize) -> Option<Batch> {
    let rows: Vec<&Tokenized> = examples.iter().skip(index * batch_size).take(batch_size).collect();
    (!rows.is_empty()).then(|| Batch::of(&rows, batch_size, sequence))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{ByteTokenizer, Example, tokenize};
    use std::collections::HashMap;

    fn numbered(count: usize) -> Vec<Tokenized> {
        (0..count).map(|i| tokenize(&Example::new(format!("{i}:"), "yes"), &ByteTokenizer, 12).unwrap()).collect()
    }

    #[test]
    fn weights_cover_the_completion_and_its_end_only() {
        let batch = evaluation_batch(&numbered(1), 0, 2, 8).unwrap();
        assert_eq!(batch.inputs[..8], [48, 58, 121, 101, 115, 256, 256, 256]);
        assert_eq!(batch.targets[..6], [58, 121, 101, 115, 256, 256]);
        assert_eq!(batch.weights, [[0., 1., 1., 1., 1., 0., 0., 0.], [0.; 8]].concat());
        assert_eq!(batch.target_bytes, [3, 0]);
        assert_eq!((batch.tokens(), batch.target_tokens()), (5, 4));
    }

    #[test]
    fn each_pass_shows_every_example_once_in_its_own_order() {
        let batches = Batches::new(numbered(10), Seed(5), 4, 12).unwrap();
        let rows: Vec<Vec<u32>> =
            (0..10).flat_map(|i| batches.batch(i).inputs.chunks(12).map(<[u32]>::to_vec).collect::<Vec<_>>()).collect();
        let passes: Vec<&[Vec<u32>]> = rows.chunks(10).collect();
        for pass in &passes {
            let mut counts: HashMap<&Vec<u32>, usize> = HashMap::new();
            pass.iter().for_each(|row| *counts.entry(row).or_default() += 1);
            assert!(counts.len() == 10 && counts.values().all(|&count| count == 1));
        }
        assert_ne!(passes[0], passes[1]);
    }

    #[test]
    fn a_batch_depends_on_seed_and_index_alone() {
        let batches = Batches::new(numbered(10), Seed(5), 4, 12).unwrap();
        let forward: Vec<Batch> = (0..7).map(|i| batches.batch(i)).collect();
        let again = Batches::new(numbered(10), Seed(5), 4, 12).unwrap();
        (0..7).rev().for_each(|i| assert_eq!(again.batch(i), forward[i]));
        assert_ne!(Batches::new(numbered(10), Seed(6), 4, 12).unwrap().batch(0), forward[0]);
    }

    #[test]
    fn one_example_fills_a_batch_and_none_makes_none() {
        assert_eq!(Batches::new(numbered(1), Seed(0), 3, 12).unwrap().batch(4).target_tokens(), 3 * 4);
        assert!(Batches::new(Vec::new(), Seed(0), 3, 12).is_none());
    }

    #[test]
    fn evaluation_covers_a_split_exactly_once() {
        let split = numbered(10);
        let count = evaluation_batches(split.len(), 4);
        let batches: Vec<Batch> = (0..count).map(|i| evaluation_batch(&split, i, 4, 12).unwrap()).collect();
        assert!(evaluation_batch(&split, count, 4, 12).is_none());
        assert!(batches.iter().all(|batch| batch.inputs.len() == 4 * 12));
        let targets: usize = batches.iter().map(Batch::target_tokens).sum();
        assert_eq!(targets, split.iter().map(Tokenized::target_tokens).sum::<usize>());
        assert_eq!(batches.iter().flat_map(|b| &b.target_bytes).sum::<usize>(), 30);
    }
}
