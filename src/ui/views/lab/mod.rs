//! The lab view: what to train, the plot, the runs.

pub mod base_shelf;
pub mod controls;
mod data;
pub mod device;
pub mod experiment;
mod load_model;
pub mod methods;
pub mod plot;
mod precision;
pub mod runs;
pub mod size_slider;
