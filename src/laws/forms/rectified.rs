//! L = B/(D_l + D^β) + E (Lin et al. 2024, "Selecting Large Language Model to Fine-tune via Rectified Scaling Law",
//! arXiv 2402.02314): D_l stands for what pretraining already taught, so the curve is shallow until D^β outgrows it.
//!
//! While fitting, the same law is held as L = C/(v + (1−v)·(D/D̄)^β) + E about the centre D̄ of the sizes: C is the loss
//! above E at D̄, and v from 0 (a plain power law) to 1 (still flat) says how much of the denominator D_l is there.
//! Without a shallow phase, ln D_l would creep towards −∞ for hundreds of steps; v reaches 0 in a few.

use super::super::point::Row;
use super::*;

pub const PARAMETERS: [ParameterInfo; 4] = [
    scale("B", "scale of the loss above E"),
    ParameterInfo {
        symbol: "D_l",
        meaning: "pre-learned data, in units of D^β: below it the curve is shallow",
        logarithmic: true,
        bounds: (-15.0, 100.0),
        kind: Kind::Scale,
    },
    constant(),
    exponent("β", "how fast loss falls with data once past the shallow phase", (0.0, 4.0)),
];

pub fn loss(theta: &[f64], row: &Row) -> f64 {
    let (bend, power) = (theta[1], theta[3] * row.ln_d);
    // By the larger of the two, so that neither overflows.
    amount(theta[0] - bend.max(power)) / (1.0 + (-(bend - power).abs()).exp()) + theta[2]
}

/// The range of v: D_l must stay a finite number.
pub const SHARE: (f64, f64) = (1e-18, 1.0 - 1e-12);

/// From (ln B, ln D_l, E, β) to (ln C, v, E, β), about `centre` = ln D̄.
pub fn inward(theta: &Vector, centre: f64) -> Vector {
    let denominator = log_sum(theta[1], theta[3] * centre);
    let share = (theta[1] - denominator).exp();
    [theta[0] - denominator, share, theta[2], theta[3], 0.0, 0.0, 0.0, 0.0]
}

pub fn outward(theta: &Vector, centre: f64) -> Vector {
    let power = theta[3] * centre - (-theta[1]).ln_1p();
    [theta[0] + power, theta[1].ln() + power, theta[2], theta[3], 0.0, 0.0, 0.0, 0.0]
}

/// The chain rule through [`inward`] at `theta`.
pub fn gradient_outward(gradient: &Vector, theta: &Vector, centre: f64) -> Vector {
    let v = inward(theta, centre)[1];
    let [c, share, e, beta, ..] = *gradient;
    let of_bend = v * (1.0 - v) * share;
    [c, of_bend - v * c, e, beta - centre * ((1.0 - v) * c + of_bend), 0.0, 0.0, 0.0, 0.0]
}

pub fn held_loss(theta: &[f64], row: &Row) -> f64 {
    let denominator = theta[1] + (1.0 - theta[1]) * (theta[3] * row.from_centre).exp();
    amount(theta[0]) / denominator + theta[2]
}

pub fn jet(theta: &[f64], row: &Row, jet: &mut Jet) {
    let (v, t) = (theta[1], row.from_centre);
    let z = (theta[3] * t).exp();
    let w = v + (1.0 - v) * z;
    // u = ln C − ln w: ∂w/∂v = 1 − z, ∂w/∂β = (1−v)·z·t.
    let (dv, db) = ((1.0 - z) / w, (1.0 - v) * z * t / w);
    let above = amount(theta[0]) / w;
    let p = sum_jet([(above, [1.0, -dv, 0.0, -db, 0.0, 0.0, 0.0, 0.0])], theta[2], Some(2), 4, jet);
    // The curvature of −ln w itself.
    jet.hessian[1][1] += p * dv * dv;
    jet.hessian[3][1] += p * (z * t / w + dv * db);
    jet.hessian[3][3] -= p * (db * t - db * db);
}
