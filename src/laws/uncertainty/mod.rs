//! How sure a fit is: refits to resampled noise, their percentiles, the profile of the exponent, and a backtest.

pub(crate) mod backtest;
pub(crate) mod bootstrap;
pub(crate) mod interval;
pub(crate) mod profile;
