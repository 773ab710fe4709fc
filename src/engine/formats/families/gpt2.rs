//! GPT-2 (Radford et al. 2019). Its linear layers are "Conv1D": stored `[in, out]` as ours, query, key and value
//! side by side.

use super::Family;
use super::fields::JsonFields;
use crate::engine::formats::{StoredModule, WeightsError};
use crate::engine::text::TokenizerClass;
use crate::spec::{Activation, Bias, ModelConfig, Norm, Position, Role, Target};

pub static GPT2: Family = Family {
    model_type: "gpt2",
    config,
    module,
    aliases: &[
        ("hidden_size", "n_embd"),
        ("max_position_embeddings", "n_positions"),
        ("num_attention_heads", "n_head"),
        ("num_hidden_layers", "n_layer"),
    ],
    prefix: "transformer.",
    conv1d: true,
    tokenizer: TokenizerClass::Stated,
};

fn config(fields: &JsonFields) -> Result<ModelConfig, WeightsError> {
    let d_model = fields.count_or("n_embd", 768)?;
    let heads = fields.count_or("n_head", 12)?;
    fields.refuse("scale_attn_by_inverse_layer_idx", fields.flag_or("scale_attn_by_inverse_layer_idx", false)?)?;
    fields.refuse("add_cross_attention", fields.flag_or("add_cross_attention", false)?)?;
    Ok(ModelConfig {
        vocab_size: fields.count_or("vocab_size", 50257)?,
        context: fields.count_or("n_positions", 1024)?,
        d_model,
        layers: fields.layers("n_layer", 12)?,
        heads,
        kv_heads: heads,
        head_dim: (d_model / heads).max(1),
        d_ff: fields.count_or("n_inner", 4 * d_model)?,
        norm: Norm::Layer,
        norm_eps: fields.number_or("layer_norm_epsilon", 1e-5)?,
        position: Position::Learned,
        activation: gelu(fields, "activation_function", "gelu_new")?,
        parallel_residual: false,
        tied_embeddings: fields.flag_or("tie_word_embeddings", true)?,
        bias: Bias { qkv: true, attention_out: true, mlp: true, head: false },
        qk_norm: false,
        scale_scores: fields.flag_or("scale_attn_weights", true)?,
        windows: Vec::new(),
    })
}

/// Which of the two GELUs a config names.
pub fn gelu(fields: &JsonFields, field: &str, default: &str) -> Result<Activation, WeightsError> {
    match fields.get(field).map_or(Some(default), |value| value.as_str()) {
        Some("gelu" | "gelu_python") => Ok(Activation::Gelu),
        Some("gelu_new" | "gelu_pytorch_tanh" | "gelu_python_tanh" | "gelu_fast" | "gelu_accurate") => {
            Ok(Activation::GeluTanh)
        }
        _ => Err(fields
            .refuse(field, true)
            .err()
            .unwrap_or_else(|| fields.wrong(field, "unknown", "choose another model"))),
    }
}

pub fn module(role: Role, _config: &ModelConfig) -> Option<StoredModule> {
    let block = |layer: usize, name: &str| StoredModule::plain(format!("transformer.h.{layer}.{name}"));
    Some(match role {
        Role::Embedding => StoredModule::plain("transformer.wte"),
        Role::Positions => StoredModule::plain("transformer.wpe"),
        Role::Linear(layer, Target::Query) => block(layer, "attn.c_attn").part(0, 1),
        Role::Linear(layer, Target::Key) => block(layer, "attn.c_attn").part(1, 1),
        Role::Linear(layer, Target::Value) => block(layer, "attn.c_attn").part(2, 1),
        Role::Linear(layer, Target::AttentionOut) => block(layer, "attn.c_proj"),
        Role::Linear(layer, Target::Up) => block(layer, "mlp.c_fc"),
        Role::Linear(layer, Target::Down) => block(layer, "mlp.c_proj"),
        Role::AttentionNorm(layer) => block(layer, "ln_1"),
        Role::MlpNorm(layer) => block(layer, "ln_2"),
        Role::FinalNorm => StoredModule::plain("transformer.ln_f"),
        Role::Head => StoredModule::linear("lm_head"),
        Role::Linear(_, Target::Gate) | Role::QueryNorm(_) | Role::KeyNorm(_) => return None,
    })
}
