//! Fits one law: starts from the grid, polish from each, keep the lowest.

use crate::laws::fit::newton::{Solution, Stopping, minimise};
use crate::laws::fit::starting_values::{Fineness, starts};
use crate::laws::fit::units::Scaled;
use crate::laws::forms::Vector;
use crate::laws::point::Row;
use crate::laws::uncertainty::profile::profile;
use crate::laws::{Law, Objective};

/// δ shrinks to the wanted value in these factors: the wide objective is smooth and leads into the narrow one's valley.
const CONTINUATION: [f64; 3] = [100.0, 10.0, 1.0];
/// Walks along the profile from the best so far, each starting only where the last one found lower ground.
const MOST_WALKS: usize = 4;
const MOST_ROWS: usize = 1024;

/// The best fit of a law, in natural parameters; none where there are no rows.
pub(crate) fn best_fit(law: Law, rows: &[Row], objective: Objective, fineness: Fineness) -> Option<Solution> {
    let scaled = Scaled::new(law, rows);
    let best = best_working(&scaled, objective, fineness)?;
    Some(Solution { theta: scaled.to_natural(&best.theta), ..best })
}

fn best_working(scaled: &Scaled, objective: Objective, fineness: Fineness) -> Option<Solution> {
    let Scaled { law, rows, bounds, .. } = scaled;
    let law = *law;
    // With very many rows the valley is found on some of them, and only its floor on all.
    let some = scaled.thinned(MOST_ROWS);
    let descend =
        |from: &Vector, factor: f64| minimise(law, &some, from, bounds, objective.delta() * factor, Stopping::SKETCH);
    let settle = |best: Solution| minimise(law, rows, &best.theta, bounds, objective.delta(), Stopping::POLISH);
    let mut best: Option<Solution> = None;
    for start in starts(scaled, fineness) {
        let mut theta = start;
        let factors = if law.search().wide_first { &CONTINUATION[..] } else { &CONTINUATION[2..] };
        for &factor in factors {
            let solution = descend(&theta, factor);
            theta = solution.theta;
            if factor == 1.0 && solution.objective < best.map_or(f64::INFINITY, |best| best.objective) {
                best = Some(solution);
            }
        }
    }
    best = best.map(settle);
    if fineness == Fineness::Coarse || some.len() < rows.len() {
        return best;
    }
    for _ in 0..MOST_WALKS {
        let before = best?;
        for other in profile(scaled, &before.theta, objective) {
            let solution = descend(&other.theta, 1.0);
            if solution.objective < best.map_or(f64::INFINITY, |best| best.objective) {
                best = Some(solution);
            }
        }
        best = best.map(settle);
        if best.is_none_or(|best| best.objective >= before.objective * (1.0 - 1e-9)) {
            break;
        }
    }
    best
}
