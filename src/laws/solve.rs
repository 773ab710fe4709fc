//! Fits one law: starts from the grid, polish from each, keep the lowest.

use super::forms::Vector;
use super::newton::{Solution, minimise};
use super::point::Row;
use super::profile::profile;
use super::start::{Care, starts};
use super::{Law, Objective};

/// δ shrinks to the wanted value in these factors: the wide objective is smooth and leads into the narrow one's valley.
const CONTINUATION: [f64; 3] = [100.0, 10.0, 1.0];
const MOST_STEPS: usize = 200;
/// Walks along the profile from the best so far, each starting only where the last one found lower ground.
const MOST_WALKS: usize = 4;

/// The best fit of a law; none where there are no rows.
pub(crate) fn solve(law: Law, rows: &[Row], objective: Objective, care: Care) -> Option<Solution> {
    let wanted = match care {
        Care::Quick => 3,
        Care::Full => 8,
    };
    let mut best: Option<Solution> = None;
    for start in starts(law, rows, care, wanted) {
        let mut consider = |solution: Solution| {
            if best.is_none_or(|best| solution.objective < best.objective) && solution.objective.is_finite() {
                best = Some(solution);
            }
        };
        consider(from(law, rows, objective, &start, &CONTINUATION));
        if care == Care::Full {
            consider(from(law, rows, objective, &start, &[1.0]));
        }
    }
    if care == Care::Full {
        for _ in 0..MOST_WALKS {
            let Some(before) = best else { break };
            for held in profile(law, rows, &before.theta, objective) {
                let solution = from(law, rows, objective, &held.theta, &[1.0]);
                if solution.objective < best.map_or(f64::INFINITY, |best| best.objective) {
                    best = Some(solution);
                }
            }
            if best.is_none_or(|best| best.objective >= before.objective * (1.0 - 1e-9)) {
                break;
            }
        }
    }
    best
}

fn from(law: Law, rows: &[Row], objective: Objective, start: &Vector, factors: &[f64]) -> Solution {
    let bounds = law.bounds(rows);
    let mut solution = Solution { theta: *start, objective: f64::INFINITY };
    for factor in factors {
        solution = minimise(law, rows, &solution.theta, &bounds, objective.delta() * factor, MOST_STEPS);
    }
    solution
}
