//! An experiment's file or options, its bases and data looked up: what `sweep`, `plan` and `cell` share.

use crate::data::user::{self, READ_LIMIT, ReadOptions};
use crate::data::{TASK_DEV, TASK_TEST};
use crate::engine::formats::Checkpoint;
use crate::plan::estimate::longest_sequence;
use crate::plan::file::{ExperimentFile, FileData};
use crate::plan::grid::{Experiment, clip};
use crate::platform::native::threads::Here;
use crate::platform::native::{folder, memory};
use crate::spec::{Base, ModelConfig, Source};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::sync::Arc;

/// An experiment that can be run here.
pub struct Planned {
    pub experiment: Experiment,
    /// The bases' shapes, in the experiment's order.
    pub configs: Vec<ModelConfig>,
    /// Examples of the dev and the test split.
    pub held_out: [usize; 2],
    pub here: Here,
}

/// Reads an experiment file.
pub fn read(path: &Path) -> Result<ExperimentFile> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    ExperimentFile::read(&text).with_context(|| path.display().to_string())
}

impl Planned {
    /// Looks up bases in the folder `models`, and own data by paths from `beside`.
    pub fn of(file: ExperimentFile, models: &Path, beside: &Path) -> Result<Planned> {
        let mut bases = Vec::new();
        let mut configs = Vec::new();
        let mut tokenizers = Vec::new();
        for name in &file.bases {
            let folder = models.join(name);
            let at = || format!("the base in {}", folder.display());
            let checkpoint = Checkpoint::open(folder::Folder::open(&folder)?).with_context(at)?;
            bases.push(Base { name: name.clone(), sha256: checkpoint.sha256().with_context(at)? });
            configs.push(checkpoint.config().clone());
            let tokenizer = checkpoint.tokenizer.with_context(|| format!("{} has no tokenizer.json", folder.display()));
            tokenizers.push(tokenizer?);
        }
        let ExperimentFile { data, sequence, mut methods, mut sizes, seeds, .. } = file;
        let mut held_out = [TASK_DEV, TASK_TEST];
        let (source, own) = match data {
            FileData::Task(id) => (Source::Task(id), None),
            FileData::Own { files, columns, skip_bad_lines } => {
                let files = files.iter().map(|file| folder::read_start(&beside.join(file), READ_LIMIT));
                let files = files.collect::<Result<Vec<user::File>>>()?;
                let name = files.first().map_or_else(String::new, |file| file.name.clone());
                let data = user::read(&name, &files, &ReadOptions { columns, skip_malformed: skip_bad_lines })?;
                if sequence.is_none() {
                    // One for all, so that every method and base learns the same.
                    let mut one = usize::MAX;
                    for (config, tokenizer) in configs.iter().zip(&tokenizers) {
                        let each = methods
                            .iter()
                            .map(|(method, train)| longest_sequence(config, method, train, memory::available()));
                        one = one.min(data.sequence(tokenizer, each.min().unwrap_or(one))?);
                    }
                    methods.iter_mut().for_each(|(_, train)| train.sequence = one);
                }
                let prepared = data.prepare(&tokenizers[0], methods[0].1.sequence)?;
                prepared.reading.sentences().iter().for_each(|sentence| eprintln!("{sentence}"));
                let [most, dev, test] =
                    [&prepared.splits.train, &prepared.splits.dev, &prepared.splits.test].map(Vec::len);
                ensure!(most > 0, "{name} leaves no example to train on");
                if sizes.iter().any(|&size| size > most) {
                    eprintln!("The sizes end at {most}, all there are to train on.");
                    sizes = clip(sizes, most);
                }
                held_out = [dev, test];
                (Source::User { name, sha256: data.sha256.clone() }, Some(Arc::new(data)))
            }
        };
        let here = Here { models: models.to_owned(), own, made: super::made_here };
        Ok(Planned { experiment: Experiment { bases, source, methods, sizes, seeds }, configs, held_out, here })
    }
}
