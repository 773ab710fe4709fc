//! Files that are cut, swapped, lying or made to harm: each gives an error that names the file and what is wrong,
//! and none a panic, an allocation beyond the file, or a look outside the folder.
#![cfg(feature = "engine")]

mod hub;

use hub::*;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::cell::Cell;
use tunelab::data::Tokenizer;
use tunelab::engine::formats::{Checkpoint, Files, MemoryFiles, TensorFiles, WeightsError, Width, write_tensors};
use tunelab::engine::text::TextTokenizer;

const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// Opens a model, checks it and reads every tensor.
fn load(files: MemoryFiles) -> Result<(), WeightsError> {
    let checkpoint = Checkpoint::open(files)?;
    checkpoint.check()?;
    for parameter in checkpoint.config().parameter_table() {
        checkpoint.parameter(&parameter)?;
    }
    Ok(())
}

fn qwen() -> MemoryFiles {
    let mut files = folder(golden().join("qwen3"));
    files.0.insert("tokenizer.json".into(), std::fs::read(golden().join("tokenizers/gpt2.json")).unwrap());
    files
}

/// The error of a model with one file changed must say all of `says`.
fn refused(change: impl FnOnce(&mut MemoryFiles), says: &[&str]) {
    let mut files = qwen();
    change(&mut files);
    let error = load(files).expect_err("this must be refused").to_string();
    for part in says {
        assert!(error.contains(part), "{error:?} does not say {part:?}");
    }
}

fn set(file: &str, bytes: impl Into<Vec<u8>>) -> impl FnOnce(&mut MemoryFiles) {
    let (file, bytes) = (file.to_string(), bytes.into());
    move |files| {
        files.0.insert(file, bytes);
    }
}

fn config(change: impl FnOnce(&mut serde_json::Value)) -> impl FnOnce(&mut MemoryFiles) {
    move |files| {
        let mut json = serde_json::from_slice(&files.0["config.json"]).unwrap();
        change(&mut json);
        files.0.insert("config.json".into(), json.to_string().into_bytes());
    }
}

#[test]
fn the_model_itself_loads() {
    load(qwen()).unwrap();
}

#[test]
fn missing_and_swapped_files_are_named() {
    refused(|files| drop(files.0.remove("config.json")), &["config.json", "missing"]);
    refused(|files| drop(files.0.remove(WEIGHTS)), &[WEIGHTS, "missing", "safetensors"]);
    refused(
        |files| {
            files.0.remove(WEIGHTS);
            files.0.insert("pytorch_model.bin".into(), vec![0; 9]);
        },
        &["pickle", "convert"],
    );
    refused(set("config.json", "<!doctype html><p>404"), &["config.json", "web page", "download"]);
    refused(set(WEIGHTS, "<!doctype html><p>404"), &[WEIGHTS, "web page"]);
    refused(set(WEIGHTS, "version https://git-lfs.github.com/spec/v1\noid"), &[WEIGHTS, "git-lfs"]);
    refused(set("tokenizer.json", "{}"), &["tokenizer.json", "take the tokenizer.json of this model"]);
}

#[test]
fn a_cut_file_is_refused_wherever_it_is_cut() {
    let whole = qwen().0[WEIGHTS].clone();
    for length in (0..whole.len()).step_by(61) {
        refused(set(WEIGHTS, &whole[..length]), &[WEIGHTS]);
    }
}

#[test]
fn a_header_that_lies_about_its_length_is_refused() {
    let whole = qwen().0[WEIGHTS].clone();
    for lie in [u64::MAX, u64::MAX - 8, 1 << 40, whole.len() as u64, whole.len() as u64 - 7, 0, 1] {
        let mut bytes = whole.clone();
        bytes[..8].copy_from_slice(&lie.to_le_bytes());
        refused(set(WEIGHTS, bytes), &[WEIGHTS, "download it again"]);
    }
}

#[test]
fn tensors_that_do_not_fit_the_config_are_named() {
    refused(
        config(|json| json["intermediate_size"] = 48.into()),
        &[WEIGHTS, "model.layers.0.mlp.gate_proj.weight", "[48, 16]"],
    );
    refused(config(|json| json["num_hidden_layers"] = 3.into()), &[WEIGHTS, "model.layers.2.", "missing"]);
    refused(config(|json| json["num_hidden_layers"] = 9_999_999.into()), &["config.json", "num_hidden_layers", "4096"]);
    refused(config(|json| json["head_dim"] = 16_000_000.into()), &["config.json", "heads of 16000000 dimensions"]);
    refused(config(|json| json["hidden_size"] = 0.into()), &["config.json", "hidden_size"]);
    refused(config(|json| json["hidden_size"] = "16".into()), &["config.json", "hidden_size"]);
    refused(config(|json| json["vocab_size"] = (1u64 << 60).into()), &["config.json", "vocab_size"]);
    refused(config(|json| json["num_key_value_heads"] = 3.into()), &["config.json", "kv_heads"]);
    refused(config(|json| json["model_type"] = "mamba".into()), &["config.json", "mamba", "llama"]);
    refused(config(|json| json["rope_parameters"]["rope_type"] = "yarn".into()), &["config.json", "rope_parameters"]);
    refused(config(|json| json["quantization_config"] = serde_json::json!({"bits": 4})), &["quantization_config"]);
}

#[test]
fn a_number_that_is_none_is_named_with_its_tensor() {
    let mut files = qwen();
    let tensors = TensorFiles::open(files.clone()).unwrap();
    let name = "model.layers.1.self_attn.k_proj.weight";
    let shape = tensors.shape(name).unwrap().to_vec();
    // The tensor is the one whose bytes, once changed, spoil it.
    let bytes = files.0.get_mut(WEIGHTS).unwrap();
    let at = (0..bytes.len()).step_by(2).rev().find(|&at| {
        let mut changed = bytes.clone();
        changed[at..at + 2].copy_from_slice(&[0x00, 0x7e]);
        let changed = MemoryFiles([(WEIGHTS.to_string(), changed)].into());
        TensorFiles::open(changed).is_ok_and(|tensors| tensors.read(name, &shape).is_err())
    });
    let at = at.unwrap();
    bytes[at..at + 2].copy_from_slice(&[0x00, 0x7e]);
    let error = load(files).unwrap_err().to_string();
    assert!(error.contains(name) && error.contains("NaN") && error.contains("element 255"), "{error}");
}

#[test]
fn numbers_of_another_kind_are_refused() {
    let list = vec![("a".to_string(), vec![2, 2])];
    let mut bytes = write_tensors(WEIGHTS, &list, Width::F32, &[], |_, _| Ok(vec![0.0; 4])).unwrap();
    let at = bytes.windows(5).position(|w| w == b"\"F32\"").unwrap();
    bytes[at..at + 5].copy_from_slice(b"\"I32\"");
    let tensors = TensorFiles::open(MemoryFiles([(WEIGHTS.to_string(), bytes)].into())).unwrap();
    assert!(tensors.read("a", &[2, 2]).unwrap_err().to_string().contains("save the weights as f32, f16 or bf16"));
}

#[test]
fn a_tokenizer_larger_than_the_embedding_is_refused() {
    let llama = std::fs::read(golden().join("tokenizers/llama.json")).unwrap();
    refused(set("tokenizer.json", llama), &["tokenizer.json", "embedding has 272 rows"]);
}

#[test]
fn a_shard_index_leads_nowhere_else() {
    let tricks = [
        "../x.safetensors",
        "/etc/x.safetensors",
        "a/b.safetensors",
        "a\\b.safetensors",
        "C:x.safetensors",
        "..",
        "",
        ".safetensors",
        "model.bin",
    ];
    for trick in tricks {
        let index = serde_json::json!({"weight_map": {"model.norm.weight": trick}}).to_string();
        let change = |files: &mut MemoryFiles| {
            files.0.remove(WEIGHTS);
            files.0.insert(INDEX.into(), index.into_bytes());
            files.0.insert(trick.into(), qwen().0[WEIGHTS].clone());
        };
        refused(change, &[INDEX, "model.norm.weight", "plain file name"]);
    }
}

#[test]
fn shards_that_do_not_hold_what_the_index_says_are_refused() {
    let with_index = |json: serde_json::Value| {
        move |files: &mut MemoryFiles| {
            let weights = files.0.remove(WEIGHTS).unwrap();
            files.0.insert("one.safetensors".into(), weights);
            files.0.insert(INDEX.into(), json.to_string().into_bytes());
        }
    };
    let absent = serde_json::json!({"weight_map": {"nowhere": "one.safetensors"}});
    refused(with_index(absent), &["one.safetensors", "nowhere"]);
    let gone = serde_json::json!({"weight_map": {"model.norm.weight": "two.safetensors"}});
    refused(with_index(gone), &["two.safetensors", "missing"]);
    refused(with_index(serde_json::json!({"weight_map": []})), &[INDEX, "weight_map"]);
}

/// A file that claims to be very large, and counts what is read of it.
struct Huge {
    head: Vec<u8>,
    length: u64,
    read: Cell<u64>,
}

impl Files for Huge {
    fn length(&self, file: &str) -> Option<u64> {
        (file == WEIGHTS).then_some(self.length)
    }

    fn read(&self, _: &str, start: u64, length: usize) -> Result<Vec<u8>, WeightsError> {
        self.read.set(self.read.get() + length as u64);
        let mut bytes = vec![0; length];
        let start = (start as usize).min(self.head.len());
        let end = (start + length).min(self.head.len());
        bytes[..end - start].copy_from_slice(&self.head[start..end]);
        Ok(bytes)
    }
}

#[test]
fn ten_gigabytes_are_opened_by_their_header_alone() {
    let data = 10u64 << 30;
    let mut header =
        serde_json::json!({"a": {"dtype": "F32", "shape": [data / 4], "data_offsets": [0, data]}}).to_string();
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let mut head = (header.len() as u64).to_le_bytes().to_vec();
    head.extend(header.bytes());
    let huge = &Huge { length: head.len() as u64 + data, head, read: Cell::new(0) };
    let tensors = TensorFiles::open(huge).unwrap();
    assert_eq!(tensors.bytes(), data);
    assert!(tensors.check("a", &[3]).is_err());
    assert!(huge.read.get() < 1000, "{} bytes were read", huge.read.get());
}

#[test]
fn weights_that_overflow_half_width_are_named() {
    let list = vec![("a".to_string(), vec![2])];
    let write = |value: f32| write_tensors(WEIGHTS, &list, Width::F16, &[], |_, _| Ok(vec![0.0, value]));
    assert!(write(65504.0).is_ok());
    assert!(write(70000.0).unwrap_err().to_string().contains("tensor a: 70000 does not fit in 16 bits"));
    assert!(write(f32::NAN).unwrap_err().to_string().contains("element 1 is NaN"));
}

/// The part of a JSON value that a path of choices leads to.
fn at<'a>(value: &'a mut serde_json::Value, path: &[prop::sample::Index]) -> &'a mut serde_json::Value {
    let Some((first, rest)) = path.split_first() else { return value };
    let count = match &*value {
        serde_json::Value::Object(map) => map.len(),
        serde_json::Value::Array(list) => list.len(),
        _ => 0,
    };
    match value {
        value if count == 0 => value,
        serde_json::Value::Object(map) => at(map.values_mut().nth(first.index(count)).unwrap(), rest),
        value => at(&mut value[first.index(count)], rest),
    }
}

proptest! {
    // The same cases each time: the tokenizers library is not ours, and the fuzz targets search further.
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// Any few bytes changed in any file: a model or an error, never a panic.
    #[test]
    fn changed_bytes_never_panic(file in 0usize..3, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut files = qwen();
        let name = ["config.json", WEIGHTS, "tokenizer.json"][file];
        let bytes = files.0.get_mut(name).unwrap();
        // Most of a safetensors file is numbers; its header is what can mislead.
        let reach = bytes.len().min(3000);
        for (at, value) in changes {
            bytes[at.index(reach)] = value;
        }
        let _ = load(files);
    }

    /// Any part of a tokenizer replaced by something else that is JSON: an error, or one that encodes and decodes.
    #[test]
    fn changed_tokenizers_never_panic(
        kind in 0usize..3,
        path in prop::collection::vec(any::<prop::sample::Index>(), 1..5),
        with in 0usize..8,
    ) {
        let name = ["gpt2", "qwen", "llama"][kind];
        let bytes = std::fs::read(golden().join(format!("tokenizers/{name}.json"))).unwrap();
        let mut json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let others = serde_json::json!([null, true, -1, 1e300, "", "x y", [], {}]);
        *at(&mut json, &path) = others[with].clone();
        if let Ok(tokenizer) = TextTokenizer::read(json.to_string().as_bytes(), &[], None)
            && let Ok(ids) = tokenizer.whole("the cat\n漢字 👩 <s>")
        {
            let _ = tokenizer.decode(&ids);
        }
    }

    #[test]
    fn any_bytes_as_weights_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), header in 0u64..200) {
        let mut whole = header.to_le_bytes().to_vec();
        whole.extend(bytes);
        prop_assert!(TensorFiles::open(MemoryFiles([(WEIGHTS.to_string(), whole)].into())).is_err());
    }
}
