//! How sure a fit is: refits to resampled noise, their percentiles, the profile of the exponent, and a backtest.

pub(crate) mod ahead;
pub(crate) mod backtest;
pub(crate) mod bootstrap;
pub(crate) mod interval;
pub(crate) mod profile;
pub(crate) mod runs;
pub(crate) mod scale;
pub(crate) mod scatter;
pub(crate) mod student;
