//! What is known of a base model: its shape, where it comes from, how it was made.

use crate::spec::ModelConfig;
use serde::{Deserialize, Serialize};

/// A base on the shelf: an entry of `models/index.json`, or a model that the visitor brought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    pub name: String,
    /// SHA-256 of `model.safetensors`, in hex.
    pub sha256: String,
    /// Bytes of `model.safetensors`.
    pub bytes: u64,
    pub config: ModelConfig,
    /// How it was made, where this lab made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretraining: Option<Pretraining>,
    /// Where it comes from, where the visitor brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// How a base was made; all of it measured or taken from its spec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pretraining {
    /// What it read: "stories, seed 1".
    pub corpus: String,
    pub tokens: u64,
    pub seed: u64,
    pub learning_rate: f64,
    pub test_nats_per_token: f64,
    pub test_bits_per_byte: f64,
    /// Training loss by step.
    pub curve: Vec<(usize, f64)>,
    pub commit: String,
}

/// Where a model that the visitor brought comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub family: String,
    pub dtype: String,
    /// "huggingface.co/EleutherAI/pythia-14m, commit 1a2b3c4d", or the folder's name.
    pub from: String,
    /// Whether it lies in the browser's storage, and so outlives the visit.
    pub kept: bool,
}
