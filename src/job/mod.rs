//! One way to ask for work and to hear of it. A [`Job`] is anything that a worker does: train, generate, read data, load
//! a model, fit laws. Whoever wants one gives it an id and sends it to a worker of an [`Executor`]; every job answers
//! by [`JobEvent`]s, of which the last is `Done`, `Stopped` or `Failed`: none is dropped in silence.
//!
//! Executors are the page's workers (`ui::link`), native threads (`platform::native::threads`) and a [`fake`] that
//! tests drive. In the browser the edges carry messages with serde-wasm-bindgen; files travel beside a command as
//! `File` handles, which the browser passes by reference, and tensors never cross.
//!
//! A worker can be ended at any moment: what it finished was sent, and the run it had begun resumes from its last
//! checkpoint in the browser's storage.

mod event;
mod executor;
pub mod fake;
#[allow(clippy::module_inception, reason = "a job is what the module is about")]
mod job;
mod model;
pub mod pool;

pub use crate::data::Message;
pub use crate::data::user::{ColumnChoice, ReadOptions};
pub use crate::plan::bench::{BenchSize, BenchTiming};
pub use event::{
    AdapterCard, Command, DataSummary, DeviceReport, Event, ExportedFile, JobEvent, LogLevel, Output, Partial,
    Progress, Sample, Unkept,
};
pub use executor::{Executor, Heard, WorkerId};
pub use job::{AdapterRef, Backend, Blended, Context, Counting, DataRequest, Job, JobId, ModelRef, Sampling};
pub use model::{LoadStep, ModelSource, ModelSummary, PartialDownload};

/// Version of these messages: page and worker of different builds refuse each other ("reload the page"), each by the
/// version that the other names first and by whatever it cannot read.
pub const PROTOCOL_VERSION: u32 = 7;
