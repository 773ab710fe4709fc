//! L = B/(D_l + D^β) + E (Lin et al. 2024, "Selecting Large Language Model to Fine-tune via Rectified Scaling Law",
//! arXiv 2402.02314): D_l stands for what pretraining already taught, so the curve is shallow until D^β outgrows it.

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

pub fn ln_loss(theta: &[f64], row: &Row) -> f64 {
    let (denominator, _) = log_sum(theta[1], theta[3] * row.ln_d);
    log_sum(theta[0] - denominator, theta[2]).0
}

pub fn jet(theta: &[f64], row: &Row, jet: &mut Jet) {
    let x = row.ln_d;
    let (denominator, l) = log_sum(theta[1], theta[3] * x);
    let r = 1.0 - l;
    let (value, p) = log_sum(theta[0] - denominator, theta[2]);
    let q = 1.0 - p;
    jet.value = value;
    // u = ln B − ln(D_l + D^β); its gradient, then that of u − ln E.
    let gradient = [1.0, -l, 0.0, -r * x];
    let difference = [1.0, -l, -1.0, -r * x];
    jet.gradient[..4].copy_from_slice(&gradient.map(|slope| p * slope));
    jet.gradient[2] = q;
    for i in 0..4 {
        for j in 0..4 {
            jet.hessian[i][j] = p * q * difference[i] * difference[j];
        }
    }
    // The curvature of −ln(D_l + D^β) itself.
    let s = p * l * r;
    jet.hessian[1][1] -= s;
    jet.hessian[1][3] += s * x;
    jet.hessian[3][1] += s * x;
    jet.hessian[3][3] -= s * x * x;
}
