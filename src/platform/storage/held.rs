//! What of the browser's storage can be given back without losing a result.

use super::records::{self, BEGUN, CHECKPOINT, TUNED};
use super::{Opfs, OwnData, Store, StoreError};

/// Kinds of what is kept beside records and models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What finished runs trained: completions and downloads need it.
    Weights,
    /// Where runs that are half done would go on.
    Checkpoints,
    /// The visitor's own data.
    Data,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub kind: Kind,
    pub files: usize,
    pub bytes: u64,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Weights, Kind::Checkpoints, Kind::Data];

    async fn files(self, store: &Opfs) -> Result<Vec<String>, StoreError> {
        match self {
            Kind::Weights => records::all_of(store, TUNED).await,
            Kind::Checkpoints => {
                let mut files = records::all_of(store, CHECKPOINT).await?;
                files.extend(records::all_of(store, BEGUN).await?);
                Ok(files)
            }
            Kind::Data => OwnData::files(store).await,
        }
    }

    /// Removes what is kept of this kind.
    pub async fn remove(self) -> Result<(), StoreError> {
        let store = Opfs::open().await?;
        for file in self.files(&store).await? {
            store.remove(&file).await?;
        }
        Ok(())
    }
}

/// What is kept, by kind, where there is any.
pub async fn held() -> Result<Vec<Held>, StoreError> {
    let store = Opfs::open().await?;
    let mut found = Vec::new();
    for kind in Kind::ALL {
        let files = kind.files(&store).await?;
        let mut bytes = 0;
        for file in &files {
            bytes += store.file(file).await?.map_or(0, |file| file.size() as u64);
        }
        if bytes > 0 {
            found.push(Held { kind, files: files.len(), bytes });
        }
    }
    Ok(found)
}
