//! Where two methods' curves cross: below it one is better, above it the other. The critical point of Zhang et al. 2024
//! (arXiv 2402.17193, section 5), found by bisection in ln D, and again in every pair of bootstrap draws. Curves may cross
//! more than once, and each crossing counts. It does not carry over from one task to another.

use crate::laws::Replicate;
use crate::laws::point::{Row, distinct};
use crate::laws::report::{FittedLaw, Interval, TRUSTED_FACTOR};
use crate::laws::uncertainty::interval::interval;
use crate::laws::warning::short;
use serde::{Deserialize, Serialize};

/// Places where the sign of the difference is looked at, before bisecting between two.
const PLACES: usize = 48;
/// Each halves what is between: to a ten-millionth.
const BISECTIONS: usize = 24;

/// Where one method begins to beat another, and between which sizes that lies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Crossover {
    /// Every amount of data at which the fitted curves cross within the trusted range, ascending: who is better changes at
    /// each.
    pub crossings: Vec<CrossingPoint>,
    /// Share of bootstrap draws without a crossing in the range; none without draws.
    pub share_without: Option<f64>,
    /// Which is better below the first crossing (or everywhere, without one): true for the first.
    pub first_better_below: bool,
    /// Where a crossing was looked for: from the smallest size that both have to 4 × the largest that both have.
    pub searched: Interval,
}

/// A place where two fitted curves cross.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CrossingPoint {
    pub d: f64,
    /// The 95% interval over the draws that cross in the same sense, of each the crossing nearest to this one; none for too
    /// few of them.
    pub interval: Option<Interval>,
}

/// Where two laws that differ by their power parts alone cross at a second factor X: D_c = H·X^γ.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CriticalPoint {
    /// By its logarithm: it may lie far outside any range of numbers.
    pub ln_h: f64,
    pub gamma: f64,
}

impl CriticalPoint {
    /// The amount of data at which the curves of this second factor cross.
    pub fn at(self, n: f64) -> f64 {
        (self.ln_h + self.gamma * n.ln()).exp()
    }
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
    let find = |a: &Replicate, b: &Replicate| crossings(|row| a.loss(row) - b.loss(row), &places);
    // Draws of equal number share their random numbers: half a turn apart they are independent.
    let pairs = first.draws.iter().zip(second.draws.iter().cycle().skip(second.draws.len() / 2));
    let drawn: Vec<Vec<Sign>> = pairs.map(|(a, b)| find(a, b)).collect();
    let without = drawn.iter().filter(|crossings| crossings.is_empty()).count();
    let point = |fitted: Sign| {
        let nearest = |crossings: &Vec<Sign>| {
            let alike = crossings.iter().filter(|other| other.first_wins == fitted.first_wins).map(|other| other.ln_d);
            alike.min_by(|a, b| (a - fitted.ln_d).abs().total_cmp(&(b - fitted.ln_d).abs()))
        };
        let mut ln_d: Vec<f64> = drawn.iter().filter_map(nearest).collect();
        let interval = interval(&mut ln_d).map(|i| Interval { lo: i.lo.exp(), hi: i.hi.exp() });
        CrossingPoint { d: fitted.ln_d.exp(), interval }
    };
    let smallest = places[0];
    Some(Crossover {
        crossings: find(&first.best(), &second.best()).into_iter().map(point).collect(),
        share_without: (!drawn.is_empty()).then(|| without as f64 / drawn.len() as f64),
        first_better_below: first.best().loss(&smallest) < second.best().loss(&smallest),
        searched,
    })
}

/// Where the power parts of two joint laws are equal, by Zhang's formula, which leaves the constants out; none for other
/// laws than theirs, and for parallel curves.
pub fn critical_point(first: &FittedLaw, second: &FittedLaw) -> Option<CriticalPoint> {
    if first.law != second.law {
        return None;
    }
    let (ln_h, gamma) = first.law.critical(&first.theta, &second.theta)?;
    Some(CriticalPoint { ln_h, gamma })
}

/// The second factors that both have points of.
pub(crate) fn common_factors(first: &FittedLaw, second: &FittedLaw) -> Vec<f64> {
    let of = |fit: &FittedLaw| distinct(fit.residuals.iter().filter_map(|residual| residual.n));
    let others = of(second);
    of(first).into_iter().filter(|n| others.contains(n)).collect()
}

impl Crossover {
    /// In a sentence, for methods called so and amounts of data called `across`.
    pub fn sentence(&self, first: &str, second: &str, across: &str) -> String {
        let (below, above) = if self.first_better_below { (first, second) } else { (second, first) };
        let percent = |share: f64| (100.0 * share).round();
        if self.crossings.is_empty() {
            let cross = self.share_without.map_or(0.0, |share| percent(1.0 - share));
            let doubt = if cross > 0.0 { format!("; {cross}% of refits do cross") } else { String::new() };
            let (lo, hi) = (amount(self.searched.lo), amount(self.searched.hi));
            return format!("{below} is better than {above} throughout, from {lo} to {hi} {across}{doubt}.");
        }
        let mut said = String::new();
        for (at, crossing) in self.crossings.iter().enumerate() {
            let interval =
                crossing.interval.map(|i| format!(" (95%: {} to {})", amount(i.lo), amount(i.hi))).unwrap_or_default();
            let d = amount(crossing.d);
            said += &match at {
                0 => format!("{below} is better below {d} {across}{interval}"),
                _ => format!(", {} from there to {d}{interval}", if at % 2 == 1 { above } else { below }),
            };
        }
        let last = if self.crossings.len() % 2 == 1 { above } else { below };
        let without = self.share_without.map_or(0.0, percent);
        let doubt = if without > 0.0 { format!("; {without}% of refits have no crossing") } else { String::new() };
        format!("{said}, {last} above{doubt}.")
    }
}

/// Whole amounts as they are, others in three digits.
fn amount(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e6 { value.to_string() } else { short(value) }
}

/// Amounts of data evenly over the range's logarithm, its ends included.
fn places(range: Interval) -> impl Iterator<Item = f64> {
    let (low, high) = (range.lo.ln(), range.hi.ln());
    (0..=PLACES).map(move |i| (low + (high - low) * i as f64 / PLACES as f64).exp())
}

/// A change of sign, and whether the first is better beyond it.
#[derive(Clone, Copy)]
struct Sign {
    ln_d: f64,
    first_wins: bool,
}

/// Where a difference changes its sign, looked for between every two of these places.
fn crossings(difference: impl Fn(&Row) -> f64, places: &[Row]) -> Vec<Sign> {
    let mut found = Vec::new();
    // The last place where it was not zero: touching without crossing is none.
    let mut before: Option<(f64, &Row)> = None;
    for place in places {
        let here = difference(place);
        if !here.is_finite() || here == 0.0 {
            continue;
        }
        if let Some((there, from)) = before.filter(|(there, _)| (*there > 0.0) != (here > 0.0)) {
            let (mut a, mut b) = (from.ln_d, place.ln_d);
            for _ in 0..BISECTIONS {
                let middle = (a + b) / 2.0;
                if difference(&from.moved(middle)) * there > 0.0 { a = middle } else { b = middle }
            }
            found.push(Sign { ln_d: (a + b) / 2.0, first_wins: here < 0.0 });
        }
        before = Some((here, place));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::{Law, Options, Point, fit};

    fn fitted(law: Law, loss: impl Fn(f64) -> f64) -> FittedLaw {
        let point = |i: i32| {
            Point::new("", 64.0 * 2f64.powi(i), loss(64.0 * 2f64.powi(i)) * (0.002 * (f64::from(i) * 2.4).sin()).exp())
        };
        let points: Vec<Point> = (0..8).map(point).collect();
        fit(&points, &Options { law: Some(law), ..Options::default() }).groups.remove(0).fit.unwrap()
    }

    fn curve(b: f64, beta: f64) -> FittedLaw {
        fitted(Law::Power, |d| b * d.powf(-beta))
    }

    #[test]
    fn agrees_with_the_closed_form() {
        // D_c = (A₁/A₂)^(1/(β₁−β₂)) when only power parts differ.
        let found = crossover(&curve(4.0, 0.1), &curve(8.0, 0.22), None).unwrap();
        let expected = 2f64.powf(1.0 / 0.12);
        let [crossing] = found.crossings[..] else { panic!("{found:?}") };
        assert!((crossing.d / expected - 1.0).abs() < 0.1, "{found:?} against {expected}");
        assert!(crossing.interval.unwrap().contains(expected) && found.first_better_below);
        assert!(found.share_without.unwrap() < 0.1);
    }

    #[test]
    fn parallel_curves_do_not_cross() {
        let found = crossover(&curve(4.0, 0.2), &curve(8.0, 0.2), None).unwrap();
        assert_eq!((&found.crossings[..], found.share_without, found.first_better_below), (&[][..], Some(1.0), true));
    }

    /// A steep curve with a floor dips below a flat one without, and is overtaken again.
    #[test]
    fn every_crossing_is_found() {
        let flat = |d: f64| 2.0 * d.powf(-0.05);
        let floor = |d: f64| 40.0 * d.powf(-0.9) + 1.3;
        let (first, second) = (fitted(Law::PowerConstant, floor), curve(2.0, 0.05));
        let found = crossover(&first, &second, None).unwrap();
        let sign = |d: f64| floor(d) < flat(d);
        let truth: Vec<f64> = (0..4000)
            .map(|i| 64.0 * 1.0015f64.powi(i))
            .filter(|d| *d < found.searched.hi && sign(*d) != sign(d * 1.0015))
            .collect();
        assert_eq!((truth.len(), found.crossings.len()), (2, 2), "{found:?} {truth:?}");
        for (crossing, truth) in found.crossings.iter().zip(truth) {
            assert!(
                (crossing.d / truth).ln().abs() < 0.1 && crossing.interval.unwrap().contains(truth),
                "{found:?} {truth}"
            );
        }
        let said = found.sentence("Prompt", "LoRA", "examples");
        assert!(
            said.starts_with("LoRA is better below ")
                && said.contains(", Prompt from there to ")
                && said.contains(", LoRA above"),
            "{said}"
        );
    }

    #[test]
    fn crossings_are_said_with_their_doubt() {
        let searched = Interval { lo: 64.0, hi: 16384.0 };
        let point = CrossingPoint { d: 180.0, interval: Some(Interval { lo: 120.0, hi: 260.0 }) };
        let found = Crossover { crossings: vec![point], share_without: Some(0.03), first_better_below: true, searched };
        assert_eq!(
            found.sentence("LoRA", "Full", "examples"),
            "LoRA is better below 180 examples (95%: 120 to 260), Full above; 3% of refits have no crossing."
        );
        let none = Crossover { crossings: Vec::new(), share_without: Some(1.0), first_better_below: false, searched };
        assert_eq!(
            none.sentence("LoRA", "Full", "examples"),
            "Full is better than LoRA throughout, from 64 to 16384 examples."
        );
    }
}
