//! Finished runs: a folder each, with the record and what was trained. Whoever finishes a run writes its record here, and
//! at its start the page reads all of them: there is no second place.

use super::{Store, StoreError};
use crate::record::RunRecord;

const RUNS: &str = "runs";
const RECORD: &str = "record.json";

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
        written.sort_by(|a, b| a.id.cmp(&b.id));
        let store = Memory::default();
        let found = pollster::block_on(async {
            for record in &written {
                write(&store, record).await.unwrap();
            }
            // A run under way has a checkpoint and no record; a record of another version is left alone.
            store.write(&path("0begun", "checkpoint"), b"half").await.unwrap();
            store.write(&path("0old", RECORD), br#"{"version":0}"#).await.unwrap();
            all(&store).await.unwrap()
        });
        assert_eq!(found, written);
    }
}
