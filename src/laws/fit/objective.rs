//! What a fit minimises: the sum of Huber losses of ln-loss residuals (Hoffmann et al. 2022). A sum, not a mean: a
//! mean stops optimisers early, the error found in the published Chinchilla fit (Besiroglu et al. 2024).

use crate::laws::fit::units::Units;
use crate::laws::forms::{Jet, MAX, Matrix, Vector, padded};
use crate::laws::point::Row;
use crate::laws::{Law, Point};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a fit minimises over residuals of ln loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Objective {
    /// Residuals up to `delta` count squared, beyond it in proportion. The papers use 1e-3: nearly absolute errors,
    /// which shrugs off a failed run.
    Huber { delta: f64 },
}

impl Default for Objective {
    fn default() -> Self {
        Objective::Huber { delta: 1e-3 }
    }
}

/// A name that is no objective's.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("objective \"{0}\" is not understood: write huber:DELTA with DELTA above zero, as huber:1e-3")]
pub struct UnknownObjective(pub String);

impl Objective {
    /// The residual from which the penalty grows linearly.
    pub fn delta(self) -> f64 {
        match self {
            Objective::Huber { delta } => delta,
        }
    }

    /// The objective and its gradient at fixed parameters, in `FittedLaw::theta`'s form. Points must be positive and finite;
    /// none where they lack what the law needs.
    pub fn at(self, law: Law, theta: &[f64], points: &[Point]) -> Option<(f64, Vec<f64>)> {
        if crate::laws::fit::lacks(law, points).is_some() {
            return None;
        }
        let rows = crate::laws::point::rows_of(points);
        let count = law.count(&rows);
        let theta = padded(&theta[..count]);
        let mut local = Expansion::ZERO;
        local.measure(law, &law.working_at(&theta, &Units::GIVEN), &rows, self.delta());
        Some((local.value, law.natural_gradient(&local.gradient, &theta)[..count].to_vec()))
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Objective::Huber { delta } => write!(f, "huber:{delta:e}"),
        }
    }
}

impl FromStr for Objective {
    type Err = UnknownObjective;

    fn from_str(text: &str) -> Result<Objective, UnknownObjective> {
        let unknown = || UnknownObjective(text.to_string());
        let delta = text.strip_prefix("huber:").ok_or_else(unknown)?.parse::<f64>().map_err(|_| unknown())?;
        if delta.is_finite() && delta > 0.0 { Ok(Objective::Huber { delta }) } else { Err(unknown()) }
    }
}

#[inline]
pub(crate) fn huber(residual: f64, delta: f64) -> f64 {
    let size = residual.abs();
    if size <= delta { 0.5 * residual * residual } else { delta * (size - 0.5 * delta) }
}

/// Σ Huber(ln L̂ − ln L), of working parameters.
pub(crate) fn value(law: Law, theta: &Vector, rows: &[Row], delta: f64) -> f64 {
    rows.iter().map(|row| huber(law.working_ln_loss(theta, row) - row.ln_loss, delta)).sum()
}

/// The objective at one place: value, gradient, Hessian, and the majoriser Σ min(1, δ/|r|)·g·gᵀ, which is positive
/// and never flatter than the Huber part of the Hessian.
pub(crate) struct Expansion {
    pub value: f64,
    pub gradient: Vector,
    pub hessian: Matrix,
    pub majoriser: Matrix,
}

impl Expansion {
    /// Before anything is measured.
    pub const ZERO: Expansion =
        Expansion { value: 0.0, gradient: [0.0; MAX], hessian: [[0.0; MAX]; MAX], majoriser: [[0.0; MAX]; MAX] };

    /// The objective of the rows at `theta`, with its derivatives.
    pub fn measure(&mut self, law: Law, theta: &Vector, rows: &[Row], delta: f64) {
        let count = law.parameters().len();
        *self = Expansion::ZERO;
        let mut jet = Jet::ZERO;
        for row in rows {
            law.jet(theta, row, &mut jet);
            let residual = jet.value - row.ln_loss;
            let size = residual.abs();
            let (slope, curvature) = if size <= delta { (residual, 1.0) } else { (delta.copysign(residual), 0.0) };
            let weight = if size <= delta { 1.0 } else { delta / size };
            self.value += huber(residual, delta);
            for i in 0..count {
                self.gradient[i] += slope * jet.gradient[i];
                for j in 0..=i {
                    let outer = jet.gradient[i] * jet.gradient[j];
                    self.hessian[i][j] += curvature * outer + slope * jet.hessian[i][j];
                    self.majoriser[i][j] += weight * outer;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_are_read_back() {
        assert_eq!("huber:1e-3".parse(), Ok(Objective::default()));
        assert_eq!(Objective::default().to_string().parse(), Ok(Objective::default()));
        for bad in ["huber", "huber:", "huber:-1", "huber:0", "huber:nan", "squares"] {
            assert!(bad.parse::<Objective>().is_err(), "{bad}");
        }
    }

    #[test]
    fn huber_is_smooth_at_delta() {
        let inside = huber(1e-3, 1e-3);
        assert!((huber(1e-3 + 1e-12, 1e-3) - inside).abs() < 1e-14);
        assert_eq!(huber(-0.5, 1e-3), huber(0.5, 1e-3));
    }
}
