//! What outlives the visit: finished records, one entry each in the browser's local storage, and the chosen theme.
//! A full or forbidden storage loses nothing on screen; the page works without.

use crate::record::RunRecord;
use web_sys::Storage;

const RECORD: &str = "tunelab.record.";
const THEME: &str = "tunelab.theme";

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// False where the browser would not keep it.
pub fn keep(record: &RunRecord) -> bool {
    storage().is_some_and(|storage| storage.set_item(&format!("{RECORD}{}", record.id), &record.to_json()).is_ok())
}

/// Records kept by earlier visits. One that this version cannot read stays where it is and is left out.
pub fn kept() -> Vec<RunRecord> {
    let Some(storage) = storage() else { return Vec::new() };
    record_keys(&storage).iter().filter_map(|key| RunRecord::from_json(&storage.get_item(key).ok()??).ok()).collect()
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

pub fn kept_theme() -> Option<String> {
    storage()?.get_item(THEME).ok()?
}
