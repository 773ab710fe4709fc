//! The part of the boundary that speaks of the visitor's own models: looked at, checked, downloaded, kept. A worker of
//! its own does this, so that no training waits for a download.

use crate::hub::transfer::Part;
use crate::hub::{Address, Host};
use crate::record::ModelCard;
use crate::spec::ModelConfig;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Page → the shelf's worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ShelfCommand {
    /// Read what a model says of itself, not its weights. Answered by `Seen` or `Refused`.
    Look { request: u32, source: ModelSource },
    /// Check it whole and put it on the shelf as `name`, in the browser's storage where `keep`; a hub's is downloaded
    /// there first. Answered by `Progress` and one of `Taken`, `Refused`.
    Take { request: u32, name: String, source: ModelSource, keep: bool },
    /// End what this request does; what has been downloaded stays for going on.
    Cancel { request: u32 },
    /// Remove a model, or what has arrived of one, from the browser's storage. Answered by `Removed`.
    Remove { name: String },
}

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ModelSource {
    /// Files beside the message, and what the visitor calls them: their folder's name.
    Files {
        label: String,
    },
    Hub {
        host: String,
        address: String,
    },
}

impl ModelSource {
    /// The hub and the model's address there, where they can be read.
    pub fn on_hub(&self) -> Option<(Host, Address)> {
        let ModelSource::Hub { host, address } = self else { return None };
        let host = Host::parse(host).ok()?;
        let address = Address::parse(address, &host).ok()?;
        Some((host, address))
    }
}

/// The shelf's worker → page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ShelfEvent {
    Seen { request: u32, sight: Box<Sight> },
    Progress { request: u32, doing: Step, file: String, done: u64, total: u64 },
    Taken { request: u32, card: Box<ModelCard> },
    Refused { request: u32, reason: String },
    Removed { name: String },
}

/// How far a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    Downloading,
    Checking,
    Copying,
}

/// A model as its config and the headers of its weights describe it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sight {
    /// `model_type` of its config.
    pub family: String,
    /// How most of its numbers are stored: "F16".
    pub dtype: String,
    pub config: ModelConfig,
    /// Bytes of its weights.
    pub bytes: u64,
    /// Bytes of a broken download that are here already.
    pub here: u64,
    /// Operations a second that training does in this browser, measured just now.
    pub flops_per_second: f64,
}

/// A download that broke or was cancelled, as it is kept beside its files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unfinished {
    pub name: String,
    pub host: String,
    pub address: String,
    /// The commit that its first file was of; the others are asked for at the same.
    pub revision: Option<String>,
    /// What the hub said of each file; how much of it is here, its length in the storage says.
    pub parts: BTreeMap<String, Part>,
}
