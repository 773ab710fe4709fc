//! Qwen2 (Yang et al. 2024) and Qwen3 (2025): Llama's names; Qwen2 adds biases to query, key and value, Qwen3
//! normalises each head's query and key. Layers above `max_window_layers` may slide.

use super::Family;
use super::fields::JsonFields;
use super::llama;
use crate::engine::formats::WeightsError;
use crate::engine::text::TokenizerClass;
use crate::spec::{Bias, ModelConfig};

pub static QWEN2: Family =
    Family { model_type: "qwen2", config: qwen2, tokenizer: TokenizerClass::Always("Qwen2Tokenizer"), ..llama::LLAMA };
pub static QWEN3: Family = Family {
    model_type: "qwen3",
    config: qwen3,
    tokenizer: TokenizerClass::UnlessStated("Qwen2Tokenizer"),
    ..llama::LLAMA
};

const DEFAULTS: llama::Defaults =
    llama::Defaults { vocab_size: 151_936, context: 32_768, d_ff: 22_016, kv_heads: Some(32) };

fn qwen2(fields: &JsonFields) -> Result<ModelConfig, WeightsError> {
    let base = llama::config(fields, &DEFAULTS)?;
    Ok(ModelConfig {
        windows: windows(fields, base.layers)?,
        head_dim: fields.count_or("head_dim", (base.d_model / base.heads).max(1))?,
        bias: Bias { qkv: true, attention_out: false, mlp: false, head: false },
        ..base
    })
}

fn qwen3(fields: &JsonFields) -> Result<ModelConfig, WeightsError> {
    let base = llama::config(fields, &DEFAULTS)?;
    Ok(ModelConfig {
        windows: windows(fields, base.layers)?,
        head_dim: fields.count_or("head_dim", 128)?,
        bias: Bias { mlp: false, ..base.bias },
        qk_norm: true,
        ..base
    })
}

/// A layer's window. Without `layer_types` those from `max_window_layers` on slide.
fn windows(fields: &JsonFields, layers: usize) -> Result<Vec<Option<usize>>, WeightsError> {
    let slides = fields.flag_or("use_sliding_window", false)?;
    // transformers takes 4096 where the field is absent, and lets nothing slide where it is null.
    let unset = fields.names("sliding_window") && fields.get("sliding_window").is_none();
    let window = if slides && !unset { Some(fields.count_or("sliding_window", 4096)?) } else { None };
    if let Some(types) = fields.list("layer_types")? {
        let of_layer = |kind: &serde_json::Value| match kind.as_str() {
            Some("full_attention") => Ok(None),
            Some("sliding_attention") if window.is_some() => Ok(window),
            Some("sliding_attention") => {
                const REMEDY: &str = "set use_sliding_window and sliding_window, or name it full_attention";
                Err(fields.wrong("layer_types", "sliding_attention, and no window is set", REMEDY))
            }
            _ => Err(fields.wrong("layer_types", kind, "this lab knows full_attention and sliding_attention")),
        };
        let windows: Vec<Option<usize>> = types.iter().map(of_layer).collect::<Result<_, _>>()?;
        return Ok(if window.is_some() { windows } else { Vec::new() });
    }
    let Some(window) = window else { return Ok(Vec::new()) };
    let full = fields.number_or("max_window_layers", 28.0)?;
    Ok((0..layers).map(|layer| (layer as f64 >= full).then_some(window)).collect())
}
