//! What is seen, one part of the page a file.

pub mod about;
pub mod app;
mod before_after;
mod chart;
mod controls;
mod data;
mod device;
mod experiment;
mod laws;
mod methods;
mod notices;
mod plot;
mod precision;
mod runs;
mod size_slider;
mod try_it;
