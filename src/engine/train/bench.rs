//! Times the fixed work of [`crate::plan::bench`] on a device. The caller brings the clock, since the engine reads
//! none.

use super::run::{Progress, RunData, TrainError};
use super::session::Session;
use crate::data::{Batches, Tokenized};
use crate::engine::model::{Decoder, InitialWeights};
use crate::plan::bench::{BenchSize, BenchTiming};
use crate::seed::Seed;
use crate::spec::{Base, DataSpec, Method, ModelConfig, RunSpec, SPEC_VERSION, Source, TrainConfig};
use burn::tensor::Device;

/// A session of `steps` steps of `batch` rows of random tokens, without evaluations between.
pub fn session(
    config: &ModelConfig,
    batch: usize,
    method: impl Into<Method>,
    steps: usize,
    device: &Device,
) -> Result<Session, TrainError> {
    let method = method.into();
    let base = Decoder::load_as(method.base_precision(), config, &mut InitialWeights(Seed(0)), device)?;
    let mut draw = Seed(0).derive("bench", 0).draw();
    let mut example = || Tokenized {
        ids: (0..config.context + 1).map(|_| draw.index(config.vocab_size) as u32).collect(),
        target_start: 1,
        target_bytes: config.context,
        truncated: false,
    };
    let examples: Vec<Tokenized> = (0..32).map(|_| example()).collect();
    let train = TrainConfig {
        max_steps: steps,
        max_epochs: f64::from(u32::MAX),
        batch_size: batch,
        sequence: config.context,
        eval_every: steps,
        ..TrainConfig::default_for(method.kind())
    };
    let spec = RunSpec {
        version: SPEC_VERSION,
        base: Base { name: "bench".into(), sha256: String::new() },
        method,
        data: DataSpec { source: Source::Task("bench".into()), examples: examples.len(), subset: Seed(0) },
        train,
        seed: Seed(0),
    };
    let held_out = examples[..1].to_vec();
    let batches = Batches::new(examples, spec.seed, batch, config.context);
    let train = batches.ok_or(TrainError::Empty { split: "train" })?;
    let data = RunData { train, dev: held_out.clone(), test: held_out, prompt_text: Vec::new(), base_test: None };
    Session::new(&base, &spec, data)
}

/// Times `steps` steps after `warmup` others; `now` gives milliseconds.
pub async fn bench(
    size: BenchSize,
    method: impl Into<Method>,
    [warmup, steps]: [usize; 2],
    device: &Device,
    now: impl Fn() -> f64,
) -> Result<BenchTiming, TrainError> {
    let steps = steps.max(1);
    let mut session = session(&size.config(), size.batch(), method, warmup + steps, device)?;
    let (mut times, mut last, mut since) = (Vec::new(), f64::NAN, 0);
    let mut begun = now();
    for step in 0..warmup + steps {
        let progress = session.advance().await?;
        since += 1;
        // Only a loss that was read says that the device is done.
        if let Progress::Stepped { nats_per_token: Some(nats), .. } = progress {
            let ended = now();
            if step >= warmup {
                times.push((ended - begun) / f64::from(since));
            }
            (last, begun, since) = (nats, ended, 0);
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(BenchTiming {
        parameters: size.config().parameters().total,
        tokens_per_step: size.batch() * size.config().context,
        ms_per_step: times[times.len() / 2],
        last_nats_per_token: last,
    })
}
