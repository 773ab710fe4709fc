//! A file of the origin's storage that is written where it lies, piece by piece, so that what has arrived of a large
//! one survives a crash. Only workers may; only one at a time may hold a file.

use super::opfs::{failed, is_named, made, resolve};
use super::{Opfs, StoreError, split};
use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use web_sys::{FileSystemReadWriteOptions, FileSystemSyncAccessHandle};

pub struct InPlace {
    handle: FileSystemSyncAccessHandle,
    path: String,
}

impl InPlace {
    /// Opens a file, making it where it is not there.
    pub async fn open(store: &Opfs, path: &str) -> Result<Self, StoreError> {
        let (folders, name) = split(path)?;
        let file = made(store, &folders, name).await.map_err(failed(path, "written"))?;
        let handle = resolve(file.create_sync_access_handle()).await.map_err(|error: JsValue| {
            match is_named(&error, "NoModificationAllowedError") {
                true => StoreError::Busy { path: path.into() },
                false => failed(path, "written")(error),
            }
        })?;
        Ok(InPlace { handle, path: path.into() })
    }

    pub fn size(&self) -> Result<u64, StoreError> {
        Ok(self.handle.get_size().map_err(failed(&self.path, "measured"))? as u64)
    }

    /// Writes `bytes` from byte `at` on.
    pub fn write(&self, at: u64, bytes: &Uint8Array) -> Result<(), StoreError> {
        let place = FileSystemReadWriteOptions::new();
        place.set_at_f64(at as f64);
        let written = self.handle.write_with_js_u8_array_and_options(bytes, &place);
        let written = written.map_err(failed(&self.path, "written"))?;
        // A full storage may take a part.
        if (written as u32) < bytes.length() { Err(StoreError::Quota { path: self.path.clone() }) } else { Ok(()) }
    }

    /// Cuts the file to `size` bytes.
    pub fn cut(&self, size: u64) -> Result<(), StoreError> {
        self.handle.truncate_with_f64(size as f64).map_err(failed(&self.path, "cut"))
    }
}

impl Drop for InPlace {
    /// Writes out what the browser still holds and lets go of the file.
    fn drop(&mut self) {
        let _ = self.handle.flush();
        self.handle.close();
    }
}
