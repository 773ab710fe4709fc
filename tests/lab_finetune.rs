//! What `lab finetune` says of its data before it trains, and keeps in the record.
#![cfg(feature = "native")]

use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

/// One step of a prompt on a file; what was said, and the record.
struct Tuned {
    said: String,
    record: Option<Value>,
}

fn finetune(test: &str, file: &str, text: &str, more: &[&str]) -> Tuned {
    let scratch: PathBuf = std::env::temp_dir().join(format!("tunelab-finetune-{test}-{}", std::process::id()));
    fs::create_dir_all(&scratch).unwrap();
    let (data, out) = (scratch.join(file), scratch.join("out"));
    fs::write(&data, text).unwrap();
    let base = concat!(env!("CARGO_MANIFEST_DIR"), "/www/models/story-50k");
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["finetune", "--base", base, "--method", "prompt", "--virtual-tokens", "1"])
        .args(["--steps", "1", "--batch", "1", "--json", "--data"])
        .arg(&data)
        .arg("--out")
        .arg(&out)
        .args(more)
        .output()
        .unwrap();
    fs::remove_dir_all(scratch).unwrap();
    let record = status.success().then(|| serde_json::from_slice(&stdout).unwrap());
    Tuned { said: String::from_utf8(stderr).unwrap(), record }
}

fn lines(line: impl Fn(usize) -> String) -> String {
    (0..14).map(|i| line(i) + "\n").collect()
}

#[test]
fn what_will_be_learned_is_shown_and_kept() {
    let text = format!("question,reply,note\n{}x,\"open\n", lines(|i| format!("what is thing {i}?,it is {i},n")));
    let refused = finetune("bad", "a.csv", &text, &[]);
    assert!(refused.record.is_none() && refused.said.contains("line 16: the quote at character 3 is never closed"));

    let Tuned { said, record } = finetune("shown", "a.csv", &text, &["--skip-bad-lines"]);
    let record = record.unwrap();
    let reading = &record["data"]["reading"];
    let roles: Vec<&Value> = reading["fields"].as_array().unwrap().iter().map(|field| &field["role"]).collect();
    assert_eq!(roles, ["prompt", "completion", "unused"]);
    assert_eq!(reading["left_out"][0]["count"], 1);
    assert_eq!(record["data"]["lengths"]["examples"], 14);
    assert_eq!(record["data"]["lengths"]["cut"], 0);
    let examples = record["data"]["examples"].as_array().unwrap();
    assert_eq!(examples.len(), 3);
    for example in examples {
        let (prompt, target) = (example["prompt"].as_str().unwrap(), example["target"].as_str().unwrap());
        assert!(prompt.ends_with("?\n") && target.ends_with("<|endoftext|>"), "{example}");
        assert!(said.contains(&format!("prompt {prompt:?}")) && said.contains(&format!("target {target:?}")), "{said}");
    }
    for sentence in
        ["Fields: question → prompt; reply → completion, learned; note → not used", "1 left out", "none is cut"]
    {
        assert!(said.contains(sentence), "{said}");
    }
}

#[test]
fn columns_are_chosen_by_name() {
    let text = lines(|i| json!({"a": format!("say {i}"), "b": {"c": [format!("yes {i}")]}}).to_string());
    let Tuned { record, .. } = finetune("columns", "a.jsonl", &text, &["--columns", "prompt=a,completion=b.c.0"]);
    let example = &record.unwrap()["data"]["examples"][0];
    assert!(example["prompt"].as_str().unwrap().starts_with("say "), "{example}");
    assert!(example["target"].as_str().unwrap().starts_with("yes "), "{example}");
    let refused = finetune("no-column", "a.jsonl", &text, &["--columns", "completion=x"]);
    assert!(refused.said.contains("no column “x”. Its columns are: a, b.c"), "{}", refused.said);
}

#[test]
fn the_sequence_follows_from_the_data_and_a_cut_is_said() {
    let words =
        |count: usize| lines(|i| json!({"prompt": format!("{i}?"), "completion": "word ".repeat(count)}).to_string());
    let sequence = |tuned: &Tuned| tuned.record.as_ref().unwrap()["spec"]["train"]["sequence"].as_u64().unwrap();
    let short = finetune("short", "a.jsonl", &words(4), &[]);
    assert_eq!(sequence(&short), 64);
    // The base reads 128 tokens.
    let long = finetune("long", "a.jsonl", &words(200), &[]);
    assert_eq!(sequence(&long), 128);
    assert!(long.said.contains("14 are cut to the sequence of 128 and lose "), "{}", long.said);
    let asked = finetune("asked", "a.jsonl", &words(200), &["--sequence", "512"]);
    assert!(asked.said.contains("none is cut"), "{}", asked.said);
}

#[test]
fn running_text_is_divided_by_the_bases_own_tokens() {
    let sentence = |i: usize| format!("Once upon a time there was a cat number {i}. She sat by the river and slept. ");
    let prose: String = (0..200).map(sentence).collect();
    let record = finetune("text", "a.txt", &prose, &["--sequence", "64"]).record.unwrap();
    let lengths = &record["data"]["lengths"];
    assert_eq!(lengths["cut"], 0);
    let mean = lengths["mean_tokens"].as_f64().unwrap();
    assert!((45.0..=64.0).contains(&mean), "{lengths}");
    assert_eq!(record["data"]["reading"]["divided"]["tokens"], 64);
}
