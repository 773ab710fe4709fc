//! The origin's private file system: works in page and worker, holds large files, and replaces a file only when
//! the new one is complete.

use super::{Store, StoreError, split};
use js_sys::{AsyncIterator, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    DomException, File, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions,
    FileSystemGetFileOptions, FileSystemWritableFileStream, StorageManager,
};

/// All of the lab's files stand in one folder of the origin, which other pages of the same host may share.
const ROOT: &str = "tunelab";

pub struct Opfs {
    root: FileSystemDirectoryHandle,
}

/// The storage manager of this page or worker.
fn manager() -> Option<StorageManager> {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into()).ok()?;
    let storage = Reflect::get(&navigator, &"storage".into()).ok()?;
    storage.is_object().then(|| storage.unchecked_into())
}

pub(super) async fn resolve<T: JsCast>(promise: Promise) -> Result<T, JsValue> {
    Ok(JsFuture::from(promise).await?.unchecked_into())
}

pub(super) fn is_named(error: &JsValue, name: &str) -> bool {
    error.dyn_ref::<DomException>().is_some_and(|e| e.name() == name)
}

pub(super) fn failed(path: &str, action: &'static str) -> impl Fn(JsValue) -> StoreError {
    move |error| {
        if is_named(&error, "QuotaExceededError") {
            return StoreError::Quota { path: path.into() };
        }
        let reason = error.dyn_ref::<DomException>().map_or_else(|| format!("{error:?}"), |e| e.message());
        StoreError::Failed { path: path.into(), action, reason }
    }
}

impl Opfs {
    pub async fn open() -> Result<Self, StoreError> {
        let denied = || StoreError::Failed {
            path: ROOT.into(),
            action: "opened",
            reason: "this browser gives the page no storage".into(),
        };
        let manager = manager().ok_or_else(denied)?;
        let get = Reflect::get(&manager, &"getDirectory".into()).map_err(|_| denied())?;
        if !get.is_function() {
            return Err(denied());
        }
        let origin: FileSystemDirectoryHandle =
            resolve(manager.get_directory()).await.map_err(failed(ROOT, "opened"))?;
        Ok(Opfs { root: folder(&origin, ROOT, true).await.map_err(failed(ROOT, "opened"))? })
    }

    /// A file to be read in slices, without taking it into memory; `None` where there is none.
    pub async fn file(&self, path: &str) -> Result<Option<File>, StoreError> {
        let (folders, name) = split(path)?;
        file(self, &folders, name).await.map_err(failed(path, "read"))
    }

    /// Writes a copy of a file, which never lies in memory as a whole.
    #[cfg(feature = "ui")]
    pub async fn write_file(&self, path: &str, file: &File) -> Result<(), StoreError> {
        let (folders, name) = split(path)?;
        let begin = |stream: &FileSystemWritableFileStream| stream.write_with_blob(file);
        write(self, &folders, name, begin).await.map_err(failed(path, "written"))
    }

    /// Removes a folder and the files in it.
    pub async fn remove_folder(&self, path: &str) -> Result<(), StoreError> {
        for name in self.list(path).await? {
            self.remove(&format!("{path}/{name}")).await?;
        }
        self.remove(path).await
    }

    /// The folder of a path, or `None` where it does not exist and `create` is off.
    async fn folder(&self, folders: &[&str], create: bool) -> Result<Option<FileSystemDirectoryHandle>, JsValue> {
        let mut handle = self.root.clone();
        for name in folders {
            handle = match folder(&handle, name, create).await {
                Ok(next) => next,
                Err(error) if is_named(&error, "NotFoundError") => return Ok(None),
                Err(error) => return Err(error),
            };
        }
        Ok(Some(handle))
    }
}

async fn folder(
    parent: &FileSystemDirectoryHandle,
    name: &str,
    create: bool,
) -> Result<FileSystemDirectoryHandle, JsValue> {
    let options = FileSystemGetDirectoryOptions::new();
    options.set_create(create);
    resolve(parent.get_directory_handle_with_options(name, &options)).await
}

async fn file(store: &Opfs, folders: &[&str], name: &str) -> Result<Option<File>, JsValue> {
    let Some(folder) = store.folder(folders, false).await? else { return Ok(None) };
    let file: FileSystemFileHandle = match resolve(folder.get_file_handle(name)).await {
        Ok(file) => file,
        Err(error) if is_named(&error, "NotFoundError") => return Ok(None),
        Err(error) => return Err(error),
    };
    resolve(file.get_file()).await.map(Some)
}

async fn read(store: &Opfs, folders: &[&str], name: &str) -> Result<Option<Vec<u8>>, JsValue> {
    let Some(file) = file(store, folders, name).await? else { return Ok(None) };
    let buffer = JsFuture::from(file.array_buffer()).await?;
    Ok(Some(Uint8Array::new(&buffer).to_vec()))
}

/// The handle of a file that is made where it is not there.
pub(super) async fn made(store: &Opfs, folders: &[&str], name: &str) -> Result<FileSystemFileHandle, JsValue> {
    let folder = store.folder(folders, true).await?.ok_or(JsValue::UNDEFINED)?;
    let options = FileSystemGetFileOptions::new();
    options.set_create(true);
    resolve(folder.get_file_handle_with_options(name, &options)).await
}

async fn write(
    store: &Opfs,
    folders: &[&str],
    name: &str,
    begin: impl FnOnce(&FileSystemWritableFileStream) -> Result<Promise, JsValue>,
) -> Result<(), JsValue> {
    let file = made(store, folders, name).await?;
    let stream: FileSystemWritableFileStream = resolve(file.create_writable()).await?;
    let written = match begin(&stream) {
        Ok(promise) => JsFuture::from(promise).await,
        Err(error) => Err(error),
    };
    match written {
        Ok(_) => JsFuture::from(stream.close()).await.map(|_| ()),
        Err(error) => {
            // Abandons the swap file; the old file stands as it was, and one that was not there goes again.
            let _ = JsFuture::from(stream.abort()).await;
            if resolve::<File>(file.get_file()).await.is_ok_and(|left| left.size() == 0.0) {
                let _ = remove(store, folders, name).await;
            }
            Err(error)
        }
    }
}

async fn remove(store: &Opfs, folders: &[&str], name: &str) -> Result<(), JsValue> {
    let Some(folder) = store.folder(folders, false).await? else { return Ok(()) };
    match JsFuture::from(folder.remove_entry(name)).await {
        Err(error) if !is_named(&error, "NotFoundError") => Err(error),
        _ => Ok(()),
    }
}

async fn list(store: &Opfs, folders: &[&str]) -> Result<Vec<String>, JsValue> {
    let Some(folder) = store.folder(folders, false).await? else { return Ok(Vec::new()) };
    let keys: AsyncIterator = folder.keys().unchecked_into();
    let mut names = Vec::new();
    loop {
        let next = JsFuture::from(keys.next()?).await?;
        if Reflect::get(&next, &"done".into())?.is_truthy() {
            return Ok(names);
        }
        names.extend(Reflect::get(&next, &"value".into())?.as_string());
    }
}

/// How much of the browser's storage this origin uses, how much it may, and whether the browser promised to keep it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Room {
    pub used: u64,
    pub quota: u64,
    pub persisted: bool,
}

impl Room {
    /// `None` where the browser does not say.
    pub async fn ask() -> Option<Room> {
        let manager = manager()?;
        let estimate = JsFuture::from(manager.estimate().ok()?).await.ok()?;
        let number = |key: &str| Reflect::get(&estimate, &key.into()).ok()?.as_f64();
        let persisted = match manager.persisted() {
            Ok(promise) => JsFuture::from(promise).await.is_ok_and(|kept| kept.is_truthy()),
            Err(_) => false,
        };
        Some(Room { used: number("usage")? as u64, quota: number("quota")? as u64, persisted })
    }

    /// Asks the browser not to clear this origin's storage by itself; whether it will.
    pub async fn persist() -> bool {
        let Some(Ok(promise)) = manager().map(|manager| manager.persist()) else { return false };
        JsFuture::from(promise).await.is_ok_and(|kept| kept.is_truthy())
    }
}

impl Store for Opfs {
    async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let (folders, name) = split(path)?;
        read(self, &folders, name).await.map_err(failed(path, "read"))
    }

    async fn write(&self, path: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let (folders, name) = split(path)?;
        // A copy: the stream reads after this call returns, when wasm memory may have moved.
        let copy = Uint8Array::from(bytes);
        let begin = |stream: &FileSystemWritableFileStream| stream.write_with_js_u8_array(&copy);
        write(self, &folders, name, begin).await.map_err(failed(path, "written"))
    }

    async fn remove(&self, path: &str) -> Result<(), StoreError> {
        let (folders, name) = split(path)?;
        remove(self, &folders, name).await.map_err(failed(path, "removed"))
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let (mut folders, name) = split(folder)?;
        folders.push(name);
        list(self, &folders).await.map_err(failed(folder, "listed"))
    }
}
