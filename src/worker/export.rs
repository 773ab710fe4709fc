//! Files for download: a full model as a Hugging Face folder. Adapters are refused until the page writes PEFT's files.

use super::lab::{Lab, TUNED, WorkerError};
use crate::model::weights::{MemoryFiles, TensorFiles, Width, write_folder};
use crate::protocol::{ExportedFile, ModelRef};
use crate::spec::Method;

impl Lab {
    pub async fn export(&mut self, model: &ModelRef, _merged: bool) -> Result<Vec<ExportedFile>, WorkerError> {
        let (base, tensors) = match model {
            ModelRef::Base(name) => (self.base(name).await?, None),
            ModelRef::Tuned { base, run } => {
                let base = self.base(base).await?;
                let (spec, bytes) = self.tuned(&run.0).await?;
                let files: MemoryFiles = [(TUNED.to_string(), bytes)].into_iter().collect();
                (base, Some((spec, TensorFiles::open_file(files, TUNED)?)))
            }
        };
        let files = match tensors {
            Some((spec, mut tensors)) if matches!(spec.method, Method::Full | Method::Scratch) => {
                write_folder(&base.description, &mut tensors, Some(&base.tokenizer), Width::F32, &[])?
            }
            Some((spec, _)) => return Err(WorkerError::NoAdapterFiles(spec.method.kind())),
            None => {
                let exported = base.model.export().await?;
                write_folder(&base.description, &mut &exported, Some(&base.tokenizer), Width::F16, &[])?
            }
        };
        Ok(files.into_iter().map(|(name, bytes)| ExportedFile { name, bytes }).collect())
    }
}
