//! Any file as the visitor's data, by any of the names that are read: divided without a text in two splits, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;
use tunelab::data::ByteTokenizer;
use tunelab::data::user::{File, Options, read};

const NAMES: [&str; 5] = ["a.txt", "a.md", "a.csv", "a.jsonl", "a"];

fuzz_target!(|parts: (u8, bool, Vec<u8>)| {
    let (name, skip_malformed, bytes) = parts;
    let name = NAMES[name as usize % NAMES.len()];
    let file = File { name: name.into(), size: bytes.len() as u64, bytes };
    let Ok(data) = read(name, &[file], &Options { columns: None, skip_malformed }) else { return };
    let Ok(prepared) = data.prepare(&ByteTokenizer, 64) else { return };
    let texts = |examples: &[tunelab::data::Example]| -> BTreeSet<(String, String)> {
        examples.iter().map(|example| (example.prompt.clone(), example.completion.clone())).collect()
    };
    let [train, dev, test] = [&prepared.splits.train, &prepared.splits.dev, &prepared.splits.test].map(|split| texts(split));
    assert!(train.is_disjoint(&dev) && train.is_disjoint(&test) && dev.is_disjoint(&test));
});
