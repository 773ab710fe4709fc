//! Which runs next? Those that narrow the forecast most for their cost. With the bootstrap draws standing for what is
//! plausible, a run at a place x with noise σ narrows the variance of the forecast at D* by
//! cov(ln L(x), ln L(D*))² / (var ln L(x) + σ²): the linear-Gaussian update (MacKay 1992, "Information-Based Objective
//! Functions for Active Data Selection", Neural Computation 4).

use crate::laws::report::FittedLaw;
use serde::{Deserialize, Serialize};

/// A run that could be made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    pub d: f64,
    pub n: Option<f64>,
    /// In any unit: seconds, FLOP, tokens.
    pub cost: f64,
}

/// What a run at a cell would do for the forecast.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Advice {
    pub cell: Candidate,
    /// Half-width of the forecast's 95% interval now, in per cent of the loss.
    pub half_width_percent: f64,
    /// And after one more run there.
    pub after_percent: f64,
    /// Per cent of half-width saved per unit of cost.
    pub gain_per_cost: f64,
}

/// Advice must narrow the forecast by this share of what the best run would: a cheap run that tells next to nothing is no
/// bargain.
const LEAST_GAIN: f64 = 0.1;

/// Cells by what they narrow the forecast at `target` for their cost, best first. `noise` is the standard deviation of
/// ln loss of one run (`GroupReport::noise`). Empty without draws, where the draws already agree, and where the law
/// cannot be asked at the target.
pub fn advise(fit: &FittedLaw, noise: f64, target: (f64, Option<f64>), cells: &[Candidate]) -> Vec<Advice> {
    let at = |d: f64, n: Option<f64>| -> Option<Vec<f64>> {
        let row = fit.row(d, n, None)?;
        Some(fit.draws.iter().map(|draw| draw.loss(&row).ln()).collect())
    };
    let Some(forecast) = at(target.0, target.1) else { return Vec::new() };
    let variance = covariance(&forecast, &forecast);
    if fit.draws.len() < 20 || variance <= 0.0 || !variance.is_finite() {
        return Vec::new();
    }
    let half_width = |variance: f64| 100.0 * (1.96 * variance.max(0.0).sqrt()).exp_m1();
    let usable = cells.iter().filter(|cell| cell.d > 0.0 && cell.d.is_finite() && cell.cost > 0.0);
    let mut advice: Vec<Advice> = usable
        .filter_map(|&cell| {
            let there = at(cell.d, cell.n)?;
            let shared = covariance(&there, &forecast);
            let after = variance - shared * shared / (covariance(&there, &there) + noise * noise).max(1e-300);
            let (half_width_percent, after_percent) = (half_width(variance), half_width(after));
            let gain_per_cost = (half_width_percent - after_percent) / cell.cost;
            Some(Advice { cell, half_width_percent, after_percent, gain_per_cost })
        })
        .collect();
    let gain = |advice: &Advice| advice.half_width_percent - advice.after_percent;
    let best = advice.iter().map(gain).fold(0.0, f64::max);
    advice.retain(|advice| gain(advice) >= LEAST_GAIN * best);
    advice.sort_by(|a, b| b.gain_per_cost.total_cmp(&a.gain_per_cost));
    advice
}

fn covariance(a: &[f64], b: &[f64]) -> f64 {
    let count = a.len().max(1) as f64;
    let (ma, mb) = (a.iter().sum::<f64>() / count, b.iter().sum::<f64>() / count);
    a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum::<f64>() / count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::{Law, Options, Point, fit};

    #[test]
    fn far_runs_tell_most_and_cost_decides() {
        let noise = [0.01, -0.012, 0.004, 0.009, -0.007, -0.004];
        let points: Vec<Point> = (0..6)
            .map(|i| (64.0 * 2f64.powi(i), noise[i as usize]))
            .map(|(d, e)| Point::new("", d, 5.0 * d.powf(-0.2) * f64::exp(e)))
            .collect();
        let report = fit(&points, &Options { law: Some(Law::Power), ..Options::default() });
        let fit = report.groups[0].fit.as_ref().unwrap();
        let cell = |d, cost| Candidate { d, n: None, cost };
        let target = (65_536.0, None);
        let same_price = advise(fit, 0.01, target, &[cell(256.0, 1.0), cell(16_384.0, 1.0)]);
        assert_eq!(same_price[0].cell.d, 16_384.0);
        assert!(same_price[0].after_percent < same_price[0].half_width_percent);
        // The middle of the range tells a little; at a ten-thousandth of the price it is still the better buy.
        let by_price = advise(fit, 0.01, target, &[cell(64.0, 1e-4), cell(16_384.0, 1.0)]);
        assert_eq!(by_price[0].cell.d, 64.0);
        // One that tells next to nothing is none at any price: somewhere among the sizes the forecast hangs on no one run.
        let cheap = (0..=20).map(|i| cell(64.0 * 2f64.powf(f64::from(i) / 4.0), 1e-12));
        let cells: Vec<Candidate> = cheap.chain([cell(16_384.0, 1.0)]).collect();
        let all = advise(fit, 0.01, target, &cells);
        let gain = |advice: &Advice| advice.half_width_percent - advice.after_percent;
        let most = all.iter().map(gain).fold(0.0, f64::max);
        assert!(!all.is_empty() && all.len() < cells.len(), "{all:?}");
        assert!(all.iter().all(|advice| gain(advice) >= LEAST_GAIN * most), "{all:?}");
        assert!(advise(fit, 0.01, target, &[cell(0.0, 1.0), cell(f64::NAN, 1.0), cell(64.0, 0.0)]).is_empty());
    }
}
