//! What runs workers: the browser, threads, a fake.

use super::{Backend, Command, Event};

/// A worker of an executor; whoever spawns it chooses the number.
pub type WorkerId = u32;

/// Runs workers that do jobs. What they say comes back as [`Heard`], by a way that each executor has of its own.
pub trait Executor {
    /// Starts a worker for a device; it waits for [`Command::Open`].
    fn spawn(&mut self, worker: WorkerId, backend: Backend);
    /// Commands to a worker that is not there are dropped: whoever ended it, or heard that it died, knows.
    fn send(&mut self, worker: WorkerId, command: Command);
    /// Ends a worker at once, whatever it does.
    fn end(&mut self, worker: WorkerId);
}

/// What is heard of a worker.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    Event(Event),
    /// It ended by itself: it crashed or could not be started.
    Died(String),
    /// It said what this build cannot read.
    Unreadable,
}
