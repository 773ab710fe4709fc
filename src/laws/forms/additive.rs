//! L = A·X^−α + B·D^−β + E. With X the model's parameters and D its training tokens this is the Chinchilla law
//! (Hoffmann et al. 2022, arXiv 2203.15556; refitted by Besiroglu et al. 2024, arXiv 2404.10102); in fine-tuning it
//! is the rival of the multiplicative law (Zhang et al. 2024, arXiv 2402.17193).

use super::super::point::Row;
use super::*;

pub const PARAMETERS: [ParameterInfo; 5] = [
    scale("A", "scale of the part that the second factor removes"),
    scale("B", "scale of the part that data removes"),
    constant(),
    exponent("α", "how fast loss falls with the second factor", (0.0, 3.0)),
    exponent("β", "how fast loss falls with data", (0.0, 3.0)),
];

fn terms(theta: &[f64], row: &Row) -> [f64; 2] {
    [theta[0] - theta[3] * row.ln_n, theta[1] - theta[4] * row.ln_d]
}

pub fn loss(theta: &[f64], row: &Row) -> f64 {
    let [a, b] = terms(theta, row);
    amount(a) + amount(b) + theta[2]
}

pub fn jet(theta: &[f64], row: &Row, jet: &mut Jet) {
    let [a, b] = terms(theta, row);
    let of_a = [1.0, 0.0, 0.0, -row.ln_n, 0.0, 0.0, 0.0, 0.0];
    let of_b = [0.0, 1.0, 0.0, 0.0, -row.ln_d, 0.0, 0.0, 0.0];
    sum_jet([(amount(a), of_a), (amount(b), of_b)], theta[2], Some(2), 5, jet);
}
