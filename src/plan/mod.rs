//! What to run next: a [`grid`] of cells, and a [`queue`] that hands them to workers and never loses one.

pub mod grid;
pub mod queue;
