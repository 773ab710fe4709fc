//! ln L̂ with its first and second derivatives, and how those of a sum of powers come about.

use super::MAX;

/// Parameters, gradient; only the law's first entries count.
pub(crate) type Vector = [f64; MAX];
pub(crate) type Matrix = [[f64; MAX]; MAX];

/// A law's parameters with zeros behind them.
pub(crate) fn padded(values: &[f64]) -> Vector {
    let mut theta = [0.0; MAX];
    theta[..values.len()].copy_from_slice(values);
    theta
}

/// ln L̂ at one row with its gradient and the lower half of its Hessian in the parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jet {
    pub value: f64,
    pub gradient: Vector,
    pub hessian: Matrix,
}

impl Jet {
    pub const ZERO: Jet = Jet { value: 0.0, gradient: [0.0; MAX], hessian: [[0.0; MAX]; MAX] };
}

/// ln(e^a + e^b), never overflowing.
#[inline]
pub(crate) fn log_sum(a: f64, b: f64) -> f64 {
    a.max(b) + (-(a - b).abs()).exp().ln_1p()
}

/// Terms beyond e^600 are not losses; cut there, sums of a few stay finite.
const TOP: f64 = 600.0;

#[inline]
pub(crate) fn amount(term: f64) -> f64 {
    term.min(TOP).exp()
}

/// Fills a jet for ln(Σ e^u + E): each term comes as e^u with the gradient of u, u linear in the parameters; E is parameter
/// `at`, or fixed where that is none. With shares p and G = Σp·∇u: gradient G, Hessian Σp·∇u∇uᵀ − GGᵀ, and for E
/// 1/L̂, −G/L̂, −1/L̂². Returns the first term's share.
#[inline]
pub(crate) fn sum_jet<const T: usize>(
    terms: [(f64, Vector); T],
    constant: f64,
    at: Option<usize>,
    count: usize,
    jet: &mut Jet,
) -> f64 {
    let amounts = terms.map(|term| term.0);
    let total = amounts.iter().sum::<f64>() + constant;
    let inverse = 1.0 / total;
    jet.value = total.ln();
    let share = amounts.map(|amount| amount * inverse);
    for i in 0..count {
        jet.gradient[i] = share.iter().zip(&terms).map(|(p, term)| p * term.1[i]).sum::<f64>();
        for j in 0..=i {
            let second: f64 = share.iter().zip(&terms).map(|(p, term)| p * term.1[i] * term.1[j]).sum();
            jet.hessian[i][j] = second - jet.gradient[i] * jet.gradient[j];
        }
    }
    if let Some(at) = at {
        for i in 0..count {
            jet.hessian[at.max(i)][at.min(i)] = -jet.gradient[i] * inverse;
        }
        jet.gradient[at] = inverse;
        jet.hessian[at][at] = -inverse * inverse;
    }
    share[0]
}
