//! The browser: what it computes on, the boundary between page and worker, and the worker itself.

pub mod device;
pub mod wire;
#[cfg(feature = "worker")]
pub mod worker;
