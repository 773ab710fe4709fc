//! A store that lasts as long as its owner.

use super::{Store, StoreError};
use std::cell::RefCell;
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Memory(RefCell<BTreeMap<String, Vec<u8>>>);

impl Memory {
    /// Held in all.
    pub fn bytes(&self) -> usize {
        self.0.borrow().values().map(Vec::len).sum()
    }
}

impl Store for Memory {
    async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.borrow().get(path).cloned())
    }

    async fn write(&self, path: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.0.borrow_mut().insert(path.into(), bytes.to_vec());
        Ok(())
    }

    async fn remove(&self, path: &str) -> Result<(), StoreError> {
        self.0.borrow_mut().remove(path);
        Ok(())
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let inside = |path: &String| Some(path.strip_prefix(folder)?.strip_prefix('/')?.split('/').next()?.to_string());
        let mut names: Vec<String> = self.0.borrow().keys().filter_map(inside).collect();
        names.dedup();
        Ok(names)
    }
}
