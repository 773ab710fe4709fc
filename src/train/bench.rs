//! Fixed work for timing, the same on every device: two model sizes, each method, all positions targets.
//! The caller brings the clock, since the engine reads none.

use super::run::{Progress, RunData, TrainError};
use super::session::Session;
use crate::data::{Batches, Tokenized};
use crate::model::{Decoder, Fresh};
use crate::seed::Seed;
use crate::spec::{Base, DataSpec, MethodKind, ModelConfig, RunSpec, SPEC_VERSION, Source, TrainConfig};
use burn::tensor::Device;
use rand::Rng;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BenchSize {
    /// 0.11M parameters, 128 tokens a step: d = 64, 2 layers, 4 heads, context 64, batch 2, vocabulary 96.
    Small,
    /// 0.81M parameters, 512 tokens a step: d = 128, 4 layers, 4 heads, context 64, batch 8, vocabulary 96.
    Medium,
}

/// What a benchmark measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BenchTiming {
    pub parameters: u64,
    pub tokens_per_step: usize,
    /// The median step, in milliseconds.
    pub ms_per_step: f64,
    /// Training loss of the last step, to compare devices.
    pub last_nats_per_token: f64,
}

impl BenchSize {
    pub const ALL: [BenchSize; 2] = [BenchSize::Small, BenchSize::Medium];

    pub fn config(self) -> ModelConfig {
        match self {
            BenchSize::Small => ModelConfig::ladder(96, 64, 64, 2),
            BenchSize::Medium => ModelConfig::ladder(96, 64, 128, 4),
        }
    }

    pub fn batch(self) -> usize {
        match self {
            BenchSize::Small => 2,
            BenchSize::Medium => 8,
        }
    }
}

/// A session of `steps` steps on random tokens that fill every row, without evaluations between.
pub fn session(size: BenchSize, method: MethodKind, steps: usize, device: &Device) -> Result<Session, TrainError> {
    let config = size.config();
    let base = Decoder::load(&config, &mut Fresh::new(&config, Seed(0)), device)?;
    let mut rng = Seed(0).derive("bench", 0).rng();
    let mut example = || Tokenized {
        ids: (0..config.context + 1).map(|_| rng.random_range(0..config.vocab_size as u32)).collect(),
        target_start: 1,
        target_bytes: config.context,
        truncated: false,
    };
    let examples: Vec<Tokenized> = (0..32).map(|_| example()).collect();
    let train = TrainConfig {
        max_steps: steps,
        max_epochs: f64::from(u32::MAX),
        batch_size: size.batch(),
        sequence: config.context,
        eval_every: steps,
        ..TrainConfig::default_for(method)
    };
    let spec = RunSpec {
        version: SPEC_VERSION,
        base: Base { name: format!("bench {size:?}"), sha256: String::new() },
        method: method.method(),
        data: DataSpec { source: Source::Task("bench".into()), examples: examples.len(), subset: Seed(0) },
        train,
        seed: Seed(0),
    };
    let held_out = examples[..1].to_vec();
    let batches = Batches::new(examples, spec.seed, size.batch(), config.context);
    let train = batches.ok_or(TrainError::Empty { split: "train" })?;
    let data = RunData { train, dev: held_out.clone(), test: held_out, prompt_text: Vec::new(), base_test: None };
    Session::new(&base, &spec, data)
}

/// Times `steps` steps after `warmup` others; `now` gives milliseconds.
pub async fn bench(
    size: BenchSize,
    method: MethodKind,
    [warmup, steps]: [usize; 2],
    device: &Device,
    now: impl Fn() -> f64,
) -> Result<BenchTiming, TrainError> {
    let steps = steps.max(1);
    let mut session = session(size, method, warmup + steps, device)?;
    let (mut times, mut last) = (Vec::new(), f64::NAN);
    let mut begun = now();
    for step in 0..warmup + steps {
        let progress = session.advance().await?;
        if let Progress::Stepped { nats_per_token: Some(nats), .. } = progress {
            last = nats;
        }
        let ended = now();
        if step >= warmup {
            times.push(ended - begun);
        }
        begun = ended;
    }
    times.sort_by(f64::total_cmp);
    Ok(BenchTiming {
        parameters: size.config().parameters().total,
        tokens_per_step: size.batch() * size.config().context,
        ms_per_step: times[times.len() / 2],
        last_nats_per_token: last,
    })
}
