//! What a reader must know before trusting a fit: is there signal, and what is doubtful.

use crate::laws::point::{distinct, factors};
use crate::laws::report::GroupReport;
use crate::laws::{Point, Warning};

/// The least that shows an exponent: so many sizes, over such a span, with a total fall of so many noises.
const SIZES: usize = 5;
const SPAN: f64 = 16.0;
const NOISES: f64 = 10.0;
/// Without a second seed, this many sizes let the misfit stand for the noise.
const SIZES_WITHOUT_SEEDS: usize = 7;
/// What one run's ln loss usually scatters by, where no second seed tells.
const NOISE_OF_ONE: f64 = 0.01;
const DECADES: f64 = 12.0;
/// ln losses that differ by no more are the same number, written twice.
const LEVEL: f64 = 1e-9;
/// A law with constants of its own that misses by more, in ln loss, was given other units.
const MISFIT: f64 = 0.1;

/// Fills in the noise, whether there is signal, and the warnings. With the errors on hidden sizes of the chosen law and of
/// repeating the last loss, on the same rows.
pub(crate) fn diagnose(report: &mut GroupReport, against_last_loss: Option<(f64, f64)>) {
    let points = &report.points;
    let mut warnings = Vec::new();
    let replicated = replicate_noise(points);
    let sizes = mean_by_size(points);
    report.noise = replicated.or_else(|| {
        let fit = report.fit.as_ref()?;
        let spare = points.len().checked_sub(fit.theta.len()).filter(|&spare| spare > 0)?;
        Some(fit.rmse_log * (points.len() as f64 / spare as f64).sqrt())
    });
    if let Some(fit) = &report.fit {
        let needed = fit.theta.len();
        let cells = cells(points);
        if cells < needed {
            warnings.push(Warning::TooFewSizes { sizes: cells, needed });
        }
        let half_width = fit.parameter("β").and_then(|beta| Some((beta.value, beta.interval?)));
        let half_width = half_width.map(|(value, interval)| (value, (interval.hi - interval.lo) / 2.0));
        let vague = half_width.is_some_and(|(value, half)| half > 0.25 * value);
        if report.sizes < SIZES || report.span < SPAN || vague {
            let half_width = half_width.map(|(_, half)| half);
            warnings.push(Warning::Span { sizes: report.sizes, span: report.span, half_width });
        }
        let unidentified = fit.parameters.iter().filter(|parameter| !parameter.identified);
        warnings.extend(unidentified.map(|parameter| Warning::AtBound { parameter: parameter.symbol.clone() }));
        let card = fit.law.card();
        if !card.units.is_empty() && fit.rmse_log > MISFIT {
            warnings.push(Warning::Units {
                law: card.title.to_string(),
                units: card.units.to_string(),
                misfit_percent: 100.0 * fit.rmse_log.min(20.0).exp_m1(),
            });
        }
        if fit.law.is_joint() {
            for factor in factors(points) {
                let values = distinct(points.iter().filter(|p| p.factor == factor).filter_map(|p| p.n)).len();
                if values < 4 {
                    warnings.push(Warning::FewFactors { factor, values });
                }
            }
        }
    }
    let drop = sizes.iter().map(|curve| curve[0] - curve[curve.len() - 1]).fold(f64::NEG_INFINITY, f64::max);
    let drowning = report.noise.filter(|noise| drop <= NOISES * noise);
    if let Some(noise) = drowning {
        warnings.push(Warning::Noise {
            drop_percent: -100.0 * (-drop).min(20.0).exp_m1(),
            noise_percent: 100.0 * noise.min(20.0).exp_m1(),
        });
    }
    let slack = 3.0 * replicated.unwrap_or(NOISE_OF_ONE).max(0.002);
    if sizes.iter().any(|curve| curve.windows(2).any(|pair| pair[1] - pair[0] > slack)) {
        warnings.push(Warning::Rising);
    }
    if replicated.is_none() {
        warnings.push(Warning::NoReplicates);
    }
    if let Some((law_percent, last_percent)) = against_last_loss.filter(|(law, last)| law >= last) {
        warnings.push(Warning::WorseThanLastLoss { law_percent, last_percent });
    }
    let decades = |values: Vec<f64>| values.last().zip(values.first()).map_or(0.0, |(hi, lo)| (hi / lo).log10());
    let widest = decades(distinct(points.iter().map(|p| p.d))).max(decades(distinct(points.iter().map(|p| p.loss))));
    if widest > DECADES {
        warnings.push(Warning::Scale { decades: widest });
    }
    let replicated_enough = replicated.is_some() || report.sizes >= SIZES_WITHOUT_SEEDS;
    report.signal =
        report.fit.is_some() && report.sizes >= SIZES && report.span >= SPAN && drowning.is_none() && replicated_enough;
    report.warnings.extend(warnings);
}

/// What keeps any law of falling loss from being one of these points: mean ln loss by size is level or rises, on every
/// curve.
pub(crate) fn not_falling(points: &[Point]) -> Option<Warning> {
    let sizes = mean_by_size(points);
    let curves = || sizes.iter().filter(|curve| curve.len() > 1);
    let rise = curves().map(|curve| curve[curve.len() - 1] - curve[0]).fold(f64::INFINITY, f64::min);
    if !rise.is_finite() {
        return None;
    }
    let level = |curve: &Vec<f64>| curve.iter().all(|loss| (loss - curve[0]).abs() <= LEVEL);
    if curves().all(level) {
        return Some(Warning::Flat);
    }
    let slack = 3.0 * replicate_noise(points).unwrap_or(NOISE_OF_ONE);
    (rise > slack).then(|| Warning::NotFalling { rise_percent: 100.0 * rise.min(20.0).exp_m1() })
}

/// Distinct places, by data and second factor.
fn cells(points: &[Point]) -> usize {
    // Points come sorted by factor, then data.
    points.chunk_by(|a, b| a.is_beside(b) && a.d == b.d).count()
}

/// Pooled standard deviation of ln loss between runs of one place; none where no place has two.
pub(crate) fn replicate_noise(points: &[Point]) -> Option<f64> {
    let (mut squares, mut spare) = (0.0, 0);
    for runs in points.chunk_by(|a, b| a.is_beside(b) && a.d == b.d && a.unique == b.unique) {
        let mean = runs.iter().map(|p| p.loss.ln()).sum::<f64>() / runs.len() as f64;
        squares += runs.iter().map(|p| (p.loss.ln() - mean).powi(2)).sum::<f64>();
        spare += runs.len() - 1;
    }
    (spare > 0).then(|| (squares / spare as f64).sqrt())
}

/// Mean ln loss by size, one list per second factor.
fn mean_by_size(points: &[Point]) -> Vec<Vec<f64>> {
    let mean = |runs: &[Point]| runs.iter().map(|p| p.loss.ln()).sum::<f64>() / runs.len() as f64;
    let of_curve = |curve: &[Point]| curve.chunk_by(|a, b| a.d == b.d).map(mean).collect();
    points.chunk_by(Point::is_beside).map(of_curve).collect()
}
