//! What came out of a run. The only form in which results are kept, exported and read again.

use super::DataReport;
use crate::spec::{ParameterCount, RunId, RunSpec};
use serde::{Deserialize, Serialize};

/// The version of [`RunRecord`]'s JSON. A file of another version is migrated or refused, never misread.
pub const RECORD_VERSION: u32 = 1;

/// One finished run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    pub version: u32,
    pub id: RunId,
    pub spec: RunSpec,
    pub parameters: ParameterCount,
    /// Parameters the method trained.
    pub trained_parameters: u64,
    /// Training loss by step, every few steps.
    pub curve: Vec<CurvePoint>,
    /// Evaluations on the dev split, in order.
    pub dev: Vec<EvalPoint>,
    /// The step whose weights were kept: the best on the dev split.
    pub best_step: usize,
    /// The kept weights on the test split, which no choice has looked at.
    pub test: Evaluation,
    /// The base before tuning on the same test split (prompt and adapter absent).
    pub base_test: Evaluation,
    /// Target tokens of the distinct training examples, and how many target tokens were trained on in all
    /// (epochs counted).
    pub unique_tokens: u64,
    pub presented_tokens: u64,
    pub steps: usize,
    pub wall_seconds: f64,
    pub made: Provenance,
    /// What the run learned from; absent in records of before it was kept.
    #[serde(default, skip_serializing_if = "DataReport::is_empty")]
    pub data: DataReport,
    /// Where the held-out splits were not read whole: evaluating them would have outlasted the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampled: Option<Sampled>,
}

/// Evenly spaced examples that stand for a held-out split: how many, of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampled {
    pub dev: (u64, u64),
    pub test: (u64, u64),
}

/// A run that is half done: its checkpoint lies in the browser's storage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    pub spec: RunSpec,
    pub step: usize,
    pub of: usize,
}

/// What an evaluation measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Measured {
    /// The model as trained so far, on the dev split.
    Dev,
    /// The kept weights, on the test split.
    Test,
    /// The base before tuning, on the same test split.
    BaseTest,
}

/// The training loss at a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    pub step: usize,
    pub nats_per_token: f64,
}

/// An evaluation on the dev split.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvalPoint {
    pub step: usize,
    pub evaluation: Evaluation,
}

/// Losses over a split's target tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Mean negative log-likelihood of a target token.
    pub nats_per_token: f64,
    /// The same likelihood per byte of target text, in bits: comparable across tokenizers.
    pub bits_per_byte: f64,
    /// Share of target tokens that were the model's first choice.
    pub token_accuracy: f64,
    /// Share of examples whose every target token was.
    pub exact_match: f64,
    pub tokens: u64,
    pub examples: u64,
}

/// Where and by what a record was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// "wasm CPU", "WebGPU: …", "native CPU".
    pub device: String,
    /// The lab's version and commit.
    pub lab: String,
    /// ISO date, given by the edge that ran it.
    pub date: String,
}

/// Why a record is refused.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("not a run record: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("not a run record: it states no version")]
    Unversioned,
    #[error(
        "this record has version {found}; this lab reads version {RECORD_VERSION}. Open it with the lab that wrote it"
    )]
    Version { found: u64 },
    #[error("the record's id {stated} is not that of its spec ({actual}): the file was changed")]
    Changed { stated: RunId, actual: RunId },
    #[error("line {line}: {error}")]
    Line { line: usize, error: Box<RecordError> },
}

impl Sampled {
    /// One sentence.
    pub fn sentence(&self) -> String {
        let Sampled { dev, test } = self;
        format!(
            "Tested on {} of {} examples, chosen on {} of {}: whole splits would outlast the training.",
            test.0, test.1, dev.0, dev.1
        )
    }
}

impl RunRecord {
    /// Reads a record; refuses another version's and one whose spec was changed.
    pub fn from_json(text: &str) -> Result<Self, RecordError> {
        Self::from_value(serde_json::from_str(text)?)
    }

    /// The records of a file, each checked as any record is: a JSON list, or one record a line.
    pub fn list_from_json(text: &str) -> Result<Vec<Self>, RecordError> {
        if text.trim_start().starts_with('[') {
            let values: Vec<serde_json::Value> = serde_json::from_str(text)?;
            return values.into_iter().map(Self::from_value).collect();
        }
        let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
        let read =
            |(text, line)| Self::from_json(text).map_err(|error| RecordError::Line { line, error: Box::new(error) });
        lines.map(read).collect()
    }

    fn from_value(value: serde_json::Value) -> Result<Self, RecordError> {
        let found = value.get("version").and_then(|v| v.as_u64()).ok_or(RecordError::Unversioned)?;
        if found != RECORD_VERSION as u64 {
            return Err(RecordError::Version { found });
        }
        let record: RunRecord = serde_json::from_value(value)?;
        let actual = record.spec.id();
        if actual != record.id {
            return Err(RecordError::Changed { stated: record.id, actual });
        }
        Ok(record)
    }

    /// As it is kept and exported.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a record has only plain fields")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// The first record of the experiment that the page opens with, with one change.
    fn changed(change: impl FnOnce(&mut Value)) -> Result<RunRecord, RecordError> {
        let finished: Value = serde_json::from_str(include_str!("../../www/precomputed.json")).unwrap();
        let mut record = finished[0].clone();
        change(&mut record);
        let one = RunRecord::from_json(&record.to_string());
        for list in [json!([record]).to_string(), format!("\n{record}\n")] {
            assert_eq!(RunRecord::list_from_json(&list).is_ok(), one.is_ok(), "a list is read as its records are");
        }
        one
    }

    fn refusal(change: impl FnOnce(&mut Value)) -> String {
        changed(change).unwrap_err().to_string()
    }

    #[test]
    fn a_record_reads_back_as_written() {
        let record = changed(|_| ()).unwrap();
        assert_eq!(RunRecord::from_json(&record.to_json()).unwrap(), record);
    }

    #[test]
    fn a_record_of_another_version_is_refused() {
        let other = "this lab reads version 1. Open it with the lab that wrote it";
        assert_eq!(refusal(|r| r["version"] = json!(2)), format!("this record has version 2; {other}"));
        assert_eq!(refusal(|r| r["version"] = json!(0)), format!("this record has version 0; {other}"));
        for none in [json!(null), json!("1"), json!(-1)] {
            assert_eq!(refusal(|r| r["version"] = none), "not a run record: it states no version");
        }
    }

    #[test]
    fn a_record_whose_spec_was_changed_is_refused() {
        let id = changed(|_| ()).unwrap().id;
        let changes: [(&str, Value); 4] = [
            ("/spec/seed", json!(77)),
            ("/spec/train/learning_rate", json!(0.5)),
            ("/spec/data/examples", json!(9)),
            ("/spec/base/sha256", json!("00")),
        ];
        for (field, value) in changes {
            let error = refusal(|r| *r.pointer_mut(field).unwrap() = value);
            assert!(error.starts_with(&format!("the record's id {id} is not that of its spec (")), "{field}: {error}");
        }
        let error = refusal(|r| r["spec"]["extra"] = json!(1));
        assert!(error.starts_with("not a run record: unknown field `extra`"), "{error}");
    }
}
