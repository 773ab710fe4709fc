//! A task of one's own: a generator gives the examples, the lab divides them such that no text is in two splits, and
//! the run's spec names them by their hash. `cargo run --example custom_task`

use std::error::Error;
use tunelab::data::user::{File, ReadOptions, UserData, read};
use tunelab::data::{ByteTokenizer, Splits};
use tunelab::seed::Seed;
use tunelab::spec::{Base, DataSpec, MethodKind, RunSpec, SPEC_VERSION, Source, TrainConfig};

/// "3 plus 4 makes" → "7".
fn example(seed: Seed, index: u64) -> String {
    let number = |which| seed.derive(which, index).0 % 50;
    let (a, b) = (number("first"), number("second"));
    format!(r#"{{"prompt": "{a} plus {b} makes", "completion": "{}"}}"#, a + b)
}

pub fn sums(count: u64) -> Result<UserData, Box<dyn Error>> {
    let lines: Vec<String> = (0..count).map(|index| example(Seed(1), index)).collect();
    let bytes = lines.join("\n").into_bytes();
    let file = File { name: "sums.jsonl".into(), size: bytes.len() as u64, bytes };
    Ok(read("sums", &[file], &ReadOptions::default())?)
}

/// LoRA on `examples` of the sums. `lab finetune --data sums.jsonl` and the page's “Your own data” do the same.
pub fn spec(data: &UserData, examples: usize) -> RunSpec {
    let source = Source::User { name: data.name.clone(), sha256: data.sha256.clone() };
    RunSpec {
        version: SPEC_VERSION,
        base: Base { name: "story-50k".into(), sha256: "that of its weights".into() },
        method: MethodKind::Lora.method(),
        data: DataSpec { source, examples, subset: Seed(0) },
        train: TrainConfig::default_for(MethodKind::Lora),
        seed: Seed(0),
    }
}

#[allow(dead_code, reason = "the tests call what it calls")]
fn main() -> Result<(), Box<dyn Error>> {
    let data = sums(1000)?;
    let spec = spec(&data, 64);
    // Longer texts would be divided by the base's tokens; these fit.
    let prepared = data.prepare(&ByteTokenizer, spec.train.sequence)?;
    let splits = Splits::for_run(&spec.data, Some((&data.sha256, &prepared.splits)))?;
    println!(
        "run {}: {} to train, {} dev, {} test",
        spec.id(),
        splits.train.len(),
        splits.dev.len(),
        splits.test.len()
    );
    println!("{}{}", splits.train[0].prompt, splits.train[0].completion);
    Ok(())
}
