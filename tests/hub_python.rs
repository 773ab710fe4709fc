//! What the lab writes, transformers and peft load, and give our logits: full folders of every family, a ladder
//! model with its tokenizer, adapters, and merged models.
//!
//! Needs Python with `torch transformers peft`: set TUNELAB_PYTHON to it. Skipped, and said so, where it is not set.
#![cfg(feature = "engine")]

mod hub;

use burn::tensor::Device;
use hub::*;
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tunelab::data::Tokenizer;
use tunelab::engine::adapt::{self, MergedWeights, WeightedAdapter, peft};
use tunelab::engine::formats::{Description, Files, MemoryFiles, ModelFile, Width, write_folder};
use tunelab::engine::model::{Decoder, InitialWeights};
use tunelab::engine::text::TextTokenizer;
use tunelab::seed::Seed;
use tunelab::spec::{Lora, Method, ModelConfig, Prompt, PromptInit};

const TOLERANCE: f64 = 5e-5;

/// A folder that is removed when the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("tunelab-hub-python-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn write(&self, name: &str, files: Vec<ModelFile>) -> String {
        let folder = self.0.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for (file, bytes) in files {
            std::fs::write(folder.join(file), bytes).unwrap();
        }
        folder.to_str().unwrap().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn ask(python: &str, cases: &[Value]) -> Vec<Vec<f32>> {
    let script = golden().parent().unwrap().join("check.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("TUNELAB_PYTHON runs");
    child.stdin.take().unwrap().write_all(Value::from(cases.to_vec()).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "check.py failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn transformers_and_peft_load_what_we_write() {
    let Ok(python) = std::env::var("TUNELAB_PYTHON") else {
        // Past the test harness, which keeps what a passing test prints to itself.
        let _ = writeln!(std::io::stderr(), "SKIPPED: transformers and peft on our files (./lab test --python)");
        return;
    };
    let scratch = Scratch::new();
    let mut cases = Vec::new();
    let mut ours: Vec<(String, Vec<f32>)> = Vec::new();
    let mut add =
        |name: String, model: &Decoder, ids: &[u32], base: &str, adapter: Option<&str>, text: Option<&str>| {
            ours.push((name, logits(model, ids, 1)));
            cases.push(json!({"base": base, "adapter": adapter, "ids": ids, "text": text}));
        };

    for name in FAMILIES {
        let ids = ids(&expected(name).0["inputs"])[..12].to_vec();
        let mut checkpoint = family(name);
        let description = checkpoint.description.clone();
        let model = Decoder::load(&description.config, &mut checkpoint, &Device::flex()).unwrap();
        let folder = write_folder(&description, &mut checkpoint, None, Width::F32, &[("tunelab", "test")]).unwrap();
        let folder = scratch.write(name, folder);
        add(format!("{name} full"), &model, &ids, &folder, None, None);

        for rslora in [false, true] {
            // Random A and B, so that fused families need the wide form.
            let method = Method::Lora(Lora { rank: 3, alpha: 5.0, rslora, ..Lora::default() });
            let (adapter, adapted) = random(&model, method);
            let kind = if rslora { "rslora" } else { "lora" };
            let at = scratch.write(&format!("{name}-{kind}"), adapter.write(&description, name, &[]).unwrap());
            add(format!("{name} {kind}"), &adapted, &ids, &folder, Some(&at), None);
            let adapters = [WeightedAdapter { method: &adapter.method, tensors: &adapter.tensors, weight: 1.0 }];
            let mut merged = MergedWeights { config: &description.config, base: &mut checkpoint, adapters: &adapters };
            let at = write_folder(&description, &mut merged, None, Width::F32, &[]).unwrap();
            let at = scratch.write(&format!("{name}-{kind}-merged"), at);
            add(format!("{name} {kind} merged"), &adapted, &ids, &at, None, None);
        }

        let method = Method::Prompt(Prompt { virtual_tokens: 4, init: PromptInit::Random, ..Prompt::default() });
        let (adapter, adapted) = random(&model, method);
        let at = scratch.write(&format!("{name}-prompt"), adapter.write(&description, name, &[]).unwrap());
        add(format!("{name} prompt"), &adapted, &ids, &folder, Some(&at), None);
    }

    // A model of the lab's own, in half width, with a tokenizer of the lab's own.
    let text = "the cat sat on the mat; the dog sat on the cat. the hat and the bat sat there.";
    let tokenizer = TextTokenizer::train([text].into_iter(), 262).unwrap();
    let config = ModelConfig::ladder(262, 32, 32, 2);
    let description = Description::ladder(&config, tokenizer.end_of_text()).unwrap();
    let files = write_folder(&description, &mut InitialWeights(Seed(1)), Some(&tokenizer), Width::F16, &[]).unwrap();
    let memory: MemoryFiles = files.iter().cloned().collect();
    assert!(memory.length("tokenizer.json").is_some());
    let mut checkpoint = tunelab::engine::formats::Checkpoint::open(memory).unwrap();
    let model = Decoder::load(&config, &mut checkpoint, &Device::flex()).unwrap();
    let text = "the cat 漢字";
    let ids = tokenizer.encode(text).unwrap();
    add("ladder".into(), &model, &ids, &scratch.write("ladder", files), None, Some(text));

    let theirs = ask(&python, &cases);
    for ((name, ours), theirs) in ours.iter().zip(&theirs) {
        let off = difference(ours, theirs);
        println!("{name}: {off:.1e}");
        assert!(off < TOLERANCE, "{name}: logits differ by {off}");
    }
}

/// An adapter of the method with values that do something.
fn random(base: &Decoder, method: Method) -> (peft::Adapter, Decoder) {
    let mut model = adapt::fresh(base, &method, &[], Seed(1)).unwrap();
    let mut tensors = tunelab::engine::model::Tensors::new();
    adapt::visit(&mut model, &method, &mut |name, parameter| {
        let (shape, start) = (parameter.shape(), name.bytes().map(usize::from).sum::<usize>());
        let values = (0..parameter.elements()).map(|i| ((i * 7 + start) % 11) as f32 / 20.0 - 0.25).collect();
        tensors.insert(name, tunelab::engine::model::HostTensor { shape, values });
    });
    let model = adapt::install(base, &method, &mut &tensors).unwrap();
    (peft::Adapter { method, tensors, base_sha256: None }, model)
}
