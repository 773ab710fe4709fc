//! What was dropped: files, and folders with all that is in them.

use js_sys::{Array, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DataTransfer, File, FileSystemDirectoryEntry, FileSystemEntry, FileSystemFileEntry};

/// Folders within folders are looked into so far.
const DEPTH: usize = 4;

/// The dropped things, to be read by [`files`]. Taken at once: the browser empties a drop when its event is over.
pub fn entries(transfer: &DataTransfer) -> Vec<FileSystemEntry> {
    let items = transfer.items();
    let item = |at| items.get(at).and_then(|item| item.webkit_get_as_entry().ok().flatten());
    (0..items.length()).filter_map(item).collect()
}

/// The name of what was dropped first, and every file.
pub async fn files(entries: Vec<FileSystemEntry>) -> Result<(String, Vec<File>), String> {
    let name = entries.first().map(|entry| entry.name()).unwrap_or_default();
    let mut waiting: Vec<(FileSystemEntry, usize)> = entries.into_iter().map(|entry| (entry, 0)).collect();
    let mut files = Vec::new();
    while let Some((entry, depth)) = waiting.pop() {
        let unreadable = |_| format!("{} could not be read", entry.name());
        if entry.is_file() {
            files.push(file(entry.unchecked_ref()).await.map_err(unreadable)?);
        } else if depth < DEPTH {
            let inside = inside(entry.unchecked_ref()).await.map_err(unreadable)?;
            waiting.extend(inside.into_iter().map(|entry| (entry, depth + 1)));
        }
    }
    Ok((name, files))
}

/// A promise of what a call with two callbacks gives.
async fn called(call: impl Fn(&js_sys::Function, &js_sys::Function)) -> Result<JsValue, JsValue> {
    JsFuture::from(Promise::new(&mut |resolve, reject| call(&resolve, &reject))).await
}

async fn file(entry: &FileSystemFileEntry) -> Result<File, JsValue> {
    Ok(called(|done, failed| entry.file_with_callback_and_callback(done, failed)).await?.unchecked_into())
}

async fn inside(folder: &FileSystemDirectoryEntry) -> Result<Vec<FileSystemEntry>, JsValue> {
    let reader = folder.create_reader();
    let mut entries = Vec::new();
    loop {
        // The reader gives a hundred at a time, and none at the end.
        let read = called(|done, failed| {
            if let Err(error) = reader.read_entries_with_callback_and_callback(done, failed) {
                drop(failed.call1(&JsValue::UNDEFINED, &error));
            }
        });
        let some: Array = read.await?.unchecked_into();
        if some.length() == 0 {
            return Ok(entries);
        }
        entries.extend(some.iter().map(|entry| entry.unchecked_into::<FileSystemEntry>()));
    }
}
