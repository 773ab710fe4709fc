//! Where checkpoints, tuned weights, fetched models and records rest: named blobs in folders.
//!
//! The visitor's own models lie there too (`Models`), large files that are written in place and read in slices.
//! In the browser that is the origin's private file system (`Opfs`); where a browser denies it (some private
//! windows) or has no room left, [`Memory`] keeps the page working and forgets when it closes.

#[cfg(feature = "ui")]
mod held;
#[cfg(feature = "worker")]
mod in_place;
mod memory;
#[cfg(feature = "web")]
mod models;
#[cfg(feature = "web")]
mod opfs;
#[cfg(feature = "ui")]
mod own;
pub mod records;

#[cfg(feature = "ui")]
pub use held::{Held, Kind, held};
#[cfg(feature = "worker")]
pub use in_place::InPlace;
pub use memory::Memory;
#[cfg(feature = "web")]
pub use models::{Models, path as model_path};
#[cfg(feature = "web")]
pub use opfs::{Opfs, Room};
#[cfg(feature = "ui")]
pub use own::OwnData;

#[derive(Clone, Debug, thiserror::Error, PartialEq)]
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

impl StoreError {
    /// The reason alone, for a sentence that names the rest.
    pub fn reason(&self) -> String {
        match self {
            StoreError::Failed { reason, .. } => reason.trim_end_matches('.').to_string(),
            StoreError::Quota { .. } => "what the browser grants this page is used up".into(),
            StoreError::Busy { .. } => "another tab of this lab is writing it".into(),
            StoreError::Name { .. } => self.to_string(),
        }
    }
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

/// The browser's own store, and memory for what it does not take: what is there lasts for the visit, in this worker.
#[cfg(feature = "web")]
pub struct BrowserStore {
    opfs: Result<Opfs, StoreError>,
    memory: Memory,
}

/// What memory holds for a store that is full, at most.
#[cfg(feature = "web")]
const MOST_IN_MEMORY: usize = 512 << 20;

#[cfg(feature = "web")]
impl BrowserStore {
    pub async fn open() -> Self {
        BrowserStore { opfs: Opfs::open().await, memory: Memory::default() }
    }

    /// Why nothing that is written survives the page, where that is so.
    pub fn refusal(&self) -> Option<&StoreError> {
        self.opfs.as_ref().err()
    }

    async fn write_to_disk(&self, path: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.opfs.as_ref().map_err(StoreError::clone)?.write(path, bytes).await
    }
}

/// An error of `write` says why the blob does not outlast the visit; `read` finds it all the same, while memory has room.
#[cfg(feature = "web")]
impl Store for BrowserStore {
    async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match (self.memory.read(path).await?, &self.opfs) {
            (None, Ok(store)) => store.read(path).await,
            (held, _) => Ok(held),
        }
    }

    async fn write(&self, path: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.memory.remove(path).await?;
        let written = self.write_to_disk(path, bytes).await;
        if written.is_err() && self.memory.bytes() + bytes.len() <= MOST_IN_MEMORY {
            self.memory.write(path, bytes).await?;
        }
        written
    }

    async fn remove(&self, path: &str) -> Result<(), StoreError> {
        self.memory.remove(path).await?;
        match &self.opfs {
            Ok(store) => store.remove(path).await,
            Err(_) => Ok(()),
        }
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let mut names = self.memory.list(folder).await?;
        if let Ok(store) = &self.opfs {
            names.extend(store.list(folder).await?);
        }
        names.sort();
        names.dedup();
        Ok(names)
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
