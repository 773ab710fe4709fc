//! Student's t: how much wider an interval is where the spread itself is known from few points.

/// The 97.5% quantile of the normal distribution.
pub(crate) const NORMAL: f64 = 1.959964;

/// The 97.5% quantile of Student's t.
pub(crate) fn student(freedom: usize) -> f64 {
    const SMALL: [f64; 8] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306];
    let v = freedom as f64;
    // Beyond the table by Cornish and Fisher's expansion (Abramowitz and Stegun 26.7.5), good to 0.001.
    SMALL
        .get(freedom.saturating_sub(1))
        .copied()
        .unwrap_or(NORMAL + 2.3723 / v + 2.8225 / (v * v) + 2.556 / (v * v * v))
}
