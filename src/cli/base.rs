//! The base model and adapters that several subcommands take: their arguments, and opening them.

use crate::engine::adapt::{self, peft};
use crate::engine::formats::{Checkpoint, WeightsError};
use crate::engine::model::Decoder;
use crate::engine::text::TextTokenizer;
use crate::platform::native::device::{self, Choice};
use crate::platform::native::folder::Folder;
use crate::spec::Precision;
use anyhow::{Context, Result, anyhow};
use std::path::{Path, PathBuf};

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The base model: a Hugging Face folder (config.json, model.safetensors, tokenizer.json).
    #[arg(long, value_name = "DIR")]
    pub base: PathBuf,
    /// A PEFT adapter to add; `DIR=0.5` adds half of it. May be given several times.
    #[arg(long, value_name = "DIR[=WEIGHT]")]
    pub adapter: Vec<String>,
    /// How the base's weights rest in memory: f32, f16, int8 or nf4 (4 bits).
    #[arg(long, value_name = "PRECISION", default_value_t)]
    pub base_precision: Precision,
    /// What computes.
    #[arg(long, value_enum, default_value_t)]
    pub device: Choice,
}

/// A base with its adapters, ready to run.
pub struct Opened {
    pub checkpoint: Checkpoint<Folder>,
    pub model: Decoder,
}

impl Args {
    pub fn open(&self) -> Result<Opened> {
        let at = || self.base.display().to_string();
        let mut checkpoint = Checkpoint::open(Folder::open(&self.base)?).with_context(at)?;
        checkpoint.check().with_context(at)?;
        checkpoint.notes.iter().for_each(|note| eprintln!("{note}"));
        let config = checkpoint.config().clone();
        let device = device::open(self.device)?.device;
        let mut model = Decoder::load_as(self.base_precision, &config, &mut checkpoint, &device).with_context(at)?;
        for adapter in &self.adapter {
            let (path, weight) = split_weight(adapter)?;
            model = add(&checkpoint, &model, &path, weight).with_context(|| path.display().to_string())?;
        }
        Ok(Opened { checkpoint, model })
    }
}

fn add(checkpoint: &Checkpoint<Folder>, model: &Decoder, path: &Path, weight: f64) -> Result<Decoder> {
    let adapter = peft::read(Folder::open(path)?, &checkpoint.description)?;
    if adapter.base_sha256.is_some() {
        adapter.check_base(&checkpoint.sha256()?)?;
    }
    Ok(adapt::add(model, &adapter.method, &mut &adapter.tensors, weight)?)
}

/// `DIR=0.5` as the folder and its weight. A folder whose own name holds `=` and ends in a number needs `=1`.
fn split_weight(text: &str) -> Result<(PathBuf, f64)> {
    match text.rsplit_once('=').and_then(|(path, weight)| Some((path, weight.parse::<f64>().ok()?))) {
        Some((_, weight)) if !weight.is_finite() => Err(anyhow!("{text}: the weight must be a number")),
        Some((path, weight)) => Ok((path.into(), weight)),
        None => Ok((text.into(), 1.0)),
    }
}

impl Opened {
    pub fn tokenizer(&self) -> Result<&TextTokenizer> {
        let missing = || WeightsError::file("tokenizer.json", "it is missing", "add it to the folder, or give --ids");
        Ok(self.checkpoint.tokenizer.as_ref().ok_or_else(missing)?)
    }
}
