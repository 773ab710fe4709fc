//! Starts by variable projection (Golub and Pereyra 1973): on a grid of the exponents, amounts follow in closed form by
//! non-negative least squares with weight 1/L², so that residuals are relative. Deterministic, and it sees the whole
//! range of exponents, so the polish that follows does not depend on a lucky start.

use crate::laws::fit::units::{Scaled, Units};
use crate::laws::forms::Vector;
use crate::laws::point::Row;

/// Rows beyond this many are thinned for the grid; the polish sees all.
const MOST_ROWS: usize = 256;

/// How fine the grid is. `Coarse` serves the many small fits of a choice among laws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fineness {
    Coarse,
    Fine,
}

/// A few starts, in working parameters, from distinct valleys of the grid, best first.
pub(crate) fn starts(scaled: &Scaled, fineness: Fineness) -> Vec<Vector> {
    let law = scaled.law;
    let wanted = law.search().starts.unwrap_or(match fineness {
        Fineness::Coarse => 2,
        Fineness::Fine => 4,
    });
    if scaled.rows.is_empty() {
        return Vec::new();
    }
    let thinned = scaled.thinned(MOST_ROWS);
    let grid = Grid::new(&thinned, fineness);
    let mut scored = law.starts(&grid);
    scored.retain(|start| start.error.is_finite());
    let mut chosen: Vec<StartingValue> = Vec::new();
    pick(&mut scored, wanted, &mut chosen);
    if fineness == Fineness::Fine {
        // Least squares and absolute errors may prefer different valleys: as many again by absolute error.
        for start in &mut scored {
            start.error = thinned.iter().map(|row| (law.ln_loss(&start.theta, row) - row.ln_loss).abs()).sum();
        }
        pick(&mut scored, wanted, &mut chosen);
    }
    // A law's own parameters, but already in the rows' units.
    chosen.into_iter().map(|start| law.working_at(&start.theta, &Units::GIVEN)).collect()
}

/// Moves the best of `scored` into `chosen`, none beside another in both directions of the grid.
fn pick(scored: &mut [StartingValue], wanted: usize, chosen: &mut Vec<StartingValue>) {
    scored.sort_by(|a, b| a.error.total_cmp(&b.error));
    let most = chosen.len() + wanted;
    for start in scored {
        if chosen.len() == most {
            break;
        }
        let near = |other: &StartingValue| start.cell.iter().zip(&other.cell).all(|(a, b)| a.abs_diff(*b) <= 1);
        if !chosen.iter().any(near) {
            chosen.push(*start);
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct StartingValue {
    /// Squared error: of relative losses or of ln loss, one or the other for all starts of a law.
    pub error: f64,
    /// In natural parameters.
    pub theta: Vector,
    /// Where on the grid, to tell valleys apart.
    pub cell: [usize; 3],
}

/// The rows, and exponents to try on them.
pub(crate) struct Grid<'a> {
    pub rows: &'a [Row],
    /// Centres of ln d and ln n: powers are taken about them, so that nothing overflows.
    pub ln_d: f64,
    pub ln_n: f64,
    pub low_d: f64,
    pub high_d: f64,
    pub low_loss: f64,
    pub betas: Vec<f64>,
    pub alphas: Vec<f64>,
    pub transitions: usize,
}

impl<'a> Grid<'a> {
    fn new(rows: &'a [Row], fineness: Fineness) -> Self {
        let mean = |f: fn(&Row) -> f64| rows.iter().map(f).sum::<f64>() / rows.len() as f64;
        let (betas, alphas, transitions) = match fineness {
            Fineness::Coarse => (20, 12, 10),
            Fineness::Fine => (60, 16, 24),
        };
        Grid {
            rows,
            ln_d: mean(|r| r.ln_d),
            ln_n: mean(|r| r.ln_n),
            low_d: rows.iter().map(|r| r.ln_d).fold(f64::INFINITY, f64::min),
            high_d: rows.iter().map(|r| r.ln_d).fold(f64::NEG_INFINITY, f64::max),
            low_loss: rows.iter().map(|r| r.ln_loss).fold(f64::INFINITY, f64::min).exp(),
            betas: geometric(0.02, 2.0, betas),
            alphas: geometric(0.02, 2.0, alphas),
            transitions,
        }
    }

    /// Two starts of a law with one power part and E: E free, and E fixed at half the lowest loss. Least squares and
    /// Huber may disagree on whether E is there at all.
    pub fn both_ways(
        &self,
        basis: impl Fn(&Row) -> [f64; 3],
        found: &mut Vec<StartingValue>,
        cell: [usize; 3],
        theta: impl Fn([f64; 3]) -> Vector,
    ) {
        let (error, c) = self.amounts(&basis, 2, 0.0);
        found.push(StartingValue { error, theta: theta(c), cell });
        if c[1] <= 0.0 {
            let floor = 0.5 * self.low_loss;
            let (error, c) = self.amounts(&basis, 1, floor);
            found.push(StartingValue { error, theta: theta([c[0], floor, 0.0]), cell: [cell[0], cell[1], 9] });
        }
    }

    /// Non-negative amounts of the first `columns` of the basis that fit L − floor best, relative to L, and the error.
    /// With at most three columns every set of active ones is tried.
    pub fn amounts(&self, basis: impl Fn(&Row) -> [f64; 3], columns: usize, floor: f64) -> (f64, [f64; 3]) {
        let mut xx = [[0.0; 3]; 3];
        let mut xy = [0.0; 3];
        let mut yy = 0.0;
        for r in self.rows {
            let inverse = (-r.ln_loss).exp();
            let y = 1.0 - floor * inverse;
            let x = basis(r).map(|x| x * inverse);
            yy += y * y;
            for i in 0..columns {
                xy[i] += x[i] * y;
                for j in 0..=i {
                    xx[i][j] += x[i] * x[j];
                }
            }
        }
        let mut best = (f64::INFINITY, [0.0; 3]);
        for set in 1..1usize << columns {
            let mut active = [0; 3];
            let mut count = 0;
            for i in 0..columns {
                if set >> i & 1 == 1 {
                    active[count] = i;
                    count += 1;
                }
            }
            let Some(c) = small_solve(&xx, &xy, &active[..count]) else { continue };
            if c.iter().any(|&c| c < 0.0) {
                continue;
            }
            let error = yy - (0..3).map(|i| c[i] * xy[i]).sum::<f64>();
            if error < best.0 {
                best = (error, c);
            }
        }
        best
    }
}

/// Solves the normal equations over the active columns by Cholesky; none where they are dependent.
fn small_solve(xx: &[[f64; 3]; 3], xy: &[f64; 3], active: &[usize]) -> Option<[f64; 3]> {
    let mut l = [[0.0; 3]; 3];
    let mut z = [0.0; 3];
    for (r, &i) in active.iter().enumerate() {
        for (c, &j) in active[..=r].iter().enumerate() {
            let mut sum = xx[i][j];
            sum -= l[r][..c].iter().zip(&l[c][..c]).map(|(a, b)| a * b).sum::<f64>();
            if r == c {
                if sum <= 1e-13 * xx[i][i] || !sum.is_finite() {
                    return None;
                }
                l[r][r] = sum.sqrt();
            } else {
                l[r][c] = sum / l[c][c];
            }
        }
        let mut sum = xy[i];
        for k in 0..r {
            sum -= l[r][k] * z[k];
        }
        z[r] = sum / l[r][r];
    }
    let mut solution = [0.0; 3];
    for r in (0..active.len()).rev() {
        let mut sum = z[r];
        for k in r + 1..active.len() {
            sum -= l[k][r] * z[k];
        }
        z[r] = sum / l[r][r];
        solution[active[r]] = z[r];
    }
    Some(solution)
}

/// Level and slope of the least-squares line; a flat line where x does not vary.
pub(crate) fn straight(points: &[(f64, f64)]) -> (f64, f64) {
    if points.is_empty() {
        return (0.0, 0.0);
    }
    let count = points.len() as f64;
    let (mx, my) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0 / count, y + p.1 / count));
    let (xx, xy) =
        points.iter().fold((0.0, 0.0), |(xx, xy), p| (xx + (p.0 - mx).powi(2), xy + (p.0 - mx) * (p.1 - my)));
    let slope = if xx > 0.0 { xy / xx } else { 0.0 };
    (my - slope * mx, slope)
}

fn geometric(lo: f64, hi: f64, count: usize) -> Vec<f64> {
    let ratio = (hi / lo).ln();
    (0..count).map(|i| lo * (ratio * i as f64 / (count - 1) as f64).exp()).collect()
}

/// The logarithm, with a finite answer for an amount that least squares set to zero.
pub(crate) fn ln(value: f64) -> f64 {
    if value > 0.0 { value.ln() } else { -50.0 }
}
