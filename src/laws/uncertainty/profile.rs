//! The profile likelihood of the exponent: fix it elsewhere, refit everything else, see how much the objective rises.
//! It shows how sharply the points fix the exponent, and it walks out of valleys that the starts fell into.

use crate::laws::Objective;
use crate::laws::fit::newton::{Stopping, minimise};
use crate::laws::fit::units::Scaled;
use crate::laws::forms::Vector;
use crate::laws::report::ProfilePoint;

/// Steps to each side, each a twentieth of the exponent.
const STEPS: i32 = 12;
const STEP: f64 = 0.05;
/// Above this many rows the profile costs too much to redraw live.
const MOST_ROWS: usize = 2000;

pub(crate) struct ProfileFit {
    pub point: ProfilePoint,
    pub theta: Vector,
}

/// The law refitted with its exponent of data fixed at values about `theta`'s, in ascending order; all in working
/// parameters.
pub(crate) fn profile(scaled: &Scaled, theta: &Vector, objective: Objective) -> Vec<ProfileFit> {
    let Scaled { law, rows, bounds: free, .. } = scaled;
    let law = *law;
    let at = law.parameters().iter().position(|info| info.symbol == "β");
    let Some(at) = at.filter(|_| rows.len() <= MOST_ROWS) else { return Vec::new() };
    let mut found = Vec::new();
    for side in [-1.0, 1.0] {
        let mut warm = *theta;
        for step in 0..=STEPS {
            let exponent = theta[at] + side * STEP * f64::from(step) * theta[at].max(0.1);
            if (step == 0 && side > 0.0) || exponent < free[at].0 || exponent > free[at].1 {
                continue;
            }
            let mut bounds = *free;
            bounds[at] = (exponent, exponent);
            let solution = minimise(law, rows, &warm, &bounds, objective.delta(), Stopping::SKETCH);
            warm = solution.theta;
            if !solution.objective.is_finite() {
                break;
            }
            found.push(ProfileFit { point: ProfilePoint { exponent, objective: solution.objective }, theta: warm });
        }
    }
    found.sort_by(|a, b| a.point.exponent.total_cmp(&b.point.exponent));
    found
}
