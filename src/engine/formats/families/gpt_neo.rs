//! GPT-Neo (Black et al. 2021; TinyStories): GPT-2 with plain linear layers, unscaled scores, and every other
//! layer attending to the last `window_size` tokens only.

use super::Family;
use super::fields::JsonFields;
use super::gpt2;
use crate::engine::formats::{StoredModule, WeightsError};
use crate::engine::text::TokenizerClass;
use crate::spec::{Bias, ModelConfig, Norm, Position, Role, Target};
use serde_json::Value;

pub static GPT_NEO: Family = Family {
    model_type: "gpt_neo",
    config,
    module,
    aliases: &[("num_attention_heads", "num_heads"), ("num_hidden_layers", "num_layers")],
    prefix: "transformer.",
    conv1d: false,
    tokenizer: TokenizerClass::UnlessStated("GPT2Tokenizer"),
};

fn config(fields: &JsonFields) -> Result<ModelConfig, WeightsError> {
    let d_model = fields.count_or("hidden_size", 2048)?;
    let heads = fields.count_or("num_heads", 16)?;
    let layers = fields.layers("num_layers", 24)?;
    Ok(ModelConfig {
        vocab_size: fields.count_or("vocab_size", 50257)?,
        context: fields.count_or("max_position_embeddings", 2048)?,
        d_model,
        layers,
        heads,
        kv_heads: heads,
        head_dim: (d_model / heads).max(1),
        d_ff: fields.count_or("intermediate_size", 4 * d_model)?,
        norm: Norm::Layer,
        norm_eps: fields.number_or("layer_norm_epsilon", 1e-5)?,
        position: Position::Learned,
        activation: gpt2::gelu(fields, "activation_function", "gelu_new")?,
        parallel_residual: false,
        tied_embeddings: fields.flag_or("tie_word_embeddings", true)?,
        bias: Bias { qkv: false, attention_out: true, mlp: true, head: false },
        qk_norm: false,
        scale_scores: false,
        windows: windows(fields, layers)?,
    })
}

/// `attention_types` is a list of (pattern, repeats): `[[["global", "local"], 12]]`.
fn windows(fields: &JsonFields, layers: usize) -> Result<Vec<Option<usize>>, WeightsError> {
    const FIELD: &str = "attention_types";
    let window = fields.count_or("window_size", 256)?;
    let kind = |value: &Value| match value.as_str() {
        Some("global") => Some(None),
        Some("local") => Some(Some(window)),
        _ => None,
    };
    let groups = match fields.list(FIELD)? {
        // What transformers takes when the field is absent, which fits 24 layers only.
        None if layers == 24 => return Ok((0..layers).map(|layer| (layer % 2 == 1).then_some(window)).collect()),
        None => {
            let problem = format!("it is missing, and its default is for 24 layers, not {layers}");
            return Err(fields.wrong(FIELD, problem, "say which layers are global and which are local"));
        }
        Some(groups) => groups,
    };
    let mut windows = Vec::new();
    for group in groups {
        let pattern = group.get(0).and_then(Value::as_array);
        let repeats = group.get(1).and_then(Value::as_u64);
        let pattern = pattern.and_then(|pattern| pattern.iter().map(kind).collect::<Option<Vec<_>>>());
        let (Some(pattern), Some(repeats)) = (pattern, repeats) else {
            return Err(fields.wrong(FIELD, group, "each entry is [[\"global\" or \"local\", …], repeats]"));
        };
        // No more than can count, whatever the file repeats.
        let named = pattern.iter().cycle().take(pattern.len().saturating_mul(repeats as usize).min(layers + 1));
        windows.extend(named);
    }
    if windows.len() != layers {
        return Err(fields.wrong(FIELD, windows.len(), "it must name as many layers as num_layers says"));
    }
    Ok(windows)
}

fn module(role: Role, config: &ModelConfig) -> Option<StoredModule> {
    let linear = |layer: usize, name: &str| Some(StoredModule::linear(format!("transformer.h.{layer}.{name}")));
    match role {
        Role::Linear(layer, Target::Query) => linear(layer, "attn.attention.q_proj"),
        Role::Linear(layer, Target::Key) => linear(layer, "attn.attention.k_proj"),
        Role::Linear(layer, Target::Value) => linear(layer, "attn.attention.v_proj"),
        Role::Linear(layer, Target::AttentionOut) => linear(layer, "attn.attention.out_proj"),
        Role::Linear(layer, Target::Up) => linear(layer, "mlp.c_fc"),
        Role::Linear(layer, Target::Down) => linear(layer, "mlp.c_proj"),
        _ => gpt2::module(role, config),
    }
}
