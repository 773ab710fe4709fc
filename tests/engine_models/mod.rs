//! One small model per family that the decoder must express, for the engine's tests.

use burn::tensor::Device;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tunelab::data::{Batches, Tokenized};
use tunelab::engine::model::{Decoder, InitialWeights};
use tunelab::engine::train::RunData;
use tunelab::seed::Seed;
use tunelab::spec::{
    Activation, Base, Bias, DataSpec, Method, ModelConfig, Norm, Position, RunSpec, SPEC_VERSION, Source, TrainConfig,
};

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
    Decoder::load(config, &mut InitialWeights(Seed(1)), &Device::flex()).expect("fresh weights fit")
}

/// Settings for a short run on `examples` examples.
#[allow(dead_code, reason = "not every test file trains")]
pub fn spec(method: Method, examples: usize) -> RunSpec {
    let train = TrainConfig {
        max_steps: 20,
        max_epochs: 1e6,
        batch_size: 4,
        sequence: 12,
        eval_every: 10,
        ..TrainConfig::default_for(method.kind())
    };
    RunSpec {
        version: SPEC_VERSION,
        base: Base { name: "test".into(), sha256: String::new() },
        method,
        data: DataSpec { source: Source::Task("test".into()), examples, subset: Seed(0) },
        train,
        seed: Seed(5),
    }
}

/// Random examples of ten to thirteen ids with a prompt of four.
#[allow(dead_code, reason = "not every test file trains")]
pub fn run_data(spec: &RunSpec, examples: usize) -> RunData {
    let mut rng = Seed(9).rng();
    let mut tokenized = |count: usize| -> Vec<Tokenized> {
        let one = |i: usize, rng: &mut ChaCha8Rng| Tokenized {
            ids: (0..10 + i % 4).map(|_| rng.random_range(0..50)).collect(),
            target_start: 4,
            target_bytes: 6 + i % 4,
            truncated: false,
        };
        (0..count).map(|i| one(i, &mut rng)).collect()
    };
    let train = Batches::new(tokenized(examples), spec.seed, spec.train.batch_size, spec.train.sequence);
    RunData {
        train: train.expect("examples"),
        dev: tokenized(5),
        test: tokenized(5),
        prompt_text: Vec::new(),
        base_test: None,
    }
}
