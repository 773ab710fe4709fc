//! The small curve beside a run in the list: an SVG path, since a chart each would cost more than it shows.

/// The path of `values` in a box of `width` × `height`, highest value at the top. Empty with fewer than two.
pub fn path(values: &[f64], width: f64, height: f64) -> String {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if finite.len() < 2 {
        return String::new();
    }
    let lo = finite.iter().copied().fold(f64::INFINITY, f64::min);
    let hi = finite.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let span = (hi - lo).max(f64::MIN_POSITIVE);
    let across = width / (finite.len() - 1) as f64;
    let points = finite.iter().enumerate().map(|(i, value)| {
        let letter = if i == 0 { 'M' } else { 'L' };
        format!("{letter}{:.1} {:.1}", i as f64 * across, (hi - value) / span * height)
    });
    points.collect()
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn the_highest_loss_is_at_the_top() {
        assert_eq!(path(&[3.0, 2.0, 1.0], 10.0, 4.0), "M0.0 0.0L5.0 2.0L10.0 4.0");
    }

    #[test]
    fn nothing_to_draw_draws_nothing() {
        assert_eq!(path(&[1.0], 10.0, 4.0), "");
        assert_eq!(path(&[f64::NAN, f64::INFINITY, 1.0], 10.0, 4.0), "");
        assert_eq!(path(&[2.0, 2.0], 10.0, 4.0), "M0.0 0.0L10.0 0.0");
    }
}
