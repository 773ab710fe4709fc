//! The published families by the `model_type` of their config.

pub(crate) mod fields;
mod gpt2;
mod gpt_neo;
mod gpt_neox;
pub(crate) mod llama;
mod qwen;

use super::{StoredModule, WeightsError};
use crate::engine::formats::families::fields::{CONFIG, JsonFields};
use crate::spec::{ModelConfig, Role};
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    Gpt2,
    GptNeo,
    GptNeoX,
    Llama,
    Qwen2,
    Qwen3,
}

impl Family {
    pub const ALL: [Family; 6] =
        [Family::Gpt2, Family::GptNeo, Family::GptNeoX, Family::Llama, Family::Qwen2, Family::Qwen3];

    /// The config's `model_type`.
    pub fn model_type(self) -> &'static str {
        match self {
            Family::Gpt2 => "gpt2",
            Family::GptNeo => "gpt_neo",
            Family::GptNeoX => "gpt_neox",
            Family::Llama => "llama",
            Family::Qwen2 => "qwen2",
            Family::Qwen3 => "qwen3",
        }
    }

    /// The family and the decoder's settings that a `config.json` asks for.
    pub fn read_config(json: &Value) -> Result<(Family, ModelConfig), WeightsError> {
        let fields = JsonFields::new(CONFIG, json)?;
        let model_type = fields.text_or("model_type", "")?;
        let family = Family::ALL.into_iter().find(|family| family.model_type() == model_type).ok_or_else(|| {
            fields.wrong("model_type", model_type, "this lab reads gpt2, gpt_neo, gpt_neox, llama, qwen2 and qwen3")
        })?;
        fields.refuse("quantization_config", fields.get("quantization_config").is_some())?;
        let config = match family {
            Family::Gpt2 => gpt2::config(&fields),
            Family::GptNeo => gpt_neo::config(&fields),
            Family::GptNeoX => gpt_neox::config(&fields),
            Family::Llama => llama::config(&fields),
            Family::Qwen2 => qwen::config(&fields, qwen::Version::Two),
            Family::Qwen3 => qwen::config(&fields, qwen::Version::Three),
        }?;
        config.check()?;
        // Beyond any model there is; parameter counts of what is left fit in 64 bits.
        if config.heads.saturating_mul(config.head_dim) > 1 << 24 {
            let problem = format!("{} heads of {} dimensions are too many to compute", config.heads, config.head_dim);
            return Err(WeightsError::Config(problem));
        }
        Ok((family, config))
    }

    /// What the family calls one of our modules; `None` for one that no model of it has.
    pub fn module(self, role: Role, config: &ModelConfig) -> Option<StoredModule> {
        match self {
            Family::Gpt2 => gpt2::module(role),
            Family::GptNeo => gpt_neo::module(role),
            Family::GptNeoX => gpt_neox::module(role, config),
            Family::Llama | Family::Qwen2 | Family::Qwen3 => llama::module(role),
        }
    }

    /// Whether a linear module is stored `[in, out]` ("fan in, fan out").
    pub fn is_conv1d(self) -> bool {
        self == Family::Gpt2
    }

    /// What a bare model's tensor names lack that a model with a head prefixes.
    pub fn prefix(self) -> &'static str {
        match self {
            Family::Gpt2 | Family::GptNeo => "transformer.",
            Family::GptNeoX => "gpt_neox.",
            Family::Llama | Family::Qwen2 | Family::Qwen3 => "model.",
        }
    }
}
