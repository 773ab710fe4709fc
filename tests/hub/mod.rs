//! What the hub tests share: the golden folders that tests/golden/hub.py made.

#![allow(dead_code)] // Each test file uses a part.

use serde_json::Value;
use std::path::{Path, PathBuf};
use tunelab::engine::formats::{Checkpoint, MemoryFiles, TensorFiles};
use tunelab::engine::model::Decoder;

pub const FAMILIES: [&str; 6] = ["gpt2", "gpt_neo", "gpt_neox", "llama", "qwen2", "qwen3"];

pub fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/hub")
}

/// Every file of a folder, its subfolders left out.
pub fn folder(path: impl AsRef<Path>) -> MemoryFiles {
    let path = path.as_ref();
    let entries = std::fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files.map(|path| (path.file_name().unwrap().to_str().unwrap().to_string(), std::fs::read(&path).unwrap())).collect()
}

pub fn family(name: &str) -> Checkpoint<MemoryFiles> {
    Checkpoint::open(folder(golden().join(name))).unwrap()
}

/// golden.json and golden.safetensors of a family.
pub fn expected(name: &str) -> (Value, TensorFiles<MemoryFiles>) {
    let files = folder(golden().join(name));
    let json = serde_json::from_slice(&files.0["golden.json"]).unwrap();
    (json, TensorFiles::open_file(files, "golden.safetensors").unwrap())
}

pub fn tensor(golden: &TensorFiles<MemoryFiles>, name: &str) -> Vec<f32> {
    golden.read(name, golden.shape(name).unwrap_or_else(|| panic!("no {name}"))).unwrap()
}

pub fn ids(value: &Value) -> Vec<u32> {
    let flat = value.as_array().unwrap().iter();
    flat.flat_map(|v| v.as_u64().map_or_else(|| ids(v), |id| vec![id as u32])).collect()
}

pub fn numbers(value: &Value) -> Vec<f64> {
    let flat = value.as_array().unwrap().iter();
    flat.flat_map(|v| v.as_f64().map_or_else(|| numbers(v), |x| vec![x])).collect()
}

/// The largest absolute difference; lengths must agree.
pub fn difference(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs() as f64).fold(0.0, f64::max)
}

/// Logits of rows of equal length, `[rows · columns · vocab]`.
pub fn logits(model: &Decoder, ids: &[u32], rows: usize) -> Vec<f32> {
    let ids = model.ids(ids).unwrap();
    model.logits(model.hidden(ids, rows, None)).into_data().try_into_vec().unwrap()
}

/// The weighted mean cross-entropy of a golden's targets, computed in f64.
pub fn loss(logits: &[f32], golden: &Value, vocab: usize) -> f64 {
    let (targets, weights) = (ids(&golden["targets"]), numbers(&golden["weights"]));
    let mut sum = 0.0;
    for ((row, target), weight) in logits.chunks(vocab).zip(targets).zip(&weights) {
        let total: f64 = row.iter().map(|x| (*x as f64).exp()).sum();
        sum += weight * (total.ln() - row[target as usize] as f64);
    }
    sum / weights.iter().sum::<f64>()
}
