//! The training step and what surrounds it. A [`Session`] is one run: the caller drives it step by step and
//! decides when to pause, yield or stop; it can be stored and resumed between any two steps. [`drive()`] is the loop around
//! one, with its caller's [`Callbacks`].

pub mod bench;
mod checkpoint;
mod data;
mod drive;
mod evaluate;
mod loss;
mod optim;
pub mod pretrain;
mod run;
mod session;

pub use checkpoint::CheckpointError;
pub use drive::{Callbacks, End, Evaluating, Every, Flow, Report, drive};
pub use evaluate::{batch_nats, evaluate};
pub use loss::sum_nats;
pub use optim::AdamW;
pub use run::{Outcome, Progress, RunData, TrainError};
pub use session::Session;
