//! What to run next: an experiment's [`file`](mod@file) and its [`grid`] of cells, a [`queue`] that hands them to workers
//! and never loses one, an [`estimate`] of what a cell needs before anything is loaded, how much of it goes into
//! [`evaluation`]s, the [`ladder`] of base models to pretrain, and the fixed work of a [`bench`](mod@bench).

pub mod bench;
pub mod estimate;
pub mod evaluation;
pub mod file;
pub mod grid;
pub mod ladder;
pub mod precision;
pub mod queue;
