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

fn terms(theta: &[f64], row: &Row) -> [f64; 3] {
    [theta[0] - theta[3] * row.ln_n, theta[1] - theta[4] * row.ln_d, theta[2]]
}

pub fn ln_loss(theta: &[f64], row: &Row) -> f64 {
    let u = terms(theta, row);
    let top = u[0].max(u[1]).max(u[2]);
    top + u.iter().map(|u| (u - top).exp()).sum::<f64>().ln()
}

pub fn jet(theta: &[f64], row: &Row, jet: &mut Jet) {
    let u = terms(theta, row);
    let (x, y) = (row.ln_n, row.ln_d);
    let a = [1.0, 0.0, 0.0, -x, 0.0, 0.0, 0.0, 0.0];
    let b = [0.0, 1.0, 0.0, 0.0, -y, 0.0, 0.0, 0.0];
    let e = [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    linear_terms([(u[0], a), (u[1], b), (u[2], e)], 5, jet);
}
