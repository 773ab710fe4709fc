//! What jobs say of the visitor's own models: inspected, checked, downloaded, kept.

use crate::hub::transfer::Part;
use crate::hub::{Address, Host};
use crate::spec::ModelConfig;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ModelSource {
    /// Files beside the message, kept by the page under this number, and what the visitor calls them: their folder's
    /// name.
    Files {
        offer: u32,
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

/// What is done with a file of a model that is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoadStep {
    Downloading,
    Checking,
    Copying,
}

/// A model as its config and the headers of its weights describe it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelSummary {
    /// `model_type` of its config.
    pub family: String,
    /// How most of its numbers are stored: "F16".
    pub dtype: String,
    pub config: ModelConfig,
    /// Bytes of its weights.
    pub bytes: u64,
    /// Bytes of a broken download that are here already.
    pub here: u64,
    /// What was read otherwise than a file says, in sentences.
    pub notes: Vec<String>,
    /// Operations a second that training does in this browser, measured just now.
    pub flops_per_second: f64,
}

/// A download that broke or was cancelled, as it is kept beside its files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartialDownload {
    pub name: String,
    pub host: String,
    pub address: String,
    /// The commit that its first file was of; the others are asked for at the same.
    pub revision: Option<String>,
    /// What the hub said of each file; how much of it is here, its length in the storage says.
    pub parts: BTreeMap<String, Part>,
}
