//! Where two methods' curves cross: below it one is better, above it the other. The critical point of Zhang et al. 2024
//! (arXiv 2402.17193, section 5), found by bisection in ln D, and again in every pair of bootstrap draws. It does not
//! carry over from one task to another.

use crate::laws::Replicate;
use crate::laws::point::Row;
use crate::laws::report::{FittedLaw, Interval, TRUSTED_FACTOR};
use crate::laws::uncertainty::interval::interval;
use serde::{Deserialize, Serialize};

/// Places where the sign of the difference is looked at, before bisecting between two.
const PLACES: usize = 48;
/// Each halves what is between: to a ten-millionth.
const BISECTIONS: usize = 24;

/// Where one method begins to beat another, and between which sizes that lies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Crossover {
    /// Amount of data at which the fitted curves cross; none where they do not within the trusted range.
    pub d: Option<f64>,
    /// The 95% interval over the draws that cross; none for too few of them.
    pub interval: Option<Interval>,
    /// Share of bootstrap draws without a crossing in the range.
    pub share_without: Option<f64>,
    /// Which is better below the crossing (or everywhere, without one): true for the first.
    pub first_better_below: bool,
    /// Where a crossing was looked for: from the smallest size that both have to 4 × the largest that both have.
    pub searched: Interval,
}

/// Where `first` and `second` cross, at second factor `n` for joint laws. None where their sizes do not overlap, and
/// without the second factor that a law needs.
pub fn crossover(first: &FittedLaw, second: &FittedLaw, n: Option<f64>) -> Option<Crossover> {
    let smallest = first.smallest_d().max(second.smallest_d());
    let largest = TRUSTED_FACTOR * first.largest_d.min(second.largest_d);
    if smallest >= largest {
        return None;
    }
    let searched = Interval { lo: smallest, hi: largest };
    // Taken once: a row's logarithms cost as much as a law.
    let of = |fit: &FittedLaw| places(searched).map(|d| fit.row(d, n, None)).collect::<Option<Vec<Row>>>();
    let places = of(first).and(of(second))?;
    let find = |a: &Replicate, b: &Replicate| crossing(|row| a.loss(row) - b.loss(row), &places);
    let smallest_row = Row::at(smallest, n, None);
    // Draws of equal number share their random numbers: half a turn apart they are independent.
    let pairs = first.draws.iter().zip(second.draws.iter().cycle().skip(second.draws.len() / 2));
    let found: Vec<Option<f64>> = pairs.map(|(a, b)| find(a, b)).collect();
    let mut crossings: Vec<f64> = found.iter().flatten().map(|d| d.ln()).collect();
    Some(Crossover {
        d: find(&first.best(), &second.best()),
        share_without: (!found.is_empty()).then(|| 1.0 - crossings.len() as f64 / found.len() as f64),
        interval: interval(&mut crossings).map(|i| Interval { lo: i.lo.exp(), hi: i.hi.exp() }),
        first_better_below: first.best().loss(&smallest_row) < second.best().loss(&smallest_row),
        searched,
    })
}

/// Amounts of data evenly over the range's logarithm, its ends included.
fn places(range: Interval) -> impl Iterator<Item = f64> {
    let (low, high) = (range.lo.ln(), range.hi.ln());
    (0..=PLACES).map(move |i| (low + (high - low) * i as f64 / PLACES as f64).exp())
}

/// Where a difference first changes its sign, between two of these places.
fn crossing(difference: impl Fn(&Row) -> f64, places: &[Row]) -> Option<f64> {
    let mut before = difference(&places[0]);
    for pair in places.windows(2) {
        let after = difference(&pair[1]);
        if before.is_finite() && after.is_finite() && before * after <= 0.0 && before != after {
            let (mut a, mut b) = (pair[0].ln_d, pair[1].ln_d);
            for _ in 0..BISECTIONS {
                let middle = (a + b) / 2.0;
                if difference(&pair[0].moved(middle)) * before > 0.0 { a = middle } else { b = middle }
            }
            return Some(((a + b) / 2.0).exp());
        }
        before = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::{Law, Options, Point, fit};

    fn curve(b: f64, beta: f64, wave: f64) -> FittedLaw {
        let points: Vec<Point> = (0..8)
            .map(|i| {
                let d = 64.0 * 2f64.powi(i);
                Point::new("", d, b * d.powf(-beta) * (wave * (f64::from(i) * 2.4).sin()).exp())
            })
            .collect();
        let options = Options { law: Some(Law::Power), ..Options::default() };
        fit(&points, &options).groups.remove(0).fit.unwrap()
    }

    #[test]
    fn agrees_with_the_closed_form() {
        // D_c = (A₁/A₂)^(1/(β₁−β₂)) when only power parts differ.
        let (first, second) = (curve(4.0, 0.1, 0.002), curve(8.0, 0.22, 0.002));
        let found = crossover(&first, &second, None).unwrap();
        let expected = 2f64.powf(1.0 / 0.12);
        assert!((found.d.unwrap() / expected - 1.0).abs() < 0.1, "{found:?} against {expected}");
        assert!(found.interval.unwrap().contains(expected) && found.first_better_below);
        assert!(found.share_without.unwrap() < 0.1);
    }

    #[test]
    fn parallel_curves_do_not_cross() {
        let found = crossover(&curve(4.0, 0.2, 0.001), &curve(8.0, 0.2, 0.001), None).unwrap();
        assert_eq!((found.d, found.share_without, found.first_better_below), (None, Some(1.0), true));
    }
}
