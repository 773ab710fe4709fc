//! Laws of how loss falls with data, model size and method: forms, fits, uncertainty.
//!
//! [`fit`] takes [`Point`]s and [`Options`] and gives a [`Report`]: per group the law chosen, its rivals, parameters with
//! intervals, curves with bands to draw, residuals, a backtest, and [`Warning`]s as data. Thin or bad data is a normal
//! input here: nothing fails and nothing panics, the report says what is wrong.
//!
//! Deliberately absent: any clock, file or thread; any optimiser or matrix crate (see `newton` for why).

mod answer;
mod backtest;
mod bootstrap;
mod choose;
mod crossover;
mod describe;
mod export;
mod fit;
mod forms;
mod judge;
mod newton;
mod next;
mod objective;
mod point;
mod profile;
mod report;
mod solve;
mod start;
mod table;
mod transfer;
mod warning;

pub use answer::{Answer, Crossing, Question, Transfer, answer};
pub use backtest::backtest;
pub use bootstrap::Draw;
pub use crossover::{Crossover, crossover};
pub use export::{ReportError, points_csv, points_json};
pub use fit::{Options, fit};
pub use forms::{Column, Kind, Law, LawCard, ParameterInfo, UnknownLaw};
pub use next::{Advice, Cell, advise};
pub use objective::{Objective, UnknownObjective};
pub use point::Point;
pub use report::*;
pub use table::{Columns, Table, TableError};
pub use transfer::{Effective, TransferLaw, TransferReport, Transferred, transfer};
pub use warning::Warning;
