//! How a model is tuned.

use super::{Initial, ModelConfig, ParameterSpec, Precision, Role, SpecError, Term, require};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What is trained, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Method {
    /// Every weight of the base is trained.
    Full,
    /// Low-rank adapters beside frozen weights (Hu et al. 2021).
    Lora(Lora),
    /// Trained vectors before the input, everything else frozen (Lester et al. 2021).
    Prompt(Prompt),
    /// The base's shape with fresh weights: the comparison that the law of transfer needs.
    Scratch,
}

/// A method without its settings: the key for colours, names and defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MethodKind {
    Full,
    Lora,
    Prompt,
    Scratch,
}

/// Low-rank adapters beside frozen weights (Hu et al. 2021).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lora {
    pub rank: usize,
    pub alpha: f64,
    /// Probability of zeroing an input of the adapter while training.
    pub dropout: f64,
    pub targets: Vec<Target>,
    /// Scale by alpha/sqrt(rank) (Kalajdzievski 2023) instead of alpha/rank.
    pub rslora: bool,
    /// How the frozen base rests. Written only where it is not f32: older specs keep their hash, and older labs
    /// refuse newer ones.
    #[serde(default, skip_serializing_if = "Precision::is_f32")]
    pub base_precision: Precision,
}

/// A linear layer of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Target {
    Query,
    Key,
    Value,
    AttentionOut,
    /// SwiGLU's gate; absent in models with a plain GELU.
    Gate,
    Up,
    Down,
}

impl Target {
    /// All of them, in the order they are shown.
    pub const ALL: [Target; 7] =
        [Target::Query, Target::Key, Target::Value, Target::AttentionOut, Target::Gate, Target::Up, Target::Down];
}

/// Trained vectors before a frozen model's input (Lester et al. 2021).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    pub virtual_tokens: usize,
    pub init: PromptInit,
    /// As [`Lora::base_precision`].
    #[serde(default, skip_serializing_if = "Precision::is_f32")]
    pub base_precision: Precision,
}

/// What a prompt's vectors are at first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PromptInit {
    /// Normal, with the embedding's standard deviation.
    Random,
    /// Embeddings of tokens drawn from the vocabulary.
    Vocabulary,
    /// Embeddings of this text's tokens, repeated or cut to the number of virtual tokens.
    Text(String),
}

impl Default for Lora {
    fn default() -> Self {
        Lora {
            rank: 8,
            alpha: 16.0,
            dropout: 0.0,
            targets: Target::ALL.to_vec(),
            rslora: false,
            base_precision: Precision::F32,
        }
    }
}

impl Default for Prompt {
    fn default() -> Self {
        Prompt { virtual_tokens: 16, init: PromptInit::Vocabulary, base_precision: Precision::F32 }
    }
}

impl Lora {
    /// The factor on `x·A·B`.
    pub fn scale(&self) -> f64 {
        let rank = self.rank as f64;
        self.alpha / if self.rslora { rank.sqrt() } else { rank }
    }

    /// The matrices beside a linear layer, A `[in, rank]` and B `[rank, out]`; none where the model has no such layer.
    /// They start as PEFT's: A uniform in ±1/√in (Kaiming's, a = √5), B zero.
    pub fn matrices(&self, config: &ModelConfig, layer: usize, target: Target) -> Option<[ParameterSpec; 2]> {
        let role = Role::Linear(layer, target);
        let [inputs, outputs] = config.linear_shape(target);
        let matrix = |name: &str, shape: [usize; 2], initial| ParameterSpec {
            name: format!("{}.{name}", role.module()),
            shape: shape.to_vec(),
            in_base: None,
            decays: true,
            lowest_precision: Precision::F32,
            initial,
        };
        let a = matrix("lora_a", [inputs, self.rank], Initial::Uniform { bound: 1.0 / (inputs as f64).sqrt() });
        let b = matrix("lora_b", [self.rank, outputs], Initial::Zeros);
        config.has(role, Term::Weight).then_some([a, b])
    }

    /// Every layer that is adapted, by block and target.
    pub fn layers(&self, config: &ModelConfig) -> Vec<(usize, Target, [ParameterSpec; 2])> {
        let each = |layer| {
            let found = move |&target: &Target| Some((layer, target, self.matrices(config, layer, target)?));
            self.targets.iter().filter_map(found)
        };
        (0..config.layers).flat_map(each).collect()
    }
}

impl Prompt {
    /// The vectors before the input, `[virtual_tokens, d]`.
    pub fn vectors(&self, config: &ModelConfig) -> ParameterSpec {
        ParameterSpec {
            name: "prompt".into(),
            shape: vec![self.virtual_tokens, config.d_model],
            in_base: None,
            decays: false,
            lowest_precision: Precision::F32,
            initial: Initial::FromEmbedding,
        }
    }
}

impl Method {
    /// Which method it is, whatever its settings.
    pub fn kind(&self) -> MethodKind {
        match self {
            Method::Full => MethodKind::Full,
            Method::Lora(_) => MethodKind::Lora,
            Method::Prompt(_) => MethodKind::Prompt,
            Method::Scratch => MethodKind::Scratch,
        }
    }

    /// How the base rests while this method trains: what trains every weight needs every bit.
    pub fn base_precision(&self) -> Precision {
        match self {
            Method::Full | Method::Scratch => Precision::F32,
            Method::Lora(lora) => lora.base_precision,
            Method::Prompt(prompt) => prompt.base_precision,
        }
    }

    /// The method on a base held in `precision`.
    pub fn on(mut self, precision: Precision) -> Result<Self, SpecError> {
        match &mut self {
            Method::Lora(lora) => lora.base_precision = precision,
            Method::Prompt(prompt) => prompt.base_precision = precision,
            Method::Full | Method::Scratch => require(
                precision.is_f32(),
                "base precision",
                precision,
                "training every weight takes steps too small for it: use LoRA or prompt tuning, or keep f32",
            )?,
        }
        Ok(self)
    }

    /// What the method trains on a model of this config.
    pub fn trained(&self, config: &ModelConfig) -> Vec<ParameterSpec> {
        match self {
            Method::Full | Method::Scratch => config.parameter_table(),
            Method::Lora(lora) => lora.layers(config).into_iter().flat_map(|(_, _, matrices)| matrices).collect(),
            Method::Prompt(prompt) => vec![prompt.vectors(config)],
        }
    }

    /// Refuses settings that cannot be trained.
    pub fn check(&self) -> Result<(), SpecError> {
        match self {
            Method::Full | Method::Scratch => Ok(()),
            Method::Lora(lora) => {
                require(lora.rank >= 1, "rank", lora.rank, "it must be at least 1")?;
                require(lora.alpha.is_finite() && lora.alpha > 0.0, "alpha", lora.alpha, "it must be above 0")?;
                require((0.0..1.0).contains(&lora.dropout), "dropout", lora.dropout, "it must lie in [0, 1)")?;
                require(!lora.targets.is_empty(), "targets", "empty", "choose at least one layer to adapt")
            }
            Method::Prompt(prompt) => {
                require(prompt.virtual_tokens >= 1, "virtual_tokens", prompt.virtual_tokens, "it must be at least 1")
            }
        }
    }
}

impl MethodKind {
    /// All of them, in the order they are shown.
    pub const ALL: [MethodKind; 4] = [MethodKind::Full, MethodKind::Lora, MethodKind::Prompt, MethodKind::Scratch];

    /// The name in links and on the command line.
    pub fn id(self) -> &'static str {
        match self {
            MethodKind::Full => "full",
            MethodKind::Lora => "lora",
            MethodKind::Prompt => "prompt",
            MethodKind::Scratch => "scratch",
        }
    }

    /// The method with its default settings.
    pub fn method(self) -> Method {
        match self {
            MethodKind::Full => Method::Full,
            MethodKind::Lora => Method::Lora(Lora::default()),
            MethodKind::Prompt => Method::Prompt(Prompt::default()),
            MethodKind::Scratch => Method::Scratch,
        }
    }
}

/// A name that is no method's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no method is called {0}: the methods are full, lora, prompt and scratch.")]
pub struct NoMethod(String);

/// Reads [`MethodKind::id`].
impl FromStr for MethodKind {
    type Err = NoMethod;

    fn from_str(id: &str) -> Result<Self, NoMethod> {
        MethodKind::ALL.into_iter().find(|kind| kind.id() == id).ok_or_else(|| NoMethod(id.into()))
    }
}

impl fmt::Display for MethodKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MethodKind::Full => "full fine-tuning",
            MethodKind::Lora => "LoRA",
            MethodKind::Prompt => "prompt tuning",
            MethodKind::Scratch => "from scratch",
        })
    }
}

impl From<MethodKind> for Method {
    fn from(kind: MethodKind) -> Self {
        kind.method()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_in_f32_reads_and_writes_as_before_there_was_a_choice() {
        let before = r#"{"Prompt":{"virtual_tokens":16,"init":"Vocabulary"}}"#;
        let method: Method = serde_json::from_str(before).unwrap();
        assert_eq!(method, MethodKind::Prompt.method());
        assert_eq!(serde_json::to_string(&method).unwrap(), before);
        assert!(!serde_json::to_string(&MethodKind::Lora.method()).unwrap().contains("precision"));
        let low = method.on(Precision::Nf4).unwrap();
        let written = serde_json::to_string(&low).unwrap();
        assert!(written.contains(r#""base_precision":"nf4""#), "{written}");
        assert_eq!(serde_json::from_str::<Method>(&written).unwrap(), low);
    }

    #[test]
    fn what_trains_every_weight_needs_every_bit() {
        for kind in [MethodKind::Full, MethodKind::Scratch] {
            let error = kind.method().on(Precision::Int8).unwrap_err().to_string();
            assert!(error.contains("int8") && error.contains("LoRA"), "{error}");
            assert_eq!(kind.method().on(Precision::F32), Ok(kind.method()));
        }
    }
}
