//! What is trained: everything, low-rank adapters, or a prompt. One file per method, each the engine's half of it
//! (`Trainable`); what the method says of itself stands in `spec::method`.

mod export;
mod full;
pub mod lora;
mod merge;
pub mod peft;
mod prompt;
mod settings;

pub use export::{CARD, RunCard, RunExport};
pub use merge::{MergedWeights, WeightedAdapter};

use crate::engine::formats::{Description, Files, TensorFiles, WeightsError};
use crate::engine::model::{Decoder, ModelError, Parameter, Tensors, WeightSource};
use crate::seed::Seed;
use crate::spec::{Full, Method, ModelConfig, ParameterSpec, Precision, Scratch, Target};
use serde_json::Value;
use settings::Settings;

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
    #[error("a {noun} has no weight: give it without one")]
    Unweighted { noun: &'static str },
    #[error("two prompts do not add up: give one")]
    SecondPrompt,
}

/// The engine's half of a method, with its settings.
trait Trainable {
    /// The base made ready for training. It shares the base's tensors; the base is not changed. `text` holds the tokens
    /// of an initial text, and is empty elsewhere.
    fn fresh(&self, base: &Decoder, text: &[u32], seed: Seed) -> Result<Decoder, AdaptError>;

    /// The base with trained values from a source.
    fn install(&self, base: &Decoder, source: &mut dyn WeightSource) -> Result<Decoder, AdaptError>;

    /// Visits what is trained, by name, in a fixed order.
    fn visit(&self, model: &mut Decoder, visit: &mut dyn FnMut(String, Parameter<'_>));

    /// Lets what was installed last count `weight` times; an error where it cannot.
    fn weigh(&self, model: &mut Decoder, weight: f64) -> Result<(), AdaptError>;

    /// Adds to one of the base's weights what an adapter with these values adds beside it, `factor` times.
    fn merge(
        &self,
        _base: &ModelConfig,
        _parameter: &ParameterSpec,
        _adapter: &Tensors,
        _factor: f64,
        _weight: &mut [f32],
    ) -> Result<(), ModelError> {
        Ok(())
    }

    /// How PEFT's files hold it; none for what is no adapter.
    fn peft(&self) -> Option<&dyn Peft> {
        None
    }
}

/// An adapter in PEFT's files.
trait Peft {
    /// `peft_type` in the settings.
    fn kind(&self) -> &'static str;

    /// Its settings and tensors as PEFT writes them.
    fn write(&self, tensors: &Tensors, base: &Description) -> Result<(Value, Tensors), WeightsError>;

    /// The method with its settings, and the values by the lab's names. Reads nothing of `self`.
    fn read(
        &self,
        settings: &Settings,
        file: &TensorFiles<&dyn Files>,
        base: &Description,
    ) -> Result<(Method, Tensors), WeightsError>;
}

/// The list of methods.
fn trainable(method: &Method) -> &dyn Trainable {
    match method {
        Method::Full => &Full,
        Method::Lora(lora) => lora,
        Method::Prompt(prompt) => prompt,
        Method::Scratch => &Scratch,
    }
}

/// The base made ready for training by `method`. It shares the base's tensors; the base is not changed.
/// `text` holds the tokens of a prompt's initial text, and is empty elsewhere.
pub fn fresh(base: &Decoder, method: &Method, text: &[u32], seed: Seed) -> Result<Decoder, AdaptError> {
    trainable(method).fresh(base, text, seed)
}

/// The base with the trained values of `method` from a source: a checkpoint, an adapter's file.
pub fn install(base: &Decoder, method: &Method, source: &mut impl WeightSource) -> Result<Decoder, AdaptError> {
    trainable(method).install(base, source)
}

/// The model with another adapter beside those that it has, which counts `weight` times.
pub fn add(
    model: &Decoder,
    method: &Method,
    source: &mut impl WeightSource,
    weight: f64,
) -> Result<Decoder, AdaptError> {
    let mut added = install(model, method, source)?;
    trainable(method).weigh(&mut added, weight)?;
    Ok(added)
}

/// Visits what `method` trains, by name, in a fixed order.
pub fn visit(model: &mut Decoder, method: &Method, visit: &mut impl FnMut(String, Parameter<'_>)) {
    trainable(method).visit(model, visit);
}

/// How many numbers `method` trains.
pub fn trained_parameters(model: &mut Decoder, method: &Method) -> u64 {
    let mut count = 0;
    visit(model, method, &mut |_, parameter| count += parameter.elements() as u64);
    count
}
