//! Intervals from bootstrap replicates: percentiles.

use crate::laws::report::Interval;

/// The central 95% of values; none for fewer than 20.
pub(crate) fn interval(values: &mut [f64]) -> Option<Interval> {
    if values.len() < 20 {
        return None;
    }
    let last = (values.len() - 1) as f64;
    let (at_lo, at_hi) = (0.025 * last, 0.975 * last);
    let (lo, above) = order(values, at_lo);
    let (hi, _) = order(above, at_hi - at_lo.floor() - 1.0);
    Some(Interval { lo, hi })
}

/// The value at a fractional place in ascending order, by linear interpolation (type 7 of Hyndman and Fan 1996), and
/// all values above that place's whole part. Sorting everything for it would cost as much as the refits.
fn order(values: &mut [f64], at: f64) -> (f64, &mut [f64]) {
    let (_, low, above) = values.select_nth_unstable_by(at as usize, f64::total_cmp);
    let next = above.iter().copied().min_by(f64::total_cmp).unwrap_or(*low);
    (*low + at.fract() * (next - *low), above)
}
