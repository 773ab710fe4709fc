//! L = A·X^−α·D^−β + E, X a second factor: model size, pretraining tokens or tuned parameters (Zhang et al. 2024,
//! "When Scaling Meets LLM Finetuning", arXiv 2402.17193, equation 1).

use super::*;
use crate::laws::fit::starting_values::{Grid, StartingValue, ln};

pub struct Multiplicative;

impl Form for Multiplicative {
    const CARD: LawCard = LawCard {
        name: "multiplicative",
        aliases: &[],
        title: "Multiplicative joint law",
        formula: "L = A·X^−α·D^−β + E",
        explanation: "Data and a second factor, such as model size, multiply: each makes the other more useful. In fine-tuning it often predicts better than the additive law, but not on every task.",
        citation: "Zhang et al. 2024, When Scaling Meets LLM Finetuning",
        url: "https://arxiv.org/abs/2402.17193",
        parameters: &[
            scale("A", "loss above E at one unit of both"),
            constant(),
            exponent("α", "how fast loss falls with the second factor", (-1.0, 3.0)),
            exponent("β", "how fast loss falls with data", (0.0, 3.0)),
        ],
        needs: &[Column::SecondFactor],
        most_factors: 1,
        tried_from_sizes: Some(0),
        units: "",
        scale_free: false,
    };
    #[cfg(test)]
    const PROBES: &'static [&'static [f64]] = &[&[4.0, 0.5, 0.1, 0.2]];

    fn loss(theta: &[f64], row: &Row) -> f64 {
        amount(theta[0] - theta[2] * row.ln_n - theta[3] * row.ln_d) + theta[1]
    }

    fn jet(theta: &[f64], row: &Row, jet: &mut Jet) {
        let u = theta[0] - theta[2] * row.ln_n - theta[3] * row.ln_d;
        sum_jet([(amount(u), [1.0, 0.0, -row.ln_n, -row.ln_d, 0.0, 0.0, 0.0, 0.0])], theta[1], Some(1), 4, jet);
    }

    /// Section 5 of the paper.
    fn critical(first: &[f64], second: &[f64]) -> Option<(f64, f64)> {
        let steeper = first[3] - second[3];
        (steeper.abs() > 1e-9).then(|| ((first[0] - second[0]) / steeper, (second[2] - first[2]) / steeper))
    }

    fn in_given(theta: &Vector, units: &Units) -> Vector {
        let mut given = *theta;
        given[0] += units.ln_loss + theta[2] * units.ln_n[0] + theta[3] * units.ln_d;
        given[1] *= units.ln_loss.exp();
        given
    }

    fn starts(grid: &Grid) -> Vec<StartingValue> {
        let mut found = Vec::new();
        for (i, &alpha) in grid.alphas.iter().chain(&[0.0]).enumerate() {
            for (j, &beta) in grid.betas.iter().step_by(2).enumerate() {
                let basis = |r: &Row| [(-alpha * (r.ln_n - grid.ln_n) - beta * (r.ln_d - grid.ln_d)).exp(), 1.0, 0.0];
                grid.both_ways(basis, &mut found, [i, j, 0], |c| {
                    padded(&[ln(c[0]) + alpha * grid.ln_n + beta * grid.ln_d, c[1], alpha, beta])
                });
            }
        }
        found
    }
}
