//! Losses, gradients and 20 AdamW steps against PyTorch, on the numbers of `tests/golden/training.py`.
#![cfg(feature = "engine")]

use burn::Tensor;
use burn::tensor::Device;
use std::collections::BTreeMap;
use tunelab::data::Batch;
use tunelab::engine::adapt;
use tunelab::engine::model::{Decoder, ModelError, Parameter, WeightSource};
use tunelab::engine::train::{AdamW, sum_nats};
use tunelab::spec::{
    Activation, Bias, Lora, Method, MethodKind, ModelConfig, Norm, ParameterSpec, Position, Prompt, PromptInit,
    Schedule, TrainConfig,
};

const STEPS: usize = 20;

#[derive(serde::Deserialize)]
struct Golden {
    losses: Vec<f64>,
    gradient_norms: BTreeMap<String, f64>,
    norms_after: BTreeMap<String, f64>,
}

/// The script's formula for a tensor's values.
fn wave(name: &str, count: usize, size: f64) -> Vec<f32> {
    let length = name.len() as f64;
    (0..count).map(|i| (size * (0.7 * i as f64 * (1.0 + 0.01 * length) + length + 1.0).sin()) as f32).collect()
}

struct Waves;

impl WeightSource for Waves {
    fn tensor(&mut self, ParameterSpec { name, shape, .. }: &ParameterSpec) -> Result<Vec<f32>, ModelError> {
        let one = if name.contains("norm") && name.ends_with("weight") { 1.0 } else { 0.0 };
        let size = if shape.len() == 2 { 0.3 } else { 0.1 };
        Ok(wave(name, shape.iter().product(), size).into_iter().map(|value| one + value).collect())
    }
}

fn config(family: &str) -> ModelConfig {
    let llama = ModelConfig { heads: 4, kv_heads: 2, head_dim: 6, d_ff: 40, ..ModelConfig::ladder(40, 32, 24, 2) };
    if family == "llama" {
        return llama;
    }
    ModelConfig {
        kv_heads: 4,
        norm: Norm::Layer,
        position: Position::Learned,
        activation: Activation::GeluTanh,
        bias: Bias { qkv: true, attention_out: true, mlp: true, head: false },
        ..llama
    }
}

fn batch() -> Batch {
    let id = |i: u32| (i * 7 + i / 5) % 40;
    let at =
        |shift: u32| (0..3).flat_map(move |row| (0..10).map(move |column| id(row * 11 + column + shift))).collect();
    let weights = [2, 4, 6].iter().flat_map(|&from| (0..10).map(move |c| if c >= from { 1.0 } else { 0.0 })).collect();
    Batch { rows: 3, columns: 10, inputs: at(0), targets: at(1), weights, target_bytes: vec![10; 3] }
}

fn method(kind: MethodKind) -> Method {
    match kind {
        MethodKind::Lora => Method::Lora(Lora { rank: 3, alpha: 6.0, ..Lora::default() }),
        MethodKind::Prompt => {
            Method::Prompt(Prompt { virtual_tokens: 4, init: PromptInit::Random, ..Prompt::default() })
        }
        kind => kind.method(),
    }
}

/// The values of the adapter or prompt that training starts from.
struct Adapter;

impl WeightSource for Adapter {
    fn tensor(&mut self, ParameterSpec { name, shape, .. }: &ParameterSpec) -> Result<Vec<f32>, ModelError> {
        let size = match name.as_str() {
            "prompt" => 0.3,
            name if name.ends_with("lora_b") => 0.0,
            _ => 0.2,
        };
        Ok(wave(name, shape.iter().product(), size))
    }
}

fn norm(row: Tensor<1>) -> f64 {
    let values: Vec<f32> = row.into_data().try_into_vec().expect("floats");
    values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt()
}

fn near(what: &str, ours: f64, theirs: f64, tolerance: f64) {
    assert!((ours - theirs).abs() <= tolerance * theirs.abs(), "{what}: {ours}, PyTorch {theirs}");
}

#[test]
fn twenty_steps_of_every_method_are_those_of_pytorch() {
    let golden: BTreeMap<String, BTreeMap<String, Golden>> =
        serde_json::from_str(include_str!("golden/training.json")).expect("golden numbers");
    let train = TrainConfig {
        learning_rate: 0.002,
        warmup: 0.15,
        schedule: Schedule::Cosine,
        weight_decay: 0.1,
        clip_norm: 0.05,
        ..TrainConfig::default_for(MethodKind::Full)
    };
    let batch = batch();
    for family in ["llama", "gpt2"] {
        let base = Decoder::load(&config(family), &mut Waves, &Device::flex()).expect("weights");
        for (kind, key) in [(MethodKind::Full, "full"), (MethodKind::Lora, "lora"), (MethodKind::Prompt, "prompt")] {
            let (method, golden) = (method(kind), &golden[family][key]);
            let mut model = match kind {
                MethodKind::Full => base.clone(),
                _ => adapt::install(&base, &method, &mut Adapter).expect("adapter"),
            };
            let mut optimizer = AdamW::new(model.ops(), &train, &method.trained(base.config()));
            for step in 0..STEPS {
                let what = format!("{family}, {key}, step {step}");
                adapt::visit(&mut model, &method, &mut |_, mut parameter| parameter.track());
                let loss = sum_nats(&model, &batch, None).expect("a loss") / batch.target_tokens() as f64;
                let mut found = loss.backward();
                let loss: Vec<f32> = loss.inner().into_data().try_into_vec().expect("floats");
                near(&format!("{what}: loss"), f64::from(loss[0]), golden.losses[step], 2e-5);
                let mut gradients = Vec::new();
                adapt::visit(&mut model, &method, &mut |name, mut parameter| {
                    let gradient = parameter.take_gradient(&mut found).expect("a gradient");
                    if step == 0 && golden.gradient_norms[&name] > 1e-6 {
                        let wanted = golden.gradient_norms[&name];
                        near(&format!("{what}: gradient of {name}"), norm(gradient.clone()), wanted, 2e-5);
                    }
                    gradients.push(gradient);
                });
                let rate = train.rate(step, STEPS);
                optimizer.step(gradients, train.clip_norm, rate, |each| {
                    adapt::visit(&mut model, &method, &mut |name, value| each(name, value));
                });
            }
            let mut seen = 0;
            adapt::visit(&mut model, &method, &mut |name, parameter: Parameter<'_>| {
                near(
                    &format!("{family}, {key}, {name} after"),
                    norm(parameter.flat()),
                    golden.norms_after[&name],
                    1e-4,
                );
                seen += 1;
            });
            assert_eq!(seen, golden.norms_after.len(), "{family}, {key}");
        }
    }
}
