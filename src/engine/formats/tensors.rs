//! Safetensors files: one, or shards with an index. Headers are read and checked at once, tensors later, one at a
//! time, as f32. Nothing in a file is trusted: lengths are held against the file's own before anything is allocated.

use super::WeightsError;
use super::files::{Files, hash_files, read_json};
use super::header::{Entry, Header, PREFIX, header, read_exactly};
use crate::engine::model::Tensors;
use half::{bf16, f16};
use safetensors::tensor::Dtype;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// Bytes of a tensor that are read at once, where its rows are not longer.
const PIECE: usize = 4 << 20;

/// The tensors of one or more safetensors files, by name.
pub struct TensorFiles<F> {
    files: F,
    /// The files that hold tensors, in name order.
    shards: BTreeSet<String>,
    entries: BTreeMap<String, Entry>,
    metadata: BTreeMap<String, String>,
}

impl<F: Files> TensorFiles<F> {
    /// Reads the headers of a model's weights: `model.safetensors`, or the shards its index names.
    pub fn open(files: F) -> Result<Self, WeightsError> {
        if files.length(SINGLE).is_some() {
            return Self::open_file(files, SINGLE);
        }
        if files.length(INDEX).is_none() {
            let pickled = files.length("pytorch_model.bin").is_some();
            let remedy = if pickled {
                "pytorch_model.bin is a pickle, which can run code: convert it to safetensors"
            } else {
                "add the weights as safetensors"
            };
            return Err(WeightsError::file(SINGLE, "it is missing", remedy));
        }
        let index = read_json(&files, INDEX)?;
        let wanted = index_shards(&index)?;
        let shards: BTreeSet<String> = wanted.values().cloned().collect();
        let mut headers = BTreeMap::new();
        for shard in &shards {
            headers.insert(shard.clone(), header(&files, shard)?.entries);
        }
        // What a shard holds beside what the index says is of no count: it may be of an older save.
        let mut entries = BTreeMap::new();
        for (tensor, shard) in wanted {
            let Some(entry) = headers.get_mut(&shard).and_then(|entries| entries.remove(&tensor)) else {
                return Err(WeightsError::tensor(
                    &shard,
                    &tensor,
                    format!("{INDEX} says it is here; it is not"),
                    "download the shards and the index of one revision",
                ));
            };
            entries.insert(tensor, entry);
        }
        Ok(TensorFiles { files, shards, entries, metadata: BTreeMap::new() })
    }

    /// Reads the header of one file.
    pub fn open_file(files: F, file: &str) -> Result<Self, WeightsError> {
        let Header { entries, metadata } = header(&files, file)?;
        Ok(TensorFiles { files, shards: [file.to_string()].into(), entries, metadata })
    }

    /// The files that hold tensors, in name order.
    pub fn shards(&self) -> impl Iterator<Item = &str> {
        self.shards.iter().map(String::as_str)
    }

    pub fn files(&self) -> &F {
        &self.files
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    pub fn shape(&self, tensor: &str) -> Option<&[usize]> {
        self.entries.get(tensor).map(|entry| entry.shape.as_slice())
    }

    /// What stands in the header's `__metadata__`; none where there are shards.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Bytes of all tensors as they lie in the files.
    pub fn bytes(&self) -> u64 {
        self.entries.values().map(|entry| entry.bytes).sum()
    }

    /// That the tensor is there in this shape.
    pub fn check(&self, tensor: &str, shape: &[usize]) -> Result<(), WeightsError> {
        self.entry(tensor, shape).map(|_| ())
    }

    fn entry(&self, tensor: &str, shape: &[usize]) -> Result<&Entry, WeightsError> {
        const REMEDY: &str = "config and weights must be of one model";
        let Some(entry) = self.entries.get(tensor) else {
            return Err(WeightsError::tensor(&self.file_names(), tensor, "it is missing", REMEDY));
        };
        if entry.shape != shape {
            let problem = format!("its shape is {:?}, not {shape:?} as the config implies", entry.shape);
            return Err(WeightsError::tensor(&entry.file, tensor, problem, REMEDY));
        }
        Ok(entry)
    }

    /// A tensor as f32, which must have this shape and only finite numbers.
    pub fn read(&self, tensor: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let mut all = Vec::with_capacity(shape.iter().product());
        self.each_piece(tensor, shape, 0..rows_of(shape), |_, values| all.extend_from_slice(values))?;
        Ok(all)
    }

    /// Some rows of a matrix.
    pub fn read_rows(&self, tensor: &str, shape: &[usize], rows: Range<usize>) -> Result<Vec<f32>, WeightsError> {
        let mut some = Vec::new();
        self.each_piece(tensor, shape, rows, |_, values| some.extend_from_slice(values))?;
        Ok(some)
    }

    /// Reads rows of a tensor in pieces, so that a large one never lies in memory twice; `take` gets which rows a piece
    /// is and its numbers as f32, which are all finite. A vector is one row.
    pub fn each_piece(
        &self,
        tensor: &str,
        shape: &[usize],
        rows: Range<usize>,
        mut take: impl FnMut(Range<usize>, &[f32]),
    ) -> Result<(), WeightsError> {
        let entry = self.entry(tensor, shape)?;
        let row_bytes = (entry.bytes / rows_of(shape).max(1) as u64) as usize;
        let step = (PIECE / row_bytes.max(1)).max(1);
        let mut values = Vec::new();
        for first in rows.clone().step_by(step) {
            let piece = first..rows.end.min(first + step);
            let start = entry.start + first as u64 * row_bytes as u64;
            let bytes = read_exactly(&self.files, &entry.file, start, piece.len() * row_bytes)?;
            values.clear();
            let wrong = |problem: String, remedy| WeightsError::tensor(&entry.file, tensor, problem, remedy);
            to_f32(entry.dtype, &bytes, &mut values).ok_or_else(|| {
                wrong(format!("its numbers are {:?}", entry.dtype), "save the weights as f32, f16 or bf16")
            })?;
            if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                let problem = format!("element {} is {}", first * (values.len() / piece.len()) + at, values[at]);
                return Err(wrong(problem, "the weights are damaged: download them again"));
            }
            take(piece, &values);
        }
        Ok(())
    }

    /// Whether two tensors hold the same bytes.
    pub(super) fn same(&self, first: &str, second: &str) -> Result<bool, WeightsError> {
        let (Some(a), Some(b)) = (self.entries.get(first), self.entries.get(second)) else { return Ok(false) };
        if (a.dtype, &a.shape, a.bytes) != (b.dtype, &b.shape, b.bytes) {
            return Ok(false);
        }
        for start in (0..a.bytes).step_by(PIECE) {
            let length = (a.bytes - start).min(PIECE as u64) as usize;
            let read = |entry: &Entry| read_exactly(&self.files, &entry.file, entry.start + start, length);
            if read(a)? != read(b)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// How most of the numbers are stored, by its name in safetensors ("F16").
    pub fn dtype(&self) -> String {
        let mut bytes: Vec<(Dtype, u64)> = Vec::new();
        for entry in self.entries.values() {
            match bytes.iter_mut().find(|(dtype, _)| *dtype == entry.dtype) {
                Some((_, sum)) => *sum += entry.bytes,
                None => bytes.push((entry.dtype, entry.bytes)),
            }
        }
        bytes.iter().max_by_key(|(_, sum)| *sum).map_or_else(String::new, |(dtype, _)| format!("{dtype:?}"))
    }

    /// SHA-256 of the weight files, one after the other in the order of their names, in hex.
    pub fn sha256(&self) -> Result<String, WeightsError> {
        hash_files(&self.files, self.shards())
    }

    fn file_names(&self) -> String {
        self.shards.iter().cloned().collect::<Vec<_>>().join(", ")
    }
}

/// The file of each tensor that a `model.safetensors.index.json` names.
pub fn index_shards(index: &Value) -> Result<BTreeMap<String, String>, WeightsError> {
    let map = index
        .get("weight_map")
        .and_then(|map| map.as_object())
        .ok_or_else(|| WeightsError::file(INDEX, "it has no `weight_map`", "download it again"))?;
    let each = map.iter().map(|(tensor, shard)| {
        let name = shard.as_str().filter(|name| is_plain_name(name)).ok_or_else(|| WeightsError::Tensor {
            file: INDEX.into(),
            tensor: tensor.clone(),
            problem: format!("its shard {shard} is not a plain file name ending in .safetensors"),
            remedy: "shards lie beside the index: do not use this file",
        })?;
        Ok((tensor.clone(), name.to_string()))
    });
    each.collect()
}

/// No folders, drives or parents: a shard index may not lead out of the model's folder.
fn is_plain_name(name: &str) -> bool {
    name.len() > ".safetensors".len()
        && name.ends_with(".safetensors")
        && !name.starts_with('.')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// Rows of a matrix; a vector is one.
fn rows_of(shape: &[usize]) -> usize {
    if shape.len() > 1 { shape[0] } else { 1 }
}

/// Appends the numbers in `bytes` to `values`; `None` where they are of a kind that weights are not.
fn to_f32(dtype: Dtype, bytes: &[u8], values: &mut Vec<f32>) -> Option<()> {
    let halves = || bytes.as_chunks::<2>().0.iter();
    match dtype {
        Dtype::F32 => values.extend(bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b))),
        Dtype::F16 => values.extend(halves().map(|b| f16::from_le_bytes(*b).to_f32())),
        Dtype::BF16 => values.extend(halves().map(|b| bf16::from_le_bytes(*b).to_f32())),
        _ => return None,
    }
    Some(())
}

/// The width of stored numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    F32,
    /// Half the size; numbers keep 11 bits and must stay below 65,504.
    F16,
}

impl Width {
    fn bytes(self) -> usize {
        match self {
            Width::F32 => 4,
            Width::F16 => 2,
        }
    }

    fn dtype(self) -> &'static str {
        match self {
            Width::F32 => "F32",
            Width::F16 => "F16",
        }
    }
}

/// A safetensors file of tensors in memory, in the order of their names.
pub fn write_named(
    file: &str,
    tensors: &Tensors,
    width: Width,
    metadata: &[(&str, &str)],
) -> Result<Vec<u8>, WeightsError> {
    let list: Vec<_> = tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone())).collect();
    write_tensors(file, &list, width, metadata, |name, _| Ok(tensors[name].values.clone()))
}

/// A safetensors file of these tensors, asked for one at a time. The header's order is the list's, so the same
/// tensors give the same bytes.
pub fn write_tensors(
    file: &str,
    list: &[(String, Vec<usize>)],
    width: Width,
    metadata: &[(&str, &str)],
    mut values: impl FnMut(&str, &[usize]) -> Result<Vec<f32>, WeightsError>,
) -> Result<Vec<u8>, WeightsError> {
    // transformers refuses a file without `format`.
    let mut info = serde_json::Map::new();
    info.insert("format".into(), "pt".into());
    info.extend(metadata.iter().map(|(key, value)| (key.to_string(), serde_json::Value::from(*value))));
    let mut header = serde_json::Map::new();
    header.insert("__metadata__".into(), info.into());
    let mut end = 0;
    for (name, shape) in list {
        let start = end;
        end += shape.iter().product::<usize>() * width.bytes();
        header.insert(
            name.clone(),
            serde_json::json!({"dtype": width.dtype(), "shape": shape, "data_offsets": [start, end]}),
        );
    }
    let mut header = serde_json::Value::from(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(PREFIX as usize), b' ');

    let mut bytes = Vec::with_capacity(PREFIX as usize + header.len() + end);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header);
    for (name, shape) in list {
        append(&mut bytes, &values(name, shape)?, width).map_err(|problem| {
            WeightsError::tensor(file, name, problem, "train again with a lower learning rate, or save as f32")
        })?;
    }
    Ok(bytes)
}

fn append(bytes: &mut Vec<u8>, values: &[f32], width: Width) -> Result<(), String> {
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        return Err(format!("element {at} is {}", values[at]));
    }
    match width {
        Width::F32 => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
        Width::F16 => {
            if let Some(value) = values.iter().find(|value| !f16::from_f32(**value).is_finite()) {
                return Err(format!("{value} does not fit in 16 bits"));
            }
            bytes.extend(values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()));
        }
    }
    Ok(())
}
