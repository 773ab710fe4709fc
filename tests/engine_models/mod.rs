//! One small model per family that the decoder must express, for the engine's tests.

use burn::tensor::Device;
use tunelab::model::{Decoder, Fresh};
use tunelab::seed::Seed;
use tunelab::spec::{Activation, Bias, ModelConfig, Norm, Position};

pub fn families() -> Vec<(&'static str, ModelConfig)> {
    let llama = ModelConfig { head_dim: 8, heads: 4, kv_heads: 2, d_ff: 48, ..ModelConfig::ladder(50, 48, 32, 2) };
    let full_bias = Bias { qkv: true, attention_out: true, mlp: true, head: false };
    let gpt2 = ModelConfig {
        norm: Norm::Layer,
        position: Position::Learned,
        activation: Activation::GeluTanh,
        bias: full_bias,
        kv_heads: 4,
        ..llama.clone()
    };
    let neox = ModelConfig {
        position: Position::Rotary { theta: 10_000.0, fraction: 0.25 },
        activation: Activation::Gelu,
        parallel_residual: true,
        tied_embeddings: false,
        ..gpt2.clone()
    };
    let neo = ModelConfig {
        bias: Bias { qkv: false, head: true, ..full_bias },
        scale_scores: false,
        windows: vec![None, Some(3)],
        ..gpt2.clone()
    };
    let qwen3 = ModelConfig { qk_norm: true, bias: Bias { qkv: true, ..Bias::NONE }, ..llama.clone() };
    vec![("llama", llama), ("gpt2", gpt2), ("neox", neox), ("neo", neo), ("qwen3", qwen3)]
}

pub fn fresh(config: &ModelConfig) -> Decoder {
    Decoder::load(config, &mut Fresh::new(config, Seed(1)), &Device::flex()).expect("fresh weights fit")
}
