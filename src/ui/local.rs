//! The browser's local storage: the chosen theme, whether the visitor has walked through the lab, and records where the browser has no better place. Everything in it is
//! small; a full or forbidden storage loses nothing on screen.

use crate::platform::storage::{BrowserStore, StoreError, records};
use crate::record::{Begun, RunRecord};
use crate::spec::RunId;
use std::collections::BTreeMap;
use web_sys::Storage;

const RECORD: &str = "tunelab.record.";
const THEME: &str = "tunelab.theme";
const WALKED: &str = "tunelab.walked";

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// Keeps a record that its worker could not: in the browser's file storage if that has room by now, else in its local
/// storage; why not, where neither takes it.
pub async fn keep_record(record: &RunRecord) -> Result<(), StoreError> {
    let Err(error) = records::write(&BrowserStore::open().await, record).await else { return Ok(()) };
    let key = format!("{RECORD}{}", record.id);
    match storage().is_some_and(|storage| storage.set_item(&key, &record.to_json()).is_ok()) {
        true => Ok(()),
        false => Err(error),
    }
}

/// What earlier visits left: every record, and the runs that are half done.
pub struct Left {
    pub records: Vec<RunRecord>,
    pub begun: Vec<Begun>,
    /// Why the browser gives no storage.
    pub refusal: Option<StoreError>,
}

/// Records in local storage, where older versions kept all, move to where the workers keep theirs; one that cannot move,
/// or that this version cannot read, stays where it is.
pub async fn left() -> Left {
    let store = BrowserStore::open().await;
    let refusal = store.refusal().cloned();
    let mut found: BTreeMap<_, _> = BTreeMap::new();
    let warn = |error: StoreError| web_sys::console::warn_1(&error.to_string().into());
    // What was removed in an earlier visit comes back no more.
    records::purge(&store).await.unwrap_or_else(warn);
    match records::all(&store).await {
        Ok(records) => found.extend(records.into_iter().map(|record| (record.id.clone(), record))),
        Err(error) => warn(error),
    }
    let begun = records::begun(&store).await.unwrap_or_default();
    let Some(storage) = storage() else { return Left { records: found.into_values().collect(), begun, refusal } };
    for key in record_keys(&storage) {
        let text = storage.get_item(&key).ok().flatten().unwrap_or_default();
        let Ok(record) = RunRecord::from_json(&text) else { continue };
        if found.contains_key(&record.id) || records::write(&store, &record).await.is_ok() {
            // Left in both places it is only read twice.
            let _ = storage.remove_item(&key);
        }
        found.entry(record.id.clone()).or_insert(record);
    }
    Left { records: found.into_values().collect(), begun, refusal }
}

/// Forgets what was left of runs that are half done.
pub async fn discard(runs: &[RunId]) -> Result<(), StoreError> {
    let store = BrowserStore::open().await;
    for run in runs {
        records::clear(&store, &run.0).await?;
    }
    Ok(())
}

/// Forgets finished runs, and what they trained.
pub async fn forget(runs: &[RunId]) -> Result<(), StoreError> {
    let store = BrowserStore::open().await;
    for run in runs {
        if let Some(storage) = storage() {
            // Where it cannot be removed, it was never written.
            let _ = storage.remove_item(&format!("{RECORD}{run}"));
        }
        records::remove(&store, &run.0).await?;
    }
    records::purge(&store).await
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

/// The visitor has walked through the lab, or does not want to.
pub fn keep_walked() {
    if let Some(storage) = storage() {
        let _ = storage.set_item(WALKED, "yes");
    }
}

/// Where nothing is kept, a walk at every visit would be a nuisance.
pub fn walked() -> bool {
    storage().is_none_or(|storage| storage.get_item(WALKED).is_ok_and(|found| found.is_some()))
}
