//! Everything that a worker does.

use super::{BenchSize, Message, ModelSource};
use crate::data::user::ReadOptions;
use crate::laws::AnalysisRequest;
use crate::spec::{MethodKind, RunId, RunSpec};
use serde::{Deserialize, Serialize};

/// Names a job in its commands and events; whoever asks counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JobId(pub u32);

/// What a worker is given to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Job {
    /// One cell, from its checkpoint if there is one. Its data were read by this worker before.
    Train(Box<RunSpec>),
    /// Make a data source known and describe it.
    ReadData {
        source: DataRequest,
        counted: Counting,
    },
    /// Go on from a text or a conversation. Several at once take turns, token by token.
    Generate {
        model: ModelRef,
        context: Context,
        settings: Sampling,
    },
    /// A model's files for download, in one .zip: PEFT's for adapters, a Hugging Face folder for full models and for
    /// adapters that are to be merged into their base.
    Export {
        model: ModelRef,
        merged: bool,
    },
    /// Keep a PEFT adapter that fits `base`; its files, or its .zip, come beside the message.
    AddAdapter {
        name: String,
        base: String,
    },
    RenameAdapter {
        id: String,
        name: String,
    },
    RemoveAdapter {
        id: String,
    },
    /// Time `steps` steps of fixed work, after `warmup` others.
    Bench {
        size: BenchSize,
        method: MethodKind,
        warmup: usize,
        steps: usize,
    },
    /// Read what a model says of itself, not its weights.
    InspectModel {
        source: ModelSource,
    },
    /// Check a model whole and make it a base called `name`, in the browser's storage where `keep`; a hub's is
    /// downloaded there first.
    LoadModel {
        name: String,
        source: ModelSource,
        keep: bool,
    },
    /// Remove a model, or what has arrived of one, from the browser's storage.
    RemoveModel {
        name: String,
    },
    /// Fit scaling laws, and what follows from them.
    Fit(Box<AnalysisRequest>),
}

/// What trains: the CPU, a GPU, or whichever is best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Backend {
    /// Whichever trains faster, as far as that was measured: today the CPU.
    Auto,
    WebGpu,
    Cpu,
}

/// Data to read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DataRequest {
    /// One of the lab's tasks, by id.
    Task(String),
    /// Files beside the message.
    Files { name: String, options: ReadOptions },
    /// Text pasted into the page.
    Text { name: String, text: String, options: ReadOptions },
}

/// How a data source's tokens are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counting {
    /// The base whose tokenizer counts; empty for the site's bases, which share one.
    pub base: String,
    /// Tokens of an example, at most. `None` leaves it to the visitor's data: as many as keep nearly every example
    /// whole.
    pub sequence: Option<usize>,
}

impl DataRequest {
    /// What the visitor calls it.
    pub fn name(&self) -> &str {
        match self {
            DataRequest::Task(id) => id,
            DataRequest::Files { name, .. } | DataRequest::Text { name, .. } => name,
        }
    }

    /// How the visitor wants their data read.
    pub fn options(&self) -> Option<&ReadOptions> {
        match self {
            DataRequest::Task(_) => None,
            DataRequest::Files { options, .. } | DataRequest::Text { options, .. } => Some(options),
        }
    }

    /// The same data, read in another way.
    pub fn with_options(mut self, new: ReadOptions) -> Self {
        if let DataRequest::Files { options, .. } | DataRequest::Text { options, .. } = &mut self {
            *options = new;
        }
        self
    }
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

/// An adapter: a run's, or one that was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdapterRef {
    /// What a run trained.
    Run(RunId),
    /// An added adapter, by [`AdapterCard::id`](super::AdapterCard::id).
    Added(String),
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
