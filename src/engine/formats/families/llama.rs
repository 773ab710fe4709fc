//! Llama (Touvron et al. 2023; SmolLM2, TinyLlama and the lab's own ladder). Qwen shares its names.

use super::Family;
use super::fields::JsonFields;
use crate::engine::formats::{StoredModule, WeightsError};
use crate::spec::{Activation, Bias, ModelConfig, Norm, Position, Role, Target};
use serde_json::{Value, json};

/// Qwen's are this but for their configs.
pub const LLAMA: Family = Family { model_type: "llama", config, module, prefix: "model.", conv1d: false };

pub fn config(fields: &JsonFields) -> Result<ModelConfig, WeightsError> {
    let attention_bias = fields.flag_or("attention_bias", false)?;
    let d_model = fields.count("hidden_size")?;
    let heads = fields.count("num_attention_heads")?;
    let activation = fields.text_or("hidden_act", "silu")?;
    fields.refuse("hidden_act", activation != "silu")?;
    Ok(ModelConfig {
        vocab_size: fields.count("vocab_size")?,
        context: fields.count_or("max_position_embeddings", 2048)?,
        d_model,
        layers: fields.layers("num_hidden_layers", None)?,
        heads,
        kv_heads: fields.count_or("num_key_value_heads", heads)?,
        head_dim: fields.count_or("head_dim", (d_model / heads).max(1))?,
        d_ff: fields.count("intermediate_size")?,
        norm: Norm::Rms,
        norm_eps: fields.number_or("rms_norm_eps", 1e-6)?,
        position: rotary(fields, 10_000.0)?,
        activation: Activation::SwiGlu,
        parallel_residual: false,
        tied_embeddings: fields.flag_or("tie_word_embeddings", false)?,
        bias: Bias {
            qkv: attention_bias,
            attention_out: attention_bias,
            mlp: fields.flag_or("mlp_bias", false)?,
            head: false,
        },
        qk_norm: false,
        scale_scores: true,
        windows: Vec::new(),
    })
}

/// The rotary settings: `rope_theta` beside the others, or, since transformers 5, in `rope_parameters`.
pub fn rotary(fields: &JsonFields, default_theta: f64) -> Result<Position, WeightsError> {
    for name in ["rope_scaling", "rope_parameters"] {
        if let Some(rope) = fields.object(name)? {
            let kind = rope.text_or("rope_type", rope.text_or("type", "default")?)?;
            fields.refuse(name, kind != "default")?;
        }
    }
    let theta = fields.number_or("rope_theta", default_theta)?;
    let rope = fields.object("rope_parameters")?;
    let theta = rope.map_or(Ok(theta), |rope| rope.number_or("rope_theta", theta))?;
    Ok(Position::Rotary { theta, fraction: 1.0 })
}

/// The config of a ladder model, as transformers writes it; `None` where Llama cannot express it.
pub fn write_config(config: &ModelConfig, end_of_text: u32) -> Option<Value> {
    let Position::Rotary { theta, fraction: 1.0 } = config.position else { return None };
    let Bias { qkv, attention_out, mlp, head } = config.bias;
    let llama = config.norm == Norm::Rms
        && config.activation == Activation::SwiGlu
        && qkv == attention_out
        && !(head || config.parallel_residual || config.qk_norm)
        && config.scale_scores
        && config.windows.iter().all(Option::is_none);
    llama.then(|| {
        json!({
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": config.vocab_size,
            "max_position_embeddings": config.context,
            "hidden_size": config.d_model,
            "num_hidden_layers": config.layers,
            "num_attention_heads": config.heads,
            "num_key_value_heads": config.kv_heads,
            "head_dim": config.head_dim,
            "intermediate_size": config.d_ff,
            "hidden_act": "silu",
            "rms_norm_eps": config.norm_eps,
            "rope_theta": theta,
            "tie_word_embeddings": config.tied_embeddings,
            "attention_bias": qkv,
            "mlp_bias": mlp,
            "bos_token_id": end_of_text,
            "eos_token_id": end_of_text,
            "initializer_range": 0.02,
            "use_cache": true,
        })
    })
}

pub fn module(role: Role, _config: &ModelConfig) -> Option<StoredModule> {
    let name = |layer: usize, name: &str| format!("model.layers.{layer}.{name}");
    let linear = |layer, module| StoredModule::linear(name(layer, module));
    let norm = |layer, module| StoredModule::plain(name(layer, module));
    Some(match role {
        Role::Embedding => StoredModule::plain("model.embed_tokens"),
        Role::Linear(layer, Target::Query) => linear(layer, "self_attn.q_proj"),
        Role::Linear(layer, Target::Key) => linear(layer, "self_attn.k_proj"),
        Role::Linear(layer, Target::Value) => linear(layer, "self_attn.v_proj"),
        Role::Linear(layer, Target::AttentionOut) => linear(layer, "self_attn.o_proj"),
        Role::Linear(layer, Target::Gate) => linear(layer, "mlp.gate_proj"),
        Role::Linear(layer, Target::Up) => linear(layer, "mlp.up_proj"),
        Role::Linear(layer, Target::Down) => linear(layer, "mlp.down_proj"),
        Role::QueryNorm(layer) => norm(layer, "self_attn.q_norm"),
        Role::KeyNorm(layer) => norm(layer, "self_attn.k_norm"),
        Role::AttentionNorm(layer) => norm(layer, "input_layernorm"),
        Role::MlpNorm(layer) => norm(layer, "post_attention_layernorm"),
        Role::FinalNorm => StoredModule::plain("model.norm"),
        Role::Head => StoredModule::linear("lm_head"),
        Role::Positions => return None,
    })
}
