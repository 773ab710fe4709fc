//! Where checkpoints, tuned weights, fetched models and records rest: named blobs in folders.
//!
//! The visitor's own models lie there too (`Models`), large files that are written in place and read in slices.
//! In the browser that is the origin's private file system (`Opfs`); where a browser denies it (some private
//! windows), [`Memory`] keeps the page working and forgets when it closes.

#[cfg(feature = "worker")]
mod in_place;
mod memory;
#[cfg(feature = "web")]
mod models;
#[cfg(feature = "web")]
mod opfs;
pub mod records;

#[cfg(feature = "worker")]
pub use in_place::InPlace;
pub use memory::Memory;
#[cfg(feature = "web")]
pub use models::{Models, path as model_path};
#[cfg(feature = "web")]
pub use opfs::{Opfs, Room};

#[derive(Debug, thiserror::Error, PartialEq)]
pub enum StoreError {
    #[error("storage: {path} could not be {action}: {reason}")]
    Failed { path: String, action: &'static str, reason: String },
    #[error("storage: the browser's quota is used up while writing {path}; remove models or runs you no longer need")]
    Quota { path: String },
    #[error("storage: {path} is being written by another tab of this lab; close it, or wait until it is done")]
    Busy { path: String },
    #[error("storage: {path} is no valid name: use plain folder and file names joined by /")]
    Name { path: String },
}

/// Blobs by path (`folder/name`). A write replaces the whole blob or leaves the old one.
#[allow(async_fn_in_trait, reason = "the browser's futures are not Send and need not be")]
pub trait Store {
    async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError>;
    async fn write(&self, path: &str, bytes: &[u8]) -> Result<(), StoreError>;
    /// Removing what is not there is no error.
    async fn remove(&self, path: &str) -> Result<(), StoreError>;
    /// Names of the blobs and folders in a folder; empty where it does not exist.
    async fn list(&self, folder: &str) -> Result<Vec<String>, StoreError>;
}

/// The browser's own store, or memory where there is none.
#[cfg(feature = "web")]
pub enum BrowserStore {
    Opfs(Opfs),
    Memory(Memory),
}

#[cfg(feature = "web")]
impl BrowserStore {
    pub async fn open() -> Self {
        match Opfs::open().await {
            Ok(opfs) => BrowserStore::Opfs(opfs),
            Err(_) => BrowserStore::Memory(Memory::default()),
        }
    }

    /// Whether what is written survives the page.
    pub fn keeps(&self) -> bool {
        matches!(self, BrowserStore::Opfs(_))
    }
}

#[cfg(feature = "web")]
impl Store for BrowserStore {
    async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            BrowserStore::Opfs(store) => store.read(path).await,
            BrowserStore::Memory(store) => store.read(path).await,
        }
    }

    async fn write(&self, path: &str, bytes: &[u8]) -> Result<(), StoreError> {
        match self {
            BrowserStore::Opfs(store) => store.write(path, bytes).await,
            BrowserStore::Memory(store) => store.write(path, bytes).await,
        }
    }

    async fn remove(&self, path: &str) -> Result<(), StoreError> {
        match self {
            BrowserStore::Opfs(store) => store.remove(path).await,
            BrowserStore::Memory(store) => store.remove(path).await,
        }
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        match self {
            BrowserStore::Opfs(store) => store.list(folder).await,
            BrowserStore::Memory(store) => store.list(folder).await,
        }
    }
}

/// Splits `a/b/name` into folders and name, refusing anything a file system might read otherwise.
#[cfg_attr(not(feature = "web"), allow(dead_code))]
fn split(path: &str) -> Result<(Vec<&str>, &str), StoreError> {
    let mut parts: Vec<&str> = path.split('/').collect();
    let plain = |part: &&str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', '\0', ':']);
    match parts.pop() {
        Some(name) if plain(&name) && parts.iter().all(plain) => Ok((parts, name)),
        _ => Err(StoreError::Name { path: path.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_climb_are_refused() {
        assert_eq!(split("runs/1/state"), Ok((vec!["runs", "1"], "state")));
        for bad in ["", "/etc", "a/../b", "a//b", "a/", "..", "c:\\x"] {
            assert_eq!(split(bad), Err(StoreError::Name { path: bad.into() }));
        }
    }
}
