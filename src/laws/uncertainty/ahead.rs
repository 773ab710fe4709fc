//! Where will the next run end? Its interval is wider than the law's: a run scatters about the law, laws that were not
//! chosen are not ruled out, and beyond the points the curve may bend in a way that none of them knows.

use crate::laws::point::{Row, distinct};
use crate::laws::report::{FittedLaw, Interval, finite};
use crate::laws::uncertainty::scatter::Neighbours;
use crate::laws::uncertainty::student::student;

/// How far the curve may bend away beyond the points, as a share of its slope there: the standard deviation at e times
/// the largest size. Told from one curve's sizes with three degrees of freedom fewer (a level, a slope, its change). From
/// 60 published fine-tuning curves (Lin et al. 2024), see docs/intervals.md.
const BEND: f64 = 0.11;
/// It grows so with ln D, as where the slope wanders at random.
const BEND_POWER: f64 = 1.5;
/// A step in ln D or ln X over which the slope is taken.
const STEP: f64 = 0.01;

impl FittedLaw {
    /// The 95% interval for the loss of one more run; none without bootstrap draws, where every point was needed for the
    /// fit, and without the second factor that the law needs.
    pub fn predict_run(&self, d: f64, n: Option<f64>, factor: Option<&str>) -> Option<Interval> {
        let law = self.predict_for(d, n, factor)?;
        let row = self.row(d, n, factor)?;
        if self.draws.is_empty() {
            return None;
        }
        let others = self.others.iter().map(|other| other.loss(&row)).filter(|loss| loss.is_finite());
        let (lo, hi) = others.fold((law.lo, law.hi), |(lo, hi), loss| (lo.min(loss), hi.max(loss)));
        // A curve that bends is part of how its points scatter: the larger of the two, so that it is not counted twice.
        let beside = self.scatter(&row)?.max(self.bend(&row)).powi(2);
        let half = |end: f64| ((end / law.mid).ln().powi(2) + beside).sqrt();
        let interval = Interval { lo: law.mid * (-half(lo)).exp(), hi: law.mid * half(hi).exp() };
        Some(Interval { lo: finite(interval.lo), hi: finite(interval.hi) })
    }

    /// The half-width of a run's 95% interval about the law, in ln loss, at a place: that of the nearest points.
    fn scatter(&self, place: &Row) -> Option<f64> {
        let rows = self.rows();
        let spare = rows.len().checked_sub(self.theta.len()).filter(|&spare| spare > 0)?;
        let all: Vec<usize> = (0..rows.len()).collect();
        let nearest = Neighbours::new(&rows).nearest(place, &all, &rows);
        let squares: f64 = nearest.iter().map(|&at| self.residuals[at].log.powi(2)).sum();
        Some(student(spare) * (squares / nearest.len() as f64 * rows.len() as f64 / spare as f64).sqrt())
    }

    /// The same for how far the curve may bend away between the points and a place beyond them.
    fn bend(&self, place: &Row) -> f64 {
        let rows = self.rows();
        let beyond = |of: fn(&Row) -> f64| {
            let values = rows.iter().filter(|row| row.factor == place.factor).map(of);
            let values = distinct(values.filter(|value| value.is_finite()));
            let (Some(&low), Some(&high)) = (values.first(), values.last()) else { return 0.0 };
            let edge = of(place).clamp(low, high);
            let quantile = student(values.len().saturating_sub(3).max(1));
            quantile * (of(place) - edge).abs().powf(BEND_POWER)
        };
        let ln_loss = |row: &Row| self.law.ln_loss(&self.theta, row);
        let steeper = |row: Row| (ln_loss(&row) - ln_loss(place)) / STEP;
        let of_data = beyond(|row| row.ln_d) * steeper(place.moved(place.ln_d - STEP));
        let of_factor = match place.n {
            Some(n) => {
                beyond(|row| row.ln_n)
                    * steeper(Row { factor: place.factor, ..Row::at(place.d, Some(n * (-STEP).exp()), None) })
            }
            None => 0.0,
        };
        BEND * of_data.hypot(of_factor)
    }

    /// Where the points lie.
    fn rows(&self) -> Vec<Row> {
        let row = |residual: &crate::laws::Residual| {
            let factor = self.factors.iter().position(|each| *each == residual.factor).unwrap_or(0);
            Row { factor, ..Row::at(residual.d, residual.n, None) }
        };
        self.residuals.iter().map(row).collect()
    }
}
