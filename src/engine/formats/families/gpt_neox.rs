//! GPT-NeoX (Black et al. 2022; Pythia): parallel residual, rotary on a share of each head, and query, key and
//! value interleaved head by head in one matrix.

use super::Family;
use super::fields::JsonFields;
use super::{gpt2, rope};
use crate::engine::formats::{StoredModule, WeightsError};
use crate::engine::text::TokenizerClass;
use crate::spec::{Bias, ModelConfig, Norm, Position, Role, Target};

pub static GPT_NEOX: Family = Family {
    model_type: "gpt_neox",
    config,
    module,
    aliases: &[],
    prefix: "gpt_neox.",
    conv1d: false,
    tokenizer: TokenizerClass::UnlessStated("GPTNeoXTokenizer"),
};

fn config(fields: &JsonFields) -> Result<ModelConfig, WeightsError> {
    let d_model = fields.count_or("hidden_size", 6144)?;
    let heads = fields.count_or("num_attention_heads", 64)?;
    let head_dim = (d_model / heads).max(1);
    let attention_bias = fields.flag_or("attention_bias", true)?;
    Ok(ModelConfig {
        vocab_size: fields.count_or("vocab_size", 50432)?,
        context: fields.count_or("max_position_embeddings", 2048)?,
        d_model,
        layers: fields.layers("num_hidden_layers", 44)?,
        heads,
        kv_heads: heads,
        head_dim,
        d_ff: fields.count_or("intermediate_size", 24_576)?,
        norm: Norm::Layer,
        norm_eps: fields.number_or("layer_norm_eps", 1e-5)?,
        position: rotary(fields, head_dim)?,
        activation: gpt2::gelu(fields, "hidden_act", "gelu")?,
        parallel_residual: fields.flag_or("use_parallel_residual", true)?,
        tied_embeddings: fields.flag_or("tie_word_embeddings", false)?,
        bias: Bias { qkv: attention_bias, attention_out: attention_bias, mlp: true, head: false },
        qk_norm: false,
        scale_scores: true,
        windows: Vec::new(),
    })
}

/// `rotary_emb_base` and `rotary_pct`, or, since transformers 5, `rope_parameters`.
fn rotary(fields: &JsonFields, head_dim: usize) -> Result<Position, WeightsError> {
    let rope = rope::settings(fields)?;
    let theta = rope::theta(fields, rope.as_ref(), "rotary_emb_base")?;
    let own = fields.number_or("rotary_pct", 0.25)?;
    let fraction = rope.map_or(Ok(own), |rope| rope.number_or("partial_rotary_factor", own))?;
    // transformers rounds up what an odd number rotates and keeps the odd number in the angles.
    let odd = (head_dim as f64 * fraction) as usize % 2 == 1;
    fields.refuse("rotary_pct", odd)?;
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
