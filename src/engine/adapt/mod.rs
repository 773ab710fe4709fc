//! What is trained: everything, low-rank adapters, or a prompt. One file per method, each with the same functions:
//! `fresh` gives a model ready to train, `install` one with given values, `visit` names what is trained.

mod export;
mod full;
pub mod lora;
pub mod peft;
mod prompt;

pub use export::{CARD, RunCard, RunExport};

use crate::engine::model::{Decoder, ModelError, Parameter, WeightSource};
use crate::seed::Seed;
use crate::spec::{Method, Precision, Target};

#[derive(Debug, thiserror::Error)]
pub enum AdaptError {
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("this model has none of the layers to adapt ({targets:?}): choose others")]
    NoTarget { targets: Vec<Target> },
    #[error("a base held in {precision} cannot be trained as a whole: hold it in f32, or use LoRA or prompt tuning")]
    Frozen { precision: Precision },
    #[error("the text that the prompt starts from has no tokens: write one or choose another start")]
    EmptyText,
}

/// The base made ready for training by `method`. It shares the base's tensors; the base is not changed.
/// `text` holds the tokens of a prompt's initial text, and is empty elsewhere.
pub fn fresh(base: &Decoder, method: &Method, text: &[u32], seed: Seed) -> Result<Decoder, AdaptError> {
    match method {
        Method::Full if base.precision().is_f32() => Ok(base.clone()),
        Method::Full => Err(AdaptError::Frozen { precision: base.precision() }),
        Method::Scratch => full::scratch(base, seed),
        Method::Lora(lora) => lora::fresh(base, lora, seed),
        Method::Prompt(prompt) => prompt::fresh(base, prompt, text, seed),
    }
}

/// The base with the trained values of `method` from a source: a checkpoint, an adapter's file.
pub fn install(base: &Decoder, method: &Method, source: &mut impl WeightSource) -> Result<Decoder, AdaptError> {
    match method {
        Method::Full | Method::Scratch => full::install(base, source),
        Method::Lora(lora) => lora::install(base, lora, source),
        Method::Prompt(prompt) => prompt::install(base, prompt, source),
    }
}

/// Visits what `method` trains, by name, in a fixed order.
pub fn visit(model: &mut Decoder, method: &Method, visit: &mut impl FnMut(String, Parameter<'_>)) {
    match method {
        Method::Full | Method::Scratch => model.visit(visit),
        Method::Lora(lora) => lora::visit(model, lora, visit),
        Method::Prompt(prompt) => prompt::visit(model, prompt, visit),
    }
}

/// How many numbers `method` trains.
pub fn trained_parameters(model: &mut Decoder, method: &Method) -> u64 {
    let mut count = 0;
    visit(model, method, &mut |_, parameter| count += parameter.elements() as u64);
    count
}
