//! Times the fixed work of [`crate::plan::bench`] on a device. The caller brings the clock, since the engine reads
//! none.

use super::drive::{Callbacks, Every, Flow, Report, drive};
use super::run::{RunData, TrainError};
use super::session::Session;
use crate::data::{Batches, Tokenized};
use crate::engine::model::{Decoder, InitialWeights};
use crate::plan::bench::{BenchSize, BenchTiming};
use crate::record::DataReport;
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
        lost: 0,
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
    let (dev, report) = (held_out.clone(), DataReport::default());
    let data = RunData { train, dev, test: held_out, prompt_text: Vec::new(), base_test: None, report };
    Session::new(&base, &spec, data)
}

/// Ends after `warmup` and `steps` steps, of which the latter are timed.
struct Timer<F> {
    now: F,
    warmup: usize,
    steps: usize,
    done: usize,
    /// Steps and time since a loss was read last.
    since: u32,
    begun: f64,
    times: Vec<f64>,
    last: f64,
}

impl<F: Fn() -> f64> Callbacks for Timer<F> {
    type Error = TrainError;

    fn now(&self) -> f64 {
        (self.now)()
    }

    fn every(&self) -> Every {
        Every { report: 0.0, turn: 0.0, ..Every::NEVER }
    }

    fn stepped(&mut self, report: Report) {
        self.done += 1;
        self.since += 1;
        // Only a loss that was read says that the device is done.
        if let Some(nats) = report.nats_per_token {
            let ended = self.now();
            if self.done > self.warmup {
                self.times.push((ended - self.begun) / f64::from(self.since));
            }
            (self.last, self.begun, self.since) = (nats, ended, 0);
        }
    }

    async fn turn(&mut self) -> Flow {
        if self.done < self.warmup + self.steps { Flow::Continue } else { Flow::Stop }
    }
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
    let mut timer = Timer { begun: now(), now, warmup, steps, done: 0, since: 0, times: Vec::new(), last: f64::NAN };
    drive(&mut session, &mut timer).await?;
    let Timer { mut times, last, .. } = timer;
    times.sort_by(f64::total_cmp);
    Ok(BenchTiming {
        parameters: size.config().parameters().total,
        tokens_per_step: size.batch() * size.config().context,
        ms_per_step: times[times.len() / 2],
        last_nats_per_token: last,
    })
}
