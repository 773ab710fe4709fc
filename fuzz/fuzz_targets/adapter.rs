//! Any adapter settings and weights, for a base of the ladder: an adapter or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunelab::engine::adapt::peft;
use tunelab::engine::formats::{Description, MemoryFiles};
use tunelab::spec::ModelConfig;

fuzz_target!(|parts: (Vec<u8>, Vec<u8>)| {
    let base = Description::ladder(&ModelConfig::ladder(300, 32, 32, 1), 0).expect("the ladder is Llama's");
    let mut files = MemoryFiles::default();
    files.0.insert("adapter_config.json".into(), parts.0);
    files.0.insert("adapter_model.safetensors".into(), parts.1);
    let _ = peft::read(files, &base);
});
