//! Random choices for generators and orders: [`Draw`], and ranks that follow Zipf's law (1935), a few common items
//! and a long tail of rare ones.

pub use crate::seed::Draw;

/// Ranks `0..n` with probability proportional to 1 / (rank + 1 + offset).
/// Learning such a tail is what gives natural data its power laws (Hutter 2021).
pub struct Zipf {
    cumulative: Vec<f64>,
}

impl Zipf {
    /// Ranks `0..n`.
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

    /// One rank.
    pub fn draw(&self, draw: &mut Draw) -> usize {
        let total = self.cumulative.last().copied().unwrap_or(0.0);
        let point = draw.unit() * total;
        self.cumulative.partition_point(|&sum| sum <= point).min(self.cumulative.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

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
