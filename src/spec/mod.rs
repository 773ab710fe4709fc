//! What to train. A [`RunSpec`] fixes a run completely, but for rounding on the device: base, method, data and
//! training settings, and one seed. Its hash, the [`RunId`], names the run everywhere.

mod data;
mod method;
mod model;
mod parameters;
mod precision;
mod train;

pub use data::{DataSpec, Source};
pub use method::{
    Citation, CliOption, Control, Full, Lora, Method, MethodInfo, MethodKind, MethodResult, NoMethod, Prompt,
    PromptInit, Scratch, Setting, Target, TextOption, TuningMethod,
};
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Specs as they are written, and their ids: a change of either loses every finished run.
    #[test]
    fn ids_of_specs_stay() {
        let lora =
            Lora { rank: 4, rslora: true, targets: vec![Target::Query, Target::AttentionOut], ..Lora::default() };
        let prompt = Prompt { init: PromptInit::Text("Answer.".into()), ..Prompt::default() };
        let methods = [
            Method::Full,
            Method::Lora(Lora::default()),
            Method::Lora(lora),
            Method::Prompt(Prompt::default()),
            Method::Prompt(prompt),
            Method::Scratch,
        ];
        let low = [Method::Lora(Lora::default()), Method::Prompt(Prompt::default())];
        let low = low.map(|method| method.on(Precision::Nf4).unwrap());
        let ids: Vec<String> = methods.into_iter().chain(low).map(id).collect();
        let expected = [
            "52f391bed350cdcb",
            "c8fa9d99bdaab2ff",
            "811014d4caa4e4d7",
            "bd5736fcd149390d",
            "9ccd15a0143a84c4",
            "bdf3a2be04d3b94e",
            "3cbba4de6432c705",
            "a801aed4cfd396f3",
        ];
        assert_eq!(ids, expected);
    }

    fn id(method: Method) -> String {
        let spec = RunSpec {
            version: SPEC_VERSION,
            base: Base { name: "story-50k".into(), sha256: "0123456789abcdef".into() },
            train: TrainConfig::default_for(method.kind()),
            method,
            data: DataSpec { source: Source::Task("translation".into()), examples: 64, subset: Seed(7) },
            seed: Seed(3),
        };
        spec.id().0
    }
}
