//! The laws themselves, one file each: what a page says of it, parameters with their ranges, the columns it needs, ln L̂
//! with its first and second derivatives, where a fit starts. Everything else in [`laws`](super) is the same for all.
//!
//! A new law is a file here, declared, and one line of the list below; CONTRIBUTING.md has the recipe, and
//! `tests/laws_registration.rs` holds that no law is named anywhere else.

mod additive;
mod card;
mod jet;
mod law;
mod multiplicative;
mod power;
mod power_constant;
mod rectified;
mod register;
mod repeated;
mod shared;

pub use card::{Column, Kind, LawCard, ParameterInfo};
pub(crate) use card::{constant, exponent, scale};
pub(crate) use jet::{Jet, Matrix, Vector, amount, log_sum, padded, sum_jet};
pub use law::UnknownLaw;

use crate::laws::fit::starting_values::{Grid, StartingValue};
use crate::laws::fit::units::{FACTORS, Units};
use crate::laws::point::Row;
use serde::{Deserialize, Serialize};

register::register! {
    power::Power,
    power_constant::PowerConstant,
    rectified::Rectified,
    multiplicative::Multiplicative,
    additive::Additive,
    repeated::Repeated,
    shared::Shared,
}

/// The most parameters of any law: a shared β and E with A and α for three factors.
pub const MAX: usize = 2 + 2 * FACTORS;
/// A range for each parameter.
pub(crate) type Bounds = [(f64, f64); MAX];

/// What a law's file implements. A law is fitted on ln L, mostly a sum of positive terms and a constant: amounts (A, B …)
/// are parameters by their logarithms, so that a term's own logarithm is linear in the parameters; the constant E is one
/// as it is, so that a fit can reach E = 0 instead of creeping towards ln E = −∞.
pub(crate) trait Form {
    const CARD: LawCard;
    const SEARCH: Search = Search { starts: None, wide_first: true };
    /// Parameters at which the tests compare derivatives with differences, ordinary and extreme ones.
    #[cfg(test)]
    const PROBES: &'static [&'static [f64]];

    /// The predicted loss.
    fn loss(theta: &[f64], row: &Row) -> f64;

    /// Its logarithm with derivatives in the working parameters.
    fn jet(theta: &[f64], row: &Row, jet: &mut Jet);

    /// Where a fit may start, in natural parameters.
    fn starts(grid: &Grid) -> Vec<StartingValue>;

    /// ln H and γ of D_c = H·X^γ, where the power parts of two fits are equal; none for a law without such a formula.
    fn critical(_first: &[f64], _second: &[f64]) -> Option<(f64, f64)> {
        None
    }

    fn ln_loss(theta: &[f64], row: &Row) -> f64 {
        Self::loss(theta, row).ln()
    }

    /// How many of the parameters these rows determine: the first ones.
    fn count(_rows: &[Row]) -> usize {
        Self::CARD.parameters.len()
    }

    /// What a parameter means where the points name their factors.
    fn meaning(_parameter: usize, _factors: &[Option<String>]) -> Option<String> {
        None
    }

    /// The units that rows are fitted in.
    fn units(rows: &[Row]) -> Units {
        Units::of(rows, Self::CARD.most_factors > 1)
    }

    /// What the parameters of a fit in these units are in the given ones.
    fn in_given(theta: &Vector, units: &Units) -> Vector;

    // A law may be fitted in other parameters than its own where that makes the optimiser's way shorter: these are its
    // working parameters, its own are the natural ones. Working ones are in the rows' units, natural ones in the given.

    fn to_working(natural: &Vector, units: &Units) -> Vector {
        Self::in_given(natural, &units.inverse())
    }

    fn to_natural(working: &Vector, units: &Units) -> Vector {
        Self::in_given(working, units)
    }

    /// A gradient in working parameters, turned into one in natural ones at `natural`, both in the given units.
    fn natural_gradient(gradient: &Vector, _natural: &Vector) -> Vector {
        *gradient
    }

    /// As [`Form::ln_loss`], of working parameters.
    fn working_ln_loss(theta: &[f64], row: &Row) -> f64 {
        Self::ln_loss(theta, row)
    }

    /// Sets the ranges of working parameters that differ from the natural ones'.
    fn working_bounds(_bounds: &mut Bounds) {}
}

/// How the optimiser treats a law.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search {
    /// How many starts are polished; none for as many as the grid's fineness says.
    pub starts: Option<usize>,
    /// Whether a wider Huber loss leads into the right valley.
    pub wide_first: bool,
}
