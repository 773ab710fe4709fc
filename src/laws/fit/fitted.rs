//! From a solution to what is shown of it: parameters in their own units, curves with bands, residuals, profile.

use crate::laws::fit::units::Scaled;
use crate::laws::forms::{Vector, padded};
use crate::laws::point::{Row, factors, rows_of};
use crate::laws::report::*;
use crate::laws::uncertainty::bootstrap::Draws;
use crate::laws::uncertainty::interval::interval;
use crate::laws::uncertainty::profile::profile;
use crate::laws::{Law, Objective, Point, Replicate};

/// Samples of a drawn curve, and how far it goes beyond the largest size.
const SAMPLES: usize = 64;
const DRAWN_FACTOR: f64 = 16.0;
/// Curves drawn for a joint law, at most.
const MOST_CURVES: usize = 12;

pub(crate) fn describe(
    law: Law,
    points: &[Point],
    theta: &Vector,
    draws: Draws,
    others: Vec<Replicate>,
    objective: Objective,
) -> FittedLaw {
    let rows = rows_of(points);
    let scaled = Scaled::new(law, &rows);
    let working = scaled.to_working(theta);
    let factors = factors(points);
    let residuals: Vec<Residual> = points
        .iter()
        .zip(&rows)
        .map(|(point, row)| Residual {
            d: point.d,
            n: point.n,
            factor: point.factor.clone(),
            log: row.ln_loss - law.ln_loss(theta, row),
        })
        .collect();
    let mut fit = FittedLaw {
        law,
        theta: theta[..law.count(&rows)].to_vec(),
        parameters: parameters(&scaled, &factors, theta, &draws.own),
        objective: crate::laws::fit::objective::value(law, &working, &scaled.rows, objective.delta()),
        rmse_log: (residuals.iter().map(|r| r.log * r.log).sum::<f64>() / residuals.len().max(1) as f64).sqrt(),
        curves: Vec::new(),
        residuals,
        profile: profile(&scaled, &working, objective).iter().map(|fixed| fixed.point).collect(),
        factors: if law.tells_factors() { factors } else { Vec::new() },
        largest_d: rows.iter().map(|r| r.d).fold(0.0, f64::max),
        draws: draws.mixed,
        others,
    };
    fit.curves = curves(&fit, points);
    fit
}

impl FittedLaw {
    /// The loss predicted at an amount of data, with its band; none without the second factor that the law needs.
    pub fn predict(&self, d: f64, n: Option<f64>) -> Option<Prediction> {
        self.predict_for(d, n, None)
    }

    /// The same where `n` is one of several factors; none for a factor that was not fitted.
    pub fn predict_for(&self, d: f64, n: Option<f64>, factor: Option<&str>) -> Option<Prediction> {
        let row = self.row(d, n, factor)?;
        let mid = self.law.loss(&self.theta, &row);
        let mut values: Vec<f64> = self.draws.iter().map(|draw| draw.loss(&row)).collect();
        let (lo, hi) = interval(&mut values).map_or((mid, mid), |i| (i.lo.min(mid), i.hi.max(mid)));
        let [lo, mid, hi] = [lo, mid, hi].map(finite);
        Some(Prediction { d, lo, mid, hi, trusted: d <= TRUSTED_FACTOR * self.largest_d })
    }

    /// A place at which the law can be asked for the loss.
    pub(crate) fn row(&self, d: f64, n: Option<f64>, factor: Option<&str>) -> Option<Row> {
        if self.law.is_joint() && n.is_none() {
            return None;
        }
        let factor = match self.law.tells_factors() {
            true => self.factors.iter().position(|each| each.as_deref() == factor)?,
            false => 0,
        };
        Some(Row { factor, ..Row::at(d, n, None) })
    }

    /// The fit itself, as one more draw.
    pub(crate) fn best(&self) -> Replicate {
        Replicate { law: self.law, theta: padded(&self.theta) }
    }

    /// The smallest fitted amount of data.
    pub(crate) fn smallest_d(&self) -> f64 {
        self.residuals.iter().map(|residual| residual.d).fold(f64::INFINITY, f64::min)
    }

    /// The parameter of a symbol, as "β".
    pub fn parameter(&self, symbol: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.symbol == symbol)
    }
}

fn parameters(scaled: &Scaled, factors: &[Option<String>], theta: &Vector, draws: &[Replicate]) -> Vec<Parameter> {
    let Scaled { law, rows, bounds, .. } = scaled;
    let working = scaled.to_working(theta);
    law.parameters()[..law.count(rows)]
        .iter()
        .enumerate()
        .map(|(i, info)| {
            let natural = |value: f64| finite(if info.logarithmic { value.exp() } else { value });
            let value = natural(theta[i]);
            let mut values: Vec<f64> = draws.iter().map(|draw| natural(draw.theta[i])).collect();
            let interval =
                interval(&mut values).map(|found| Interval { lo: found.lo.min(value), hi: found.hi.max(value) });
            let (lo, hi) = bounds[i];
            let at_bound = working[i] <= lo + 1e-9 || working[i] >= hi - 1e-9;
            Parameter {
                symbol: info.symbol.to_string(),
                meaning: law.meaning(i, factors).unwrap_or_else(|| info.meaning.to_string()),
                value,
                interval,
                identified: !at_bound,
                note: if at_bound { format!("{} at bound: not identified", info.symbol) } else { String::new() },
            }
        })
        .collect()
}

fn curves(fit: &FittedLaw, points: &[Point]) -> Vec<Curve> {
    // Points come by curve.
    let curves: Vec<(Option<&str>, Option<f64>)> = match fit.law.is_joint() {
        true => points.chunk_by(Point::is_beside).map(|curve| (curve[0].factor.as_deref(), curve[0].n)).collect(),
        false => vec![(None, None)],
    };
    let stride = curves.len().div_ceil(MOST_CURVES).max(1);
    let low = points.iter().map(|p| p.d).fold(f64::INFINITY, f64::min).ln();
    let high = (fit.largest_d * DRAWN_FACTOR).ln();
    let place = |i| (low + (high - low) * i as f64 / (SAMPLES - 1) as f64).exp();
    let curve = |(factor, n): (Option<&str>, Option<f64>)| Curve {
        factor: factor.map(String::from),
        n,
        samples: (0..SAMPLES).filter_map(|i| fit.predict_for(place(i), n, factor)).collect(),
    };
    curves.into_iter().step_by(stride).map(curve).collect()
}
