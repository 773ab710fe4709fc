//! L = B·D^−β: a straight line on log-log axes (Hestness et al. 2017, arXiv 1712.00409).

use super::*;
use crate::laws::fit::starting_values::{Grid, StartingValue};

pub struct Power;

impl Form for Power {
    const CARD: LawCard = LawCard {
        name: "power",
        aliases: &[],
        title: "Power law",
        formula: "L = B·D^−β",
        explanation: "Every doubling of the data cuts the loss by the same share. It is a straight line when both axes are logarithmic.",
        citation: "Hestness et al. 2017, Deep Learning Scaling is Predictable, Empirically",
        url: "https://arxiv.org/abs/1712.00409",
        parameters: &[
            scale("B", "loss at one unit of data"),
            exponent("β", "how fast loss falls with data", (0.0, 3.0)),
        ],
        needs: &[],
        most_factors: 1,
        tried_from_sizes: Some(0),
        units: "",
        scale_free: true,
    };
    #[cfg(test)]
    const PROBES: &'static [&'static [f64]] = &[&[1.2, 0.3]];

    fn loss(theta: &[f64], row: &Row) -> f64 {
        amount(Self::ln_loss(theta, row))
    }

    fn ln_loss(theta: &[f64], row: &Row) -> f64 {
        theta[0] - theta[1] * row.ln_d
    }

    fn jet(theta: &[f64], row: &Row, jet: &mut Jet) {
        jet.value = Self::ln_loss(theta, row);
        jet.gradient[0] = 1.0;
        jet.gradient[1] = -row.ln_d;
    }

    fn in_given(theta: &Vector, units: &Units) -> Vector {
        let mut given = *theta;
        given[0] += units.ln_loss + theta[1] * units.ln_d;
        given
    }

    /// ln L is linear in ln D: ordinary least squares.
    fn starts(grid: &Grid) -> Vec<StartingValue> {
        let mean_loss = grid.rows.iter().map(|r| r.ln_loss).sum::<f64>() / grid.rows.len() as f64;
        let (mut xx, mut xy) = (0.0, 0.0);
        for r in grid.rows {
            xx += (r.ln_d - grid.ln_d).powi(2);
            xy += (r.ln_d - grid.ln_d) * (r.ln_loss - mean_loss);
        }
        let beta = if xx > 0.0 { (-xy / xx).clamp(0.0, 3.0) } else { 0.0 };
        vec![StartingValue { error: 0.0, theta: padded(&[mean_loss + beta * grid.ln_d, beta]), cell: [0; 3] }]
    }
}
