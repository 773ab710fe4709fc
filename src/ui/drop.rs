//! Files that the visitor drops or chooses as one model: a folder's own files, or the files themselves.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DataTransfer, File};

// The File and Directory Entries API, as far as it is needed: the one way to look into a dropped folder that every
// browser has.
#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = FileSystemEntry)]
    type Entry;
    #[wasm_bindgen(method, getter, js_name = isDirectory)]
    fn is_directory(this: &Entry) -> bool;
    #[wasm_bindgen(method, getter)]
    fn name(this: &Entry) -> String;
    #[wasm_bindgen(method, js_name = file)]
    fn get_file(this: &Entry, found: &Function, failed: &Function);
    #[wasm_bindgen(method, js_name = createReader)]
    fn create_reader(this: &Entry) -> Reader;
    #[wasm_bindgen(js_name = FileSystemDirectoryReader)]
    type Reader;
    #[wasm_bindgen(method, js_name = readEntries)]
    fn read_entries(this: &Reader, found: &Function, failed: &Function);
}

/// A model's files and what to call it: their folder's name, or nothing.
#[derive(Default)]
pub struct Dropped {
    pub label: String,
    pub files: Vec<File>,
}

/// Files chosen in a dialog. Of a folder, those that lie directly in it.
pub fn chosen(files: Vec<File>) -> Dropped {
    let path = |file: &File| {
        let path = Reflect::get(file, &"webkitRelativePath".into()).ok().and_then(|path| path.as_string());
        path.unwrap_or_default()
    };
    let label = files.first().map(path).and_then(|path| path.split('/').next().map(String::from)).unwrap_or_default();
    Dropped { label, files: files.into_iter().filter(|file| path(file).split('/').count() <= 2).collect() }
}

/// What was dropped. To be called while the event is handled; the folder's content comes later.
pub fn dropped(transfer: &DataTransfer) -> impl Future<Output = Dropped> + use<> {
    let items = Reflect::get(transfer, &"items".into()).map(|items| Array::from(&items)).unwrap_or_default();
    let entry = |item: JsValue| -> Option<Entry> {
        let get: Function = Reflect::get(&item, &"webkitGetAsEntry".into()).ok()?.dyn_into().ok()?;
        get.call0(&item).ok().filter(JsValue::is_object).map(JsCast::unchecked_into)
    };
    let folder = items.iter().filter_map(entry).find(Entry::is_directory);
    let files = super::browser::files(transfer.files());
    async move {
        match folder {
            Some(folder) => Dropped { label: folder.name(), files: inside(&folder).await },
            None => Dropped { label: String::new(), files },
        }
    }
}

/// The files directly in a folder; those that cannot be read are left out and will be missed.
async fn inside(folder: &Entry) -> Vec<File> {
    let reader = folder.create_reader();
    let mut files = Vec::new();
    // A folder is read some entries at a time, until there are none.
    while let Ok(list) = JsFuture::from(Promise::new(&mut |found, failed| reader.read_entries(&found, &failed))).await {
        let entries: Vec<Entry> = Array::from(&list).iter().map(JsCast::unchecked_into).collect();
        if entries.is_empty() {
            break;
        }
        for entry in entries.iter().filter(|entry| !entry.is_directory()) {
            let file = JsFuture::from(Promise::new(&mut |found, failed| entry.get_file(&found, &failed))).await;
            files.extend(file.ok().and_then(|file| file.dyn_into().ok()));
        }
    }
    files
}
