//! Prompt tuning (Lester et al. 2021): a few vectors before every input are trained, nothing else.
//!
//! The vectors are one tensor, [`Prompt::vectors`], as PEFT's `prompt_embeddings`.

use super::AdaptError;
use crate::engine::model::{Decoder, ModelError, Parameter, WeightSource};
use crate::seed::Seed;
use crate::spec::{Prompt, PromptInit};
use burn::Tensor;
use burn::tensor::TensorData;

pub fn fresh(base: &Decoder, prompt: &Prompt, text: &[u32], seed: Seed) -> Result<Decoder, AdaptError> {
    let mut model = base.clone();
    let (count, d) = (prompt.virtual_tokens, model.config().d_model);
    let name = prompt.vectors(model.config()).name;
    let mut draw = seed.derive(&name, 0).draw();
    let vectors = match &prompt.init {
        PromptInit::Random => {
            let embedding = model.embedding();
            let deviation = embedding.reshape([1, -1]).var_bias(1).sqrt();
            let noise = crate::engine::model::normal(seed, &name, count * d, 1.0);
            Tensor::<2>::from_data(TensorData::new(noise, [count, d]), model.device()) * deviation
        }
        PromptInit::Vocabulary => {
            let vocab_size = model.config().vocab_size;
            let ids: Vec<u32> = (0..count).map(|_| draw.index(vocab_size) as u32).collect();
            rows(&model, &ids)?
        }
        PromptInit::Text(_) if text.is_empty() => return Err(AdaptError::EmptyText),
        PromptInit::Text(_) => rows(&model, &text.iter().copied().cycle().take(count).collect::<Vec<_>>())?,
    };
    *model.prompt() = Some(vectors);
    Ok(model)
}

pub fn install(base: &Decoder, prompt: &Prompt, source: &mut impl WeightSource) -> Result<Decoder, AdaptError> {
    let mut model = base.clone();
    let vectors = prompt.vectors(model.config());
    let values = source.tensor(&vectors)?;
    *model.prompt() = Some(Tensor::from_data(TensorData::new(values, vectors.shape), model.device()));
    Ok(model)
}

pub fn visit(model: &mut Decoder, prompt: &Prompt, visit: &mut impl FnMut(String, Parameter<'_>)) {
    let name = prompt.vectors(model.config()).name;
    if let Some(vectors) = model.prompt() {
        visit(name, Parameter::Matrix(vectors));
    }
}

/// The embeddings of `ids`, `[ids, d]`.
fn rows(model: &Decoder, ids: &[u32]) -> Result<Tensor<2>, ModelError> {
    Ok(model.embed(model.ids(ids)?).inner())
}
