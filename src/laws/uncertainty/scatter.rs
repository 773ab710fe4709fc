//! How far runs scatter about a law, place by place: noise need not be the same for every size and model. A place's
//! scatter is that of the points nearest to it; with few points, of all.

use crate::laws::point::{Row, distinct};

/// So many of the nearest points, or the root of their number, tell a place's scatter.
const FEWEST: usize = 8;
const MOST: usize = 32;

/// Distances in units of the points' own spread.
pub(crate) struct Neighbours {
    spread_d: f64,
    spread_n: f64,
}

impl Neighbours {
    pub fn new(rows: &[Row]) -> Neighbours {
        Neighbours {
            spread_d: spread(rows.iter().map(|row| row.ln_d)),
            spread_n: spread(rows.iter().map(|row| row.ln_n)),
        }
    }

    /// How many points tell a place's scatter.
    pub fn count(rows: usize) -> usize {
        rows.isqrt().clamp(FEWEST, MOST).min(rows)
    }

    /// Of these rows the nearest to a place, by their index.
    pub fn nearest(&self, place: &Row, among: &[usize], rows: &[Row]) -> Vec<usize> {
        let count = Neighbours::count(among.len());
        let mut found = among.to_vec();
        if count < found.len() {
            let distance = |at: usize| self.distance(place, &rows[at]);
            found.select_nth_unstable_by(count, |&a, &b| distance(a).total_cmp(&distance(b)).then(a.cmp(&b)));
            found.truncate(count);
        }
        found
    }

    /// To a millionth, so that places equally far are so whatever their units.
    fn distance(&self, a: &Row, b: &Row) -> f64 {
        let squared = |a: f64, b: f64, spread: f64| if spread > 0.0 { ((a - b) / spread).powi(2) } else { 0.0 };
        // Another factor's points are the last to be asked.
        let other = if a.factor == b.factor { 0.0 } else { 100.0 };
        let exact = squared(a.ln_d, b.ln_d, self.spread_d) + squared(a.ln_n, b.ln_n, self.spread_n) + other;
        (exact * 1e6).round()
    }
}

/// The standard deviation of distinct values; zero where there are none.
fn spread(values: impl Iterator<Item = f64>) -> f64 {
    let values = distinct(values.filter(|value| value.is_finite()));
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
}
