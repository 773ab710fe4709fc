//! GPT-NeoX (Black et al. 2022; Pythia): parallel residual, rotary on a share of each head, and query, key and
//! value interleaved head by head in one matrix.

use super::fields::Fields;
use super::gpt2;
use crate::engine::formats::families::{in_block, linear};
use crate::engine::formats::{Place, WeightsError};
use crate::spec::{Bias, ModelConfig, Norm, Position};

pub fn config(fields: &Fields) -> Result<ModelConfig, WeightsError> {
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
fn rotary(fields: &Fields) -> Result<Position, WeightsError> {
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

pub fn place(parameter: &str, config: &ModelConfig) -> Option<Place> {
    let Some((layer, part, kind)) = in_block(parameter) else {
        return match parameter {
            "embed.weight" => Some(Place::same("gpt_neox.embed_in.weight")),
            "norm.weight" => Some(Place::same("gpt_neox.final_layer_norm.weight")),
            "norm.bias" => Some(Place::same("gpt_neox.final_layer_norm.bias")),
            "head.weight" => Some(Place::transposed("embed_out.weight")),
            _ => None,
        };
    };
    let name = |name: &str| format!("gpt_neox.layers.{layer}.{name}");
    let fused = |part| linear(name("attention.query_key_value"), kind).part(part, config.heads);
    Some(match part {
        "attention.query" => fused(0),
        "attention.key" => fused(1),
        "attention.value" => fused(2),
        "attention.out" => linear(name("attention.dense"), kind),
        "mlp.up" => linear(name("mlp.dense_h_to_4h"), kind),
        "mlp.down" => linear(name("mlp.dense_4h_to_h"), kind),
        "norm_attention" => Place::same(format!("{}.{kind}", name("input_layernorm"))),
        "norm_mlp" => Place::same(format!("{}.{kind}", name("post_attention_layernorm"))),
        _ => return None,
    })
}
