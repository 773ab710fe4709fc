//! L = B·D^−β + E (Kaplan et al. 2020, arXiv 2001.08361; Rosenfeld et al. 2020, arXiv 1909.12673).

use super::super::point::Row;
use super::*;

pub const PARAMETERS: [ParameterInfo; 3] = [
    scale("B", "loss above E at one unit of data"),
    constant(),
    exponent("β", "how fast the loss above E falls with data", (0.0, 3.0)),
];

pub fn ln_loss(theta: &[f64], row: &Row) -> f64 {
    log_sum(theta[0] - theta[2] * row.ln_d, theta[1]).0
}

pub fn jet(theta: &[f64], row: &Row, jet: &mut Jet) {
    let (value, p) = log_sum(theta[0] - theta[2] * row.ln_d, theta[1]);
    let (q, x) = (1.0 - p, row.ln_d);
    jet.value = value;
    jet.gradient[..3].copy_from_slice(&[p, q, -p * x]);
    let s = p * q;
    jet.hessian[0][..3].copy_from_slice(&[s, -s, -s * x]);
    jet.hessian[1][..3].copy_from_slice(&[-s, s, s * x]);
    jet.hessian[2][..3].copy_from_slice(&[-s * x, s * x, s * x * x]);
}
