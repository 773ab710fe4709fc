//! Trains and runs models with burn, on any of its devices. Modules stand in reading order; each imports only from
//! those above it.

pub mod adapt;
pub mod formats;
pub mod model;
pub mod ops;
pub mod text;
pub mod train;
