//! The visitor's own data, kept for their next visit: what was asked for, pasted text included, and copies of the files.

use super::{Opfs, Store, StoreError};
use crate::job::DataRequest;
use js_sys::Array;
use serde::{Deserialize, Serialize};
use web_sys::File;

const FOLDER: &str = "data";
/// Written last: without it nothing is there.
const REQUEST: &str = "data/request.json";

#[derive(Serialize, Deserialize)]
pub struct OwnData {
    request: DataRequest,
    /// The files' own names, in order.
    names: Vec<String>,
}

impl OwnData {
    /// Keeps these data in place of those before.
    pub async fn write(request: DataRequest, files: &[File]) -> Result<(), StoreError> {
        let store = Opfs::open().await?;
        for file in OwnData::files(&store).await? {
            store.remove(&file).await?;
        }
        for (index, file) in files.iter().enumerate() {
            store.write_file(&path(index), file).await?;
        }
        let data = OwnData { request, names: files.iter().map(File::name).collect() };
        store.write(REQUEST, &serde_json::to_vec(&data).expect("a request has only plain fields")).await
    }

    /// What was kept last; none where there is nothing, or nothing that can be read.
    pub async fn read() -> Option<(DataRequest, Vec<File>)> {
        let store = Opfs::open().await.ok()?;
        let bytes = store.read(REQUEST).await.ok()??;
        let OwnData { request, names } = serde_json::from_slice(&bytes).ok()?;
        let mut files = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let kept = store.file(&path(index)).await.ok()??;
            // Under its own name: that says how it is read.
            files.push(File::new_with_blob_sequence(&Array::of1(&kept), name).ok()?);
        }
        Some((request, files))
    }

    pub(super) async fn files(store: &Opfs) -> Result<Vec<String>, StoreError> {
        // What says that all is there goes first.
        let mut files: Vec<String> = store.list(FOLDER).await?.iter().map(|name| format!("{FOLDER}/{name}")).collect();
        files.sort_by_key(|path| path != REQUEST);
        Ok(files)
    }
}

fn path(index: usize) -> String {
    format!("{FOLDER}/file-{index}")
}
