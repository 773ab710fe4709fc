//! The operations that a model is made of.

pub(crate) mod host;
pub(crate) mod packed;

pub use host::composed;
pub(crate) use host::on_host;
