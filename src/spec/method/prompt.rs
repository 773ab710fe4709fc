//! Prompt tuning: trained vectors before the input, everything else frozen (Lester et al. 2021).

use super::info::parse;
use super::{Citation, CliOption, Control, MethodInfo, MethodResult, Setting, TextOption, TuningMethod};
use crate::spec::{Initial, ModelConfig, ParameterSpec, Precision, SpecError, require};
use serde::{Deserialize, Serialize};

/// Trained vectors before a frozen model's input (Lester et al. 2021).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    pub virtual_tokens: usize,
    pub init: PromptInit,
    /// As [`Lora::base_precision`](super::Lora::base_precision).
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

const INFO: MethodInfo = MethodInfo {
    id: "prompt",
    name: "prompt tuning",
    title: "Prompt tuning",
    sentence: "Freezes the base and trains a few vectors placed before the input",
    citation: Some(Citation { authors: "Lester et al. 2021", address: "https://arxiv.org/abs/2104.08691" }),
    learning_rate: 1e-1,
    from_base: true,
    result: MethodResult::Adapter {
        noun: "prompt",
        unmergeable: Some("It stands before the input, so it cannot be merged."),
    },
};

impl Default for Prompt {
    fn default() -> Self {
        Prompt { virtual_tokens: 16, init: PromptInit::Vocabulary, base_precision: Precision::F32 }
    }
}

impl Prompt {
    /// The vectors, `[virtual_tokens, d]`.
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

impl TuningMethod for Prompt {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }

    fn trained(&self, config: &ModelConfig) -> Vec<ParameterSpec> {
        vec![self.vectors(config)]
    }

    fn settings(&self) -> Vec<Setting> {
        const COUNT: Control = Control::Number { least: 1.0, most: 256.0, whole: true };
        const START: Control = Control::Choice {
            options: &[("vocabulary", "words of the vocabulary"), ("random", "random vectors"), ("text", "a text")],
            text: Some(TextOption { option: "text", label: "Text", first: "Answer briefly." }),
        };
        let init = match &self.init {
            PromptInit::Random => "random".into(),
            PromptInit::Vocabulary => "vocabulary".into(),
            PromptInit::Text(text) => format!("text:{text}"),
        };
        let count = CliOption::new("virtual-tokens", "VIRTUAL_TOKENS");
        let start = "Start from this text's embeddings instead of the vocabulary's";
        let start = CliOption { prefix: "text:", ..CliOption::explained("prompt-text", "TEXT", start) };
        vec![
            Setting::new("virtual", "Virtual tokens", COUNT, self.virtual_tokens, count),
            Setting::new("init", "Start from", START, init, start),
        ]
    }

    fn set(&mut self, id: &str, value: &str) -> Result<(), String> {
        match id {
            "virtual" => self.virtual_tokens = parse(value, "it is a whole number.")?,
            "init" => {
                self.init = match value {
                    "random" => PromptInit::Random,
                    "vocabulary" => PromptInit::Vocabulary,
                    text => PromptInit::Text(
                        text.strip_prefix("text:").ok_or("it is random, vocabulary or text:…")?.to_string(),
                    ),
                };
            }
            _ => return Err(format!("Prompt tuning has no setting {id}.")),
        }
        Ok(())
    }

    fn check(&self) -> Result<(), SpecError> {
        require(self.virtual_tokens >= 1, "virtual_tokens", self.virtual_tokens, "it must be at least 1")
    }

    fn base_precision(&self) -> Precision {
        self.base_precision
    }

    fn base_precision_mut(&mut self) -> Option<&mut Precision> {
        Some(&mut self.base_precision)
    }

    fn size(&self) -> Option<String> {
        Some(format!("{} tokens", self.virtual_tokens))
    }

    fn virtual_tokens(&self) -> usize {
        self.virtual_tokens
    }

    fn initial_text(&self) -> Option<&str> {
        match &self.init {
            PromptInit::Text(text) => Some(text),
            PromptInit::Random | PromptInit::Vocabulary => None,
        }
    }
}
