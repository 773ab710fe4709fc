//! A bounded, damped Newton method for at most eight parameters.
//!
//! Why not a general optimiser: the objective is nearly Σ|r|, so first-order and quasi-Newton methods (L-BFGS) crawl
//! along its creases and need hundreds of evaluations to the sixth digit; with exact Hessians at hand a few dozen lines
//! land on the crease in ten. Steps are damped with the objective's own majoriser, which makes them independent of the
//! parameters' scales, and nothing is allocated, so a bootstrap refit takes microseconds, in wasm too.

use crate::laws::Law;
use crate::laws::fit::objective::Expansion;
use crate::laws::forms::{Bounds, MAX, Matrix, Vector};
use crate::laws::point::Row;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Solution {
    pub theta: Vector,
    pub objective: f64,
}

/// When to stop: after so many steps, or when a step lowers the objective by less than this share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopping {
    pub most_steps: usize,
    pub tolerance: f64,
}

impl Stopping {
    /// To the last digit that a comparison of fits needs.
    pub const POLISH: Stopping = Stopping { most_steps: 200, tolerance: 1e-11 };
    /// Far below the noise that a bootstrap draw or a grid's valley carries.
    pub const SKETCH: Stopping = Stopping { most_steps: 40, tolerance: 1e-5 };
}

/// The lowest objective near `start`, within `bounds`; all in working parameters.
pub(crate) fn minimise(
    law: Law,
    rows: &[Row],
    start: &Vector,
    bounds: &Bounds,
    delta: f64,
    stopping: Stopping,
) -> Solution {
    let count = law.parameters().len();
    let mut theta = *start;
    for (value, (lo, hi)) in theta.iter_mut().zip(bounds) {
        *value = value.clamp(*lo, *hi);
    }
    // Two places, so that a step that is taken has its derivatives already: most are.
    let (mut here, mut there) = (Expansion::ZERO, Expansion::ZERO);
    here.measure(law, &theta, rows, delta);
    let mut damping = 1.0;
    for _ in 0..stopping.most_steps {
        if !here.value.is_finite() {
            break;
        }
        // A parameter at its bound stays there while the objective falls outward.
        let mut free = [0; MAX];
        let mut frees = 0;
        for i in 0..count {
            let stuck = (theta[i] <= bounds[i].0 && here.gradient[i] >= 0.0)
                || (theta[i] >= bounds[i].1 && here.gradient[i] <= 0.0);
            if !stuck {
                free[frees] = i;
                frees += 1;
            }
        }
        let free = &free[..frees];
        let look = |place: &Vector, there: &mut Expansion| there.measure(law, place, rows, delta);
        let Some(next) = step(look, bounds, &theta, &here, &mut there, free, &mut damping) else {
            break;
        };
        theta = next;
        std::mem::swap(&mut here, &mut there);
        if there.value - here.value <= stopping.tolerance * there.value {
            break;
        }
    }
    Solution { theta, objective: here.value }
}

/// A place with a lower objective, measured into `there`; none where no step of any size lowers it.
fn step(
    look: impl Fn(&Vector, &mut Expansion),
    bounds: &Bounds,
    theta: &Vector,
    here: &Expansion,
    there: &mut Expansion,
    free: &[usize],
    damping: &mut f64,
) -> Option<Vector> {
    // Keeps a direction that nothing depends on (E near zero) from being singular.
    let floor = 1e-12 * free.iter().map(|&i| here.majoriser[i][i]).fold(1e-300, f64::max);
    let mut tries = 0;
    while *damping < 1e9 && tries < 60 {
        tries += 1;
        let Some(move_by) = solve(here, free, *damping, floor) else {
            *damping = (*damping * 8.0).max(1e-3);
            continue;
        };
        let mut next = *theta;
        let mut moved = [0.0; MAX];
        for (k, &i) in free.iter().enumerate() {
            next[i] = (theta[i] + move_by[k]).clamp(bounds[i].0, bounds[i].1);
            moved[i] = next[i] - theta[i];
        }
        let predicted = predicted_fall(here, free, &moved);
        look(&next, there);
        let fall = here.value - there.value;
        if fall > 0.0 && fall > 1e-4 * predicted {
            let quality = fall / predicted;
            if quality > 0.75 {
                *damping *= 0.15;
            } else if quality < 0.25 {
                *damping *= 3.0;
            }
            return Some(next);
        }
        if predicted.abs() <= 1e-15 * here.value {
            return None;
        }
        *damping = (*damping * 5.0).max(1e-3);
    }
    None
}

/// By how much the quadratic model falls over a move.
fn predicted_fall(here: &Expansion, free: &[usize], moved: &Vector) -> f64 {
    let mut fall = 0.0;
    for (k, &i) in free.iter().enumerate() {
        fall -= here.gradient[i] * moved[i] + 0.5 * here.hessian[i][i] * moved[i] * moved[i];
        for &j in &free[..k] {
            fall -= here.hessian[i][j] * moved[i] * moved[j];
        }
    }
    fall
}

/// −(H + damping·M)⁻¹·g over the free parameters by Cholesky; none where that matrix is not positive definite.
fn solve(here: &Expansion, free: &[usize], damping: f64, floor: f64) -> Option<Vector> {
    let mut l: Matrix = [[0.0; MAX]; MAX];
    let mut x: Vector = [0.0; MAX];
    for (r, &i) in free.iter().enumerate() {
        for (c, &j) in free[..=r].iter().enumerate() {
            let mut sum = here.hessian[i][j] + damping * here.majoriser[i][j];
            if r == c {
                sum += floor * (1.0 + damping);
            }
            for (a, b) in l[r][..c].iter().zip(&l[c][..c]) {
                sum -= a * b;
            }
            if r == c {
                if sum <= 1e-14 * here.majoriser[i][i].max(floor) || !sum.is_finite() {
                    return None;
                }
                l[r][r] = sum.sqrt();
            } else {
                l[r][c] = sum / l[c][c];
            }
        }
    }
    for (r, &i) in free.iter().enumerate() {
        let sum: f64 = l[r][..r].iter().zip(&x[..r]).map(|(a, b)| a * b).sum();
        x[r] = (-here.gradient[i] - sum) / l[r][r];
    }
    for r in (0..free.len()).rev() {
        let sum: f64 = (r + 1..free.len()).map(|k| l[k][r] * x[k]).sum();
        x[r] = (x[r] - sum) / l[r][r];
    }
    Some(x)
}
