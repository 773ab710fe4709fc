//! Parts that several views use.

pub mod base_select;
pub mod chart;
pub mod drop_area;
pub mod notices;
pub mod offline;
pub mod storage;
pub mod term;
pub mod walk;
