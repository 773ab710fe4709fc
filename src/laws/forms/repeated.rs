//! Repeated data: L = E + A/N′^α + B/D′^β, where data seen again counts less and less,
//! D′ = U + U·R*_D·(1 − e^(−R/R*_D)) with R = D/U − 1, and excess parameters likewise (Muennighoff et al. 2023,
//! "Scaling Data-Constrained Language Models", arXiv 2305.16264, equation 5 and appendix A).
//!
//! A, B, E and α = β are the paper's, fitted there to runs without repetition; R*_D and R*_N are free.

use super::*;
use crate::laws::fit::starting_values::{Grid, StartingValue};

pub struct Repeated;

impl Form for Repeated {
    const CARD: LawCard = LawCard {
        name: "repeated",
        aliases: &[],
        title: "Repeated data",
        formula: "L = E + A/N′^α + B/D′^β, D′ = U + U·R*·(1 − e^(−R/R*))",
        explanation: "Data seen again teaches less each time. Up to about four passes are nearly as good as fresh data; after R* passes more add little.",
        citation: "Muennighoff et al. 2023, Scaling Data-Constrained Language Models",
        url: "https://arxiv.org/abs/2305.16264",
        parameters: &[
            ParameterInfo {
                symbol: "R*_D",
                meaning: "repetitions after which more epochs add little",
                logarithmic: true,
                bounds: (-5.0, 12.0),
                kind: Kind::Scale,
            },
            ParameterInfo {
                symbol: "R*_N",
                meaning: "the same for parameters beyond what the distinct data can use",
                logarithmic: true,
                bounds: (-5.0, 12.0),
                kind: Kind::Scale,
            },
        ],
        needs: &[Column::SecondFactor, Column::DistinctData],
        most_factors: 1,
        tried_from_sizes: None,
        units: "losses in nats per token, data in tokens and model size in parameters",
        scale_free: false,
    };
    /// Two parameters, many small valleys, and no exponent to walk along; the smooth valley is not the narrow one's.
    const SEARCH: Search = Search { starts: Some(16), wide_first: false };
    #[cfg(test)]
    const PROBES: &'static [&'static [f64]] = &[&[2.7, 1.6]];

    fn loss(theta: &[f64], row: &Row) -> f64 {
        let [a, b] = terms(&parts(theta, row));
        amount(a) + amount(b) + LN_E.exp()
    }

    fn jet(theta: &[f64], row: &Row, jet: &mut Jet) {
        let parts = parts(theta, row);
        let [a, b] = terms(&parts);
        let mut of_a = [0.0; MAX];
        let mut of_b = [0.0; MAX];
        of_a[1] = -EXPONENT * parts.n.1;
        of_b[0] = -EXPONENT * parts.d.1;
        sum_jet([(amount(a), of_a), (amount(b), of_b)], LN_E.exp(), None, 2, jet);
        // The terms themselves curve in ln R*.
        jet.hessian[1][1] -= (a - jet.value).exp() * EXPONENT * parts.n.2;
        jet.hessian[0][0] -= (b - jet.value).exp() * EXPONENT * parts.d.2;
    }

    /// The paper's constants are in nats, tokens and parameters: there are no other units for it.
    fn units(_rows: &[Row]) -> Units {
        Units::GIVEN
    }

    fn in_given(theta: &Vector, _units: &Units) -> Vector {
        *theta
    }

    fn starts(grid: &Grid) -> Vec<StartingValue> {
        let mut found = Vec::new();
        for i in 0..12 {
            for j in 0..12 {
                let theta = padded(&[-1.0 + 0.6 * i as f64, -1.0 + 0.6 * j as f64]);
                let error = grid.rows.iter().map(|r| (Self::ln_loss(&theta, r) - r.ln_loss).powi(2)).sum();
                found.push(StartingValue { error, theta, cell: [i, j, 0] });
            }
        }
        found
    }
}

const LN_A: f64 = 6.255414;
const LN_B: f64 = 7.3049974;
const LN_E: f64 = 0.6254804;
const EXPONENT: f64 = 0.3526596;

/// Parameters that suit `unique` tokens best: with α = β, N = G²·D where G = (A/B)^(1/2α).
fn suited_parameters(unique: f64) -> f64 {
    ((LN_A - LN_B) / EXPONENT).exp() * unique
}

/// ln of what an amount repeated `excess` times is worth, per unit of the amount: ln(1 + s·(1 − e^(−R/s))), with its
/// first and second derivative in ln s.
fn worth(excess: f64, ln_s: f64) -> (f64, f64, f64) {
    if excess <= 0.0 {
        return (0.0, 0.0, 0.0);
    }
    let s = ln_s.exp();
    let t = excess / s;
    let decay = (-t).exp();
    // w = 1 + s(1 − e^(−t)); with s' = s, t' = −t in ln s: w' = s(1 − e^(−t)) − s·t·e^(−t).
    let kept = -(-t).exp_m1();
    let w = 1.0 + s * kept;
    let first = s * (kept - t * decay);
    let second = first - s * t * t * decay;
    (w.ln(), first / w, second / w - (first / w).powi(2))
}

struct Parts {
    n: (f64, f64, f64),
    d: (f64, f64, f64),
    ln_un: f64,
    ln_u: f64,
}

fn parts(theta: &[f64], row: &Row) -> Parts {
    let unique = row.unique.min(row.d);
    // Without a size there is no loss: not a number, as `ln_n` is for the other laws.
    let n = row.n.unwrap_or(f64::NAN);
    let suited = if n.is_nan() { n } else { suited_parameters(unique).min(n) };
    Parts {
        n: worth(n / suited - 1.0, theta[1]),
        d: worth(row.d / unique - 1.0, theta[0]),
        ln_un: suited.ln(),
        ln_u: unique.ln(),
    }
}

fn terms(parts: &Parts) -> [f64; 2] {
    [LN_A - EXPONENT * (parts.ln_un + parts.n.0), LN_B - EXPONENT * (parts.ln_u + parts.d.0)]
}
