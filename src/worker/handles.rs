//! A model's files by the browser's handles, dropped ones and stored ones alike: read range by range from inside a
//! worker, so that a checkpoint never lies in wasm's memory as a whole.

use super::shelf::ShelfError;
use crate::model::weights::{Files, WeightsError};
use js_sys::Uint8Array;
use std::collections::BTreeMap;
use web_sys::{File, FileReaderSync};

/// Bytes that are copied at once.
pub const PIECE: u64 = 4 << 20;

pub struct Handles {
    files: BTreeMap<String, File>,
    reader: FileReaderSync,
}

impl Handles {
    pub fn new(files: Vec<File>) -> Result<Self, ShelfError> {
        let reader = FileReaderSync::new().map_err(|_| ShelfError::NoReader)?;
        Ok(Handles { files: files.into_iter().map(|file| (file.name(), file)).collect(), reader })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Bytes `start..start + length` of a file, left in the browser's memory.
    pub fn slice(&self, file: &str, start: u64, length: usize) -> Result<Uint8Array, WeightsError> {
        let unreadable =
            || WeightsError::file(file, "it could not be read", "was it moved or changed? Choose it again");
        let handle = self.files.get(file).ok_or_else(unreadable)?;
        let end = (start + length as u64) as f64;
        let piece = handle.slice_with_f64_and_f64(start as f64, end).map_err(|_| unreadable())?;
        let buffer = self.reader.read_as_array_buffer(&piece).map_err(|_| unreadable())?;
        Ok(Uint8Array::new(&buffer))
    }
}

impl Files for Handles {
    fn length(&self, file: &str) -> Option<u64> {
        self.files.get(file).map(|handle| handle.size() as u64)
    }

    fn read(&self, file: &str, start: u64, length: usize) -> Result<Vec<u8>, WeightsError> {
        Ok(self.slice(file, start, length)?.to_vec())
    }
}
