//! The browser's local storage: the chosen theme, and records where the browser has no better place. Everything in it is
//! small; a full or forbidden storage loses nothing on screen.

use crate::platform::storage::{BrowserStore, records};
use crate::record::RunRecord;
use std::collections::BTreeMap;
use web_sys::Storage;

const RECORD: &str = "tunelab.record.";
const THEME: &str = "tunelab.theme";

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// Keeps a record that its worker could not; false where the browser would not either.
pub fn keep_record(record: &RunRecord) -> bool {
    storage().is_some_and(|storage| storage.set_item(&format!("{RECORD}{}", record.id), &record.to_json()).is_ok())
}

/// Every record that earlier visits left. Those in local storage, where older versions kept all, move to where the
/// workers keep theirs; one that cannot move, or that this version cannot read, stays where it is.
pub async fn records() -> Vec<RunRecord> {
    let store = BrowserStore::open().await;
    let mut found: BTreeMap<_, _> = BTreeMap::new();
    match records::all(&store).await {
        Ok(records) => found.extend(records.into_iter().map(|record| (record.id.clone(), record))),
        Err(error) => web_sys::console::warn_1(&error.to_string().into()),
    }
    let Some(storage) = storage() else { return found.into_values().collect() };
    for key in record_keys(&storage) {
        let text = storage.get_item(&key).ok().flatten().unwrap_or_default();
        let Ok(record) = RunRecord::from_json(&text) else { continue };
        let moved = found.contains_key(&record.id) || records::write(&store, &record).await.is_ok();
        if moved && store.keeps() {
            // Left in both places it is only read twice.
            let _ = storage.remove_item(&key);
        }
        found.entry(record.id.clone()).or_insert(record);
    }
    found.into_values().collect()
}

fn record_keys(storage: &Storage) -> Vec<String> {
    let count = storage.length().unwrap_or(0);
    let keys = (0..count).filter_map(|index| storage.key(index).ok()?);
    keys.filter(|key| key.starts_with(RECORD)).collect()
}

pub fn keep_theme(theme: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(THEME, theme);
    }
}

pub fn theme() -> Option<String> {
    storage()?.get_item(THEME).ok()?
}
