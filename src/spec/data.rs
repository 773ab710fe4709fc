//! Which examples a run sees.

use super::{SpecError, require};
use crate::seed::Seed;
use serde::{Deserialize, Serialize};

/// Which examples, and how many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    pub source: Source,
    /// Distinct training examples. A larger size contains a smaller one of the same `subset`.
    pub examples: usize,
    /// Draws the subset: another seed is another subset, the dev and test splits stay.
    pub subset: Seed,
}

/// Where examples are from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Source {
    /// One of the lab's own generators, by its id (see `data::tasks`).
    Task(String),
    /// The visitor's own data: its name, and the SHA-256 of the parsed examples in hex.
    User { name: String, sha256: String },
}

impl DataSpec {
    /// Refuses amounts that cannot be trained on.
    pub fn check(&self) -> Result<(), SpecError> {
        require(self.examples >= 1, "examples", self.examples, "train on at least one example")
    }
}
