//! Prompt tuning (Lester et al. 2021): a few vectors before every input are trained, nothing else.
//!
//! The vectors are one tensor, [`Prompt::vectors`], as PEFT's `prompt_embeddings`.

use super::peft::WEIGHTS;
use super::settings::Settings;
use super::{AdaptError, Peft, Trainable};
use crate::engine::formats::{Description, Files, TensorFiles, WeightsError};
use crate::engine::model::{Decoder, HostTensor, ModelError, Parameter, Tensors, WeightSource};
use crate::seed::Seed;
use crate::spec::{Method, Prompt, PromptInit};
use burn::Tensor;
use burn::tensor::TensorData;
use serde_json::{Value, json};

const PEFT_NAME: &str = "prompt_embeddings";

/// The fields that are honoured, and those that only say what the vectors started from or restate the base.
const KNOWN: [&str; 9] = [
    "num_virtual_tokens",
    "token_dim",
    "num_transformer_submodules",
    "num_attention_heads",
    "num_layers",
    "prompt_tuning_init",
    "prompt_tuning_init_text",
    "tokenizer_name_or_path",
    "tokenizer_kwargs",
];

impl Trainable for Prompt {
    fn fresh(&self, base: &Decoder, text: &[u32], seed: Seed) -> Result<Decoder, AdaptError> {
        let mut model = base.clone();
        let (count, d) = (self.virtual_tokens, model.config().d_model);
        let name = self.vectors(model.config()).name;
        let mut draw = seed.derive(&name, 0).draw();
        let vectors = match &self.init {
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

    fn install(&self, base: &Decoder, source: &mut dyn WeightSource) -> Result<Decoder, AdaptError> {
        let mut model = base.clone();
        if model.prompt().is_some() {
            return Err(AdaptError::SecondPrompt);
        }
        let vectors = self.vectors(model.config());
        let values = source.tensor(&vectors)?;
        *model.prompt() = Some(Tensor::from_data(TensorData::new(values, vectors.shape), model.device()));
        Ok(model)
    }

    fn visit(&self, model: &mut Decoder, visit: &mut dyn FnMut(String, Parameter<'_>)) {
        let name = self.vectors(model.config()).name;
        if let Some(vectors) = model.prompt() {
            visit(name, Parameter::Matrix(vectors));
        }
    }

    fn weigh(&self, _model: &mut Decoder, weight: f64) -> Result<(), AdaptError> {
        if weight == 1.0 { Ok(()) } else { Err(AdaptError::Unweighted { noun: "prompt" }) }
    }

    fn peft(&self) -> Option<&dyn Peft> {
        Some(self)
    }
}

impl Peft for Prompt {
    fn kind(&self) -> &'static str {
        "PROMPT_TUNING"
    }

    fn write(&self, tensors: &Tensors, base: &Description) -> Result<(Value, Tensors), WeightsError> {
        let name = self.vectors(&base.config).name;
        let vectors = tensors
            .get(&name)
            .ok_or_else(|| WeightsError::tensor(WEIGHTS, &name, "it is missing", "report this as a bug"))?;
        let settings = json!({
            "peft_type": self.kind(),
            "num_virtual_tokens": self.virtual_tokens,
            "token_dim": base.config.d_model,
            "num_attention_heads": base.config.heads,
            "num_layers": base.config.layers,
            "num_transformer_submodules": 1,
            "prompt_tuning_init": "RANDOM",
        });
        Ok((settings, [(PEFT_NAME.to_string(), vectors.clone())].into()))
    }

    fn read(
        &self,
        settings: &Settings,
        file: &TensorFiles<&dyn Files>,
        base: &Description,
    ) -> Result<(Method, Tensors), WeightsError> {
        settings.only(&KNOWN)?;
        let fields = &settings.fields;
        let virtual_tokens = fields.count("num_virtual_tokens")?;
        fields.refuse("token_dim", fields.count_or("token_dim", base.config.d_model)? != base.config.d_model)?;
        fields.refuse("num_transformer_submodules", fields.count_or("num_transformer_submodules", 1)? != 1)?;
        let shape = vec![virtual_tokens, base.config.d_model];
        let values = file.read(PEFT_NAME, &shape)?;
        let prompt = Prompt { virtual_tokens, init: PromptInit::Random, ..Prompt::default() };
        let name = prompt.vectors(&base.config).name;
        Ok((Method::Prompt(prompt), [(name, HostTensor { shape, values })].into()))
    }
}

/// The embeddings of `ids`, `[ids, d]`.
fn rows(model: &Decoder, ids: &[u32]) -> Result<Tensor<2>, ModelError> {
    Ok(model.embed(model.ids(ids)?).inner())
}
