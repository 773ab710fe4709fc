//! Ticks of logarithmic axes. Charting libraries label powers of ten only, which leaves a loss between 1.2 and 2.5
//! without a single label; these are the round numbers in between.

/// Round numbers from `lo` to `hi`, a handful, evenly spread on a log scale. Empty unless 0 < lo < hi, both finite.
pub fn log_ticks(lo: f64, hi: f64, most: usize) -> Vec<f64> {
    if !(lo > 0.0 && hi > lo && hi.is_finite()) {
        return Vec::new();
    }
    const STEPS: [&[f64]; 4] = [
        &[1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0],
        &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0],
        &[1.0, 2.0, 5.0],
        &[1.0],
    ];
    let first = lo.log10().floor() as i32;
    let last = hi.log10().ceil() as i32;
    let inside = |value: &f64| (lo * (1.0 - 1e-9)..=hi * (1.0 + 1e-9)).contains(value);
    let mut ticks: Vec<f64> = Vec::new();
    for steps in STEPS {
        let decades = (first..=last).map(|exponent| 10f64.powi(exponent));
        ticks = decades.flat_map(|decade| steps.iter().map(move |step| step * decade)).filter(inside).collect();
        if ticks.len() <= most {
            break;
        }
    }
    if ticks.len() < 3 {
        // Less than a third of a decade: steps of a line serve better.
        let span = (hi - lo) / most.max(2) as f64;
        let unit = 10f64.powf(span.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * unit).into_iter().find(|&step| step >= span).unwrap_or(span);
        let count = ((hi - lo) / step) as usize + 1;
        return (0..=count).map(|i| ((lo / step).ceil() + i as f64) * step).filter(inside).collect();
    }
    let every = ticks.len().div_ceil(most.max(1));
    ticks.into_iter().step_by(every).collect()
}

/// Doubling sizes that cover `lo` to `hi`, thinned to at most `most`.
pub fn doubling_ticks(lo: f64, hi: f64, most: usize) -> Vec<f64> {
    if !(lo > 0.0 && hi >= lo && hi.is_finite()) {
        return Vec::new();
    }
    let exponents: Vec<i32> = (lo.log2().ceil() as i32..=hi.log2().floor() as i32).collect();
    let every = exponents.len().div_ceil(most.max(1)).max(1);
    exponents.into_iter().step_by(every).map(|exponent| 2f64.powi(exponent)).collect()
}

/// The range of values, widened by `share` of its length on the log scale on either side.
pub fn log_range(values: impl IntoIterator<Item = f64>, share: f64) -> Option<(f64, f64)> {
    let positive = values.into_iter().filter(|value| *value > 0.0 && value.is_finite());
    let (lo, hi) = positive.fold((f64::INFINITY, 0.0f64), |(lo, hi), value| (lo.min(value), hi.max(value)));
    if lo > hi {
        return None;
    }
    let factor = ((hi / lo).ln() * share).max(0.02).exp();
    Some((lo / factor, hi * factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lo: f64, hi: f64, expected: &[f64]) {
        let ticks = log_ticks(lo, hi, 8);
        assert_eq!(ticks.len(), expected.len(), "{ticks:?}");
        assert!(ticks.iter().zip(expected).all(|(a, b)| (a / b - 1.0).abs() < 1e-9), "{ticks:?}");
    }

    #[test]
    fn ticks_are_round_wherever_the_range_lies() {
        check(1.2, 2.6, &[1.2, 1.5, 2.0, 2.5]);
        check(0.9, 40.0, &[1.0, 2.0, 5.0, 10.0, 20.0]);
        check(64.0, 1e7, &[100.0, 1e3, 1e4, 1e5, 1e6, 1e7]);
        check(2.11, 2.19, &[2.12, 2.14, 2.16, 2.18]);
    }

    #[test]
    fn no_range_gives_no_ticks() {
        for (lo, hi) in [(0.0, 1.0), (2.0, 1.0), (1.0, f64::INFINITY), (f64::NAN, 1.0)] {
            assert!(log_ticks(lo, hi, 8).is_empty());
            assert!(doubling_ticks(lo, hi, 8).is_empty());
        }
    }

    #[test]
    fn sizes_double() {
        assert_eq!(doubling_ticks(60.0, 4200.0, 8), [64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0]);
        assert_eq!(doubling_ticks(60.0, 70_000.0, 6), [64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0]);
    }
}
