//! What a program asks of a GPU, counted by what wgpu logs of its calls.

use crate::engine::train::TrainError;
use crate::engine::train::bench::session;
use crate::plan::bench::BenchSize;
use crate::spec::MethodKind;
use burn::tensor::Device;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Calls by kind, in the order of [`KINDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launches([u64; KINDS.len()]);

/// A kind of call, and how wgpu's message of it begins.
const KINDS: [(&str, &str); 7] = [
    ("dispatches", "ComputePass::dispatch"),
    ("submits", "Queue::submit returned"),
    ("bind groups", "Device::create_bind_group ->"),
    ("pipelines", "Device::create_compute_pipeline"),
    ("buffers", "Device::create_buffer"),
    ("uploads", "Queue::write_buffer"),
    ("readbacks", "Buffer::map_async"),
];

static COUNTS: [AtomicU64; KINDS.len()] = [const { AtomicU64::new(0) }; KINDS.len()];

struct Counter;

impl log::Log for Counter {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("wgpu_core")
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let message = record.args().to_string();
        if let Some(kind) = KINDS.iter().position(|(_, begins)| message.starts_with(begins)) {
            COUNTS[kind].fetch_add(1, Relaxed);
        }
    }

    fn flush(&self) {}
}

impl Launches {
    /// Begins to count, for the rest of the program.
    pub fn watch() {
        // A second call finds the first one's counter.
        if log::set_logger(&Counter).is_ok() {
            log::set_max_level(log::LevelFilter::Trace);
        }
    }

    /// What was counted so far.
    fn so_far() -> Self {
        Launches(std::array::from_fn(|kind| COUNTS[kind].load(Relaxed)))
    }

    fn since(self, before: Launches) -> Self {
        Launches(std::array::from_fn(|kind| self.0[kind] - before.0[kind]))
    }

    /// What one step of the fixed work asks, once its kernels are compiled.
    pub async fn of_a_step(size: BenchSize, method: MethodKind, device: &Device) -> Result<Each, TrainError> {
        let mut session = session(&size.config(), size.batch(), method, 3 * STEPS, device)?;
        for _ in 0..STEPS {
            session.advance().await?;
        }
        let before = Launches::so_far();
        for _ in 0..STEPS {
            session.advance().await?;
        }
        Ok(Each(Launches::so_far().since(before)))
    }
}

/// Steps that are counted: the losses of as many are read together.
const STEPS: usize = 8;

/// The mean of some steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Each(Launches);

impl Each {
    pub fn dispatches(self) -> f64 {
        self.0.0[0] as f64 / STEPS as f64
    }

    pub fn submits(self) -> f64 {
        self.0.0[1] as f64 / STEPS as f64
    }
}

impl fmt::Display for Each {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = self.0.0.into_iter().zip(KINDS);
        let each = each.map(|(count, (name, _))| format!("{} {name}", count as f64 / STEPS as f64));
        f.write_str(&each.collect::<Vec<_>>().join(", "))
    }
}
