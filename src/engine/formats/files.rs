//! Where a model's files come from. The engine does no IO: an edge gives a folder, dropped files or a cache as
//! [`Files`], read range by range, so that a large checkpoint never lies in memory as a whole.

use super::WeightsError;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Named files of one model, read by range.
pub trait Files {
    /// The file's length in bytes; `None` where there is no such file.
    fn length(&self, file: &str) -> Option<u64>;
    /// Bytes `start..start + length` of the file.
    fn read(&self, file: &str, start: u64, length: usize) -> Result<Vec<u8>, WeightsError>;
}

impl<F: Files + ?Sized> Files for &F {
    fn length(&self, file: &str) -> Option<u64> {
        (*self).length(file)
    }

    fn read(&self, file: &str, start: u64, length: usize) -> Result<Vec<u8>, WeightsError> {
        (*self).read(file, start, length)
    }
}

/// Files held in memory: dropped ones, fetched ones, and those of tests.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles(pub BTreeMap<String, Vec<u8>>);

impl Files for MemoryFiles {
    fn length(&self, file: &str) -> Option<u64> {
        self.0.get(file).map(|bytes| bytes.len() as u64)
    }

    fn read(&self, file: &str, start: u64, length: usize) -> Result<Vec<u8>, WeightsError> {
        let range = usize::try_from(start).ok().and_then(|start| Some(start..start.checked_add(length)?));
        range
            .and_then(|range| self.0.get(file)?.get(range))
            .map(<[u8]>::to_vec)
            .ok_or_else(|| WeightsError::file(file, "it ends early", "download it again"))
    }
}

impl FromIterator<(String, Vec<u8>)> for MemoryFiles {
    fn from_iter<I: IntoIterator<Item = (String, Vec<u8>)>>(files: I) -> Self {
        MemoryFiles(files.into_iter().collect())
    }
}

/// SHA-256 of files one after the other, in hex.
pub fn hash_files<'a>(files: &impl Files, names: impl IntoIterator<Item = &'a str>) -> Result<String, WeightsError> {
    const PIECE: u64 = 4 << 20;
    let mut hash = Sha256::new();
    for file in names {
        let length = files
            .length(file)
            .ok_or_else(|| WeightsError::file(file, "it is missing", "choose all of the model's files together"))?;
        for start in (0..length).step_by(PIECE as usize) {
            hash.update(files.read(file, start, PIECE.min(length - start) as usize)?);
        }
    }
    Ok(format!("{:x}", hash.finalize()))
}

/// The largest JSON file that is read: tokenizers reach 20 MB, headers and indices less.
const LARGEST_JSON: u64 = 100 << 20;

/// A whole file that must be there and not absurdly large.
pub(crate) fn read_all(files: &impl Files, file: &str) -> Result<Vec<u8>, WeightsError> {
    let length = files.length(file).ok_or_else(|| {
        WeightsError::file(
            file,
            "it is missing",
            "a model folder holds config.json, tokenizer.json and model.safetensors",
        )
    })?;
    if length > LARGEST_JSON {
        return Err(WeightsError::file(
            file,
            format!("it has {length} bytes, over 100 MB"),
            "check that it is the right file",
        ));
    }
    files.read(file, 0, length as usize)
}

/// A whole file that may be absent.
pub(super) fn read_optional(files: &impl Files, file: &str) -> Result<Option<Vec<u8>>, WeightsError> {
    files.length(file).map(|_| read_all(files, file)).transpose()
}

pub(super) fn read_json(files: &impl Files, file: &str) -> Result<serde_json::Value, WeightsError> {
    parse_json(file, &read_all(files, file)?)
}

/// A file's bytes as JSON; one that is a web page is said to be one. Python writes numbers that JSON has not
/// (`Infinity`): they are read as texts, so that a field that should be a number is refused by its name.
pub fn parse_json(file: &str, bytes: &[u8]) -> Result<serde_json::Value, WeightsError> {
    let parsed = serde_json::from_slice(bytes);
    let parsed = parsed.or_else(|error| serde_json::from_slice(&quoted_numbers(bytes).ok_or(error)?));
    parsed.map_err(|error| {
        let html = bytes.trim_ascii_start().starts_with(b"<");
        let problem = if html { "it is a web page, not JSON".into() } else { format!("it is not JSON ({error})") };
        WeightsError::file(file, problem, "download it again")
    })
}

/// The JSON with each `NaN`, `Infinity` and `-Infinity` outside of texts in quotes; none where there are none.
fn quoted_numbers(json: &[u8]) -> Option<Vec<u8>> {
    const NUMBERS: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
    let mut quoted = Vec::with_capacity(json.len() + 8);
    let (mut rest, mut found, mut in_text) = (json, false, false);
    while let Some(&byte) = rest.first() {
        let number = NUMBERS.into_iter().find(|number| !in_text && rest.starts_with(number));
        let taken = match number {
            Some(number) => number.len(),
            None if in_text && byte == b'\\' => 2.min(rest.len()),
            None => 1,
        };
        in_text ^= byte == b'"';
        found |= number.is_some();
        let quote: &[u8] = if number.is_some() { b"\"" } else { b"" };
        quoted.extend([quote, &rest[..taken], quote].concat());
        rest = &rest[taken..];
    }
    found.then_some(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_python_that_json_has_not_are_texts() {
        let json = br#"{"a": Infinity, "b": [-Infinity, NaN], "c": "say \"NaN\" Infinity", "d": 1}"#;
        let read = parse_json("config.json", json).unwrap();
        let expected =
            serde_json::json!({"a": "Infinity", "b": ["-Infinity", "NaN"], "c": "say \"NaN\" Infinity", "d": 1});
        assert_eq!(read, expected);
        for broken in ["{\"a\": Infinit}", "{\"a\": Infinity", "{NaN: 1", "\"\\"] {
            assert!(parse_json("config.json", broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
