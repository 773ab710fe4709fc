//! A model's files by the browser's handles, dropped ones and stored ones alike: read range by range from inside a
//! worker, so that a checkpoint never lies in wasm's memory as a whole.

use super::models::LoadError;
use crate::engine::formats::{Files, WeightsError};
use js_sys::{Array, Uint8Array};
use std::collections::BTreeMap;
use wasm_bindgen::JsValue;
use web_sys::{File, FileReaderSync, MessageChannel, MessagePort};

/// Bytes that are copied at once.
pub const PIECE: u64 = 4 << 20;

pub struct Handles {
    files: BTreeMap<String, File>,
    reader: FileReaderSync,
    /// What is sent here is gone at once: the other end is closed. A piece that was read would else lie in the browser's
    /// memory until its collector comes, which for a large model is too late by half of its weights.
    nowhere: MessagePort,
}

impl Handles {
    pub fn new(files: Vec<File>) -> Result<Self, LoadError> {
        let reader = FileReaderSync::new().map_err(|_| LoadError::NoReader)?;
        let channel = MessageChannel::new().map_err(|_| LoadError::NoReader)?;
        channel.port2().close();
        let files = files.into_iter().map(|file| (file.name(), file)).collect();
        Ok(Handles { files, reader, nowhere: channel.port1() })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// What `take` makes of bytes `start..start + length` of a file while they lie in the browser's memory.
    pub fn piece<T>(
        &self,
        file: &str,
        start: u64,
        length: usize,
        take: impl FnOnce(&Uint8Array) -> T,
    ) -> Result<T, WeightsError> {
        let unreadable =
            || WeightsError::file(file, "it could not be read", "was it moved or changed? Choose it again");
        let handle = self.files.get(file).ok_or_else(unreadable)?;
        let end = (start + length as u64) as f64;
        let piece = handle.slice_with_f64_and_f64(start as f64, end).map_err(|_| unreadable())?;
        let buffer = self.reader.read_as_array_buffer(&piece).map_err(|_| unreadable())?;
        let taken = take(&Uint8Array::new(&buffer));
        // A browser that keeps it after all frees it later.
        let _ = self.nowhere.post_message_with_transferable(&JsValue::NULL, &Array::of1(&buffer));
        Ok(taken)
    }
}

impl Files for Handles {
    fn length(&self, file: &str) -> Option<u64> {
        self.files.get(file).map(|handle| handle.size() as u64)
    }

    fn read(&self, file: &str, start: u64, length: usize) -> Result<Vec<u8>, WeightsError> {
        self.piece(file, start, length, Uint8Array::to_vec)
    }
}
