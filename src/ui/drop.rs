//! Files that the visitor drops or chooses as one thing: a folder's own files, or the files themselves.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DataTransfer, File, FileSystemDirectoryEntry, FileSystemEntry, FileSystemFileEntry, HtmlInputElement};

/// Folders that hold nothing but a folder are looked through so far.
const DEPTH: usize = 4;

/// Files and what to call them: their folder's name, or nothing.
#[derive(Default)]
pub struct Dropped {
    pub label: String,
    pub files: Vec<File>,
}

/// Files chosen in an input; of a folder, those that lie directly in it. The same ones may be chosen again.
pub fn picked(input: &HtmlInputElement) -> Dropped {
    let files = super::browser::files(input.files());
    input.set_value("");
    let path = |file: &File| {
        let path = Reflect::get(file, &"webkitRelativePath".into()).ok().and_then(|path| path.as_string());
        path.unwrap_or_default()
    };
    let label = files.first().map(path).and_then(|path| path.split('/').next().map(String::from)).unwrap_or_default();
    Dropped { label, files: files.into_iter().filter(|file| path(file).split('/').count() <= 2).collect() }
}

/// What was dropped. To be called while the event is handled, for the browser empties a drop when that is over; the
/// folder's content comes later. An error says what could not be read.
pub fn dropped(transfer: &DataTransfer) -> impl Future<Output = Result<Dropped, String>> + use<> {
    let items = transfer.items();
    let entry = |at| items.get(at)?.webkit_get_as_entry().ok()?;
    let folder = (0..items.length()).filter_map(entry).find(FileSystemEntry::is_directory);
    let files = super::browser::files(transfer.files());
    async move {
        match folder {
            Some(folder) => Ok(Dropped { label: folder.name(), files: inside(folder).await? }),
            None => Ok(Dropped { label: String::new(), files }),
        }
    }
}

/// The files directly in a folder; one that holds nothing but a folder, as unpacked archives do, stands for that.
async fn inside(mut folder: FileSystemEntry) -> Result<Vec<File>, String> {
    let unreadable = |name: String| move |_| format!("{name} could not be read: choose it again");
    for _ in 0..DEPTH {
        let entries = entries(folder.unchecked_ref()).await.map_err(unreadable(folder.name()))?;
        match <[FileSystemEntry; 1]>::try_from(entries) {
            Ok([only]) if only.is_directory() => folder = only,
            Ok([only]) => return Ok(vec![file(&only).await.map_err(unreadable(only.name()))?]),
            Err(entries) => {
                let mut files = Vec::new();
                for entry in entries.iter().filter(|entry| entry.is_file()) {
                    files.push(file(entry).await.map_err(unreadable(entry.name()))?);
                }
                return Ok(files);
            }
        }
    }
    Ok(Vec::new())
}

/// A promise of what a call with two callbacks gives.
async fn called(call: impl Fn(&Function, &Function)) -> Result<JsValue, JsValue> {
    JsFuture::from(Promise::new(&mut |resolve, reject| call(&resolve, &reject))).await
}

async fn file(entry: &FileSystemEntry) -> Result<File, JsValue> {
    let entry: &FileSystemFileEntry = entry.unchecked_ref();
    Ok(called(|done, failed| entry.file_with_callback_and_callback(done, failed)).await?.unchecked_into())
}

async fn entries(folder: &FileSystemDirectoryEntry) -> Result<Vec<FileSystemEntry>, JsValue> {
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
