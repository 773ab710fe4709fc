//! What is seen: one folder a view, and the frame around them.

mod about;
pub mod app;
mod lab;
mod laws;
mod try_it;
