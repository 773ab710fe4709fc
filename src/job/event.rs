//! What crosses between whoever asks and a worker: [`Command`]s go in, [`Event`]s come out.

use super::{BenchTiming, Job, JobId, LoadStep, ModelSummary};
use crate::data::user::ColumnChoice;
use crate::job::Backend;
use crate::laws::Analysis;
use crate::record::{EvalPoint, Measured, ModelCard, RunRecord};
use crate::spec::{Base, Method, RunId, Source};
use serde::{Deserialize, Serialize};

/// To a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// The first message: which device to use. Answered by [`Event::Opened`], [`Event::CannotOpen`] or
    /// [`Event::OtherBuild`].
    Open {
        version: u32,
        backend: Backend,
    },
    /// Files that the job speaks of come beside this message. Answered by [`Event::Job`]s.
    Start {
        id: JobId,
        job: Job,
    },
    /// Hold a training between two steps; [`Command::Resume`] goes on.
    Pause(JobId),
    Resume(JobId),
    /// Leave a checkpoint of a training now: the page may be gone soon.
    Keep(JobId),
    /// End a job; a training leaves a checkpoint, a download what has arrived.
    Stop(JobId),
    /// The files beside this message are the base of this name, which is not in the browser's storage.
    ProvideModel {
        base: String,
        sha256: String,
    },
}

/// From a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    Opened {
        version: u32,
        device: DeviceReport,
    },
    /// The device cannot be opened: this worker refuses every job that needs one.
    CannotOpen {
        reason: String,
    },
    /// The page's messages are of another build than this worker.
    OtherBuild {
        version: u32,
    },
    Job(JobId, JobEvent),
    /// All adapters that are kept in the browser. Sent after [`Event::Opened`] and whenever they change.
    Adapters(Vec<AdapterCard>),
    /// The browser's storage did not take this: it is gone with this worker.
    NotKept {
        what: Unkept,
        reason: String,
    },
    /// The GPU is gone (a driver's reset, a laptop that slept): this worker can do nothing more, a new one may.
    DeviceLost {
        reason: String,
    },
    /// What the engine logged as a warning or error (GPU errors are silent otherwise), or a panic's message.
    Log {
        level: LogLevel,
        text: String,
    },
}

/// What the browser's storage did not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unkept {
    /// Where a run would go on after this visit.
    Checkpoint,
    /// What a run trained.
    Weights(RunId),
    /// A run's record.
    Record(RunId),
    /// An adapter that was added.
    Adapter,
    /// The visitor's own data.
    Data,
}

/// What a job says. The last of these is `Done`, `Stopped` or `Failed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum JobEvent {
    Progress(Progress),
    /// A result that grows until the job is done.
    Partial(Partial),
    Done(Output),
    Stopped,
    /// The job ended without a result; the worker lives on.
    Failed(String),
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Progress {
    /// Bytes of a base model that have arrived; `total` where the host says so.
    Fetching {
        base: String,
        loaded: u64,
        total: Option<u64>,
    },
    /// A training began, or went on from `step` of an earlier worker. `share`, here and below: how much of the run's
    /// work is done, evaluations included, 0 to 1.
    Started {
        step: usize,
        of: usize,
        share: f64,
    },
    /// Every few steps: the loss where it was read back, and the speed since the last event.
    Stepped {
        step: usize,
        of: usize,
        nats_per_token: Option<f64>,
        tokens_per_second: f64,
        share: f64,
    },
    /// So many batches of an evaluation are done, of so many.
    Evaluating {
        measured: Measured,
        batch: usize,
        of: usize,
        share: f64,
    },
    Evaluated(EvalPoint),
    /// What is done with which file of a model.
    Loading {
        step: LoadStep,
        file: String,
        done: u64,
        total: u64,
    },
}

/// What a job has made so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Partial {
    /// What a completion goes on from, as the model reads it, and whether that is a conversation in the model's own
    /// chat template.
    Reading { text: String, templated: bool },
    /// The columns of data that cannot be read until the visitor chooses among them.
    Columns(Vec<String>),
    /// The text so far, and the model's own speed: the turns of others are not counted.
    Generated { text: String, tokens: usize, tokens_per_second: f64 },
    /// What the model says while it trains.
    Sampled(Sample),
}

/// How a model in training goes on from a prompt of its dev split.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    pub step: usize,
    pub prompt: String,
    pub said: String,
    /// What the data say there.
    pub wanted: String,
}

/// What a job came to: one kind for each [`Job`], in the same order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Output {
    /// `kept`: the record lies in the browser's storage.
    Trained {
        record: Box<RunRecord>,
        kept: bool,
    },
    DataRead {
        source: Source,
        summary: Box<DataSummary>,
    },
    Generated,
    Exported(ExportedFile),
    /// Added, renamed or removed; [`Event::Adapters`] says what there is now.
    AdaptersChanged,
    Timed(BenchTiming),
    Inspected(Box<ModelSummary>),
    Loaded(Box<ModelCard>),
    Removed,
    Fitted(Box<Analysis>),
}

impl JobEvent {
    /// Whether nothing more comes of the job.
    pub fn is_last(&self) -> bool {
        matches!(self, JobEvent::Done(_) | JobEvent::Stopped | JobEvent::Failed(_))
    }
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

/// A source as the page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataSummary {
    pub name: String,
    /// Tokens of an example, at most, that the rest speaks of.
    pub sequence: usize,
    pub train_examples: u64,
    pub dev_examples: u64,
    pub test_examples: u64,
    /// Target text of the training pool; for generated tasks, of its first examples.
    pub bytes: u64,
    pub tokens: u64,
    /// Columns found in a table, for choosing; empty where there is nothing to choose.
    pub columns: Vec<String>,
    /// The columns in use, chosen or guessed.
    pub chosen: Option<ColumnChoice>,
    /// Lines left out, cuts, duplicates removed: one sentence each.
    pub notes: Vec<String>,
    /// A few examples, prompt and completion.
    pub preview: Vec<(String, String)>,
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

/// A file for the visitor to download.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedFile {
    pub name: String,
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// How grave a logged line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogLevel {
    Warning,
    Error,
    Panic,
}
