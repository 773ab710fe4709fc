//! L = A·X^−α·D^−β + E, X a second factor: model size, pretraining tokens or tuned parameters (Zhang et al. 2024,
//! "When Scaling Meets LLM Finetuning", arXiv 2402.17193, equation 1).

use super::super::point::Row;
use super::*;

pub const PARAMETERS: [ParameterInfo; 4] = [
    scale("A", "loss above E at one unit of both"),
    constant(),
    exponent("α", "how fast loss falls with the second factor", (-1.0, 3.0)),
    exponent("β", "how fast loss falls with data", (0.0, 3.0)),
];

pub fn ln_loss(theta: &[f64], row: &Row) -> f64 {
    log_sum(theta[0] - theta[2] * row.ln_n - theta[3] * row.ln_d, theta[1]).0
}

pub fn jet(theta: &[f64], row: &Row, jet: &mut Jet) {
    let (x, y) = (row.ln_n, row.ln_d);
    let (value, p) = log_sum(theta[0] - theta[2] * x - theta[3] * y, theta[1]);
    let q = 1.0 - p;
    jet.value = value;
    jet.gradient[..4].copy_from_slice(&[p, q, -p * x, -p * y]);
    let difference = [1.0, -1.0, -x, -y];
    for i in 0..4 {
        for j in 0..4 {
            jet.hessian[i][j] = p * q * difference[i] * difference[j];
        }
    }
}
