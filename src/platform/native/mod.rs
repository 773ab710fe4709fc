//! A machine of one's own: its files and its memory.

pub mod files;
pub mod folder;
pub mod memory;
pub mod records;
pub mod threads;
