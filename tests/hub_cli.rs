//! The command line on real folders: `lab logits`, `lab generate` and `lab finetune`, each on what the other wrote.
#![cfg(feature = "native")]

mod hub;

use hub::*;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn lab(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lab")).args(args).output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refused(args: &[&str], says: &[&str]) {
    let output = lab(args);
    assert!(!output.status.success(), "{args:?} must fail");
    let error = String::from_utf8(output.stderr).unwrap();
    says.iter().for_each(|part| assert!(error.contains(part), "{error:?} does not say {part:?}"));
}

/// A llama with a tokenizer, in a folder of the test's own.
fn base(test: &str) -> (PathBuf, String) {
    let scratch = std::env::temp_dir().join(format!("tunelab-cli-{test}-{}", std::process::id()));
    let base = scratch.join("base");
    std::fs::create_dir_all(&base).unwrap();
    for (name, bytes) in folder(golden().join("llama")).0 {
        std::fs::write(base.join(name), bytes).unwrap();
    }
    std::fs::copy(golden().join("tokenizers/gpt2.json"), base.join("tokenizer.json")).unwrap();
    let text = base.to_str().unwrap().to_string();
    (scratch, text)
}

fn json_logits(args: &[&str]) -> (Vec<u32>, Vec<f32>) {
    let json: Value = serde_json::from_str(&said(&lab(args))).unwrap();
    (ids(&json["ids"]), numbers(&json["logits"]).into_iter().map(|x| x as f32).collect())
}

#[test]
fn logits_are_those_of_transformers_and_of_peft() {
    let base = golden().join("llama");
    let base = base.to_str().unwrap();
    let (json, golden_tensors) = expected("llama");
    let wanted_ids = &ids(&json["inputs"])[..12];
    let list = wanted_ids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let (found, logits) = json_logits(&["logits", "--base", base, "--ids", &list, "--json"]);
    assert_eq!(found, wanted_ids);
    assert!(difference(&logits, &tensor(&golden_tensors, "logits")) < 2e-5);

    let adapter = golden().join("llama/lora");
    let adapter = adapter.to_str().unwrap();
    let (_, logits) = json_logits(&["logits", "--base", base, "--adapter", adapter, "--ids", &list, "--json"]);
    assert!(difference(&logits, &tensor(&golden_tensors, "lora.logits")) < 2e-5);
    let none = format!("{adapter}=0");
    let (_, logits) = json_logits(&["logits", "--base", base, "--adapter", &none, "--ids", &list, "--json"]);
    assert!(difference(&logits, &tensor(&golden_tensors, "logits")) < 2e-5);
}

#[test]
fn a_text_is_tokenised_shown_and_continued() {
    let (scratch, base) = base("text");
    let (ids, logits) = json_logits(&["logits", "--base", &base, "--text", "the cat", "--json"]);
    assert_eq!(logits.len(), ids.len() * 272);
    let table = said(&lab(&["logits", "--base", &base, "--text", "the cat"]));
    assert_eq!(table.lines().count(), ids.len() + 1);

    let once = said(&lab(&["generate", "--base", &base, "--prompt", "the cat", "--tokens", "8"]));
    assert!(once.starts_with("the cat"), "{once}");
    let sampled = |seed: &str| {
        said(&lab(&[
            "generate",
            "--base",
            &base,
            "--prompt",
            "the",
            "--tokens",
            "8",
            "--temperature",
            "1",
            "--seed",
            seed,
        ]))
    };
    assert_eq!(sampled("1"), sampled("1"));
    assert_ne!(sampled("1"), sampled("2"));
    std::fs::remove_dir_all(scratch).unwrap();
}

#[test]
fn finetuning_on_a_file_writes_what_logits_reads() {
    let (scratch, base) = base("tune");
    let data = scratch.join("data.jsonl");
    let lines: Vec<String> = (0..40)
        .map(|i| format!("{{\"prompt\": \"the {i}\", \"completion\": \" cat sat on mat {}\"}}", i % 7))
        .collect();
    std::fs::write(&data, lines.join("\n")).unwrap();
    let logits = |extra: &[&str], base: &str| {
        json_logits(&[&["logits", "--base", base, "--text", "the cat", "--json"], extra].concat()).1
    };
    let before = logits(&[], &base);
    let tune = |method: &str, extra: &[&str]| -> (Value, String) {
        let out = scratch.join(format!("{method}{}", extra.concat()));
        let out = out.to_str().unwrap().to_string();
        let arguments =
            ["finetune", "--base", &base, "--data", data.to_str().unwrap(), "--method", method, "--out", &out];
        let more =
            ["--steps", "6", "--batch", "4", "--sequence", "24", "--rank", "2", "--virtual-tokens", "2", "--json"];
        let json = said(&lab(&[&arguments[..], &more, extra].concat()));
        (serde_json::from_str(&json).unwrap(), out)
    };
    let nats = |record: &Value, which: &str| record[which]["nats_per_token"].as_f64().unwrap();

    let (record, lora) = tune("lora", &["--learning-rate", "0.05"]);
    assert!(nats(&record, "test") < nats(&record, "base_test"), "{record}");
    let adapted = logits(&["--adapter", &lora], &base);
    assert!(difference(&before, &adapted) > 0.01);
    let (_, merged) = tune("lora", &["--learning-rate", "0.05", "--merge"]);
    assert!(difference(&adapted, &logits(&[], &merged)) < 1e-4);

    let (_, prompt) = tune("prompt", &[]);
    assert!(difference(&before, &logits(&["--adapter", &prompt], &base)) > 0.001);
    let (record, full) = tune("full", &[]);
    assert!(nats(&record, "test") < nats(&record, "base_test"), "{record}");
    assert!(difference(&before, &logits(&[], &full)) > 0.01);

    // The adapter names its base: on the tuned model it is refused.
    refused(
        &["logits", "--base", &full, "--adapter", &lora, "--text", "a"],
        &["adapter_model.safetensors", "made for the base", "open the base that it was made for"],
    );
    std::fs::remove_dir_all(scratch).unwrap();
}

#[test]
fn what_cannot_be_done_is_said_in_one_line() {
    let llama = golden().join("llama");
    let llama = llama.to_str().unwrap();
    refused(&["logits", "--base", "/nowhere", "--ids", "1"], &["/nowhere", "no such folder"]);
    refused(&["logits", "--base", llama, "--text", "a"], &["tokenizer.json", "missing"]);
    refused(&["logits", "--base", llama, "--ids", "999"], &["token 999", "272"]);
    refused(&["logits", "--base", llama], &["--text", "--ids"]);
    let gpt2 = golden().join("gpt2/lora");
    refused(
        &["logits", "--base", llama, "--adapter", gpt2.to_str().unwrap(), "--ids", "1"],
        &["transformer.h.0", "gpt2"],
    );
    assert!(Path::new(llama).is_dir());
}
