//! The whole boundary between the page and a worker: [`Command`]s go in, [`Event`]s come out, and nothing else
//! crosses. The edges carry them with serde-wasm-bindgen; files travel beside a command as `File` handles, which
//! the browser passes by reference, and tensors never cross.
//!
//! The page may hold several workers; each runs one cell at a time. A worker can be ended at any moment: what it
//! finished was sent, what it had begun resumes from its last checkpoint in the browser's storage.

mod shelf;

pub use crate::data::Message;
pub use crate::data::user::ColumnChoice;
pub use crate::plan::bench::{BenchSize, BenchTiming};
use crate::record::{EvalPoint, RunRecord};
use crate::spec::{Base, Method, MethodKind, RunId, RunSpec, Source};
use serde::{Deserialize, Serialize};
pub use shelf::{ModelSource, ShelfCommand, ShelfEvent, Sight, Step, Unfinished};

/// Version of this boundary: page and worker of different builds refuse each other ("reload the page"), each by the
/// version that the other names first and by whatever it cannot read.
pub const PROTOCOL_VERSION: u32 = 3;

/// Page → worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// The first message: which device to use. Answered by [`Event::Ready`], [`Event::CannotStart`] or
    /// [`Event::OtherBuild`].
    Start {
        protocol: u32,
        backend: Backend,
    },
    /// Make a data source known. User data come as files beside this message, in this order.
    /// Answered by [`Event::DataReady`] or [`Event::DataRefused`].
    /// Tokens are counted with the tokenizer of `base`.
    Data {
        source: DataRequest,
        base: String,
    },
    /// Train one cell, from its checkpoint if there is one. Its data were made known before.
    /// Answered by [`Event::Started`], steps, and one of `Finished`, `Stopped`, `Failed`.
    Run {
        spec: Box<RunSpec>,
    },
    /// Hold the running cell between two steps; [`Command::Resume`] goes on.
    Pause,
    Resume,
    /// End the running cell after a checkpoint.
    Stop,
    /// Go on from a text or a conversation. Answered by [`Event::Reading`], then streams [`Event::Generated`].
    /// Several at once take turns, token by token.
    Generate {
        request: u32,
        model: ModelRef,
        context: Context,
        settings: Sampling,
    },
    CancelGenerate {
        request: u32,
    },
    /// A model's files for download, in one .zip: PEFT's for adapters, a Hugging Face folder for full models and
    /// for adapters that are to be merged into their base. Answered by [`Event::Exported`].
    Export {
        request: u32,
        model: ModelRef,
        merged: bool,
    },
    /// Keep a PEFT adapter that fits `base`. Its files, or its .zip, come beside this message. Answered by
    /// [`Event::Adapters`] or [`Event::Refused`].
    AddAdapter {
        request: u32,
        name: String,
        base: String,
    },
    /// Both answered by [`Event::Adapters`].
    NameAdapter {
        id: String,
        name: String,
    },
    RemoveAdapter {
        id: String,
    },
    /// Time `steps` steps of fixed work, after `warmup` others. Answered by [`Event::Benched`].
    Bench {
        request: u32,
        size: BenchSize,
        method: MethodKind,
        warmup: usize,
        steps: usize,
    },
    /// The files beside this message are the base of this name, which is not in the browser's storage.
    Hold {
        base: String,
        sha256: String,
    },
    /// For the shelf's worker.
    Shelf(ShelfCommand),
}

impl Command {
    /// The answer to a command that cannot be done at all; none where nothing waits for one.
    pub fn refused(&self, reason: &str) -> Option<Event> {
        let reason = reason.to_string();
        Some(match self {
            Command::Start { .. } => Event::CannotStart { reason },
            Command::Data { source, .. } => Event::DataRefused { name: source.name().into(), reason },
            Command::Run { spec } => Event::Failed { run: spec.id(), reason },
            Command::Generate { request, .. }
            | Command::Export { request, .. }
            | Command::AddAdapter { request, .. }
            | Command::Bench { request, .. } => Event::Refused { request: *request, reason },
            Command::Shelf(ShelfCommand::Look { request, .. } | ShelfCommand::Take { request, .. }) => {
                Event::Shelf(ShelfEvent::Refused { request: *request, reason })
            }
            Command::NameAdapter { .. } | Command::RemoveAdapter { .. } | Command::Hold { .. } | Command::Shelf(_) => {
                Event::Log { level: LogLevel::Error, text: reason }
            }
            // Nothing runs that these could mean.
            Command::Pause | Command::Resume | Command::Stop | Command::CancelGenerate { .. } => return None,
        })
    }
}

/// Worker → page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    Ready {
        protocol: u32,
        device: DeviceReport,
    },
    /// The device cannot be opened: this worker does nothing that needs one.
    CannotStart {
        reason: String,
    },
    /// The page's messages are of another build than this worker.
    OtherBuild {
        protocol: u32,
    },
    DataReady {
        source: Source,
        /// The base whose tokens were counted.
        base: String,
        summary: DataSummary,
    },
    DataRefused {
        name: String,
        reason: String,
    },
    /// Bytes of a base model that have arrived; `total` where the host says so.
    Fetching {
        base: String,
        loaded: u64,
        total: Option<u64>,
    },
    /// A cell began, or went on from `step` of an earlier worker.
    Started {
        run: RunId,
        step: usize,
        of: usize,
    },
    /// Every few steps: the loss where it was read back, and the speed since the last event.
    Stepped {
        run: RunId,
        step: usize,
        of: usize,
        nats_per_token: Option<f64>,
        tokens_per_second: f64,
    },
    Evaluated {
        run: RunId,
        point: EvalPoint,
    },
    Finished {
        record: Box<RunRecord>,
    },
    Stopped {
        run: RunId,
        step: usize,
    },
    /// The cell ended without a result; the worker lives on.
    Failed {
        run: RunId,
        reason: String,
    },
    /// The GPU is gone (a driver's reset, a laptop that slept): this worker can do nothing more, a new one may.
    DeviceLost {
        reason: String,
    },
    /// What a completion goes on from, as the model reads it.
    Reading {
        request: u32,
        text: String,
        /// Whether that is a conversation in the model's own chat template.
        templated: bool,
    },
    /// The text so far of a completion, and the model's own speed: the turns of others are not counted.
    Generated {
        request: u32,
        text: String,
        tokens: usize,
        tokens_per_second: f64,
        done: bool,
    },
    /// A request other than a run could not be done.
    Refused {
        request: u32,
        reason: String,
    },
    Exported {
        request: u32,
        file: ExportedFile,
    },
    /// All adapters that are kept in the browser. Sent after [`Event::Ready`] and whenever they change.
    Adapters(Vec<AdapterCard>),
    Benched {
        request: u32,
        timing: BenchTiming,
    },
    Shelf(ShelfEvent),
    /// What the engine logged as a warning or error (GPU errors are silent otherwise), or a panic's message.
    Log {
        level: LogLevel,
        text: String,
    },
}

/// What trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Backend {
    /// Whichever trains faster, as far as that was measured: today the CPU.
    Auto,
    WebGpu,
    Cpu,
}

/// What the worker runs on, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceReport {
    /// The backend in use: never `Auto`.
    pub backend: Backend,
    /// "NVIDIA H200 (WebGPU)", "CPU (wasm SIMD)".
    pub name: String,
    /// One sentence: why this one.
    pub reason: String,
}

/// Data of one's own, on its way to a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DataRequest {
    /// One of the lab's tasks, by id.
    Task(String),
    /// Files beside the message; `columns` where the visitor chose them.
    Files { name: String, columns: Option<ColumnChoice> },
    /// Text pasted into the page.
    Text { name: String, text: String, columns: Option<ColumnChoice> },
}

impl DataRequest {
    /// What the visitor calls it.
    pub fn name(&self) -> &str {
        match self {
            DataRequest::Task(id) => id,
            DataRequest::Files { name, .. } | DataRequest::Text { name, .. } => name,
        }
    }
}

/// A source as the page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataSummary {
    pub name: String,
    pub train_examples: u64,
    pub dev_examples: u64,
    pub test_examples: u64,
    /// Target text of the training pool; for generated tasks, of its first examples.
    pub bytes: u64,
    pub tokens: u64,
    /// Columns found in a table, for choosing; empty where there is nothing to choose.
    pub columns: Vec<String>,
    /// Lines left out, cuts, duplicates removed: one sentence each.
    pub notes: Vec<String>,
    /// A few examples, prompt and completion.
    pub preview: Vec<(String, String)>,
}

/// A base, or what a run made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ModelRef {
    Base(String),
    Tuned {
        base: String,
        run: RunId,
    },
    /// A base with adapters beside its weights: one that was added, or several LoRA adapters blended.
    Adapted {
        base: String,
        adapters: Vec<Blended>,
    },
}

impl ModelRef {
    /// The name of the base it rests on.
    pub fn base(&self) -> &str {
        match self {
            ModelRef::Base(base) | ModelRef::Tuned { base, .. } | ModelRef::Adapted { base, .. } => base,
        }
    }
}

/// An adapter in a blend, and the factor by which it counts: 1 is as trained, below 0 is its opposite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blended {
    pub adapter: AdapterRef,
    pub weight: f64,
}

/// Which adapter a text is completed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdapterRef {
    /// What a run trained.
    Run(RunId),
    /// An added adapter, by [`AdapterCard::id`].
    Added(String),
}

/// A PEFT adapter that was added and is kept in the browser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdapterCard {
    /// The start of the SHA-256 of its files.
    pub id: String,
    pub name: String,
    /// The base it was checked against.
    pub base: Base,
    pub method: Method,
    pub bytes: u64,
    /// What its `tunelab.json` says it reached on its own test split.
    pub test_nats_per_token: Option<f64>,
}

/// What a completion goes on from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Context {
    Text(String),
    /// A conversation, to be answered.
    Chat(Vec<Message>),
}

/// How to draw the next token.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    pub max_tokens: usize,
    /// 0 always takes the likeliest token.
    pub temperature: f64,
    /// Only the `top_k` likeliest; 0 keeps all.
    pub top_k: usize,
    /// The smallest set of likeliest tokens whose probabilities reach `top_p`.
    pub top_p: f64,
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling { max_tokens: 64, temperature: 0.0, top_k: 0, top_p: 1.0, seed: 0 }
    }
}

/// A file for the visitor to keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedFile {
    pub name: String,
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// How grave a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogLevel {
    Warning,
    Error,
    Panic,
}
