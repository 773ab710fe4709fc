//! The laws themselves, one file each: formula, source, parameters with bounds, and ln L̂ with its first and second
//! derivatives. Everything else in [`laws`](super) is the same for every law.
//!
//! A law is fitted on ln L. Most laws are a sum of positive terms, so that ln L̂ is a logarithm of a sum of
//! exponentials of terms that are linear in the parameters; amounts (A, B, E …) are held as logarithms.

pub(crate) mod additive;
pub(crate) mod multiplicative;
pub(crate) mod power;
pub(crate) mod power_constant;
pub(crate) mod rectified;
pub(crate) mod repeated;
pub(crate) mod shared;

/// The most parameters of any law: a shared β and E with A and α for three factors.
pub const MAX: usize = 8;
/// Parameters, gradient; only the law's first entries count.
pub(crate) type Vector = [f64; MAX];
pub(crate) type Matrix = [[f64; MAX]; MAX];

/// ln L̂ at one row with its gradient and Hessian in the parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jet {
    pub value: f64,
    pub gradient: Vector,
    pub hessian: Matrix,
}

impl Jet {
    pub const ZERO: Jet = Jet { value: 0.0, gradient: [0.0; MAX], hessian: [[0.0; MAX]; MAX] };
}

/// What one parameter is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterInfo {
    pub symbol: &'static str,
    pub meaning: &'static str,
    /// Held as a logarithm while fitting.
    pub logarithmic: bool,
    /// Range of what is held (of the logarithm, for a logarithmic one).
    pub bounds: (f64, f64),
    /// Whether the upper bound is a real answer's edge, or only there to stop a runaway.
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Scale,
    Constant,
    Exponent,
}

pub(crate) const fn scale(symbol: &'static str, meaning: &'static str) -> ParameterInfo {
    ParameterInfo { symbol, meaning, logarithmic: true, bounds: (-60.0, 200.0), kind: Kind::Scale }
}

/// The constant E. Its range moves with the losses' own scale, see `Law::bounds`.
pub(crate) const fn constant() -> ParameterInfo {
    let meaning = "loss that remains with unlimited data";
    ParameterInfo { symbol: "E", meaning, logarithmic: true, bounds: (-20.0, 3.0), kind: Kind::Constant }
}

pub(crate) const fn exponent(symbol: &'static str, meaning: &'static str, bounds: (f64, f64)) -> ParameterInfo {
    ParameterInfo { symbol, meaning, logarithmic: false, bounds, kind: Kind::Exponent }
}

/// ln(e^a + e^b) and the first term's share.
#[inline]
pub(crate) fn log_sum(a: f64, b: f64) -> (f64, f64) {
    if a >= b {
        let e = (b - a).exp();
        (a + e.ln_1p(), 1.0 / (1.0 + e))
    } else {
        let e = (a - b).exp();
        (b + e.ln_1p(), e / (1.0 + e))
    }
}

/// Fills a jet for ln Σ e^{u_t}, each `u_t` linear with the gradient given: Σp·a, and Σp·a·aᵀ − (Σp·a)(Σp·a)ᵀ.
#[inline]
pub(crate) fn linear_terms<const T: usize>(terms: [(f64, Vector); T], count: usize, jet: &mut Jet) {
    let top = terms.iter().fold(f64::NEG_INFINITY, |top, term| top.max(term.0));
    let mut share = [0.0; T];
    let mut total = 0.0;
    for (p, term) in share.iter_mut().zip(&terms) {
        *p = (term.0 - top).exp();
        total += *p;
    }
    jet.value = top + total.ln();
    for i in 0..count {
        jet.gradient[i] = share.iter().zip(&terms).map(|(p, term)| p * term.1[i]).sum::<f64>() / total;
    }
    for i in 0..count {
        for j in 0..=i {
            let second: f64 = share.iter().zip(&terms).map(|(p, term)| p * term.1[i] * term.1[j]).sum();
            let value = second / total - jet.gradient[i] * jet.gradient[j];
            jet.hessian[i][j] = value;
            jet.hessian[j][i] = value;
        }
    }
}
