//! What to run next: a [`grid`] of cells, a [`queue`] that hands them to workers and never loses one, and an
//! [`estimate`] of what a cell needs before anything is loaded.

pub mod estimate;
pub mod grid;
pub mod queue;
