//! PEFT adapters that the visitor adds: checked against their base, and kept in the browser's storage as one .zip
//! and a card each.

use super::engine::{Engine, LoadedBase, WorkerError};
use super::post::post;
use super::train::said;
use crate::engine::adapt::{CARD, RunCard, peft};
use crate::engine::formats::{MemoryFiles, read_archive, write_archive};
use crate::engine::model::Tensors;
use crate::job::{AdapterCard, AdapterRef, Event, Unkept};
use crate::platform::storage::{Store, StoreError};
use crate::spec::{Base, Method};
use js_sys::Uint8Array;
use sha2::{Digest, Sha256};
use wasm_bindgen_futures::JsFuture;
use web_sys::File;

/// Bytes of an adapter's files together: a LoRA of rank 64 on a model of a billion parameters has 350 MB.
const MOST_BYTES: usize = 512 << 20;
const FOLDER: &str = "adapters";

#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    #[error("these files have {0} bytes and the limit for an adapter is 512 MiB: choose the adapter's files alone")]
    TooLarge(f64),
    #[error("{0} is not there: choose the adapter's folder, its .zip, or both of its files")]
    Missing(&'static str),
    #[error(
        "this adapter was made for {}, whose weights begin with {:.8}…; {} has others ({:.8}…): choose that base",
        made_for.name, made_for.sha256, chosen.name, chosen.sha256
    )]
    OtherBase { made_for: Base, chosen: Base },
    #[error("the adapter {0} is no longer in the browser's storage: add it again")]
    Gone(String),
}

/// The files of an adapter that are read.
fn is_wanted(file: &str) -> bool {
    [peft::SETTINGS, peft::WEIGHTS, CARD].contains(&file)
}

fn path(id: &str, kind: &str) -> String {
    format!("{FOLDER}/{id}.{kind}")
}

impl Engine {
    /// Reads, checks and keeps an adapter.
    pub(super) async fn add_adapter(&mut self, name: &str, base: &str, files: &[File]) -> Result<(), WorkerError> {
        let files = read(files).await?;
        for file in [peft::SETTINGS, peft::WEIGHTS] {
            if !files.0.contains_key(file) {
                return Err(AdapterError::Missing(file).into());
            }
        }
        let loaded = self.base(base).await?;
        let chosen = Base { name: base.into(), sha256: loaded.sha256.clone() };
        let made = files.0.get(CARD).and_then(|json| RunCard::read(json));
        if let Some(made_for) = made.as_ref().map(|card| card.spec.base.clone())
            && made_for.sha256 != chosen.sha256
        {
            return Err(AdapterError::OtherBase { made_for, chosen }.into());
        }
        let adapter = peft::read(files.clone(), &loaded.description)?;
        adapter.check_base(&loaded.sha256)?;

        let mut hash = Sha256::new();
        files.0.values().for_each(|bytes| hash.update(bytes));
        let mut id = format!("{:x}", hash.finalize());
        id.truncate(16);
        let card = AdapterCard {
            id: id.clone(),
            name: name.into(),
            base: chosen,
            method: adapter.method,
            bytes: files.0.values().map(|bytes| bytes.len() as u64).sum(),
            test_nats_per_token: made.map(|card| card.test_nats_per_token),
        };
        let archive = write_archive(&id, files.0.into_iter().collect())?;
        let kept = self.store.write(&path(&id, "zip"), &archive).await;
        said(Unkept::Adapter, kept.and(self.write_card(&card).await));
        Ok(())
    }

    async fn write_card(&self, card: &AdapterCard) -> Result<(), StoreError> {
        let path = path(&card.id, "json");
        let json = serde_json::to_vec(card).map_err(|error| StoreError::Failed {
            path: path.clone(),
            action: "written",
            reason: error.to_string(),
        })?;
        self.store.write(&path, &json).await
    }

    /// Tells the page of all adapters that are kept.
    pub(super) async fn tell_adapters(&self) {
        let mut cards = Vec::new();
        for file in self.store.list(FOLDER).await.unwrap_or_default() {
            if file.ends_with(".json")
                && let Ok(Some(json)) = self.store.read(&format!("{FOLDER}/{file}")).await
                && let Ok(card) = serde_json::from_slice::<AdapterCard>(&json)
            {
                cards.push(card);
            }
        }
        cards.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        post(&Event::Adapters(cards));
    }

    pub(super) async fn rename_adapter(&self, id: &str, name: String) -> Result<(), WorkerError> {
        let gone = || AdapterError::Gone(id.into());
        let json = self.store.read(&path(id, "json")).await?.ok_or_else(gone)?;
        let card = serde_json::from_slice::<AdapterCard>(&json).map_err(|_| gone())?;
        said(Unkept::Adapter, self.write_card(&AdapterCard { name, ..card }).await);
        Ok(())
    }

    pub(super) async fn remove_adapter(&self, id: &str) -> Result<(), WorkerError> {
        for kind in ["json", "zip"] {
            self.store.remove(&path(id, kind)).await?;
        }
        Ok(())
    }

    /// An adapter's method and values, whichever way it came here.
    pub(super) async fn adapter(
        &self,
        adapter: &AdapterRef,
        base: &LoadedBase,
    ) -> Result<(Method, Tensors), WorkerError> {
        match adapter {
            AdapterRef::Run(run) => {
                let (record, tensors) = self.tuned(&run.0).await?;
                Ok((record.spec.method, tensors))
            }
            AdapterRef::Added(id) => {
                let archive = self.store.read(&path(id, "zip")).await?;
                let archive = archive.ok_or_else(|| AdapterError::Gone(id.clone()))?;
                let adapter = peft::read(read_archive(id, &archive, is_wanted, MOST_BYTES)?, &base.description)?;
                Ok((adapter.method, adapter.tensors))
            }
        }
    }
}

/// The adapter's files among those that were chosen, unpacked where they are one .zip.
async fn read(handles: &[File]) -> Result<MemoryFiles, WorkerError> {
    let size: f64 = handles.iter().map(|handle| handle.size()).sum();
    if size > MOST_BYTES as f64 {
        return Err(AdapterError::TooLarge(size).into());
    }
    let mut files = MemoryFiles::default();
    for handle in handles {
        let name = handle.name();
        let zip = name.to_ascii_lowercase().ends_with(".zip");
        if !zip && !is_wanted(&name) {
            continue;
        }
        let unreadable = |_| WorkerError::File { name: name.clone() };
        let bytes = Uint8Array::new(&JsFuture::from(handle.array_buffer()).await.map_err(unreadable)?).to_vec();
        match zip {
            true => files.0.extend(read_archive(&name, &bytes, is_wanted, MOST_BYTES)?.0),
            false => drop(files.0.insert(name, bytes)),
        }
    }
    Ok(files)
}
