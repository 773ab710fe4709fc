//! L = A·X^−α + B·D^−β + E. With X the model's parameters and D its training tokens this is the Chinchilla law
//! (Hoffmann et al. 2022, arXiv 2203.15556; refitted by Besiroglu et al. 2024, arXiv 2404.10102); in fine-tuning it
//! is the rival of the multiplicative law (Zhang et al. 2024, arXiv 2402.17193).

use super::*;
use crate::laws::fit::starting_values::{Grid, StartingValue, ln};

pub struct Additive;

impl Form for Additive {
    const CARD: LawCard = LawCard {
        name: "additive",
        aliases: &["chinchilla"],
        title: "Additive joint law (Chinchilla)",
        formula: "L = A·X^−α + B·D^−β + E",
        explanation: "Too small a model and too little data each add their own loss, and neither makes up for the other. With pretraining tokens as data it is the law that sets the compute-optimal model size.",
        citation: "Hoffmann et al. 2022, Training Compute-Optimal Large Language Models",
        url: "https://arxiv.org/abs/2203.15556",
        parameters: &[
            scale("A", "scale of the part that the second factor removes"),
            scale("B", "scale of the part that data removes"),
            constant(),
            exponent("α", "how fast loss falls with the second factor", (0.0, 3.0)),
            exponent("β", "how fast loss falls with data", (0.0, 3.0)),
        ],
        needs: &[Column::SecondFactor],
        most_factors: 1,
        tried_from_sizes: Some(0),
        units: "",
        scale_free: false,
    };
    #[cfg(test)]
    const PROBES: &'static [&'static [f64]] = &[&[5.0, 4.0, 1.4, 0.3, 0.35]];

    fn loss(theta: &[f64], row: &Row) -> f64 {
        let [a, b] = terms(theta, row);
        amount(a) + amount(b) + theta[2]
    }

    fn jet(theta: &[f64], row: &Row, jet: &mut Jet) {
        let [a, b] = terms(theta, row);
        let of_a = [1.0, 0.0, 0.0, -row.ln_n, 0.0, 0.0, 0.0, 0.0];
        let of_b = [0.0, 1.0, 0.0, 0.0, -row.ln_d, 0.0, 0.0, 0.0];
        sum_jet([(amount(a), of_a), (amount(b), of_b)], theta[2], Some(2), 5, jet);
    }

    fn in_given(theta: &Vector, units: &Units) -> Vector {
        let mut given = *theta;
        given[0] += units.ln_loss + theta[3] * units.ln_n[0];
        given[1] += units.ln_loss + theta[4] * units.ln_d;
        given[2] *= units.ln_loss.exp();
        given
    }

    fn starts(grid: &Grid) -> Vec<StartingValue> {
        let mut found = Vec::new();
        for (i, &alpha) in grid.alphas.iter().enumerate() {
            for (j, &beta) in grid.betas.iter().step_by(2).enumerate() {
                let basis =
                    |r: &Row| [(-alpha * (r.ln_n - grid.ln_n)).exp(), (-beta * (r.ln_d - grid.ln_d)).exp(), 1.0];
                let theta = |c: [f64; 3]| {
                    padded(&[ln(c[0]) + alpha * grid.ln_n, ln(c[1]) + beta * grid.ln_d, c[2], alpha, beta])
                };
                let (error, c) = grid.amounts(basis, 3, 0.0);
                found.push(StartingValue { error, theta: theta(c), cell: [i, j, 0] });
            }
        }
        found
    }
}

fn terms(theta: &[f64], row: &Row) -> [f64; 2] {
    [theta[0] - theta[3] * row.ln_n, theta[1] - theta[4] * row.ln_d]
}
