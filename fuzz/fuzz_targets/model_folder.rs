//! Any config, shard index and weights: a model or an error, never a panic or a large allocation.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunelab::engine::formats::{Checkpoint, MemoryFiles};

fuzz_target!(|parts: (Vec<u8>, Option<Vec<u8>>, Vec<u8>)| {
    let (config, index, weights) = parts;
    let mut files = MemoryFiles::default();
    files.0.insert("config.json".into(), config);
    match index {
        Some(index) => {
            files.0.insert("model.safetensors.index.json".into(), index);
            files.0.insert("shard.safetensors".into(), weights);
        }
        None => drop(files.0.insert("model.safetensors".into(), weights)),
    }
    if let Ok(checkpoint) = Checkpoint::open(files)
        && checkpoint.check().is_ok()
    {
        for parameter in checkpoint.config().parameter_table() {
            let _ = checkpoint.parameter(&parameter);
        }
    }
});
