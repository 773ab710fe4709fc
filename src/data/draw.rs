//! Random choices for generators and orders. `rand`'s own distributions may change their values between
//! versions; these may not, since a record must name the same examples for all time. Integers and exactly
//! rounded operations only, so that every platform draws alike.

use crate::seed::Seed;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;

pub struct Draw(ChaCha8Rng);

impl Draw {
    pub fn new(seed: Seed) -> Self {
        Draw(seed.rng())
    }

    /// Uniform in `0..n`; 0 where `n` is 0. The bias is below n / 2^64.
    pub fn below(&mut self, n: usize) -> usize {
        ((self.0.next_u64() as u128 * n as u128) >> 64) as usize
    }

    /// Uniform in `low..=high`.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of `items`, which must not be empty.
    pub fn pick<'a, T: ?Sized>(&mut self, items: &'a [&'a T]) -> &'a T {
        items[self.below(items.len())]
    }

    /// Fisher and Yates's shuffle.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// Ranks `0..n` with probability proportional to 1 / (rank + 1 + offset): a few common items, a long tail of
/// rare ones. Learning such a tail is what gives natural data its power laws (Hutter 2021).
pub struct Zipf {
    cumulative: Vec<f64>,
}

impl Zipf {
    pub fn new(n: usize, offset: f64) -> Self {
        let mut sum = 0.0;
        let cumulative = (0..n)
            .map(|rank| {
                sum += 1.0 / (rank as f64 + 1.0 + offset);
                sum
            })
            .collect();
        Zipf { cumulative }
    }

    pub fn draw(&self, draw: &mut Draw) -> usize {
        let total = self.cumulative.last().copied().unwrap_or(0.0);
        let point = draw.unit() * total;
        self.cumulative.partition_point(|&sum| sum <= point).min(self.cumulative.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_fixed_for_all_time() {
        let mut draw = Draw::new(Seed(1));
        let drawn: Vec<usize> = (0..6).map(|_| draw.below(1000)).collect();
        assert_eq!(drawn, FIXED);
    }
    const FIXED: [usize; 6] = [402, 80, 596, 219, 283, 710];

    #[test]
    fn draws_are_even() {
        let mut draw = Draw::new(Seed(2));
        let mut counts = [0usize; 10];
        for _ in 0..100_000 {
            counts[draw.below(10)] += 1;
        }
        assert!(counts.iter().all(|&count| (9_500..10_500).contains(&count)), "{counts:?}");
    }

    #[test]
    fn zipf_halves_at_the_second_rank() {
        let zipf = Zipf::new(100, 0.0);
        let mut draw = Draw::new(Seed(3));
        let mut counts = [0usize; 100];
        for _ in 0..200_000 {
            counts[zipf.draw(&mut draw)] += 1;
        }
        let ratio = counts[0] as f64 / counts[1] as f64;
        assert!((1.9..2.1).contains(&ratio), "{ratio}");
        assert!(counts[99] > 0);
    }
}
