//! `lab pretrain`: makes the base models of `www/models/ladder.json`, skipping those that are there. A killed
//! pretraining goes on from its last checkpoint.

use crate::data::{Split, corpus};
use crate::engine::formats::{Description, Width, write_folder};
use crate::engine::text::TextTokenizer;
use crate::engine::train::{Callbacks, Every, Outcome, Report, drive, pretrain};
use crate::plan::ladder::{Ladder, Rung};
use crate::platform::native::device::{self, Choice, Opened};
use crate::platform::native::files;
use crate::record::{EvalPoint, RunRecord};
use crate::record::{ModelCard, Pretraining};
use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(clap::Args)]
pub struct Args {
    /// The folder that holds ladder.json and gets the models.
    #[arg(long, default_value = "www/models")]
    folder: PathBuf,
    /// Make only these models, again if they are there.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Where unfinished pretraining is kept.
    #[arg(long, default_value = "target/pretrain")]
    state: PathBuf,
    /// Seconds between two checkpoints: at most so much is lost to a kill.
    #[arg(long, default_value_t = 60.0, value_name = "SECONDS")]
    checkpoint_every: f64,
    /// What computes.
    #[arg(long, value_enum, default_value_t)]
    device: Choice,
}

pub fn run(args: Args) -> Result<()> {
    let file = args.folder.join("ladder.json");
    let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    let ladder = Ladder::read(&text)?;
    for name in &args.only {
        ensure!(ladder.models.iter().any(|rung| rung.name == *name), "the ladder has no model {name}");
    }
    let tokenizer = tokenizer(&ladder, &args.folder)?;
    let opened = device::open(args.device)?;
    for rung in &ladder.models {
        let wanted = if args.only.is_empty() {
            !args.folder.join(&rung.name).join("card.json").exists()
        } else {
            args.only.contains(&rung.name)
        };
        if wanted {
            make(&ladder, rung, &tokenizer, &args, &opened)?;
        }
    }
    write_index(&ladder, &args.folder)
}

/// The ladder's tokenizer: read if it is there, else trained on the corpus.
fn tokenizer(ladder: &Ladder, folder: &Path) -> Result<TextTokenizer> {
    let file = folder.join("tokenizer.json");
    if let Some(json) = files::read(&file)? {
        return TextTokenizer::read(&json, &[], None).with_context(|| file.display().to_string());
    }
    eprintln!("training the tokenizer on {} documents", ladder.tokenizer_documents);
    let documents: Vec<String> =
        corpus::documents(ladder.corpus, Split::Train).take(ladder.tokenizer_documents).collect();
    let tokenizer = TextTokenizer::train(documents.iter().map(String::as_str), ladder.vocab_size)?;
    files::replace(&file, tokenizer.to_json().as_bytes())?;
    Ok(tokenizer)
}

fn make(ladder: &Ladder, rung: &Rung, tokenizer: &TextTokenizer, args: &Args, opened: &Opened) -> Result<()> {
    fs::create_dir_all(&args.state)?;
    let state = args.state.join(format!("{}.checkpoint", rung.name));
    let kept = files::read(&state)?;
    let mut session = match pretrain::session(ladder, rung, tokenizer, &opened.device, kept.as_deref()) {
        Ok(session) => session,
        // The spec changed since: what was kept belongs to another run.
        Err(error) if kept.is_some() => {
            eprintln!("{}: starting anew ({error})", rung.name);
            pretrain::session(ladder, rung, tokenizer, &opened.device, None)?
        }
        Err(error) => return Err(error.into()),
    };
    let parameters = ladder.config(rung).parameters();
    eprintln!("{}: {} parameters, {} tokens", rung.name, parameters.total, rung.tokens);
    let begun = Instant::now();
    let mut progress = PretrainingProgress { begun, state: &state, every: args.checkpoint_every };
    pollster::block_on(drive(&mut session, &mut progress))?;
    let outcome =
        pollster::block_on(session.finish(begun.elapsed().as_secs_f64(), super::made_on(opened.name.clone())))?;
    write_model(ladder, rung, tokenizer, outcome, &args.folder)?;
    let _ = fs::remove_file(&state);
    Ok(())
}

/// A model while it is made: says how far it is, and keeps checkpoints in `state`.
struct PretrainingProgress<'a> {
    begun: Instant,
    state: &'a Path,
    /// Seconds between two checkpoints.
    every: f64,
}

impl Callbacks for PretrainingProgress<'_> {
    type Error = anyhow::Error;

    fn now(&self) -> f64 {
        1e3 * self.begun.elapsed().as_secs_f64()
    }

    fn every(&self) -> Every {
        Every { report: 10_000.0, checkpoint: 1e3 * self.every, ..Every::NEVER }
    }

    fn stepped(&mut self, Report { step, of, nats_per_token, .. }: Report) {
        let loss = nats_per_token.map(|nats| format!("{nats:.3} nats/token")).unwrap_or_default();
        eprintln!("  step {step} of {of}: {loss}, {:.0} s", self.begun.elapsed().as_secs_f64());
    }

    fn evaluated(&mut self, point: EvalPoint, _of: usize) {
        eprintln!("  step {}: dev {:.4} nats/token", point.step, point.evaluation.nats_per_token);
    }

    async fn keep(&mut self, checkpoint: Vec<u8>) -> Result<()> {
        files::replace(self.state, &checkpoint)
    }
}

fn write_model(ladder: &Ladder, rung: &Rung, tokenizer: &TextTokenizer, outcome: Outcome, folder: &Path) -> Result<()> {
    let folder = folder.join(&rung.name);
    fs::create_dir_all(&folder)?;
    let config = ladder.config(rung);
    let description = Description::ladder(&config, crate::data::Tokenizer::end_of_text(tokenizer))
        .with_context(|| format!("{} is no ladder model", rung.name))?;
    let Outcome { tensors, record } = outcome;
    let mut sha256 = String::new();
    let mut length = 0;
    for (name, bytes) in write_folder(&description, &mut &tensors, Some(tokenizer), Width::F16, &[])? {
        if name == "model.safetensors" {
            sha256 = format!("{:x}", Sha256::digest(&bytes));
            length = bytes.len() as u64;
        }
        files::replace(&folder.join(name), &bytes)?;
    }
    let RunRecord { test, curve, presented_tokens, made, .. } = record;
    eprintln!("  {}: test {:.4} nats/token, {:.4} bits/byte", rung.name, test.nats_per_token, test.bits_per_byte);
    let stride = curve.len().div_ceil(60).max(1);
    let card = ModelCard {
        name: rung.name.clone(),
        sha256,
        bytes: length,
        config,
        pretraining: Some(Pretraining {
            corpus: format!("stories and papers of an invented world, seed {}", ladder.corpus.0),
            tokens: presented_tokens,
            seed: rung.seed.0,
            learning_rate: rung.learning_rate,
            test_nats_per_token: test.nats_per_token,
            test_bits_per_byte: test.bits_per_byte,
            curve: curve.iter().step_by(stride).map(|point| (point.step, point.nats_per_token)).collect(),
            commit: made.lab,
        }),
        origin: None,
    };
    // Last: it says that all is there.
    files::replace(&folder.join("card.json"), serde_json::to_string_pretty(&card)?.as_bytes())
}

/// `index.json`: the cards of all models that are there, in the ladder's order, for the page.
fn write_index(ladder: &Ladder, folder: &Path) -> Result<()> {
    let mut cards: Vec<ModelCard> = Vec::new();
    for rung in &ladder.models {
        if let Some(json) = files::read(&folder.join(&rung.name).join("card.json"))? {
            cards.push(serde_json::from_slice(&json).with_context(|| format!("the card of {}", rung.name))?);
        }
    }
    files::replace(&folder.join("index.json"), serde_json::to_string(&cards)?.as_bytes())
}
