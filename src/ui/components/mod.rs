//! What is seen, one part of the page a file.

pub mod about;
mod adapters;
pub mod app;
mod base_select;
mod base_shelf;
mod before_after;
mod blend;
mod chart;
mod controls;
mod data;
mod device;
mod drop_area;
mod experiment;
mod laws;
mod load_model;
mod made;
mod methods;
mod notices;
mod plot;
mod precision;
mod runs;
mod size_slider;
mod try_it;
