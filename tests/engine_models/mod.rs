//! One small model per family that the decoder must express, for the engine's tests.

use burn::tensor::Device;
use tunelab::data::{Batches, Tokenized};
use tunelab::engine::model::{Decoder, InitialWeights};
use tunelab::engine::train::{Progress, RunData, Session};
use tunelab::record::DataReport;
use tunelab::seed::{Draw, Seed};
use tunelab::spec::{
    Activation, Base, Bias, DataSpec, Method, MethodKind, ModelConfig, Norm, Position, RunSpec, SPEC_VERSION, Source,
    TrainConfig,
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
    let mut draw = Seed(9).draw();
    let mut tokenized = |count: usize| -> Vec<Tokenized> {
        let one = |i: usize, draw: &mut Draw| Tokenized {
            ids: (0..10 + i % 4).map(|_| draw.index(50) as u32).collect(),
            target_start: 4,
            target_bytes: 6 + i % 4,
            lost: 0,
        };
        (0..count).map(|i| one(i, &mut draw)).collect()
    };
    let train = Batches::new(tokenized(examples), spec.seed, spec.train.batch_size, spec.train.sequence);
    RunData {
        train: train.expect("examples"),
        dev: tokenized(5),
        test: tokenized(5),
        prompt_text: Vec::new(),
        base_test: None,
        report: DataReport::default(),
    }
}

/// Above this an untrained model's loss stands, being sure of wrong answers; below this only what has learned the batch.
#[allow(dead_code, reason = "not every test file trains")]
pub const UNTRAINED: f64 = 3.5;
#[allow(dead_code, reason = "not every test file trains")]
pub const LEARNED: f64 = 0.05;

/// The loss before and after 400 steps on one batch. The base's weights are as large as a trained model's: in a fresh
/// one the blocks hardly speak, so that no prompt and no adapter could say a sure answer through it.
#[allow(dead_code, reason = "not every test file trains")]
pub async fn overfit(kind: MethodKind, device: &Device) -> (f64, f64) {
    let (_, config) = families().remove(0);
    let mut tensors = fresh(&config).export().await.expect("export");
    for (name, tensor) in tensors.iter_mut().filter(|(_, tensor)| tensor.shape.len() == 2) {
        let factor = if name == "embed.weight" { 30.0 } else { 10.0 };
        tensor.values.iter_mut().for_each(|value| *value *= factor);
    }
    let base = Decoder::load(&config, &mut &tensors, device).expect("load");
    let (examples, learning_rate) = match kind {
        MethodKind::Full | MethodKind::Scratch => (4, 1e-2),
        MethodKind::Lora => (4, 3e-2),
        MethodKind::Prompt => (1, 1e-1),
    };
    let mut spec = spec(kind.method(), examples);
    spec.train = TrainConfig { max_steps: 400, learning_rate, eval_every: 400, batch_size: examples, ..spec.train };
    let mut session = Session::new(&base, &spec, run_data(&spec, examples)).expect("a session");
    let mut losses = Vec::new();
    loop {
        match session.advance().await.expect("a step") {
            Progress::Stepped { nats_per_token, .. } => losses.extend(nats_per_token),
            Progress::Finished => break,
            _ => {}
        }
    }
    (losses[0], losses[losses.len() - 1])
}
