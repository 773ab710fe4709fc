//! Tunelab: a fine-tuning lab that runs inside the browser.
//!
//! [`spec`] says what to train, [`data`] makes the examples, the `engine` trains them with burn, [`record`] keeps what
//! came out, [`laws`] fits how loss falls with data, size and method, and [`plan`] decides what to run next. The edges
//! carry this to a browser worker (`platform::browser`), a page (`ui`) and a command line (`cli`).
//!
//! Modules stand in layers; a module imports only from layers above its own (`tests/layering`):
//!
//! 1. pure: no burn, no web, no clock, no IO;
//! 2. engine: burn on any device, no web;
//! 3. edges: IO, one adapter per platform;
//! 4. the page: Leptos, never a tensor.

// What can fail says why. Tests may unwrap (clippy.toml).
#![warn(clippy::unwrap_used)]

// 1. pure
pub mod data;
pub mod hub;
pub mod job;
pub mod laws;
pub mod metrics;
pub mod plan;
pub mod record;
pub mod seed;
pub mod spec;

// 2. engine
#[cfg(feature = "engine")]
pub mod engine;

// 3. edges
#[cfg(feature = "native")]
pub mod cli;
#[cfg(any(feature = "web", feature = "native"))]
pub mod platform;

// 4. page
#[cfg(feature = "ui")]
pub mod ui;
