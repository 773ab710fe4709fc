//! Llama (Touvron et al. 2023; SmolLM2, TinyLlama and the lab's own ladder). Qwen shares its names.

use super::Family;
use super::fields::JsonFields;
use super::rope;
use crate::engine::formats::{StoredModule, WeightsError};
use crate::engine::text::TokenizerClass;
use crate::spec::{Activation, Bias, ModelConfig, Norm, Position, Role, Target};
use serde_json::{Value, json};

/// Qwen's are this but for their configs.
pub const LLAMA: Family = Family {
    model_type: "llama",
    config: llama,
    module,
    aliases: &[],
    prefix: "model.",
    conv1d: false,
    tokenizer: TokenizerClass::Stated,
};

/// What transformers takes where a config is silent.
pub struct Defaults {
    pub vocab_size: usize,
    pub context: usize,
    pub d_ff: usize,
    /// As many as heads, where there is none.
    pub kv_heads: Option<usize>,
}

fn llama(fields: &JsonFields) -> Result<ModelConfig, WeightsError> {
    config(fields, &Defaults { vocab_size: 32_000, context: 2048, d_ff: 11_008, kv_heads: None })
}

pub fn config(fields: &JsonFields, defaults: &Defaults) -> Result<ModelConfig, WeightsError> {
    let attention_bias = fields.flag_or("attention_bias", false)?;
    let d_model = fields.count_or("hidden_size", 4096)?;
    let heads = fields.count_or("num_attention_heads", 32)?;
    let activation = fields.text_or("hidden_act", "silu")?;
    fields.refuse("hidden_act", !["silu", "swish"].contains(&activation))?;
    // Null stands for as many as heads everywhere.
    let kv_heads = defaults.kv_heads.filter(|_| !fields.names("num_key_value_heads")).unwrap_or(heads);
    Ok(ModelConfig {
        vocab_size: fields.count_or("vocab_size", defaults.vocab_size)?,
        context: fields.count_or("max_position_embeddings", defaults.context)?,
        d_model,
        layers: fields.layers("num_hidden_layers", 32)?,
        heads,
        kv_heads: fields.count_or("num_key_value_heads", kv_heads)?,
        head_dim: fields.count_or("head_dim", (d_model / heads).max(1))?,
        d_ff: fields.count_or("intermediate_size", defaults.d_ff)?,
        norm: Norm::Rms,
        norm_eps: fields.number_or("rms_norm_eps", 1e-6)?,
        position: rotary(fields)?,
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

/// `rope_theta` beside the others, or in `rope_scaling`, or, since transformers 5, in `rope_parameters`.
fn rotary(fields: &JsonFields) -> Result<Position, WeightsError> {
    let theta = rope::theta(fields, rope::settings(fields)?.as_ref(), "rope_theta")?;
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
