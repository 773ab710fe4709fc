//! What pretraining is worth in data (Hernandez et al. 2021, "Scaling Laws for Transfer", arXiv 2102.01293).
//!
//! A fine-tuned model's loss equals that of a model of the same size trained from scratch on D_E, the effective data.
//! D_E − D_F is the data transferred, D_T = k·D_F^α·N^β. D_E is measured, never extrapolated: it is the place on the
//! scratch curve of equal loss, by monotone interpolation in logarithms (Fritsch and Carlson 1980); outside the curve
//! it is "out of range". D_T may be negative: a small pretrained model can end worse than one from scratch
//! (ossification).

use crate::laws::fit::multistart::best_fit;
use crate::laws::fit::starting_values::Fineness;
use crate::laws::point::{Row, clean, distinct, rows_of};
use crate::laws::report::Interval;
use crate::laws::uncertainty::interval::interval;
use crate::laws::uncertainty::student::NORMAL;
use crate::laws::warning::short;
use crate::laws::{Law, Objective, Point, Warning};
use crate::seed::Seed;
use serde::{Deserialize, Serialize};

/// The regression keeps to fine-tuning data up to this share of D(N) …
const LOW_DATA: f64 = 0.1;
/// … the scratch data that reaches 99% of the performance of unlimited data.
const NEAR_LIMIT: f64 = 1.0 / 0.99;
const DRAWS: usize = 300;
/// k known within a larger factor is no number to quote.
const FAR: f64 = 3.0;
/// Effective data that noise moves by a larger factor is said to be noisy.
const NOISY: f64 = 1.25;
/// From the median size of normal errors to their standard deviation.
const MEDIAN_TO_DEVIATION: f64 = 1.4826;

/// What pretraining is worth in data, with its law where one can be fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransferReport {
    pub rows: Vec<Transferred>,
    /// None with fewer than three rows in the low-data regime.
    pub law: Option<TransferLaw>,
    pub warnings: Vec<Warning>,
}

/// One fine-tuned run against the scratch curve of its size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transferred {
    pub n: Option<f64>,
    pub d_f: f64,
    pub loss: f64,
    pub effective: Effective,
    /// D_F ≤ 0.1·D(N): the regime that the law is for. None where D(N) is unknown (no constant could be fitted).
    pub low_data: Option<bool>,
}

/// The scratch data of equal loss, and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Effective {
    Measured {
        /// Effective data D_E.
        d_e: f64,
        /// D_E − D_F; negative where pretraining hurt.
        transferred: f64,
        /// D_E / D_F.
        multiplier: f64,
        /// D_T / D_E.
        share: f64,
    },
    /// Better than the whole scratch curve: more than its largest data.
    Above { largest: f64 },
    /// Worse than the whole scratch curve: less than its smallest data.
    Below { smallest: f64 },
    /// No scratch runs of this size.
    NoScratch,
}

/// D_T = k·D_F^α·N^β.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransferLaw {
    pub k: f64,
    pub alpha: f64,
    /// None with a single model size: then k holds N^β too.
    pub beta: Option<f64>,
    pub k_interval: Option<Interval>,
    pub alpha_interval: Option<Interval>,
    pub beta_interval: Option<Interval>,
    /// Rows used, and left out because D_T was negative or D_F beyond the low-data regime.
    pub used: usize,
    pub negative: usize,
    pub beyond: usize,
}

impl TransferLaw {
    /// Its name.
    pub const TITLE: &str = "Transfer law";
    /// As it is written.
    pub const FORMULA: &str = "D_T = k·D_F^α·N^β";
    /// What it says, in a sentence or two.
    pub const EXPLANATION: &str = "Pretraining is worth a certain amount of extra training data, and the worth grows as a power of the fine-tuning data and of the model's size. It is read off as the horizontal distance between the fine-tuned and the from-scratch curve.";
    /// Where it is from.
    pub const CITATION: &str = "Hernandez et al. 2021, Scaling Laws for Transfer";
    /// Where to read it.
    pub const URL: &str = "https://arxiv.org/abs/2102.01293";
}

/// Measures the data transferred in every fine-tuned run and fits the law. Points with a second factor (model size) are
/// compared with scratch runs of the same one.
pub fn transfer(scratch: &[Point], tuned: &[Point]) -> TransferReport {
    let (scratch, tuned) = (clean(scratch), clean(tuned));
    let mut warnings = scratch.warnings;
    warnings.extend(tuned.warnings);
    if scratch.points.is_empty() || tuned.points.is_empty() {
        warnings.push(Warning::Empty);
    }
    let curves: Vec<ScratchCurve> = scratch.points.chunk_by(|a, b| a.n == b.n).map(ScratchCurve::of).collect();
    let rows: Vec<Transferred> = tuned
        .points
        .iter()
        .map(|point| {
            let curve = curves.iter().find(|curve| curve.n == point.n);
            let limit = curve.and_then(|curve| curve.near_limit);
            Transferred {
                n: point.n,
                d_f: point.d,
                loss: point.loss,
                effective: curve.map_or(Effective::NoScratch, |curve| curve.effective(point)),
                low_data: limit.map(|limit| point.d <= LOW_DATA * limit),
            }
        })
        .collect();
    // Runs with a size and runs without belong to no one law.
    let mixed = rows.iter().any(|row| row.n.is_some()) && rows.iter().any(|row| row.n.is_none());
    if mixed {
        warnings.push(Warning::NoFactor { law: TransferLaw::TITLE.to_string() });
    }
    let law = if mixed { None } else { regress(&rows) };
    if let Some(law) = &law {
        let factor = law.k_interval.map_or(1.0, |interval| (interval.hi / interval.lo).sqrt());
        if factor > FAR {
            warnings.push(Warning::FarScale { factor });
        }
        warnings.extend(noisy(&scratch.points, &tuned.points, &curves));
    }
    TransferReport { rows, law, warnings }
}

/// What noise does to the data transferred where no second seed evens it out: a run's loss is read off a curve that may
/// be flat, so that a little loss is much data.
fn noisy(scratch: &[Point], tuned: &[Point], curves: &[ScratchCurve]) -> Option<Warning> {
    let repeated = |points: &[Point]| points.windows(2).any(|pair| pair[0].n == pair[1].n && pair[0].d == pair[1].d);
    if repeated(scratch) || repeated(tuned) {
        return None;
    }
    let mut noises: Vec<f64> = scratch.chunk_by(|a, b| a.n == b.n).flat_map(roughness).collect();
    noises.sort_by(f64::total_cmp);
    let noise = noises.get(noises.len() / 2)? * MEDIAN_TO_DEVIATION;
    let mut steepness: Vec<f64> = curves.iter().flat_map(|curve| curve.slope.iter().map(|slope| slope.abs())).collect();
    steepness.sort_by(f64::total_cmp);
    let factor = (NORMAL * noise * steepness.get(steepness.len() / 2)?).min(20.0).exp();
    (factor > NOISY).then_some(Warning::TransferNoise { noise_percent: 100.0 * noise.exp_m1(), factor })
}

/// How far ln losses along a curve stray from smoothness: third differences, in units of one loss's deviation.
fn roughness(curve: &[Point]) -> Vec<f64> {
    let ln_loss: Vec<f64> = curve.iter().map(|point| point.loss.ln()).collect();
    let third = |four: &[f64]| (four[3] - 3.0 * four[2] + 3.0 * four[1] - four[0]).abs() / 20f64.sqrt();
    ln_loss.windows(4).map(third).collect()
}

impl TransferReport {
    /// What `lab fit` prints of it, for amounts of data called `across`.
    pub fn to_text(&self, across: &str) -> String {
        let mut lines = Vec::new();
        if let Some(law) = &self.law {
            let with = |symbol: &str, value: f64, interval: Option<Interval>| {
                let interval = interval.map_or(String::new(), |i| format!(" [{}, {}]", short(i.lo), short(i.hi)));
                format!("{symbol} = {}{interval}", short(value))
            };
            let mut said = vec![with("k", law.k, law.k_interval), with("α", law.alpha, law.alpha_interval)];
            said.extend(law.beta.map(|beta| with("β", beta, law.beta_interval)));
            let TransferLaw { used, negative, beyond, .. } = law;
            lines.push(format!("  {}: {}", TransferLaw::FORMULA, said.join(", ")));
            lines.push(format!("  from {used} runs in the low-data regime; {negative} negative, {beyond} beyond it"));
        }
        for row in &self.rows {
            let size = row.n.map_or(String::new(), |n| format!(", N = {}", short(n)));
            let worth = match row.effective {
                Effective::Measured { d_e, multiplier, .. } => {
                    format!("worth {} from scratch ({}×)", short(d_e), short(multiplier))
                }
                Effective::Above { largest } => format!("out of range: over {}", short(largest)),
                Effective::Below { smallest } => format!("out of range: under {}", short(smallest)),
                Effective::NoScratch => "no run from scratch".to_string(),
            };
            lines.push(format!("  {} {across}{size}: {worth}", short(row.d_f)));
        }
        lines.extend(self.warnings.iter().map(|warning| format!("  ! {warning}")));
        lines.join("\n") + "\n"
    }
}

/// ln D as a monotone function of ln L, from runs from scratch of one size.
struct ScratchCurve {
    n: Option<f64>,
    /// Ascending in data, falling in loss.
    ln_d: Vec<f64>,
    ln_loss: Vec<f64>,
    /// d ln D / d ln L at each, as Fritsch and Carlson limit them.
    slope: Vec<f64>,
    /// Data that reaches 99% of unlimited data's performance.
    near_limit: Option<f64>,
}

impl ScratchCurve {
    /// Runs of one size averaged; sizes that do not improve on a smaller one are left out.
    fn of(points: &[Point]) -> ScratchCurve {
        let (mut ln_d, mut ln_loss) = (Vec::new(), Vec::<f64>::new());
        for runs in points.chunk_by(|a, b| a.d == b.d) {
            let mean = runs.iter().map(|p| p.loss.ln()).sum::<f64>() / runs.len() as f64;
            if ln_loss.last().is_none_or(|last| mean < *last) {
                ln_d.push(runs[0].d.ln());
                ln_loss.push(mean);
            }
        }
        let slope = monotone_slopes(&ln_loss, &ln_d);
        ScratchCurve { n: points[0].n, ln_d, ln_loss, slope, near_limit: near_limit(points) }
    }

    fn effective(&self, point: &Point) -> Effective {
        let loss = point.loss.ln();
        let last = self.ln_loss.len() - 1;
        if loss > self.ln_loss[0] {
            return Effective::Below { smallest: self.ln_d[0].exp() };
        }
        if loss < self.ln_loss[last] {
            return Effective::Above { largest: self.ln_d[last].exp() };
        }
        // The piece whose ends enclose the loss; losses fall along the curve.
        let after = self.ln_loss.iter().position(|end| *end <= loss).unwrap_or(last);
        let d_e = if after == 0 { self.ln_d[0].exp() } else { self.between(after - 1, loss).exp() };
        let transferred = d_e - point.d;
        Effective::Measured { d_e, transferred, multiplier: d_e / point.d, share: transferred / d_e }
    }

    /// Hermite's cubic on piece `i`.
    fn between(&self, i: usize, loss: f64) -> f64 {
        let width = self.ln_loss[i + 1] - self.ln_loss[i];
        let t = (loss - self.ln_loss[i]) / width;
        let (u, tt) = (1.0 - t, t * t);
        self.ln_d[i] * (1.0 + 2.0 * t) * u * u
            + self.slope[i] * width * t * u * u
            + self.ln_d[i + 1] * tt * (3.0 - 2.0 * t)
            - self.slope[i + 1] * width * tt * u
    }
}

/// Slopes at the knots that keep a cubic through them monotone (the harmonic mean of Fritsch and Butland 1984).
fn monotone_slopes(x: &[f64], y: &[f64]) -> Vec<f64> {
    let pieces: Vec<(f64, f64)> =
        x.windows(2).zip(y.windows(2)).map(|(x, y)| (x[1] - x[0], (y[1] - y[0]) / (x[1] - x[0]))).collect();
    let at = |i: usize| match (i.checked_sub(1).and_then(|i| pieces.get(i)), pieces.get(i)) {
        (Some((h0, s0)), Some((h1, s1))) => {
            let (w0, w1) = (2.0 * h1 + h0, h1 + 2.0 * h0);
            (w0 + w1) / (w0 / s0 + w1 / s1)
        }
        (Some((_, only)), None) | (None, Some((_, only))) => *only,
        (None, None) => 0.0,
    };
    (0..x.len()).map(at).collect()
}

/// D(N): where the best of the laws with a constant comes within 1% of that constant.
fn near_limit(points: &[Point]) -> Option<f64> {
    let rows = rows_of(points);
    let sizes = distinct(points.iter().map(|p| p.d)).len();
    let law = Law::tried(false, sizes).filter(|law| law.constant().is_some()).last()?;
    if sizes <= law.parameters().len() {
        return None;
    }
    let theta = best_fit(law, &rows, Objective::default(), Fineness::Fine)?.theta;
    let constant = theta[law.constant()?];
    if constant <= 0.0 {
        return None;
    }
    let limit = NEAR_LIMIT * constant;
    let above = |ln_d: f64| law.loss(&theta, &Row::at(ln_d.exp(), None, None)) > limit;
    let (mut low, mut high) = (-50.0, 200.0);
    if above(high) || !above(low) {
        return None;
    }
    for _ in 0..80 {
        let middle = (low + high) / 2.0;
        if above(middle) { low = middle } else { high = middle }
    }
    Some(high.exp())
}

/// Least squares of ln D_T on (1, ln D_F, ln N) over measured rows of the low-data regime; where no row has a size, or
/// all have one, without ln N.
fn regress(rows: &[Transferred]) -> Option<TransferLaw> {
    let (mut negative, mut beyond) = (0, 0);
    let mut used: Vec<([f64; 3], f64)> = Vec::new();
    for row in rows {
        let Effective::Measured { transferred, .. } = row.effective else { continue };
        if row.low_data == Some(false) {
            beyond += 1;
        } else if transferred <= 0.0 {
            negative += 1;
        } else {
            // No row has a size, or every row: without one the column is not used.
            used.push(([1.0, row.d_f.ln(), row.n.map_or(0.0, f64::ln)], transferred.ln()));
        }
    }
    let sizes = distinct(used.iter().map(|row| row.0[2])).len();
    let columns = if sizes > 1 { 3 } else { 2 };
    let all: Vec<usize> = (0..used.len()).collect();
    let [k, alpha, beta] = least_squares(&used, &all, columns)?;
    let mut draws: Vec<[f64; 3]> = Vec::new();
    let mut draw = Seed(0).derive("transfer", 0).draw();
    for _ in 0..DRAWS {
        let drawn: Vec<usize> = all.iter().map(|_| draw.index(used.len())).collect();
        draws.extend(least_squares(&used, &drawn, columns));
    }
    let interval_of = |i: usize| interval(&mut draws.iter().map(|draw| draw[i]).collect::<Vec<f64>>());
    Some(TransferLaw {
        k: k.exp(),
        alpha,
        beta: (columns == 3).then_some(beta),
        k_interval: interval_of(0).map(|i| Interval { lo: i.lo.exp(), hi: i.hi.exp() }),
        alpha_interval: interval_of(1),
        beta_interval: interval_of(2).filter(|_| columns == 3),
        used: used.len(),
        negative,
        beyond,
    })
}

/// Coefficients by normal equations about the means; none where the rows do not fix them.
fn least_squares(rows: &[([f64; 3], f64)], chosen: &[usize], columns: usize) -> Option<[f64; 3]> {
    if chosen.len() < columns {
        return None;
    }
    let count = chosen.len() as f64;
    let mean = |f: &dyn Fn(usize) -> f64| chosen.iter().map(|&i| f(i)).sum::<f64>() / count;
    let (mx, mz, my) = (mean(&|i| rows[i].0[1]), mean(&|i| rows[i].0[2]), mean(&|i| rows[i].1));
    let (mut xx, mut xz, mut zz, mut xy, mut zy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for &i in chosen {
        let (x, z, y) = (rows[i].0[1] - mx, rows[i].0[2] - mz, rows[i].1 - my);
        xx += x * x;
        xz += x * z;
        zz += z * z;
        xy += x * y;
        zy += z * y;
    }
    if columns == 2 {
        return (xx > 1e-12).then(|| [my - xy / xx * mx, xy / xx, 0.0]);
    }
    let determinant = xx * zz - xz * xz;
    if determinant <= 1e-12 * xx * zz || xx <= 0.0 || zz <= 0.0 {
        return None;
    }
    let (alpha, beta) = ((xy * zz - zy * xz) / determinant, (zy * xx - xy * xz) / determinant);
    Some([my - alpha * mx - beta * mz, alpha, beta])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch() -> Vec<Point> {
        (0..8).map(|i| Point::new("", 1e3 * 4f64.powi(i), 8.0 * 0.8f64.powi(i))).collect()
    }

    #[test]
    fn effective_data_is_read_off_and_never_extrapolated() {
        let tuned = [
            Point::new("", 500.0, 8.0 * 0.8),
            Point::new("", 1e6, 8.0 * 0.64),
            Point::new("", 600.0, 9.0),
            Point::new("", 700.0, 0.1),
        ];
        let report = transfer(&scratch(), &tuned);
        let of = |d_f: f64| report.rows.iter().find(|row| row.d_f == d_f).unwrap().effective;
        let Effective::Measured { d_e, transferred, multiplier, share } = of(500.0) else { panic!() };
        assert!((d_e - 4e3).abs() < 1e-6 && (transferred - 3.5e3).abs() < 1e-6);
        assert!((multiplier - 8.0).abs() < 1e-9 && (share - 0.875).abs() < 1e-9);
        // Pretraining that hurts is shown as such.
        let Effective::Measured { transferred, .. } = of(1e6) else { panic!() };
        assert!((transferred - (1.6e4 - 1e6)).abs() < 1e-3);
        assert_eq!(of(600.0), Effective::Below { smallest: 1e3f64.ln().exp() });
        assert!(matches!(of(700.0), Effective::Above { .. }));
        assert!(report.law.is_none());
    }

    #[test]
    fn thin_or_bad_input_gives_no_law() {
        assert!(transfer(&[], &[]).law.is_none());
        let one = [Point::new("", 10.0, 1.0)];
        assert!(transfer(&one, &one).law.is_none());
        let nan = [Point::new("", f64::NAN, f64::INFINITY)];
        assert_eq!(transfer(&nan, &one).rows[0].effective, Effective::NoScratch);
    }

    /// A run without a size is not one of a model with one parameter.
    #[test]
    fn runs_with_and_without_a_size_give_no_law() {
        let with = |n: Option<f64>| {
            let mut scratch = scratch();
            scratch.extend(scratch.clone().into_iter().map(|point| Point { n, ..point }));
            let tuned = (0..6).map(|i| (f64::from(i), if i < 3 { None } else { n }));
            let tuned: Vec<Point> =
                tuned.map(|(i, n)| Point { n, ..Point::new("", 50.0 + 7.0 * i, 6.0 - 0.5 * i) }).collect();
            transfer(&scratch, &tuned)
        };
        assert!(with(None).law.is_some());
        let mixed = with(Some(1e6));
        assert!(mixed.law.is_none() && mixed.warnings.iter().any(|w| matches!(w, Warning::NoFactor { .. })));
    }

    /// Runs of a known law (k 1.9e4, α .18, β .38), one a size.
    fn known(noise: f64) -> TransferReport {
        let loss =
            |n: f64, d: f64, at: f64| 20.0 * n.powf(-0.05) * d.powf(-0.1) * (noise * 1.4 * (at * 7.3).sin()).exp();
        let sizes = [1e6, 2e6, 4e6];
        let scratch = sizes.iter().flat_map(|&n| {
            (0..14).map(move |i| 1e4 * 2f64.powi(i)).map(move |d| Point::new("", d, loss(n, d, d.ln() + n)).at_size(n))
        });
        let tuned = sizes.iter().flat_map(|&n| {
            (0..5).map(move |i| 100.0 * 3f64.powi(i)).map(move |d| {
                let transferred = 1.9e4 * d.powf(0.18) * n.powf(0.38);
                Point::new("", d, loss(n, d + transferred, d + n)).at_size(n)
            })
        });
        transfer(&scratch.collect::<Vec<_>>(), &tuned.collect::<Vec<_>>())
    }

    #[test]
    fn what_noise_does_to_the_scale_is_said() {
        let noisy =
            |report: &TransferReport| report.warnings.iter().any(|w| matches!(w, Warning::TransferNoise { .. }));
        let (quiet, loud) = (known(0.0), known(0.03));
        let k = quiet.law.as_ref().map(|law| law.k).unwrap();
        assert!((k / 1.9e4).ln().abs() < 0.1 && !noisy(&quiet), "{quiet:?}");
        assert!(loud.law.is_some() && noisy(&loud), "{:?}", loud.warnings);
        assert!(loud.to_text("tokens").contains("one run per size: at "), "{}", loud.to_text("tokens"));
    }
}
