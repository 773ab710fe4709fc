//! The units a law is fitted in: the rows' own centre. A fit is then the same whether losses are near 1e-6 or 1e6 and
//! data come in examples or in tokens; ranges of parameters, steps and tolerances need to suit one scale alone.

use crate::laws::Law;
use crate::laws::forms::{Bounds, Vector};
use crate::laws::point::Row;

/// Second factors that a law tells apart, at most; each has a unit of its own.
pub(crate) const FACTORS: usize = 3;

/// One unit of data, of loss and of each second factor, by their logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Units {
    pub ln_d: f64,
    pub ln_loss: f64,
    pub ln_n: [f64; FACTORS],
}

impl Units {
    /// Those that the points came in.
    pub const GIVEN: Units = Units { ln_d: 0.0, ln_loss: 0.0, ln_n: [0.0; FACTORS] };

    /// The geometric means of rows; with `apart`, of each factor's own.
    pub fn of(rows: &[Row], apart: bool) -> Units {
        let mean = |values: &mut dyn Iterator<Item = f64>| {
            let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
            sum / f64::from(count.max(1))
        };
        let of_factor = |factor: usize| {
            let among = rows.iter().filter(|row| !row.ln_n.is_nan() && (!apart || row.factor == factor));
            mean(&mut among.map(|row| row.ln_n))
        };
        Units {
            ln_d: mean(&mut rows.iter().map(|row| row.ln_d)),
            ln_loss: mean(&mut rows.iter().map(|row| row.ln_loss)),
            ln_n: std::array::from_fn(of_factor),
        }
    }

    /// From these units back to the given ones.
    pub fn inverse(&self) -> Units {
        Units { ln_d: -self.ln_d, ln_loss: -self.ln_loss, ln_n: self.ln_n.map(|ln_n| -ln_n) }
    }

    fn row(&self, row: &Row) -> Row {
        Row {
            ln_d: row.ln_d - self.ln_d,
            ln_n: row.ln_n - self.ln_n[row.factor.min(FACTORS - 1)],
            ln_loss: row.ln_loss - self.ln_loss,
            ..*row
        }
    }
}

/// Rows in a law's units, and what turns its parameters to and fro.
pub(crate) struct Scaled {
    pub law: Law,
    pub rows: Vec<Row>,
    /// The range of each working parameter.
    pub bounds: Bounds,
    units: Units,
}

impl Scaled {
    pub fn new(law: Law, rows: &[Row]) -> Scaled {
        let units = law.units(rows);
        let rows: Vec<Row> = rows.iter().map(|row| units.row(row)).collect();
        Scaled { law, bounds: law.bounds(&rows), rows, units }
    }

    /// From natural parameters to those that are fitted.
    pub fn to_working(&self, natural: &Vector) -> Vector {
        self.law.working_at(natural, &self.units)
    }

    /// And back.
    pub fn to_natural(&self, working: &Vector) -> Vector {
        self.law.natural_at(working, &self.units)
    }

    /// Every so manieth row, where there are more than `most`; the same units.
    pub fn thinned(&self, most: usize) -> Vec<Row> {
        self.rows.iter().step_by(self.rows.len().div_ceil(most).max(1)).copied().collect()
    }
}
