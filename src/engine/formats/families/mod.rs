//! The published families by the `model_type` of their config.

pub(crate) mod fields;
mod gpt2;
mod gpt_neo;
mod gpt_neox;
pub(crate) mod llama;
mod qwen;
mod rope;

use super::{StoredModule, WeightsError};
use crate::engine::formats::families::fields::{Aliases, CONFIG, JsonFields};
use crate::engine::text::TokenizerClass;
use crate::spec::{ModelConfig, Role};
use serde_json::Value;
use std::fmt;

/// A family. Its file says everything of it; the list names the file.
pub struct Family {
    model_type: &'static str,
    /// The decoder's settings that a config asks for.
    config: fn(&JsonFields) -> Result<ModelConfig, WeightsError>,
    /// What the family calls one of our modules; `None` for one that no model of it has.
    module: fn(Role, &ModelConfig) -> Option<StoredModule>,
    /// What else transformers reads a config's fields by.
    aliases: Aliases,
    /// What a bare model's tensor names lack that a model with a head prefixes.
    prefix: &'static str,
    /// Whether linear layers are stored `[in, out]` ("fan in, fan out").
    conv1d: bool,
    tokenizer: TokenizerClass,
}

impl Family {
    pub const ALL: [&'static Family; 6] =
        [&gpt2::GPT2, &gpt_neo::GPT_NEO, &gpt_neox::GPT_NEOX, &llama::LLAMA, &qwen::QWEN2, &qwen::QWEN3];

    /// The config's `model_type`.
    pub fn model_type(&self) -> &'static str {
        self.model_type
    }

    /// The family and the decoder's settings that a `config.json` asks for.
    pub fn read_config(json: &Value) -> Result<(&'static Family, ModelConfig), WeightsError> {
        let fields = JsonFields::new(CONFIG, json)?;
        let model_type = fields.text_or("model_type", "")?;
        let Some(family) = Family::ALL.into_iter().find(|family| family.model_type == model_type) else {
            let known = Family::ALL.map(Family::model_type).join(", ");
            let problem = format!("“{model_type}” is none of {known}");
            return Err(fields.wrong("model_type", problem, "choose a model of a family that this lab reads"));
        };
        fields.refuse("quantization_config", fields.get("quantization_config").is_some())?;
        let fields = fields.with_aliases(family.aliases);
        let config = (family.config)(&fields)?;
        config.check()?;
        // Beyond any model there is; parameter counts of what is left fit in 64 bits.
        if config.heads.saturating_mul(config.head_dim) > 1 << 24 {
            let problem = format!("{} heads of {} dimensions are too many to compute", config.heads, config.head_dim);
            return Err(WeightsError::Config(problem));
        }
        Ok((family, config))
    }

    pub fn module(&self, role: Role, config: &ModelConfig) -> Option<StoredModule> {
        (self.module)(role, config)
    }

    pub fn tokenizer(&self) -> TokenizerClass {
        self.tokenizer
    }

    pub fn is_conv1d(&self) -> bool {
        self.conv1d
    }

    pub fn prefix(&self) -> &'static str {
        self.prefix
    }
}

/// Families are told apart by their `model_type`.
impl PartialEq for Family {
    fn eq(&self, other: &Self) -> bool {
        self.model_type == other.model_type
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.model_type)
    }
}
