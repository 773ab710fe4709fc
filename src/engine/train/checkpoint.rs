//! A run between two steps, as bytes: a safetensors file whose tensors are the trained values (`now.…`), the best
//! ones so far (`best.…`) and the optimizer's moments (`first.…`, `second.…`), and whose metadata carry version,
//! run and counters. Read again on the CPU it continues bit for bit.

use super::session::Counters;
use crate::engine::model::{HostTensor, Tensors};
use crate::spec::RunId;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use std::collections::HashMap;

/// The version of the file's meaning.
const VERSION: &str = "1";

#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("the checkpoint is damaged ({0}): delete it and start the run again")]
    Damaged(String),
    #[error("the checkpoint has version {0}, this lab reads {VERSION}: delete it and start the run again")]
    Version(String),
    #[error("the checkpoint is of run {found}, not of {wanted}")]
    OtherRun { found: String, wanted: RunId },
}

fn damaged(error: impl std::fmt::Display) -> CheckpointError {
    CheckpointError::Damaged(error.to_string())
}

/// What is stored beside the tensors.
pub(crate) struct Stored {
    pub counters: Counters,
    pub tensors: Tensors,
}

pub(crate) fn write(run: &RunId, stored: &Stored) -> Result<Vec<u8>, CheckpointError> {
    let bytes: Vec<(&String, &HostTensor, Vec<u8>)> = stored
        .tensors
        .iter()
        .map(|(name, tensor)| (name, tensor, tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect()))
        .collect();
    let views = bytes
        .iter()
        .map(|(name, tensor, bytes)| Ok((*name, TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(damaged)?;
    let counters = serde_json::to_string(&stored.counters).map_err(damaged)?;
    let metadata = HashMap::from([
        ("tunelab_checkpoint".to_string(), VERSION.to_string()),
        ("run".to_string(), run.0.clone()),
        ("counters".to_string(), counters),
    ]);
    serialize(views, Some(metadata)).map_err(damaged)
}

pub(crate) fn read(run: &RunId, bytes: &[u8]) -> Result<Stored, CheckpointError> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let metadata = header.metadata().as_ref();
    let entry = |key: &str| {
        let found = metadata.and_then(|metadata| metadata.get(key));
        found.ok_or_else(|| CheckpointError::Damaged(format!("its header has no entry {key}")))
    };
    let version = entry("tunelab_checkpoint")?;
    if version != VERSION {
        return Err(CheckpointError::Version(version.clone()));
    }
    let found = entry("run")?;
    if *found != run.0 {
        return Err(CheckpointError::OtherRun { found: found.clone(), wanted: run.clone() });
    }
    let counters = serde_json::from_str(entry("counters")?).map_err(damaged)?;
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let mut tensors = Tensors::new();
    for (name, view) in file.tensors() {
        if view.dtype() != Dtype::F32 {
            return Err(CheckpointError::Damaged(format!("tensor {name} is not f32")));
        }
        let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        tensors.insert(name, HostTensor { shape: view.shape().to_vec(), values });
    }
    Ok(Stored { counters, tensors })
}
