//! Qwen2 (Yang et al. 2024) and Qwen3 (2025): Llama's names; Qwen2 adds biases to query, key and value, Qwen3
//! normalises each head's query and key. Layers above `max_window_layers` may slide.

use super::Family;
use super::fields::JsonFields;
use super::llama;
use crate::engine::formats::WeightsError;
use crate::spec::{Bias, ModelConfig};

pub static QWEN2: Family = Family { model_type: "qwen2", config: qwen2, ..llama::LLAMA };
pub static QWEN3: Family = Family { model_type: "qwen3", config: qwen3, ..llama::LLAMA };

fn qwen2(fields: &JsonFields) -> Result<ModelConfig, WeightsError> {
    let base = llama::config(fields)?;
    Ok(ModelConfig {
        windows: windows(fields, base.layers)?,
        head_dim: fields.count_or("head_dim", (base.d_model / base.heads).max(1))?,
        bias: Bias { qkv: true, attention_out: false, mlp: false, head: false },
        ..base
    })
}

fn qwen3(fields: &JsonFields) -> Result<ModelConfig, WeightsError> {
    let base = llama::config(fields)?;
    let windows = windows(fields, base.layers)?;
    Ok(ModelConfig { windows, head_dim: fields.count_or("head_dim", 128)?, qk_norm: true, ..base })
}

fn windows(fields: &JsonFields, layers: usize) -> Result<Vec<Option<usize>>, WeightsError> {
    if !fields.flag_or("use_sliding_window", false)? {
        return Ok(Vec::new());
    }
    let Some(_) = fields.get("sliding_window") else { return Ok(Vec::new()) };
    let window = fields.count("sliding_window")?;
    if let Some(types) = fields.list("layer_types")? {
        let slides = |kind: &serde_json::Value| match kind.as_str() {
            Some("full_attention") => Ok(None),
            Some("sliding_attention") => Ok(Some(window)),
            _ => Err(fields.wrong("layer_types", kind, "this lab knows full_attention and sliding_attention")),
        };
        return types.iter().map(slides).collect();
    }
    let full = fields.count_or("max_window_layers", 28)?;
    Ok((0..layers).map(|layer| (layer >= full).then_some(window)).collect())
}
