//! What a run is taken away as: its adapter in PEFT's format, or a full model as a Hugging Face folder; and beside
//! either, in [`CARD`], what the lab knows of it. Other tools ignore that file.

use super::peft::{Adapter, BASE_SHA256};
use super::{MergedWeights, WeightedAdapter};
use crate::data::{SplitError, Splits};
use crate::engine::formats::{Description, ModelFile, WeightsError, Width, pretty, write_folder};
use crate::engine::model::{QuantizedWeights, Tensors, WeightSource};
use crate::engine::text::TextTokenizer;
use crate::record::RunRecord;
use crate::spec::{MethodResult, RunId, RunSpec};
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
        let method = &self.card.spec.method;
        let files = if method.kind().freezes_base() {
            let base_sha256 = Some(self.card.spec.base.sha256.clone());
            let adapter = Adapter { method: method.clone(), tensors: self.tensors.clone(), base_sha256 };
            adapter.write(self.description, self.base, &[("tunelab", &self.card.lab)])?
        } else {
            self.folder(&mut &*self.tensors)?
        };
        self.with_card(files)
    }

    /// A full model with the adapter merged into the weights of `base`.
    pub fn merged(&self, base: &mut impl WeightSource) -> Result<Vec<ModelFile>, WeightsError> {
        let method = &self.card.spec.method;
        let problem = match method.kind().info().result {
            MethodResult::Adapter { unmergeable: None, .. } => None,
            MethodResult::Adapter { unmergeable: Some(reason), .. } => Some(reason),
            MethodResult::Model => Some("every weight was trained: there is nothing to merge"),
        };
        if let Some(problem) = problem {
            return Err(WeightsError::file(CARD, problem, "take the files as they are"));
        }
        // Into the weights as they were held: those the adapter was trained on.
        let mut base = QuantizedWeights { source: base, precision: method.base_precision() };
        let adapters = [WeightedAdapter { method, tensors: self.tensors, weight: 1.0 }];
        let mut merged = MergedWeights { config: &self.description.config, base: &mut base, adapters: &adapters };
        self.with_card(self.folder(&mut merged)?)
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
