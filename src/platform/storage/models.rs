//! The visitor's own models in the browser's storage: a folder each, the files as they came. A `card.json` is written
//! last and says that all is there; until then a `download.json` says what has arrived.

use super::{Opfs, Store, StoreError};
use crate::job::PartialDownload;
use crate::record::ModelCard;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use web_sys::File;

const MODELS: &str = "models";
const CARD: &str = "card.json";
const DOWNLOAD: &str = "download.json";

pub struct Models(Opfs);

impl Models {
    pub async fn open() -> Result<Self, StoreError> {
        Ok(Models(Opfs::open().await?))
    }

    pub fn store(&self) -> &Opfs {
        &self.0
    }

    /// Models that are complete, and downloads that are not. What cannot be read is left out.
    pub async fn all(&self) -> Result<(Vec<ModelCard>, Vec<PartialDownload>), StoreError> {
        let (mut cards, mut partial) = (Vec::new(), Vec::new());
        for folder in self.0.list(MODELS).await? {
            match self.json(&format!("{MODELS}/{folder}/{CARD}")).await? {
                Some(card) => cards.push(card),
                None => partial.extend(self.json::<PartialDownload>(&format!("{MODELS}/{folder}/{DOWNLOAD}")).await?),
            }
        }
        cards.sort_by_key(|card: &ModelCard| card.config.parameters().total);
        partial.sort_by(|a: &PartialDownload, b| a.name.cmp(&b.name));
        Ok((cards, partial))
    }

    pub async fn card(&self, name: &str) -> Result<Option<ModelCard>, StoreError> {
        self.json(&path(name, CARD)).await
    }

    /// Says that the model is complete.
    pub async fn finish(&self, card: &ModelCard) -> Result<(), StoreError> {
        self.write(&path(&card.name, CARD), card).await?;
        self.0.remove(&path(&card.name, DOWNLOAD)).await
    }

    pub async fn partial(&self, name: &str) -> Result<Option<PartialDownload>, StoreError> {
        self.json(&path(name, DOWNLOAD)).await
    }

    pub async fn begin(&self, download: &PartialDownload) -> Result<(), StoreError> {
        self.write(&path(&download.name, DOWNLOAD), download).await
    }

    /// The model's files, as far as they have arrived.
    pub async fn files(&self, name: &str) -> Result<Vec<File>, StoreError> {
        let mut files = Vec::new();
        for file in self.0.list(&folder(name)).await? {
            if file != CARD && file != DOWNLOAD {
                files.extend(self.0.file(&path(name, &file)).await?);
            }
        }
        Ok(files)
    }

    pub async fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.0.remove_folder(&folder(name)).await
    }

    async fn json<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, StoreError> {
        Ok(self.0.read(path).await?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    async fn write(&self, path: &str, value: &impl Serialize) -> Result<(), StoreError> {
        let failed = |reason: String| StoreError::Failed { path: path.into(), action: "written", reason };
        self.0.write(path, &serde_json::to_vec(value).map_err(|error| failed(error.to_string()))?).await
    }
}

/// Where a file of the model called `name` rests.
pub fn path(name: &str, file: &str) -> String {
    format!("{}/{file}", folder(name))
}

/// A name is any text; its folder is a plain one, told apart by a hash.
fn folder(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    let hash = format!("{:x}", Sha256::digest(name));
    format!("{MODELS}/{:.60}-{hash:.8}", plain.trim_start_matches(['-', '_']))
}

#[cfg(test)]
mod tests {
    use super::super::split;
    use super::*;

    #[test]
    fn any_name_has_a_plain_folder_of_its_own() {
        let names = ["a/b", "a_b", "../../etc", "é", "", "x".repeat(500).as_str(), "a/b@main"].map(String::from);
        let paths: Vec<_> = names.iter().map(|name| path(name, CARD)).collect();
        for (at, path) in paths.iter().enumerate() {
            assert!(split(path).is_ok_and(|(folders, _)| folders.len() == 2), "{path}");
            assert!(!paths[..at].contains(path), "{path}");
        }
    }
}
