//! L = B·D^−β + E (Kaplan et al. 2020, arXiv 2001.08361; Rosenfeld et al. 2020, arXiv 1909.12673).

use super::*;
use crate::laws::fit::starting_values::{Grid, StartingValue, ln};

pub struct PowerConstant;

impl Form for PowerConstant {
    const CARD: LawCard = LawCard {
        name: "power-constant",
        aliases: &["power-e", "power3", "vanilla"],
        title: "Power law with a constant",
        formula: "L = B·D^−β + E",
        explanation: "Every doubling cuts the loss above a floor E by the same share. The floor stands for what no amount of this data can teach; most small experiments cannot tell where it is.",
        citation: "Rosenfeld et al. 2020, A Constructive Prediction of the Generalization Error Across Scales",
        url: "https://arxiv.org/abs/1909.12673",
        parameters: &[
            scale("B", "loss above E at one unit of data"),
            constant(),
            exponent("β", "how fast the loss above E falls with data", (0.0, 3.0)),
        ],
        needs: &[],
        most_factors: 1,
        tried_from_sizes: Some(0),
        units: "",
        scale_free: false,
    };
    #[cfg(test)]
    const PROBES: &'static [&'static [f64]] = &[&[1.4, 0.4, 0.1], &[9.0, 0.2, 1.9]];

    fn loss(theta: &[f64], row: &Row) -> f64 {
        amount(theta[0] - theta[2] * row.ln_d) + theta[1]
    }

    fn jet(theta: &[f64], row: &Row, jet: &mut Jet) {
        let u = theta[0] - theta[2] * row.ln_d;
        sum_jet([(amount(u), [1.0, 0.0, -row.ln_d, 0.0, 0.0, 0.0, 0.0, 0.0])], theta[1], Some(1), 3, jet);
    }

    fn in_given(theta: &Vector, units: &Units) -> Vector {
        let mut given = *theta;
        given[0] += units.ln_loss + theta[2] * units.ln_d;
        given[1] *= units.ln_loss.exp();
        given
    }

    fn starts(grid: &Grid) -> Vec<StartingValue> {
        let mut found = Vec::new();
        for (i, &beta) in grid.betas.iter().enumerate() {
            let basis = |r: &Row| [(-beta * (r.ln_d - grid.ln_d)).exp(), 1.0, 0.0];
            grid.both_ways(basis, &mut found, [i, 0, 0], |c| padded(&[ln(c[0]) + beta * grid.ln_d, c[1], beta]));
        }
        found
    }
}
