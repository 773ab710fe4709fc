//! A machine of one's own: its files, its memory and its devices.

pub mod device;
pub mod files;
pub mod folder;
#[cfg(feature = "native-gpu")]
pub mod launches;
pub mod memory;
pub mod records;
pub mod threads;
