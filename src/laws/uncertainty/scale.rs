//! Does noise grow along the sizes? The logarithm of the misfits' size is regressed on ln D and ln X; a trend counts only
//! where it stands out of its own scatter, so that few points seldom make one up.

use crate::laws::point::Row;

/// Standard errors from which on a trend counts.
const STANDS_OUT: f64 = 1.0;
/// Misfits below this share of their root mean square count as of that size: losses written with few digits may be equal,
/// and a misfit of zero says nothing of a trend.
const LEAST: f64 = 0.05;

/// How much louder than on the whole it is at each row: 1 everywhere where nothing stands out.
pub(crate) fn loudness(rows: &[Row], misfits: &[f64], among: &[usize]) -> Vec<f64> {
    let squares: f64 = among.iter().map(|&at| misfits[at].powi(2)).sum();
    let least = (LEAST * (squares / among.len().max(1) as f64).sqrt()).max(1e-300);
    let mut logs: Vec<f64> = among.iter().map(|&at| misfits[at].abs().max(least).ln()).collect();
    let mut loudness = vec![0.0; rows.len()];
    for axis in [|row: &Row| row.ln_d, |row: &Row| row.ln_n] {
        let places: Vec<f64> = among.iter().map(|&at| axis(&rows[at])).collect();
        let Some((centre, slope)) = trend(&places, &logs) else { continue };
        logs.iter_mut().zip(&places).for_each(|(log, place)| *log -= slope * (place - centre));
        loudness.iter_mut().zip(rows).for_each(|(sum, row)| *sum += slope * (axis(row) - centre));
    }
    loudness.iter().map(|log| log.exp()).collect()
}

/// The centre of x, and the slope of y there; none where it does not stand out.
fn trend(x: &[f64], y: &[f64]) -> Option<(f64, f64)> {
    let count = x.len() as f64;
    let spare = x.len().checked_sub(2).filter(|&spare| spare > 0)? as f64;
    let (centre, level) = (x.iter().sum::<f64>() / count, y.iter().sum::<f64>() / count);
    let spread: f64 = x.iter().map(|x| (x - centre).powi(2)).sum();
    let slope = x.iter().zip(y).map(|(x, y)| (x - centre) * (y - level)).sum::<f64>() / spread;
    let left: f64 = x.iter().zip(y).map(|(x, y)| (y - level - slope * (x - centre)).powi(2)).sum();
    let error = (left / spare / spread).sqrt();
    (slope.is_finite() && slope.abs() > STANDS_OUT * error).then_some((centre, slope))
}
