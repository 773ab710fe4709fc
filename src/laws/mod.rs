//! Laws of how loss falls with data, model size and method: forms, fits, uncertainty.
//!
//! [`fit()`] takes [`Point`]s and [`Options`] and gives a [`Report`]: per group the law chosen, its rivals, parameters with
//! intervals, curves with bands to draw, residuals, a backtest, and [`Warning`]s as data. Thin or bad data is a normal
//! input here: nothing fails and nothing panics, the report says what is wrong.
//!
//! Deliberately absent: any clock, file or thread; any optimiser or matrix crate (see `fit/newton` for why).

mod analysis;
mod choose;
mod crossover;
mod design;
mod diagnose;
mod export;
mod fit;
mod forms;
mod number;
mod point;
mod report;
mod table;
mod transfer;
mod uncertainty;
mod warning;

pub use analysis::{Analysis, AnalysisRequest, Crossing, GroupAdvice, Transfer, analyse, candidates};
pub use crossover::{CriticalPoint, CrossingPoint, Crossover, critical_point, crossover};
pub use design::{Advice, Candidate, advise};
pub use export::{ReportError, points_csv, points_json};
pub use fit::objective::{Objective, UnknownObjective};
pub use fit::{Hide, Options, UnknownHide, fit};
pub use forms::{Column, Kind, Law, LawCard, ParameterInfo, UnknownLaw};
pub use point::Point;
pub use report::*;
pub use table::{Columns, Table, TableError};
pub use transfer::{Effective, TransferLaw, TransferReport, Transferred, transfer};
pub use uncertainty::backtest::backtest;
pub use uncertainty::bootstrap::Replicate;
pub use warning::Warning;
