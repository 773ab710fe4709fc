//! Zhang's joint fit over several factors: L = A_f·X_f^−α_f·D^−β + E with β and E shared by all factors (model size,
//! pretraining tokens, tuned parameters), A and α each factor's own (Zhang et al. 2024, arXiv 2402.17193, section 4).
//!
//! Parameters: β, E, then ln A and α of each factor. A row says which factor it varies.

use super::super::point::Row;
use super::*;

pub const PARAMETERS: [ParameterInfo; 8] = [
    exponent("β", "how fast loss falls with data, for every factor", (0.0, 3.0)),
    constant(),
    scale("A_1", "scale for the first factor"),
    exponent("α_1", "how fast loss falls with the first factor", (-1.0, 3.0)),
    scale("A_2", "scale for the second factor"),
    exponent("α_2", "how fast loss falls with the second factor", (-1.0, 3.0)),
    scale("A_3", "scale for the third factor"),
    exponent("α_3", "how fast loss falls with the third factor", (-1.0, 3.0)),
];

pub fn loss(theta: &[f64], row: &Row) -> f64 {
    let at = 2 + 2 * row.factor;
    amount(theta[at] - theta[at + 1] * row.ln_n - theta[0] * row.ln_d) + theta[1]
}

pub fn jet(theta: &[f64], row: &Row, jet: &mut Jet) {
    let at = 2 + 2 * row.factor;
    let mut of_u = [0.0; MAX];
    of_u[0] = -row.ln_d;
    of_u[at] = 1.0;
    of_u[at + 1] = -row.ln_n;
    let u = theta[at] - theta[at + 1] * row.ln_n - theta[0] * row.ln_d;
    sum_jet([(amount(u), of_u)], theta[1], Some(1), MAX, jet);
}
