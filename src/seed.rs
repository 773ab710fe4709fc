//! The only source of randomness. Every random choice of a run follows from one [`Seed`], a purpose and an
//! index, so that any sample, batch or initial weight can be made again alone.
//!
//! A record must name the same examples, initial weights and dropout for all time, so the stream is one that its
//! specification fixes (ChaCha with 8 rounds), and what is made of it is written here: a crate's distributions may
//! change their values between versions. Integers and exactly rounded operations only, so that every platform draws
//! alike.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Where all random choices of a run follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl Seed {
    /// The seed for one use: `purpose` names it ("dropout", "subset"), `index` counts within it.
    pub fn derive(self, purpose: &str, index: u64) -> Seed {
        let mut hash = Sha256::new();
        hash.update(self.0.to_le_bytes());
        hash.update(purpose.as_bytes());
        hash.update([0]);
        hash.update(index.to_le_bytes());
        let digest = hash.finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Seed(u64::from_le_bytes(first))
    }

    /// The random choices that follow from this seed.
    pub fn draw(self) -> Draw {
        Draw::new(self)
    }
}

/// ChaCha's key from 64 bits, by PCG32 (O'Neill 2014).
fn key(mut state: u64) -> [u8; 32] {
    let mut key = [0; 32];
    for word in key.chunks_exact_mut(4) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(11_634_580_027_462_260_723);
        let mixed = (((state >> 18) ^ state) >> 27) as u32;
        word.copy_from_slice(&mixed.rotate_right((state >> 59) as u32).to_le_bytes());
    }
    key
}

/// A stream of random choices.
#[derive(Clone, Debug)]
pub struct Draw(ChaCha8Rng);

impl Draw {
    /// The choices that follow from a seed.
    pub fn new(seed: Seed) -> Self {
        Draw(ChaCha8Rng::from_seed(key(seed.0)))
    }

    /// Uniform in `0..n`; 0 where `n` is 0. The bias is below n / 2^64.
    pub fn below(&mut self, n: usize) -> usize {
        ((self.0.next_u64() as u128 * n as u128) >> 64) as usize
    }

    /// Uniform in `0..n` for an `n` of 32 bits that is not 0, by Canon's method (Canon 2023): half of the stream
    /// that [`below`](Self::below) takes.
    pub fn index(&mut self, n: usize) -> usize {
        let product = |bits: u32| u64::from(bits) * n as u64;
        let drawn = product(self.0.next_u32());
        let (high, low) = ((drawn >> 32) as usize, drawn as u32);
        // Where the next digits could carry, they are drawn too.
        let carries = low > (n as u32).wrapping_neg() && {
            let next = (product(self.0.next_u32()) >> 32) as u32;
            low.checked_add(next).is_none()
        };
        high + usize::from(carries)
    }

    /// Uniform in `low..=high`.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in [0, 1), in single precision.
    pub fn unit_f32(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1u32 << 24) as f32
    }

    /// Two normal numbers around 0, by Box and Muller's transform. The logarithm, sine and cosine are the platform's:
    /// the last digit may be another elsewhere.
    pub fn normals(&mut self, deviation: f64) -> [f64; 2] {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * self.unit()).sin_cos();
        [deviation * radius * cos, deviation * radius * sin]
    }

    /// True as often as false.
    pub fn coin(&mut self) -> bool {
        self.0.next_u32() >> 31 == 1
    }

    /// True with this probability.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_and_indices_give_different_streams() {
        let seed = Seed(7);
        assert_ne!(seed.derive("subset", 0), seed.derive("dropout", 0));
        assert_ne!(seed.derive("subset", 0), seed.derive("subset", 1));
        assert_ne!(seed.derive("a", 0).draw().below(1 << 30), Seed(8).derive("a", 0).draw().below(1 << 30));
    }

    // Records made by an older version must be reproducible: the numbers in these tests may never change. They are
    // those of rand 0.9.5 on ChaCha8Rng::seed_from_u64(1), with which the first records were made.

    #[test]
    fn seeds_are_fixed_for_all_time() {
        assert_eq!(Seed(0).derive("subset", 3).0, 10_899_503_136_408_005_221);
    }

    /// Six draws of one kind from one seed.
    fn six<T>(choose: impl Fn(&mut Draw) -> T) -> Vec<T> {
        let mut draw = Seed(1).draw();
        (0..6).map(|_| choose(&mut draw)).collect()
    }

    #[test]
    fn draws_are_fixed_for_all_time() {
        assert_eq!(six(|draw| draw.below(1000)), [402, 80, 596, 219, 283, 710]);
        assert_eq!(six(|draw| draw.index(1000)), [549, 402, 984, 80, 211, 596]);
        let large = [1_769_671_237, 3_171_609_296, 258_934_050, 679_822_540, 1_246_104_049, 2_681_526_507];
        assert_eq!(six(|draw| draw.index(3 << 30)), large);
        assert_eq!(six(|draw| draw.between(5, 7)), [6, 5, 6, 5, 5, 7]);
        let units = [
            0.40248566366484806,
            0.08038370892978197,
            0.5965601809348549,
            0.2193245804838001,
            0.28369059130373764,
            0.7106102236811087,
        ];
        assert_eq!(six(Draw::unit), units);
        let units = [0.549_378_2, 0.402_485_6, 0.984_597_1, 0.080_383_66, 0.211_044_67, 0.596_560_2];
        assert_eq!(six(Draw::unit_f32), units);
        assert_eq!(six(Draw::coin), [true, false, true, false, false, true]);
        assert_eq!(six(|draw| draw.chance(0.3)), [false, true, false, true, true, false]);
        assert_eq!(six(|draw| *draw.pick(&[&1, &2, &3])), [2, 1, 2, 1, 1, 3]);
        let mut items = [0, 1, 2, 3, 4, 5];
        Seed(1).draw().shuffle(&mut items);
        assert_eq!(items, [1, 3, 4, 5, 0, 2]);
    }

    #[test]
    fn normal_draws_are_fixed_to_the_platforms_last_digits() {
        let wanted = [
            [0.44407648594541504, 0.2455291742937076],
            [0.12904494682520348, 0.6612196129470661],
            [-0.10005682505781997, -0.395992634927093],
            [0.3192486051689381, 0.45517247517014425],
            [-0.2743559871287218, -0.9816183794338684],
            [-0.508255920684281, -0.26791954710047206],
        ];
        for (ours, wanted) in six(|draw| draw.normals(0.5)).iter().flatten().zip(wanted.iter().flatten()) {
            assert!((ours - wanted).abs() <= 4.0 * f64::EPSILON * wanted.abs(), "{ours} instead of {wanted}");
        }
    }

    #[test]
    fn indices_of_every_size_are_fixed_for_all_time() {
        // Large sizes, where the next digits often carry.
        let mut draw = Seed(1).draw();
        let sizes = (0..1_000_000u64).map(|i| 1 + (i * 2_654_435_761) % u64::from(u32::MAX));
        let sum = sizes
            .fold(0u64, |sum, size| sum.wrapping_mul(1_099_511_628_211).wrapping_add(draw.index(size as usize) as u64));
        assert_eq!(sum, 18_124_207_952_778_990_004);
    }

    #[test]
    fn draws_are_even() {
        for choose in [Draw::below, Draw::index] {
            let mut draw = Seed(2).draw();
            let mut counts = [0usize; 10];
            for _ in 0..100_000 {
                counts[choose(&mut draw, 10)] += 1;
            }
            assert!(counts.iter().all(|&count| (9_500..10_500).contains(&count)), "{counts:?}");
        }
    }
}
