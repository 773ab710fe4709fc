//! PEFT's adapters give PEFT's numbers: logits, losses, gradients and 20 training steps of LoRA, rsLoRA and prompt
//! tuning on every family; and what is written reads back as it was. Made by tests/golden/hub.py.
#![cfg(feature = "engine")]

mod hub;

use burn::tensor::Device;
use hub::*;
use std::collections::BTreeMap;
use tunelab::data::Batch;
use tunelab::engine::adapt::{self, MergedWeights, WeightedAdapter, peft};
use tunelab::engine::formats::{MemoryFiles, TensorFiles, Width, write_tensors};
use tunelab::engine::model::{Decoder, Tensors};
use tunelab::engine::train::{AdamW, sum_nats};
use tunelab::plan::estimate::trained_parameters;
use tunelab::spec::{Lora, Method, MethodKind, Target, TrainConfig};

/// Float rounding only: both sides compute in f32.
const TOLERANCE: f64 = 2e-5;
/// Rounding grows over 20 steps of Adam, whose first steps divide tiny gradients by themselves.
const AFTER_STEPS: f64 = 5e-4;

fn adapter(family_name: &str, kind: &str) -> peft::Adapter {
    peft::read(folder(golden().join(family_name).join(kind)), &family(family_name).description).unwrap()
}

fn base(name: &str) -> Decoder {
    let mut checkpoint = family(name);
    let config = checkpoint.config().clone();
    Decoder::load(&config, &mut checkpoint, &Device::flex()).unwrap()
}

fn batch(golden: &serde_json::Value) -> Batch {
    let weights = numbers(&golden["weights"]).into_iter().map(|w| w as f32).collect();
    let (inputs, targets) = (ids(&golden["inputs"]), ids(&golden["targets"]));
    Batch { rows: 2, columns: 12, inputs, targets, weights, target_bytes: vec![1; 2] }
}

/// Loss and gradients by the names of `adapt::visit`.
fn gradients(model: &mut Decoder, method: &Method, batch: &Batch) -> (f64, BTreeMap<String, Vec<f32>>) {
    adapt::visit(model, method, &mut |_, mut parameter| parameter.track());
    let loss = sum_nats(model, batch, None).unwrap().div_scalar(batch.target_tokens() as f64);
    let mut graph = loss.clone().backward();
    let mut found = BTreeMap::new();
    adapt::visit(model, method, &mut |name, mut parameter| {
        let row = parameter.take_gradient(&mut graph).unwrap_or_else(|| panic!("{name} has no gradient"));
        found.insert(name, row.into_data().try_into_vec().unwrap());
    });
    (loss.into_data().try_into_vec::<f32>().unwrap()[0] as f64, found)
}

/// The losses of 20 steps on one batch, as hub.py's `steps`.
fn steps(mut model: Decoder, method: &Method, batch: &Batch, rate: f64) -> Vec<f64> {
    let train = TrainConfig { weight_decay: 0.0, ..TrainConfig::default_for(MethodKind::Full) };
    let mut optimizer = AdamW::new(model.ops(), &train, &method.trained(model.config()));
    let step = |_| {
        adapt::visit(&mut model, method, &mut |_, mut parameter| parameter.track());
        let loss = sum_nats(&model, batch, None).unwrap().div_scalar(batch.target_tokens() as f64);
        let mut graph = loss.clone().backward();
        let mut rows = Vec::new();
        adapt::visit(&mut model, method, &mut |_, mut parameter| rows.extend(parameter.take_gradient(&mut graph)));
        optimizer.step(rows, 1.0, rate, |each| adapt::visit(&mut model, method, &mut |name, value| each(name, value)));
        loss.into_data().try_into_vec::<f32>().unwrap()[0] as f64
    };
    (0..20).map(step).collect()
}

fn worst(found: &[f64], wanted: &[f64]) -> f64 {
    assert_eq!(found.len(), wanted.len());
    found.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn logits_and_losses_with_an_adapter_are_those_of_peft() {
    for name in FAMILIES {
        let (json, golden) = expected(name);
        for kind in ["lora", "rslora", "prompt"] {
            let adapter = adapter(name, kind);
            let model = adapt::install(&base(name), &adapter.method, &mut &adapter.tensors).unwrap();
            let logits = logits(&model, &ids(&json["inputs"]), 2);
            let wanted = tensor(&golden, &format!("{kind}.logits"));
            let off = difference(&logits[..wanted.len()], &wanted);
            assert!(off < TOLERANCE, "{name} {kind}: logits differ by {off}");
            let off = loss(&logits, &json, model.config().vocab_size) - json[format!("{kind}_loss")].as_f64().unwrap();
            assert!(off.abs() < TOLERANCE, "{name} {kind}: loss differs by {off}");
        }
    }
}

#[test]
fn gradients_of_an_adapter_are_those_of_peft() {
    for name in FAMILIES {
        let (json, golden) = expected(name);
        let lora = adapter(name, "lora");
        let mut model = adapt::install(&base(name), &lora.method, &mut &lora.tensors).unwrap();
        let (_, mut found) = gradients(&mut model, &lora.method, &batch(&json));
        let wanted =
            peft::read(as_adapter(name, &golden, "lora.gradient."), &family(name).description).unwrap().tensors;
        if ["gpt2", "gpt_neox"].contains(&name) {
            // One A serves query, key and value there: its gradient is the sum of ours.
            for layer in 0..2 {
                let part = |part: &str| format!("blocks.{layer}.attention.{part}.lora_a");
                let parts = ["query", "key", "value"].map(part);
                let sum: Vec<f32> =
                    (0..found[&parts[0]].len()).map(|i| parts.iter().map(|p| found[p][i]).sum()).collect();
                parts.iter().for_each(|part| drop(found.insert(part.clone(), sum.clone())));
            }
        }
        assert!(found.keys().eq(wanted.keys()), "{name}");
        for (parameter, gradient) in &found {
            let off = difference(gradient, &wanted[parameter].values);
            assert!(off < TOLERANCE, "{name}: gradient of {parameter} differs by {off}");
        }

        let prompt = adapter(name, "prompt");
        let mut model = adapt::install(&base(name), &prompt.method, &mut &prompt.tensors).unwrap();
        let (_, found) = gradients(&mut model, &prompt.method, &batch(&json));
        let off = difference(&found["prompt"], &tensor(&golden, "prompt.gradient"));
        assert!(off < TOLERANCE, "{name}: gradient of the prompt differs by {off}");
    }
}

/// The golden's tensors under a prefix as an adapter's files: gradients are then laid out as adapters are.
fn as_adapter(name: &str, golden_file: &TensorFiles<MemoryFiles>, prefix: &str) -> MemoryFiles {
    let list: Vec<_> = golden_file
        .names()
        .filter_map(|key| Some((key.strip_prefix(prefix)?.to_string(), golden_file.shape(key)?.to_vec())))
        .collect();
    let weights = write_tensors("gradients", &list, Width::F32, &[], |key, shape| {
        golden_file.read(&format!("{prefix}{key}"), shape)
    });
    let mut files = folder(golden().join(name).join("lora"));
    files.0.insert("adapter_model.safetensors".into(), weights.unwrap());
    files
}

#[test]
fn twenty_training_steps_are_those_of_pytorch() {
    for name in FAMILIES {
        let (json, _) = expected(name);
        let batch = batch(&json);
        let check = |kind: &str, found: Vec<f64>| {
            let wanted = numbers(&json[format!("{kind}_steps")]);
            assert!(wanted[19] < wanted[0] - 0.1, "{name} {kind} does not learn");
            let off = worst(&found, &wanted);
            assert!(off < AFTER_STEPS, "{name} {kind}: a loss differs by {off}");
        };
        check("full", steps(base(name), &Method::Full, &batch, 1e-3));

        let mut lora = adapter(name, "lora");
        if let Method::Lora(settings) = &mut lora.method
            && ["gpt2", "gpt_neox"].contains(&name)
        {
            settings.targets.retain(|target| !matches!(target, Target::Query | Target::Key | Target::Value));
        }
        let model = adapt::install(&base(name), &lora.method, &mut &lora.tensors).unwrap();
        check("lora", steps(model, &lora.method, &batch, 1e-2));

        let prompt = adapter(name, "prompt");
        let model = adapt::install(&base(name), &prompt.method, &mut &prompt.tensors).unwrap();
        check("prompt", steps(model, &prompt.method, &batch, 3e-2));
    }
}

#[test]
fn an_adapter_written_and_read_again_is_the_same() {
    for name in FAMILIES {
        let description = family(name).description;
        for kind in ["lora", "rslora", "prompt"] {
            let first = adapter(name, kind);
            let files: MemoryFiles = first.write(&description, name, &[]).unwrap().into_iter().collect();
            let theirs = folder(golden().join(name).join(kind));
            let names = |files: &MemoryFiles| {
                let file = TensorFiles::open_file(files.clone(), "adapter_model.safetensors").unwrap();
                file.names().map(|n| (n.to_string(), file.shape(n).unwrap().to_vec())).collect::<Vec<_>>()
            };
            assert_eq!(names(&files), names(&theirs), "{name} {kind}");
            assert_eq!(peft::read(files, &description).unwrap(), first, "{name} {kind}");
        }
    }
}

#[test]
fn adapters_of_our_own_fused_families_read_back_as_the_same_function() {
    // Trained by us, query, key and value have an A each; PEFT has one for the three, of three times the rank.
    for name in ["gpt2", "gpt_neox"] {
        for rslora in [false, true] {
            let description = family(name).description;
            let (json, _) = expected(name);
            let inputs = ids(&json["inputs"]);
            let (method, tensors) = random_lora(name, rslora);
            let ours = adapt::install(&base(name), &method, &mut &tensors).unwrap();
            let adapter = peft::Adapter { method, tensors, base_sha256: Some("abc".into()) };
            let files: MemoryFiles = adapter.write(&description, name, &[]).unwrap().into_iter().collect();
            let read = peft::read(files, &description).unwrap();
            assert_eq!(read.base_sha256.as_deref(), Some("abc"));
            let again = adapt::install(&base(name), &read.method, &mut &read.tensors).unwrap();
            let off = difference(&logits(&ours, &inputs, 2), &logits(&again, &inputs, 2));
            assert!(off < TOLERANCE, "{name}: {off}");
            let off = difference(&logits(&ours, &inputs, 2), &logits(&base(name), &inputs, 2));
            assert!(off > 0.1, "the adapter does nothing");
        }
    }
}

fn random_lora(name: &str, rslora: bool) -> (Method, Tensors) {
    let lora = Lora { rank: 3, alpha: 5.0, rslora, ..Lora::default() };
    let method = Method::Lora(lora);
    let mut model = adapt::fresh(&base(name), &method, &[], tunelab::seed::Seed(1)).unwrap();
    let mut tensors = Tensors::new();
    adapt::visit(&mut model, &method, &mut |name, parameter| {
        let shape = parameter.shape();
        let start: usize = name.bytes().map(usize::from).sum();
        let values = (0..parameter.elements()).map(|i| ((i * 7 + start) % 11) as f32 / 20.0 - 0.25).collect();
        tensors.insert(name, tunelab::engine::model::HostTensor { values, shape });
    });
    (method, tensors)
}

#[test]
fn merged_weights_give_the_adapted_logits() {
    for name in FAMILIES {
        let (json, golden) = expected(name);
        let adapter = adapter(name, "lora");
        let mut checkpoint = family(name);
        let config = checkpoint.config().clone();
        let adapters = [WeightedAdapter { method: &adapter.method, tensors: &adapter.tensors, weight: 1.0 }];
        let mut merged = MergedWeights { config: &config, base: &mut checkpoint, adapters: &adapters };
        let model = Decoder::load(&config, &mut merged, &Device::flex()).unwrap();
        let wanted = tensor(&golden, "lora.logits");
        let off = difference(&logits(&model, &ids(&json["inputs"]), 2)[..wanted.len()], &wanted);
        assert!(off < TOLERANCE, "{name}: {off}");
    }
}

#[test]
fn estimates_count_what_is_trained() {
    for name in FAMILIES {
        for kind in ["lora", "prompt"] {
            let adapter = adapter(name, kind);
            let mut model = adapt::install(&base(name), &adapter.method, &mut &adapter.tensors).unwrap();
            let counted = adapt::trained_parameters(&mut model, &adapter.method);
            assert_eq!(counted, trained_parameters(model.config(), &adapter.method), "{name} {kind}");
        }
    }
}

#[test]
fn prompts_neither_add_up_nor_count_in_part() {
    let prompt = adapter("llama", "prompt");
    let add = |model: &Decoder, weight| adapt::add(model, &prompt.method, &mut &prompt.tensors, weight);
    let with = add(&base("llama"), 1.0).unwrap();
    assert!(add(&base("llama"), 0.5).unwrap_err().to_string().contains("no weight"));
    assert!(add(&with, 1.0).unwrap_err().to_string().contains("two prompts"));
}

#[test]
fn two_adapters_blend_by_weight() {
    let name = "llama";
    let inputs = ids(&expected(name).0["inputs"]);
    let (first, second) = (adapter(name, "lora"), adapter(name, "rslora"));
    let blend = |weights: [f64; 2]| {
        let mut model = base(name);
        for (adapter, weight) in [&first, &second].into_iter().zip(weights) {
            model = adapt::add(&model, &adapter.method, &mut &adapter.tensors, weight).unwrap();
        }
        logits(&model, &inputs, 2)
    };
    let golden = expected(name).1;
    assert!(difference(&blend([1.0, 0.0])[..3264], &tensor(&golden, "lora.logits")) < TOLERANCE);
    assert!(difference(&blend([0.0, 1.0])[..3264], &tensor(&golden, "rslora.logits")) < TOLERANCE);
    assert!(difference(&blend([0.0, 0.0]), &logits(&base(name), &inputs, 2)) < TOLERANCE);
    assert!(difference(&blend([0.5, 0.5]), &blend([1.0, 0.0])) > 0.1);
}

/// Reading `kind` of `from` for the base `to`, its settings changed, must fail and say all of `says`.
fn refused(to: &str, from: &str, kind: &str, change: impl FnOnce(&mut serde_json::Value), says: &[&str]) {
    let mut files = folder(golden().join(from).join(kind));
    let mut json = serde_json::from_slice(&files.0["adapter_config.json"]).unwrap();
    change(&mut json);
    files.0.insert("adapter_config.json".into(), json.to_string().into_bytes());
    let error = peft::read(files, &family(to).description).unwrap_err().to_string();
    for part in says {
        assert!(error.contains(part), "{error:?} does not say {part:?}");
    }
}

#[test]
fn adapters_for_another_base_and_unknown_kinds_are_refused() {
    let same = |_: &mut serde_json::Value| {};
    refused("gpt2", "llama", "lora", same, &["adapter_model.safetensors", "model.layers.0", "open the base"]);
    refused("qwen2", "llama", "lora", same, &["adapter_model.safetensors", "q_proj.lora_B", "one model"]);
    let set = |key: &'static str, value: serde_json::Value| move |json: &mut serde_json::Value| json[key] = value;
    refused("llama", "llama", "lora", set("peft_type", "IA3".into()), &["peft_type", "IA3", "LORA"]);
    refused("llama", "llama", "lora", set("use_dora", true.into()), &["use_dora"]);
    refused("llama", "llama", "lora", set("bias", "all".into()), &["bias"]);
    refused("llama", "llama", "lora", set("modules_to_save", serde_json::json!(["lm_head"])), &["modules_to_save"]);
    refused("llama", "llama", "lora", set("lora_alpha", (-1).into()), &["alpha", "above 0"]);
    refused("llama", "llama", "prompt", set("num_virtual_tokens", 4.into()), &["prompt_embeddings", "[4, 16]"]);
    refused("llama", "llama", "prompt", set("num_virtual_tokens", 0.into()), &["num_virtual_tokens"]);

    let mut other = adapter("llama", "lora");
    other.base_sha256 = Some("1".repeat(64));
    assert!(other.check_base(&"1".repeat(64)).is_ok());
    assert!(other.check_base(&"2".repeat(64)).unwrap_err().to_string().contains("open the base that it was made for"));
}
