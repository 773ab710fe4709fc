//! The header of a safetensors file, read and checked here and not by the `safetensors` crate, which holds places in a
//! file as `usize`: a program in a browser could then not look at a file of more than 4 GiB, not even to say what it is.

use super::WeightsError;
use super::files::{Files, parse_json};
use safetensors::tensor::Dtype;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Bytes of the header's length, which opens the file.
pub(super) const PREFIX: u64 = 8;
const LARGEST_HEADER: u64 = 100 << 20;

/// A tensor and where it lies.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub file: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// In the file.
    pub start: u64,
    pub bytes: u64,
}

/// What a file says of itself: its tensors, and what stands in `__metadata__`.
pub(super) struct Header {
    pub entries: BTreeMap<String, Entry>,
    pub metadata: BTreeMap<String, String>,
}

/// The header as it is written.
#[derive(Deserialize)]
struct RawHeader {
    #[serde(rename = "__metadata__")]
    metadata: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    tensors: BTreeMap<String, RawEntry>,
}

#[derive(Deserialize)]
struct RawEntry {
    dtype: Dtype,
    shape: Vec<usize>,
    /// First byte and first beyond, after the header.
    data_offsets: (u64, u64),
}

impl RawEntry {
    /// Bytes that dtype and shape take; none where there are more than can be counted, or no whole number of them.
    fn bytes(&self) -> Option<u64> {
        let numbers = self.shape.iter().try_fold(1u64, |product, &size| product.checked_mul(size as u64))?;
        let bits = numbers.checked_mul(self.dtype.bitsize() as u64)?;
        bits.is_multiple_of(8).then_some(bits / 8)
    }
}

/// The tensors that a file's header names, each checked to lie within the file, and its metadata.
pub(super) fn header(files: &impl Files, file: &str) -> Result<Header, WeightsError> {
    let damaged = |problem: String| WeightsError::file(file, problem, "download it again");
    let length =
        files.length(file).ok_or_else(|| WeightsError::file(file, "it is missing", "add it beside the config"))?;
    if length < PREFIX {
        return Err(damaged(format!("it has {length} bytes, too few for a safetensors file")));
    }
    let mut prefix = [0; PREFIX as usize];
    prefix.copy_from_slice(&read_exactly(files, file, 0, PREFIX as usize)?);
    let header = u64::from_le_bytes(prefix);
    if header > length - PREFIX || header > LARGEST_HEADER {
        let problem = if prefix.starts_with(b"version") {
            "it is a git-lfs pointer, not the weights".to_string()
        } else if prefix.trim_ascii_start().starts_with(b"<") {
            "it is a web page, not weights".to_string()
        } else {
            format!("it says that its header has {header} bytes; the file has {length}")
        };
        return Err(damaged(problem));
    }
    let bytes = read_exactly(files, file, PREFIX, header as usize)?;
    let value = parse_json(file, &bytes)?;
    let RawHeader { metadata, tensors } =
        serde_json::from_value(value).map_err(|error| damaged(format!("its header is not valid ({error})")))?;
    let mut infos: Vec<(String, RawEntry)> = tensors.into_iter().collect();
    infos.sort_by_key(|(_, info)| info.data_offsets);
    let mut end = 0;
    for (name, info) in &infos {
        let problem = match (info.bytes(), info.data_offsets) {
            (_, (from, _)) if from != end => {
                format!("it begins at byte {from}, not {end} where the one before it ends")
            }
            (Some(bytes), (from, to)) if to.checked_sub(from) == Some(bytes) => {
                end = to;
                continue;
            }
            (_, (from, to)) => format!("bytes {from} to {to} are not {:?} numbers of {:?}", info.shape, info.dtype),
        };
        return Err(WeightsError::tensor(
            file,
            name,
            format!("its header is not valid: {problem}"),
            "download it again",
        ));
    }
    let data = length - PREFIX - header;
    if end != data {
        let problem = format!("it holds {data} bytes of tensors; its header names {end}: it is cut short or damaged");
        return Err(damaged(problem));
    }
    let entries = infos.into_iter().map(|(name, info)| {
        let (from, to) = info.data_offsets;
        let start = PREFIX + header + from;
        (name, Entry { file: file.into(), dtype: info.dtype, shape: info.shape, start, bytes: to - from })
    });
    Ok(Header { entries: entries.collect(), metadata: metadata.unwrap_or_default() })
}

pub(super) fn read_exactly(files: &impl Files, file: &str, start: u64, length: usize) -> Result<Vec<u8>, WeightsError> {
    let bytes = files.read(file, start, length)?;
    if bytes.len() == length { Ok(bytes) } else { Err(WeightsError::file(file, "it ends early", "download it again")) }
}
