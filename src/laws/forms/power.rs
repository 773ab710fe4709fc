//! L = B·D^−β: a straight line on log-log axes (Hestness et al. 2017, arXiv 1712.00409).

use super::super::point::Row;
use super::*;

pub const PARAMETERS: [ParameterInfo; 2] =
    [scale("B", "loss at one unit of data"), exponent("β", "how fast loss falls with data", (0.0, 3.0))];

pub fn ln_loss(theta: &[f64], row: &Row) -> f64 {
    theta[0] - theta[1] * row.ln_d
}

pub fn jet(theta: &[f64], row: &Row, jet: &mut Jet) {
    jet.value = ln_loss(theta, row);
    jet.gradient[0] = 1.0;
    jet.gradient[1] = -row.ln_d;
}
