//! What a run is taken away as: its adapter in PEFT's format, or a full model as a Hugging Face folder; and beside
//! either, in [`CARD`], what the lab knows of it. Other tools ignore that file.

use super::peft::{Adapter, BASE_SHA256, MergedWeights, WeightedAdapter};
use crate::data::{SplitError, Splits};
use crate::engine::formats::{Description, ModelFile, WeightsError, Width, pretty, write_folder};
use crate::engine::model::{QuantizedWeights, Tensors, WeightSource};
use crate::engine::text::TextTokenizer;
use crate::record::RunRecord;
use crate::spec::{Method, RunId, RunSpec};
use serde::{Deserialize, Serialize};

pub const CARD: &str = "tunelab.json";

/// The version of [`RunCard`]'s JSON.
pub const CARD_VERSION: u32 = 1;

/// How a run's files were made: enough to make them again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunCard {
    pub version: u32,
    /// The lab's version.
    pub lab: String,
    pub run: RunId,
    /// Base with its hash, method, data, settings and seed.
    pub spec: RunSpec,
    pub data_sha256: String,
    pub test_nats_per_token: f64,
    /// The base before tuning, on the same test split.
    pub base_test_nats_per_token: f64,
}

impl RunCard {
    pub fn of(record: &RunRecord) -> Result<Self, SplitError> {
        Ok(RunCard {
            version: CARD_VERSION,
            lab: record.made.lab.clone(),
            run: record.id.clone(),
            spec: record.spec.clone(),
            data_sha256: Splits::sha256_for_run(&record.spec.data)?,
            test_nats_per_token: record.test.nats_per_token,
            base_test_nats_per_token: record.base_test.nats_per_token,
        })
    }

    /// Reads a card; none where it is of another version or no card at all.
    pub fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok().filter(|card: &RunCard| card.version == CARD_VERSION)
    }
}

/// A finished run, ready to be written.
pub struct RunExport<'a> {
    pub card: RunCard,
    pub tensors: &'a Tensors,
    pub description: &'a Description,
    /// What PEFT looks the base up by: a name or a folder.
    pub base: &'a str,
    pub tokenizer: Option<&'a TextTokenizer>,
}

impl RunExport<'_> {
    /// An adapter's files, or a full model's where every weight was trained.
    pub fn files(&self) -> Result<Vec<ModelFile>, WeightsError> {
        let files = match &self.card.spec.method {
            Method::Full | Method::Scratch => self.folder(&mut &*self.tensors)?,
            method => {
                let base_sha256 = Some(self.card.spec.base.sha256.clone());
                let adapter = Adapter { method: method.clone(), tensors: self.tensors.clone(), base_sha256 };
                adapter.write(self.description, self.base, &[("tunelab", &self.card.lab)])?
            }
        };
        self.with_card(files)
    }

    /// A full model with the LoRA adapter merged into the weights of `base`.
    pub fn merged(&self, base: &mut impl WeightSource) -> Result<Vec<ModelFile>, WeightsError> {
        const REMEDY: &str = "take the files as they are";
        let lora = match &self.card.spec.method {
            Method::Lora(lora) => lora,
            Method::Prompt(_) => {
                let problem = "a prompt stands before the input and is no part of the weights, so it cannot be merged";
                return Err(WeightsError::file(CARD, problem, REMEDY));
            }
            Method::Full | Method::Scratch => {
                return Err(WeightsError::file(CARD, "every weight was trained: there is nothing to merge", REMEDY));
            }
        };
        // Into the weights as they were held: those the adapter was trained on.
        let mut base = QuantizedWeights { source: base, precision: lora.base_precision };
        let adapters = [WeightedAdapter { lora, tensors: self.tensors, weight: 1.0 }];
        self.with_card(self.folder(&mut MergedWeights {
            config: &self.description.config,
            base: &mut base,
            adapters: &adapters,
        })?)
    }

    fn folder(&self, weights: &mut impl WeightSource) -> Result<Vec<ModelFile>, WeightsError> {
        let notes = [("tunelab", self.card.lab.as_str()), (BASE_SHA256, &self.card.spec.base.sha256)];
        write_folder(self.description, weights, self.tokenizer, Width::F32, &notes)
    }

    fn with_card(&self, mut files: Vec<ModelFile>) -> Result<Vec<ModelFile>, WeightsError> {
        let json = serde_json::to_value(&self.card)
            .map_err(|error| WeightsError::file(CARD, format!("it cannot be written: {error}"), "report this"))?;
        files.push((CARD.into(), pretty(&json)));
        Ok(files)
    }
}
