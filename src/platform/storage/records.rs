//! Runs: a folder each, with the record and what was trained, or with the checkpoint of one that is half done. Whoever
//! finishes a run writes its record here, and at its start the page reads all of them: there is no second place.

use super::{Store, StoreError};
use crate::record::{Begun, RunRecord};

const RUNS: &str = "runs";
const RECORD: &str = "record.json";
/// What was trained.
pub const TUNED: &str = "tuned.safetensors";
pub const CHECKPOINT: &str = "checkpoint";
/// Says of which run the checkpoint beside it is, and how far.
pub const BEGUN: &str = "begun.json";

/// Where a file of a run is.
pub fn path(run: &str, file: &str) -> String {
    format!("{RUNS}/{run}/{file}")
}

pub async fn write(store: &impl Store, record: &RunRecord) -> Result<(), StoreError> {
    store.write(&path(&record.id.0, RECORD), record.to_json().as_bytes()).await
}

/// The record's text, as it was written.
pub async fn read(store: &impl Store, run: &str) -> Result<Option<String>, StoreError> {
    let bytes = store.read(&path(run, RECORD)).await?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Every record. One that this version cannot read stays where it is and is left out.
pub async fn all(store: &impl Store) -> Result<Vec<RunRecord>, StoreError> {
    let mut records = Vec::new();
    for run in store.list(RUNS).await? {
        records.extend(read(store, &run).await?.and_then(|text| RunRecord::from_json(&text).ok()));
    }
    Ok(records)
}

/// Writes a run's checkpoint, and what the next visit is to know of it.
pub async fn leave(store: &impl Store, begun: &Begun, checkpoint: &[u8]) -> Result<(), StoreError> {
    let run = begun.spec.id().0;
    let said = serde_json::to_vec(begun).expect("a spec has only plain fields");
    // Both are tried: where the storage is full, memory holds them.
    let written = store.write(&path(&run, CHECKPOINT), checkpoint).await;
    written.and(store.write(&path(&run, BEGUN), &said).await)
}

/// The checkpoint that was left of a run.
pub async fn checkpoint(store: &impl Store, run: &str) -> Result<Option<Vec<u8>>, StoreError> {
    store.read(&path(run, CHECKPOINT)).await
}

/// Removes what was left of a run for going on.
pub async fn clear(store: &impl Store, run: &str) -> Result<(), StoreError> {
    store.remove(&path(run, CHECKPOINT)).await?;
    store.remove(&path(run, BEGUN)).await
}

/// Runs that are half done.
pub async fn begun(store: &impl Store) -> Result<Vec<Begun>, StoreError> {
    let mut found = Vec::new();
    for run in store.list(RUNS).await? {
        let files = store.list(&format!("{RUNS}/{run}")).await?;
        let has = |file: &str| files.iter().any(|name| name == file);
        if has(CHECKPOINT) && has(BEGUN) && !has(RECORD) {
            let said = store.read(&path(&run, BEGUN)).await?;
            found.extend(said.and_then(|bytes| serde_json::from_slice(&bytes).ok()));
        }
    }
    Ok(found)
}

/// Removes a run's record alone: writing it again brings the run back, until [`purge`].
pub async fn remove(store: &impl Store, run: &str) -> Result<(), StoreError> {
    store.remove(&path(run, RECORD)).await
}

/// Removes the trained weights that no record speaks of.
pub async fn purge(store: &impl Store) -> Result<(), StoreError> {
    for run in store.list(RUNS).await? {
        let files = store.list(&format!("{RUNS}/{run}")).await?;
        if files.iter().any(|name| name == TUNED) && !files.iter().any(|name| name == RECORD || name == CHECKPOINT) {
            store.remove(&path(&run, TUNED)).await?;
        }
    }
    Ok(())
}

/// Files of this name in all runs' folders.
pub async fn all_of(store: &impl Store, file: &str) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    for run in store.list(RUNS).await? {
        let folder = format!("{RUNS}/{run}");
        if store.list(&folder).await?.iter().any(|name| name == file) {
            found.push(path(&run, file));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::Memory;
    use super::*;
    use crate::job::fake;
    use crate::spec::{Base, DataSpec, MethodKind, RunSpec, SPEC_VERSION, Source, TrainConfig};

    #[test]
    fn what_was_written_is_there_at_the_next_start() {
        let spec = |examples| RunSpec {
            version: SPEC_VERSION,
            base: Base { name: "b".into(), sha256: "0".into() },
            method: MethodKind::Full.method(),
            data: DataSpec { source: Source::Task("t".into()), examples, subset: crate::seed::Seed(0) },
            train: TrainConfig::default_for(MethodKind::Full),
            seed: crate::seed::Seed(0),
        };
        let mut written = [16, 32].map(|examples| fake::record(spec(examples)));
        let half = Begun { spec: spec(64), step: 7, of: 9 };
        written.sort_by(|a, b| a.id.cmp(&b.id));
        let store = Memory::default();
        let found = pollster::block_on(async {
            for record in &written {
                write(&store, record).await.unwrap();
            }
            // A run under way has a checkpoint and no record; a record of another version is left alone.
            leave(&store, &half, b"half").await.unwrap();
            store.write(&path("0old", RECORD), br#"{"version":0}"#).await.unwrap();
            all(&store).await.unwrap()
        });
        assert_eq!(found, written);
        pollster::block_on(async {
            assert_eq!(begun(&store).await.unwrap(), [half]);
            for record in &written {
                store.write(&path(&record.id.0, TUNED), b"weights").await.unwrap();
                remove(&store, &record.id.0).await.unwrap();
            }
            assert_eq!((all(&store).await.unwrap(), all_of(&store, TUNED).await.unwrap().len()), (vec![], 2));
            write(&store, &written[0]).await.unwrap();
            purge(&store).await.unwrap();
            assert_eq!(all(&store).await.unwrap(), written[..1], "what was written again is back");
            assert_eq!(all_of(&store, TUNED).await.unwrap(), [path(&written[0].id.0, TUNED)]);
            let run = spec(64).id().0;
            assert_eq!(checkpoint(&store, &run).await.unwrap().as_deref(), Some(&b"half"[..]));
            clear(&store, &run).await.unwrap();
            assert_eq!((begun(&store).await.unwrap(), checkpoint(&store, &run).await.unwrap()), (vec![], None));
        });
    }
}
