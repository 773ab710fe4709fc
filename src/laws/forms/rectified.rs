//! L = B/(D_l + D^β) + E (Lin et al. 2024, "Selecting Large Language Model to Fine-tune via Rectified Scaling Law",
//! arXiv 2402.02314): D_l stands for what pretraining already taught, so the curve is shallow until D^β outgrows it.
//!
//! While fitting, the working form is L = C/(v + (1−v)·(D/D̄)^β) + E about the centre D̄ of the sizes: C is the loss
//! above E at D̄, and v from 0 (a plain power law) to 1 (still flat) says how much of the denominator D_l is there.
//! Without a shallow phase, ln D_l would creep towards −∞ for hundreds of steps; v reaches 0 in a few.

use super::*;
use crate::laws::fit::starting_values::{Grid, StartingValue, ln};

pub struct Rectified;

impl Form for Rectified {
    const CARD: LawCard = LawCard {
        name: "rectified",
        aliases: &[],
        title: "Rectified law",
        formula: "L = B/(D_l + D^β) + E",
        explanation: "A pretrained model already knows part of the task, so the first examples change little and the curve starts shallow. Once the new data outweighs what was known (D_l), the loss falls as a power law.",
        citation: "Lin et al. 2024, Selecting Large Language Model to Fine-tune via Rectified Scaling Law",
        url: "https://arxiv.org/abs/2402.02314",
        parameters: &[
            scale("B", "scale of the loss above E"),
            ParameterInfo {
                symbol: "D_l",
                meaning: "pre-learned data, in units of D^β: below it the curve is shallow",
                logarithmic: true,
                bounds: (-15.0, 100.0),
                kind: Kind::Scale,
            },
            constant(),
            exponent("β", "how fast loss falls with data once past the shallow phase", (0.0, 4.0)),
        ],
        needs: &[],
        most_factors: 1,
        // It bends before it falls: it takes seven sizes to see both.
        tried_from_sizes: Some(7),
        units: "",
        scale_free: false,
    };
    #[cfg(test)]
    const PROBES: &'static [&'static [f64]] = &[&[1.4, 0.3, 1.0, 0.27], &[1.0, 0.98, 1.5, 3.0]];

    fn loss(theta: &[f64], row: &Row) -> f64 {
        let (bend, power) = (theta[1], theta[3] * row.ln_d);
        // By the larger of the two, so that neither overflows.
        amount(theta[0] - bend.max(power)) / (1.0 + (-(bend - power).abs()).exp()) + theta[2]
    }

    fn jet(theta: &[f64], row: &Row, jet: &mut Jet) {
        let (v, t) = (theta[1], row.ln_d);
        let z = (theta[3] * t).exp();
        let w = v + (1.0 - v) * z;
        // u = ln C − ln w: ∂w/∂v = 1 − z, ∂w/∂β = (1−v)·z·t.
        let (dv, db) = ((1.0 - z) / w, (1.0 - v) * z * t / w);
        let above = amount(theta[0]) / w;
        let p = sum_jet([(above, [1.0, -dv, 0.0, -db, 0.0, 0.0, 0.0, 0.0])], theta[2], Some(2), 4, jet);
        // The curvature of −ln w itself.
        jet.hessian[1][1] += p * dv * dv;
        jet.hessian[3][1] += p * (z * t / w + dv * db);
        jet.hessian[3][3] -= p * (db * t - db * db);
    }

    /// D_l = D₀^β, with the bend D₀ on a grid from below the smallest size to the largest.
    fn starts(grid: &Grid) -> Vec<StartingValue> {
        let mut found = Vec::new();
        for (i, &beta) in grid.betas.iter().step_by(2).enumerate() {
            for j in 0..=grid.transitions {
                let span = grid.high_d - grid.low_d + 3.0;
                let bend = grid.low_d - 3.0 + span * j as f64 / grid.transitions as f64;
                let basis = |r: &Row| {
                    [1.0 / ((beta * (bend - grid.ln_d)).exp() + (beta * (r.ln_d - grid.ln_d)).exp()), 1.0, 0.0]
                };
                grid.both_ways(basis, &mut found, [i, j, 0], |c| {
                    padded(&[ln(c[0]) + beta * grid.ln_d, beta * bend, c[1], beta])
                });
            }
        }
        found
    }

    fn in_given(theta: &Vector, units: &Units) -> Vector {
        let mut given = *theta;
        given[0] += units.ln_loss + theta[3] * units.ln_d;
        given[1] += theta[3] * units.ln_d;
        given[2] *= units.ln_loss.exp();
        given
    }

    /// From (ln B, ln D_l, E, β) to (ln C, v, E, β), D̄ being one unit of data.
    fn to_working(natural: &Vector, units: &Units) -> Vector {
        let [b, bend, constant, beta, ..] = Self::in_given(natural, &units.inverse());
        let denominator = log_sum(bend, 0.0);
        padded(&[b - denominator, (bend - denominator).exp(), constant, beta])
    }

    fn to_natural(working: &Vector, units: &Units) -> Vector {
        let [c, v, constant, beta, ..] = *working;
        let flat = (-v).ln_1p();
        Self::in_given(&padded(&[c - flat, v.ln() - flat, constant, beta]), units)
    }

    /// The chain rule through [`Form::to_working`] at `natural`.
    fn natural_gradient(gradient: &Vector, natural: &Vector) -> Vector {
        let v = Self::to_working(natural, &Units::GIVEN)[1];
        let [c, share, constant, beta, ..] = *gradient;
        padded(&[c, v * (1.0 - v) * share - v * c, constant, beta])
    }

    fn working_ln_loss(theta: &[f64], row: &Row) -> f64 {
        let denominator = theta[1] + (1.0 - theta[1]) * (theta[3] * row.ln_d).exp();
        (amount(theta[0]) / denominator + theta[2]).ln()
    }

    fn working_bounds(bounds: &mut Bounds) {
        bounds[1] = SHARE;
    }
}

/// The range of v: D_l must stay a finite number.
pub const SHARE: (f64, f64) = (1e-18, 1.0 - 1e-12);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::fit::units::Scaled;

    #[test]
    fn the_working_form_is_the_same_law() {
        let rows: Vec<Row> = [200.0, 3000.0, 90000.0].map(|d| Row { ln_loss: 40.0, ..Row::at(d, None, None) }).to_vec();
        let scaled = Scaled::new(Law::Rectified, &rows);
        let natural = [3.4, 2.6, 1.0, 0.27, 0.0, 0.0, 0.0, 0.0];
        let working = scaled.to_working(&natural);
        for (row, own) in rows.iter().zip(&scaled.rows) {
            let working = Rectified::working_ln_loss(&working, own) + 40.0;
            assert!((Rectified::ln_loss(&natural, row) - working).abs() < 1e-12);
        }
        let back = scaled.to_natural(&working);
        assert!(natural.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-12), "{back:?}");
    }
}
