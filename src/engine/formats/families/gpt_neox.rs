//! GPT-NeoX (Black et al. 2022; Pythia): parallel residual, rotary on a share of each head, and query, key and
//! value interleaved head by head in one matrix.

use super::Family;
use super::fields::JsonFields;
use super::gpt2;
use crate::engine::formats::{StoredModule, WeightsError};
use crate::spec::{Bias, ModelConfig, Norm, Position, Role, Target};

pub static GPT_NEOX: Family = Family { model_type: "gpt_neox", config, module, prefix: "gpt_neox.", conv1d: false };

fn config(fields: &JsonFields) -> Result<ModelConfig, WeightsError> {
    let d_model = fields.count("hidden_size")?;
    let heads = fields.count("num_attention_heads")?;
    let attention_bias = fields.flag_or("attention_bias", true)?;
    Ok(ModelConfig {
        vocab_size: fields.count("vocab_size")?,
        context: fields.count_or("max_position_embeddings", 2048)?,
        d_model,
        layers: fields.layers("num_hidden_layers", None)?,
        heads,
        kv_heads: heads,
        head_dim: (d_model / heads).max(1),
        d_ff: fields.count("intermediate_size")?,
        norm: Norm::Layer,
        norm_eps: fields.number_or("layer_norm_eps", 1e-5)?,
        position: rotary(fields)?,
        activation: gpt2::gelu(fields, "hidden_act", "gelu")?,
        parallel_residual: fields.flag_or("use_parallel_residual", true)?,
        tied_embeddings: fields.flag_or("tie_word_embeddings", false)?,
        bias: Bias { qkv: attention_bias, attention_out: attention_bias, mlp: true, head: false },
        qk_norm: false,
        scale_scores: true,
        windows: Vec::new(),
    })
}

/// `rotary_pct` and `rotary_emb_base`, or, since transformers 5, `rope_parameters`.
fn rotary(fields: &JsonFields) -> Result<Position, WeightsError> {
    let mut theta = fields.number_or("rotary_emb_base", 10_000.0)?;
    let mut fraction = fields.number_or("rotary_pct", 0.25)?;
    for name in ["rope_scaling", "rope_parameters"] {
        if let Some(rope) = fields.object(name)? {
            let kind = rope.text_or("rope_type", rope.text_or("type", "default")?)?;
            fields.refuse(name, kind != "default")?;
            theta = rope.number_or("rope_theta", theta)?;
            fraction = rope.number_or("partial_rotary_factor", fraction)?;
        }
    }
    Ok(Position::Rotary { theta, fraction })
}

fn module(role: Role, config: &ModelConfig) -> Option<StoredModule> {
    let name = |layer: usize, name: &str| format!("gpt_neox.layers.{layer}.{name}");
    let linear = |layer, module| StoredModule::linear(name(layer, module));
    let fused = |layer, part| linear(layer, "attention.query_key_value").part(part, config.heads);
    Some(match role {
        Role::Embedding => StoredModule::plain("gpt_neox.embed_in"),
        Role::Linear(layer, Target::Query) => fused(layer, 0),
        Role::Linear(layer, Target::Key) => fused(layer, 1),
        Role::Linear(layer, Target::Value) => fused(layer, 2),
        Role::Linear(layer, Target::AttentionOut) => linear(layer, "attention.dense"),
        Role::Linear(layer, Target::Up) => linear(layer, "mlp.dense_h_to_4h"),
        Role::Linear(layer, Target::Down) => linear(layer, "mlp.dense_4h_to_h"),
        Role::AttentionNorm(layer) => StoredModule::plain(name(layer, "input_layernorm")),
        Role::MlpNorm(layer) => StoredModule::plain(name(layer, "post_attention_layernorm")),
        Role::FinalNorm => StoredModule::plain("gpt_neox.final_layer_norm"),
        Role::Head => StoredModule::linear("embed_out"),
        Role::Positions | Role::Linear(_, Target::Gate) | Role::QueryNorm(_) | Role::KeyNorm(_) => return None,
    })
}
