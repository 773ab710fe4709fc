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

pub fn loss(theta: &[f64], row: &Row) -> f64 {
    amount(theta[0] - theta[2] * row.ln_n - theta[3] * row.ln_d) + theta[1]
}

pub fn jet(theta: &[f64], row: &Row, jet: &mut Jet) {
    let u = theta[0] - theta[2] * row.ln_n - theta[3] * row.ln_d;
    sum_jet([(amount(u), [1.0, 0.0, -row.ln_n, -row.ln_d, 0.0, 0.0, 0.0, 0.0])], theta[1], Some(1), 4, jet);
}
