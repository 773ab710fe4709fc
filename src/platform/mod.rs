//! The edges: one adapter per platform.

#[cfg(feature = "web")]
pub mod browser;
#[cfg(feature = "native")]
pub mod native;
pub mod storage;
