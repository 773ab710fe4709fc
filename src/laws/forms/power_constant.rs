//! L = B·D^−β + E (Kaplan et al. 2020, arXiv 2001.08361; Rosenfeld et al. 2020, arXiv 1909.12673).

use super::super::point::Row;
use super::*;

pub const PARAMETERS: [ParameterInfo; 3] = [
    scale("B", "loss above E at one unit of data"),
    constant(),
    exponent("β", "how fast the loss above E falls with data", (0.0, 3.0)),
];

pub fn loss(theta: &[f64], row: &Row) -> f64 {
    amount(theta[0] - theta[2] * row.ln_d) + theta[1]
}

pub fn jet(theta: &[f64], row: &Row, jet: &mut Jet) {
    let u = theta[0] - theta[2] * row.ln_d;
    sum_jet([(amount(u), [1.0, 0.0, -row.ln_d, 0.0, 0.0, 0.0, 0.0, 0.0])], theta[1], Some(1), 3, jet);
}
