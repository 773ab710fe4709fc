//! Starts by variable projection (Golub and Pereyra 1973): on a grid of the exponents, amounts follow in closed form by
//! non-negative least squares with weight 1/L², so that residuals are relative. Deterministic, and it sees the whole
//! range of exponents, so the polish that follows does not depend on a lucky start.

use super::Law;
use super::forms::{MAX, Vector, padded};
use super::point::Row;

/// Rows beyond this many are thinned for the grid; the polish sees all.
const MOST_ROWS: usize = 256;

/// How fine the grid is. `Quick` serves the many small fits of a choice among laws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Care {
    Quick,
    Full,
}

/// A few starts, as held, from distinct valleys of the grid, best first.
pub(crate) fn starts(law: Law, rows: &[Row], care: Care) -> Vec<Vector> {
    let wanted = match (law, care) {
        // Two parameters, many small valleys, and no exponent to walk along.
        (Law::Repeated, _) => 16,
        (_, Care::Quick) => 2,
        (_, Care::Full) => 4,
    };
    if rows.is_empty() {
        return Vec::new();
    }
    let stride = rows.len().div_ceil(MOST_ROWS);
    let thinned: Vec<Row> = rows.iter().step_by(stride).copied().collect();
    let grid = Grid::new(&thinned, care);
    let mut scored = grid.score(law);
    scored.retain(|start| start.error.is_finite());
    let mut chosen: Vec<Start> = Vec::new();
    pick(&mut scored, wanted, &mut chosen);
    if care == Care::Full {
        // Least squares and absolute errors may prefer different valleys: as many again by absolute error.
        for start in &mut scored {
            start.error = thinned.iter().map(|row| (law.ln_loss(&start.theta, row) - row.ln_loss).abs()).sum();
        }
        pick(&mut scored, wanted, &mut chosen);
    }
    chosen.into_iter().map(|start| law.inward(&start.theta, rows)).collect()
}

/// Moves the best of `scored` into `chosen`, none beside another in both directions of the grid.
fn pick(scored: &mut [Start], wanted: usize, chosen: &mut Vec<Start>) {
    scored.sort_by(|a, b| a.error.total_cmp(&b.error));
    let most = chosen.len() + wanted;
    for start in scored {
        if chosen.len() == most {
            break;
        }
        let near = |other: &Start| start.cell.iter().zip(&other.cell).all(|(a, b)| a.abs_diff(*b) <= 1);
        if !chosen.iter().any(near) {
            chosen.push(*start);
        }
    }
}

#[derive(Clone, Copy)]
struct Start {
    error: f64,
    theta: Vector,
    /// Where on the grid, to tell valleys apart.
    cell: [usize; 3],
}

struct Grid<'a> {
    rows: &'a [Row],
    /// Centres of ln d and ln n: powers are taken about them, so that nothing overflows.
    ln_d: f64,
    ln_n: f64,
    low_d: f64,
    high_d: f64,
    low_loss: f64,
    betas: Vec<f64>,
    alphas: Vec<f64>,
    transitions: usize,
}

impl<'a> Grid<'a> {
    fn new(rows: &'a [Row], care: Care) -> Self {
        let mean = |f: fn(&Row) -> f64| rows.iter().map(f).sum::<f64>() / rows.len() as f64;
        let (betas, alphas, transitions) = match care {
            Care::Quick => (20, 12, 10),
            Care::Full => (60, 16, 24),
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

    fn score(&self, law: Law) -> Vec<Start> {
        match law {
            Law::Power => self.power(),
            Law::PowerConstant => self.power_constant(),
            Law::Rectified => self.rectified(),
            Law::Multiplicative => self.multiplicative(),
            Law::Additive => self.additive(),
            Law::Repeated => self.repeated(),
            Law::Shared => self.shared(),
        }
    }

    /// ln L is linear in ln D: ordinary least squares.
    fn power(&self) -> Vec<Start> {
        let mean_loss = self.rows.iter().map(|r| r.ln_loss).sum::<f64>() / self.rows.len() as f64;
        let (mut xx, mut xy) = (0.0, 0.0);
        for r in self.rows {
            xx += (r.ln_d - self.ln_d).powi(2);
            xy += (r.ln_d - self.ln_d) * (r.ln_loss - mean_loss);
        }
        let beta = if xx > 0.0 { (-xy / xx).clamp(0.0, 3.0) } else { 0.0 };
        vec![Start { error: 0.0, theta: padded(&[mean_loss + beta * self.ln_d, beta]), cell: [0; 3] }]
    }

    fn power_constant(&self) -> Vec<Start> {
        let mut found = Vec::new();
        for (i, &beta) in self.betas.iter().enumerate() {
            let basis = |r: &Row| [(-beta * (r.ln_d - self.ln_d)).exp(), 1.0, 0.0];
            self.both_ways(basis, &mut found, [i, 0, 0], |c| padded(&[ln(c[0]) + beta * self.ln_d, c[1], beta]));
        }
        found
    }

    /// D_l = D₀^β, with the bend D₀ on a grid from below the smallest size to the largest.
    fn rectified(&self) -> Vec<Start> {
        let mut found = Vec::new();
        for (i, &beta) in self.betas.iter().step_by(2).enumerate() {
            for j in 0..=self.transitions {
                let span = self.high_d - self.low_d + 3.0;
                let bend = self.low_d - 3.0 + span * j as f64 / self.transitions as f64;
                let basis = |r: &Row| {
                    [1.0 / ((beta * (bend - self.ln_d)).exp() + (beta * (r.ln_d - self.ln_d)).exp()), 1.0, 0.0]
                };
                self.both_ways(basis, &mut found, [i, j, 0], |c| {
                    padded(&[ln(c[0]) + beta * self.ln_d, beta * bend, c[1], beta])
                });
            }
        }
        found
    }

    fn multiplicative(&self) -> Vec<Start> {
        let mut found = Vec::new();
        for (i, &alpha) in self.alphas.iter().chain(&[0.0]).enumerate() {
            for (j, &beta) in self.betas.iter().step_by(2).enumerate() {
                let basis = |r: &Row| [(-alpha * (r.ln_n - self.ln_n) - beta * (r.ln_d - self.ln_d)).exp(), 1.0, 0.0];
                self.both_ways(basis, &mut found, [i, j, 0], |c| {
                    padded(&[ln(c[0]) + alpha * self.ln_n + beta * self.ln_d, c[1], alpha, beta])
                });
            }
        }
        found
    }

    fn additive(&self) -> Vec<Start> {
        let mut found = Vec::new();
        for (i, &alpha) in self.alphas.iter().enumerate() {
            for (j, &beta) in self.betas.iter().step_by(2).enumerate() {
                let basis =
                    |r: &Row| [(-alpha * (r.ln_n - self.ln_n)).exp(), (-beta * (r.ln_d - self.ln_d)).exp(), 1.0];
                let theta = |c: [f64; 3]| {
                    padded(&[ln(c[0]) + alpha * self.ln_n, ln(c[1]) + beta * self.ln_d, c[2], alpha, beta])
                };
                let (error, c) = self.amounts(basis, 3, 0.0);
                found.push(Start { error, theta: theta(c), cell: [i, j, 0] });
            }
        }
        found
    }

    fn repeated(&self) -> Vec<Start> {
        let mut found = Vec::new();
        for i in 0..12 {
            for j in 0..12 {
                let theta = padded(&[-1.0 + 0.6 * i as f64, -1.0 + 0.6 * j as f64]);
                let error = self.rows.iter().map(|r| (Law::Repeated.ln_loss(&theta, r) - r.ln_loss).powi(2)).sum();
                found.push(Start { error, theta, cell: [i, j, 0] });
            }
        }
        found
    }

    /// Each factor's own multiplicative start, brought to one β and E.
    fn shared(&self) -> Vec<Start> {
        let mut found = Vec::new();
        for (k, &beta) in self.betas.iter().step_by(3).enumerate() {
            for (e, share) in [0.0, 0.3, 0.6, 0.85].into_iter().enumerate() {
                let floor = share * self.low_loss;
                let mut theta = [0.0; MAX];
                theta[0] = beta;
                theta[1] = floor;
                let mut error = 0.0;
                for factor in 0..(MAX - 2) / 2 {
                    // ln(L − E) + β·ln D = ln A − α·ln X: a straight line in ln X.
                    let line = |r: &&Row| (r.ln_n, (r.ln_loss.exp() - floor).max(1e-300).ln() + beta * r.ln_d);
                    let points: Vec<(f64, f64)> =
                        self.rows.iter().filter(|r| r.factor == factor).map(|r| line(&r)).collect();
                    let (level, slope) = straight(&points);
                    theta[2 + 2 * factor] = level;
                    theta[3 + 2 * factor] = (-slope).clamp(-1.0, 3.0);
                }
                for r in self.rows {
                    error += (Law::Shared.ln_loss(&theta, r) - r.ln_loss).powi(2);
                }
                found.push(Start { error, theta, cell: [k, 4 * e, 0] });
            }
        }
        found
    }

    /// Two starts of a law with one power part and E: E free, and E held at half the lowest loss. Least squares and
    /// Huber may disagree on whether E is there at all.
    fn both_ways(
        &self,
        basis: impl Fn(&Row) -> [f64; 3],
        found: &mut Vec<Start>,
        cell: [usize; 3],
        theta: impl Fn([f64; 3]) -> Vector,
    ) {
        let (error, c) = self.amounts(&basis, 2, 0.0);
        found.push(Start { error, theta: theta(c), cell });
        if c[1] <= 0.0 {
            let floor = 0.5 * self.low_loss;
            let (error, c) = self.amounts(&basis, 1, floor);
            found.push(Start { error, theta: theta([c[0], floor, 0.0]), cell: [cell[0], cell[1], 9] });
        }
    }

    /// Non-negative amounts of the first `columns` of the basis that fit L − floor best, relative to L, and the error.
    /// With at most three columns every set of active ones is tried.
    fn amounts(&self, basis: impl Fn(&Row) -> [f64; 3], columns: usize, floor: f64) -> (f64, [f64; 3]) {
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
fn straight(points: &[(f64, f64)]) -> (f64, f64) {
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

pub(crate) fn geometric(lo: f64, hi: f64, count: usize) -> Vec<f64> {
    let ratio = (hi / lo).ln();
    (0..count).map(|i| lo * (ratio * i as f64 / (count - 1) as f64).exp()).collect()
}

/// The logarithm, with a finite answer for an amount that least squares set to zero.
fn ln(value: f64) -> f64 {
    if value > 0.0 { value.ln() } else { -50.0 }
}
