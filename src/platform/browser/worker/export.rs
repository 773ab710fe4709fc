//! Downloads: a model's files in one .zip, for browsers block several downloads at once.

use super::engine::{Engine, WorkerError};
use crate::engine::adapt::{CARD, MergedWeights, RunCard, RunExport, WeightedAdapter};
use crate::engine::formats::{ModelFile, Width, write_archive, write_folder};
use crate::job::{Blended, ExportedFile, ModelRef};

impl Engine {
    pub async fn export(&mut self, model: &ModelRef, merged: bool) -> Result<ExportedFile, WorkerError> {
        let (name, files) = match model {
            ModelRef::Base(name) => (name.clone(), self.base_files(name).await?.0.into_iter().collect()),
            ModelRef::Tuned { base, run } => self.export_run(base, &run.0, merged).await?,
            ModelRef::Adapted { base, adapters } => (format!("{base}-blend"), self.export_blend(base, adapters).await?),
        };
        // A hub's names hold a slash.
        let name = name.replace('/', "-");
        let bytes = write_archive(&name, files)?;
        Ok(ExportedFile { name: format!("{name}.zip"), bytes })
    }

    async fn export_run(
        &mut self,
        base_name: &str,
        run: &str,
        merged: bool,
    ) -> Result<(String, Vec<ModelFile>), WorkerError> {
        let base = self.base(base_name).await?;
        let (record, tensors) = self.tuned(run).await?;
        let spec = &record.spec;
        let form = if merged { "-merged" } else { "" };
        let name =
            format!("{base_name}-{}{form}-{}-seed{}", spec.method.kind().id(), spec.data.examples, spec.seed.0 + 1);
        let export = RunExport {
            card: RunCard::of(&record)?,
            tensors: &tensors,
            description: &base.description,
            base: base_name,
            tokenizer: Some(&base.tokenizer),
        };
        let files = match merged {
            true => export.merged(&mut &base.model.export().await?)?,
            false => export.files()?,
        };
        Ok((name, files))
    }

    /// A base with LoRA adapters merged in, each by its weight.
    async fn export_blend(&mut self, name: &str, adapters: &[Blended]) -> Result<Vec<ModelFile>, WorkerError> {
        let base = self.base(name).await?;
        let mut opened = Vec::new();
        for blended in adapters {
            let (method, tensors) = self.adapter(&blended.adapter, &base).await?;
            if !method.kind().merges() {
                return Err(WorkerError::NotLora);
            }
            opened.push((method, tensors, blended.weight));
        }
        let weighted: Vec<WeightedAdapter<'_>> = opened
            .iter()
            .map(|(method, tensors, weight)| WeightedAdapter { method, tensors, weight: *weight })
            .collect();
        let weights = base.model.export().await?;
        let mut merged = MergedWeights { config: &base.description.config, base: &mut &weights, adapters: &weighted };
        let mut files = write_folder(&base.description, &mut merged, Some(&base.tokenizer), Width::F32, &[])?;
        let card = serde_json::json!({
            "lab": env!("CARGO_PKG_VERSION"),
            "base": { "name": name, "sha256": base.sha256 },
            "adapters": adapters,
        });
        files.push((CARD.into(), format!("{card:#}\n").into_bytes()));
        Ok(files)
    }
}
