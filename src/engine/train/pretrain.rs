//! Pretraining a rung of the ladder: the corpus as one stream of tokens, cut into windows, each read once, by the
//! same session that fine-tunes.

use super::run::{RunData, TrainError};
use super::session::Session;
use crate::data::corpus;
use crate::data::{Batches, Split, Tokenized, Tokenizer, TokenizerError};
use crate::engine::model::{Decoder, InitialWeights};
use crate::plan::ladder::{Ladder, Rung};
use crate::record::DataReport;
use crate::seed::Seed;
use crate::spec::{Base, DataSpec, Method, MethodKind, RunSpec, SPEC_VERSION, Source, TrainConfig};
use burn::tensor::Device;

/// The run that makes `rung`. It is a run like any other, from scratch; only its data are the corpus.
pub fn spec(ladder: &Ladder, rung: &Rung) -> RunSpec {
    let steps = ladder.steps(rung);
    RunSpec {
        version: SPEC_VERSION,
        base: Base { name: rung.name.clone(), sha256: String::new() },
        method: Method::Scratch,
        data: DataSpec {
            source: Source::Task("corpus".into()),
            examples: steps * ladder.batch_size,
            subset: ladder.corpus,
        },
        train: TrainConfig {
            max_steps: steps,
            max_epochs: 1.0,
            batch_size: ladder.batch_size,
            accumulate: 1,
            sequence: ladder.context,
            learning_rate: rung.learning_rate,
            weight_decay: 0.1,
            beta2: 0.95,
            eval_every: (steps / 8).max(1),
            patience: 0,
            ..TrainConfig::default_for(MethodKind::Scratch)
        },
        seed: rung.seed,
    }
}

/// The first `windows` windows of the corpus's side `split`, each `context` tokens and the one to follow.
/// Documents are joined by end-of-text.
pub fn windows(
    seed: Seed,
    split: Split,
    windows: usize,
    context: usize,
    tokenizer: &dyn Tokenizer,
) -> Result<Vec<Tokenized>, TokenizerError> {
    let mut stream = vec![tokenizer.end_of_text()];
    let mut documents = corpus::documents(seed, split);
    let mut cut = Vec::with_capacity(windows);
    while cut.len() < windows {
        while stream.len() <= context {
            // The corpus has no end.
            let Some(document) = documents.next() else { return Ok(cut) };
            stream.extend(tokenizer.encode(&document)?);
            stream.push(tokenizer.end_of_text());
        }
        let ids: Vec<u32> = stream[..=context].to_vec();
        stream.drain(..context);
        let target_bytes = tokenizer.decode(&ids[1..])?.len();
        cut.push(Tokenized { ids, target_start: 1, target_bytes, lost: 0 });
    }
    Ok(cut)
}

#[derive(Debug, thiserror::Error)]
pub enum PretrainError {
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

/// The session of `rung`, new or from a checkpoint's bytes.
pub fn session(
    ladder: &Ladder,
    rung: &Rung,
    tokenizer: &dyn Tokenizer,
    device: &Device,
    checkpoint: Option<&[u8]>,
) -> Result<Session, PretrainError> {
    let spec = spec(ladder, rung);
    let cut = |split, count| windows(ladder.corpus, split, count, ladder.context, tokenizer);
    let held_out = ladder.held_out_tokens / ladder.context;
    let batches = Batches::new(
        cut(Split::Train, spec.data.examples)?,
        spec.seed.derive("order", 0),
        ladder.batch_size,
        ladder.context,
    );
    let data = RunData {
        train: batches.ok_or(TrainError::Empty { split: "train" })?,
        dev: cut(Split::Dev, held_out / 4)?,
        test: cut(Split::Test, held_out)?,
        prompt_text: Vec::new(),
        base_test: None,
        report: DataReport::default(),
    };
    let config = ladder.config(rung);
    let base = Decoder::load(&config, &mut InitialWeights(spec.seed), device).map_err(TrainError::from)?;
    Ok(match checkpoint {
        Some(bytes) => Session::resume(&base, &spec, data, bytes)?,
        None => Session::new(&base, &spec, data)?,
    })
}
