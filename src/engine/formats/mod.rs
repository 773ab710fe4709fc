//! Hugging Face model folders, in and out: `config.json`, `model.safetensors` (or shards), `tokenizer.json`.
//!
//! [`Checkpoint::open`] reads what a folder says of itself; its weights are then pulled one tensor at a time.
//! A [`Family`] maps its config and its tensors' names onto the one decoder; one file each in `families`. Absent on
//! purpose: pickled weights, which can run code.

mod archive;
mod checkpoint;
mod families;
mod files;
mod header;
mod parts;
mod stored;
mod tensors;

pub use archive::{read_archive, write_archive};
pub(crate) use checkpoint::pretty;
pub use checkpoint::{Checkpoint, Description, ModelFile, write_folder};
pub use families::Family;
pub(crate) use families::fields::JsonFields;
pub(crate) use files::read_all;
pub use files::{Files, MemoryFiles, hash_files, parse_json};
pub use stored::{Fused, StoredModule, StoredTensor};
pub use tensors::{TensorFiles, Width, index_shards, write_named, write_tensors};

use crate::spec::SpecError;

/// What is wrong with a model's files.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum WeightsError {
    #[error("{file}: {problem}; {remedy}")]
    File { file: String, problem: String, remedy: &'static str },
    #[error("{file}: tensor {tensor}: {problem}; {remedy}")]
    Tensor { file: String, tensor: String, problem: String, remedy: &'static str },
    #[error("{file}: `{field}`: {problem}; {remedy}")]
    Field { file: String, field: String, problem: String, remedy: &'static str },
    #[error("config.json: {0}")]
    Config(String),
    /// What the weights' source said.
    #[error("{0}")]
    Source(String),
}

impl WeightsError {
    pub fn file(file: &str, problem: impl Into<String>, remedy: &'static str) -> Self {
        WeightsError::File { file: file.into(), problem: problem.into(), remedy }
    }

    pub fn tensor(file: &str, tensor: &str, problem: impl Into<String>, remedy: &'static str) -> Self {
        WeightsError::Tensor { file: file.into(), tensor: tensor.into(), problem: problem.into(), remedy }
    }
}

impl From<SpecError> for WeightsError {
    fn from(error: SpecError) -> Self {
        WeightsError::Config(error.to_string())
    }
}
