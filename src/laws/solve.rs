//! Fits one law: starts from the grid, polish from each, keep the lowest.

use super::forms::Vector;
use super::newton::{Effort, Solution, minimise};
use super::point::Row;
use super::profile::profile;
use super::start::{Care, starts};
use super::{Law, Objective};

/// δ shrinks to the wanted value in these factors: the wide objective is smooth and leads into the narrow one's valley.
const CONTINUATION: [f64; 3] = [100.0, 10.0, 1.0];
/// Walks along the profile from the best so far, each starting only where the last one found lower ground.
const MOST_WALKS: usize = 4;

/// The best fit of a law, its parameters as held; none where there are no rows.
pub(crate) fn solve(law: Law, rows: &[Row], objective: Objective, care: Care) -> Option<Solution> {
    let bounds = law.bounds(rows);
    let descend =
        |from: &Vector, factor: f64, effort| minimise(law, rows, from, &bounds, objective.delta() * factor, effort);
    let mut best: Option<Solution> = None;
    for start in starts(law, rows, care) {
        let mut theta = start;
        // The smooth valley of repeated data is not the narrow one's.
        let factors = if law == Law::Repeated { &CONTINUATION[2..] } else { &CONTINUATION[..] };
        for &factor in factors {
            let solution = descend(&theta, factor, Effort::SKETCH);
            theta = solution.theta;
            if factor == 1.0 && solution.objective < best.map_or(f64::INFINITY, |best| best.objective) {
                best = Some(solution);
            }
        }
    }
    best = best.map(|best| descend(&best.theta, 1.0, Effort::POLISH));
    if care == Care::Quick {
        return best;
    }
    for _ in 0..MOST_WALKS {
        let before = best?;
        for held in profile(law, rows, &before.theta, objective) {
            let solution = descend(&held.theta, 1.0, Effort::SKETCH);
            if solution.objective < best.map_or(f64::INFINITY, |best| best.objective) {
                best = Some(solution);
            }
        }
        best = best.map(|best| descend(&best.theta, 1.0, Effort::POLISH));
        if best.is_none_or(|best| best.objective >= before.objective * (1.0 - 1e-9)) {
            break;
        }
    }
    best
}
