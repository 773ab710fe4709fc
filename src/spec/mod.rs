//! What to train. A [`RunSpec`] fixes a run completely, but for rounding on the device: base, method, data and
//! training settings, and one seed. Its hash, the [`RunId`], names the run everywhere.

mod data;
mod method;
mod model;
mod parameters;
mod precision;
mod train;

pub use data::{DataSpec, Source};
pub use method::{Lora, Method, MethodKind, NoMethod, Prompt, PromptInit, Target};
pub use model::{Activation, Bias, ModelConfig, Norm, Position};
pub use parameters::{Initial, ParameterCount, ParameterSpec, Role, Term};
pub use precision::{BLOCK, Precision};
pub use train::{Schedule, TrainConfig};

use crate::seed::Seed;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// The version of [`RunSpec`]'s meaning. It enters the hash: a spec that would train differently gets a new id.
pub const SPEC_VERSION: u32 = 1;

/// One run: a base model, a method, an amount of data, settings and a seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSpec {
    pub version: u32,
    pub base: Base,
    pub method: Method,
    pub data: DataSpec,
    pub train: TrainConfig,
    pub seed: Seed,
}

/// The model a run starts from. The weights' hash stands beside the name, so that a changed base is a new run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Base {
    pub name: String,
    /// SHA-256 of the weights file, in hex.
    pub sha256: String,
}

/// The first 16 hex digits of the SHA-256 of the spec's canonical JSON.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A setting against its rule.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("{field} is {value}: {rule}")]
pub struct SpecError {
    pub field: &'static str,
    pub value: String,
    pub rule: &'static str,
}

pub(crate) fn require(
    ok: bool,
    field: &'static str,
    value: impl ToString,
    rule: &'static str,
) -> Result<(), SpecError> {
    if ok { Ok(()) } else { Err(SpecError { field, value: value.to_string(), rule }) }
}

impl RunSpec {
    /// The run's name: the hash of all its settings.
    pub fn id(&self) -> RunId {
        // Field order is the declaration's and floats print shortest-exact, so this JSON is canonical.
        let json = serde_json::to_vec(self).expect("a spec has only plain fields");
        let mut id = format!("{:x}", Sha256::digest(json));
        id.truncate(16);
        RunId(id)
    }

    /// Refuses settings that cannot be trained, naming the field and the rule.
    pub fn check(&self) -> Result<(), SpecError> {
        require(self.version == SPEC_VERSION, "version", self.version, "this lab reads version 1")?;
        self.method.check()?;
        self.data.check()?;
        self.train.check()
    }
}
