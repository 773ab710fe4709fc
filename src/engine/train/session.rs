//! One run, driven from outside: each [`Session::advance`] does one optimizer step or one evaluation batch and
//! comes back, so that the caller can pause, yield to the browser, store a checkpoint or stop.
//!
//! The order: steps with dev evaluations between; the best weights on dev are restored; then the test split, once,
//! and the base on the same split. Randomness follows from the spec's seed and the step alone.

use super::checkpoint::{self, Stored};
use super::evaluate::evaluate_batch;
use super::loss::sum_nats;
use super::optim::AdamW;
use super::run::{Outcome, Progress, RunData, TrainError};
use crate::engine::adapt;
use crate::engine::model::{Decoder, Dropout, HostTensor, ModelError, Parameter, read};
use crate::metrics::Metrics;
use crate::plan::evaluation::{Evaluations, sample};
use crate::record::{CurvePoint, EvalPoint, Evaluation, Measured, Provenance, RECORD_VERSION, RunRecord, Sampled};
use crate::spec::RunSpec;
use burn::Tensor;
use burn::tensor::TensorData;
use serde::{Deserialize, Serialize};

/// Points of a training curve that a record keeps, about.
const CURVE_POINTS: usize = 200;

/// The counters a checkpoint carries beside the tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Counters {
    phase: Phase,
    step: usize,
    presented_tokens: u64,
    curve: Vec<CurvePoint>,
    dev: Vec<EvalPoint>,
    best_step: usize,
    test: Option<Evaluation>,
    base_test: Option<Evaluation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Train,
    Dev,
    Test,
    BaseTest,
    Done,
}

#[derive(Debug)]
pub struct Session {
    spec: RunSpec,
    data: RunData,
    base: Decoder,
    model: Decoder,
    optimizer: AdamW,
    /// The trained tensors of the best dev evaluation, in rows.
    best: Vec<Tensor<1>>,
    counters: Counters,
    total_steps: usize,
    evaluations: Evaluations,
    sampled: Option<Sampled>,
    /// The next batch of the evaluation under way, and its sums.
    evaluating: (usize, Metrics),
    /// Losses not yet read from the device: step, target tokens, summed nats.
    pending: Vec<(usize, f64, Tensor<1>)>,
}

impl Session {
    /// Makes a run ready. The base's tensors are shared, never changed.
    pub fn new(base: &Decoder, spec: &RunSpec, mut data: RunData) -> Result<Self, TrainError> {
        spec.check()?;
        let (loaded, planned) = (base.precision(), spec.method.base_precision());
        if loaded != planned {
            return Err(TrainError::Precision { loaded, planned });
        }
        let examples = data.train.examples().len();
        let whole = [data.dev.len(), data.test.len()];
        let evaluations = Evaluations::of(base.config(), &spec.method, &spec.train, examples, whole);
        let read = [evaluations.dev, evaluations.test];
        data.dev = sample(data.dev, read[0]);
        data.test = sample(data.test, read[1]);
        let of = |split: usize| (read[split] as u64, whole[split] as u64);
        let sampled = (read != whole).then(|| Sampled { dev: of(0), test: of(1) });
        // What was measured on another sample says nothing of this one.
        let tested = data.test.iter().filter(|example| example.target_tokens() > 0).count() as u64;
        data.base_test = data.base_test.filter(|known| known.examples == tested);
        let splits = [("train", data.train.examples()), ("dev", &data.dev), ("test", &data.test)];
        for (split, examples) in splits {
            if !examples.iter().any(|example| example.target_tokens() > 0) {
                return Err(TrainError::Empty { split });
            }
        }
        let mut model = adapt::fresh(base, &spec.method, &data.prompt_text, spec.seed)?;
        model.ensure_positions(model.virtual_tokens() + spec.train.sequence)?;
        let mut base = base.clone();
        base.ensure_positions(spec.train.sequence)?;
        let counters = Counters {
            phase: Phase::Train,
            step: 0,
            presented_tokens: 0,
            curve: Vec::new(),
            dev: Vec::new(),
            best_step: 0,
            test: None,
            base_test: data.base_test,
        };
        let total_steps = spec.train.steps(examples);
        Ok(Session {
            optimizer: AdamW::new(model.ops(), &spec.train, &spec.method.trained(model.config())),
            best: rows(&mut model, spec),
            spec: spec.clone(),
            data,
            base,
            model,
            counters,
            total_steps,
            evaluations,
            sampled,
            evaluating: (0, Metrics::default()),
            pending: Vec::new(),
        })
    }

    /// The run of `spec` from where [`Session::checkpoint`] left it.
    pub fn resume(base: &Decoder, spec: &RunSpec, data: RunData, bytes: &[u8]) -> Result<Self, TrainError> {
        let Stored { counters, tensors } = checkpoint::read(&spec.id(), bytes)?;
        let mut session = Session::new(base, spec, data)?;
        let device = session.model.device().clone();
        let row = |prefix: &str, name: &str, count: usize| -> Result<Tensor<1>, TrainError> {
            let name = format!("{prefix}.{name}");
            let tensor = tensors.get(&name).ok_or(ModelError::Missing { name: name.clone() })?;
            if tensor.values.len() != count {
                let (wanted, found) = (vec![count], tensor.shape.clone());
                return Err(ModelError::Shape { name, wanted, found }.into());
            }
            Ok(Tensor::from_data(TensorData::new(tensor.values.clone(), [count]), &device))
        };
        session.best.clear();
        let (best, mut moments) = (&mut session.best, Vec::new());
        let mut failed = None;
        adapt::visit(&mut session.model, &spec.method, &mut |name, mut parameter| {
            let mut place = || -> Result<(), TrainError> {
                let count = parameter.elements();
                parameter.set_flat(row("now", &name, count)?);
                best.push(row("best", &name, count)?);
                if counters.step > 0 {
                    moments.push([row("first", &name, count)?, row("second", &name, count)?]);
                }
                Ok(())
            };
            failed = failed.take().or(place().err());
        });
        session.optimizer.resume(counters.step, moments);
        session.counters = counters;
        failed.map_or(Ok(session), Err)
    }

    pub fn spec(&self) -> &RunSpec {
        &self.spec
    }

    /// Optimizer steps done.
    pub fn step(&self) -> usize {
        self.counters.step
    }

    /// Optimizer steps of the whole run, unless it ends early.
    pub fn total_steps(&self) -> usize {
        self.total_steps
    }

    /// What of the held-out splits is read, where that is not all.
    pub fn sampled(&self) -> Option<Sampled> {
        self.sampled
    }

    /// How much of the run's expected work is done, evaluations included: 0 to 1. It ends early where the dev loss does.
    pub fn share(&self) -> f64 {
        let Counters { phase, step, dev, test, base_test, .. } = &self.counters;
        let base = base_test.is_none();
        let before = match phase {
            Phase::Done => return 1.0,
            Phase::Train | Phase::Dev => self.evaluations.done(*step, self.total_steps, dev.len()),
            Phase::Test | Phase::BaseTest => {
                let tests = (1 + usize::from(base) - usize::from(test.is_some())) * self.evaluations.test_batches();
                self.evaluations.work(base) - tests
            }
        };
        (before + self.evaluating.0) as f64 / self.evaluations.work(base) as f64
    }

    /// The evaluation under way: of what, batches done, and of how many.
    pub fn evaluating(&self) -> Option<(Measured, usize, usize)> {
        let (measured, of) = match self.counters.phase {
            Phase::Dev => (Measured::Dev, self.evaluations.dev_batches()),
            Phase::Test => (Measured::Test, self.evaluations.test_batches()),
            Phase::BaseTest => (Measured::BaseTest, self.evaluations.test_batches()),
            Phase::Train | Phase::Done => return None,
        };
        Some((measured, self.evaluating.0, of))
    }

    /// The model as trained so far; after the test began, with the best weights.
    pub fn model(&self) -> &Decoder {
        &self.model
    }

    /// One optimizer step or one evaluation batch.
    pub async fn advance(&mut self) -> Result<Progress, TrainError> {
        match self.counters.phase {
            Phase::Train => self.train().await,
            Phase::Dev | Phase::Test | Phase::BaseTest => self.evaluate().await,
            Phase::Done => Ok(Progress::Finished),
        }
    }

    async fn train(&mut self) -> Result<Progress, TrainError> {
        let config = &self.spec.train;
        let (step, method) = (self.counters.step, &self.spec.method);
        let first = step * config.accumulate;
        let batches: Vec<_> = (first..first + config.accumulate).map(|i| self.data.train.batch(i)).collect();
        let targets: usize = batches.iter().map(|batch| batch.target_tokens()).sum();
        adapt::visit(&mut self.model, method, &mut |_, mut parameter| parameter.track());

        let mut summed: Vec<Tensor<1>> = Vec::new();
        let mut nats: Option<Tensor<1>> = None;
        for (micro, batch) in batches.iter().enumerate() {
            let dropout = Dropout::new(self.spec.seed.derive("dropout", (first + micro) as u64).draw());
            let loss = sum_nats(&self.model, batch, Some(&dropout))?;
            // One mean over all targets of the step, however they fall on the micro-batches.
            let mut gradients = loss.clone().div_scalar(targets.max(1) as f64).backward();
            nats = Some(nats.map_or(loss.clone().inner(), |sum| sum + loss.inner()));
            let last = micro + 1 == batches.len();
            let (mut rows, mut without) = (Vec::new(), None);
            adapt::visit(&mut self.model, method, &mut |name, mut parameter| {
                match parameter.take_gradient(&mut gradients) {
                    Some(gradient) => rows.push(gradient),
                    None => without = Some(name),
                }
                if !last {
                    parameter.track();
                }
            });
            if let Some(name) = without {
                return Err(TrainError::NoGradient { name });
            }
            summed = if summed.is_empty() { rows } else { summed.into_iter().zip(rows).map(|(a, b)| a + b).collect() };
        }

        let rate = config.rate(step, self.total_steps);
        let model = &mut self.model;
        self.optimizer.step(summed, config.clip_norm, rate, |each| adapt::visit(model, method, &mut |n, p| each(n, p)));

        self.counters.step += 1;
        self.counters.presented_tokens += targets as u64;
        if let Some(nats) = nats {
            self.pending.push((self.counters.step, targets.max(1) as f64, nats));
        }
        let evaluate = self.spec.train.evaluates(self.counters.step, self.total_steps);
        let nats_per_token = match evaluate || self.pending.len() >= self.model.ops().steps_per_read() {
            true => self.read_losses().await?,
            false => None,
        };
        if evaluate {
            self.begin(Phase::Dev);
        }
        let tokens = batches.iter().map(|batch| batch.tokens()).sum();
        Ok(Progress::Stepped { step: self.counters.step, of: self.total_steps, nats_per_token, tokens })
    }

    /// Reads the losses still on the device; their mean. Steps that diverged end the run.
    async fn read_losses(&mut self) -> Result<Option<f64>, TrainError> {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return Ok(None);
        }
        let losses = read(pending.iter().map(|(_, _, nats)| nats.clone()).collect()).await?;
        let stride = self.total_steps.div_ceil(CURVE_POINTS).max(1);
        let mut sum = 0.0;
        for ((step, targets, _), nats) in pending.iter().zip(&losses) {
            let loss = f64::from(nats[0]) / targets;
            if !loss.is_finite() {
                let rate = self.spec.train.rate(step - 1, self.total_steps);
                return Err(TrainError::Diverged { step: *step, rate, loss });
            }
            if step % stride == 0 || *step == 1 {
                self.counters.curve.push(CurvePoint { step: *step, nats_per_token: loss });
            }
            sum += loss;
        }
        Ok(Some(sum / losses.len() as f64))
    }

    fn begin(&mut self, phase: Phase) {
        self.counters.phase = phase;
        self.evaluating = (0, Metrics::default());
    }

    async fn evaluate(&mut self) -> Result<Progress, TrainError> {
        let shape = [self.spec.train.batch_size, self.spec.train.sequence];
        let (model, split) = match self.counters.phase {
            Phase::Dev => (&self.model, &self.data.dev),
            Phase::BaseTest => (&self.base, &self.data.test),
            _ => (&self.model, &self.data.test),
        };
        let (index, metrics) = &mut self.evaluating;
        if evaluate_batch(model, split, *index, shape, metrics).await? {
            *index += 1;
            return Ok(Progress::Evaluating { tokens: shape[0] * shape[1] });
        }
        let phase = self.counters.phase;
        let split = if phase == Phase::Dev { "dev" } else { "test" };
        let evaluation = metrics.evaluation().ok_or(TrainError::Empty { split })?;
        let (step, loss) = (self.counters.step, evaluation.nats_per_token);
        if !loss.is_finite() {
            let rate = self.spec.train.rate(step.max(1) - 1, self.total_steps);
            return Err(TrainError::Diverged { step, rate, loss });
        }
        match phase {
            Phase::Dev => Ok(self.keep_best(EvalPoint { step, evaluation })),
            Phase::Test => {
                self.counters.test = Some(evaluation);
                self.begin(if self.counters.base_test.is_some() { Phase::Done } else { Phase::BaseTest });
                Ok(Progress::Evaluating { tokens: 0 })
            }
            _ => {
                self.counters.base_test = Some(evaluation);
                self.begin(Phase::Done);
                Ok(Progress::Finished)
            }
        }
    }

    /// Keeps the weights if `point` is the best on dev so far, and decides how to go on.
    fn keep_best(&mut self, point: EvalPoint) -> Progress {
        let loss = |point: &EvalPoint| point.evaluation.nats_per_token;
        let lowest = self.counters.dev.iter().map(loss).fold(f64::INFINITY, f64::min);
        if loss(&point) < lowest {
            self.counters.best_step = point.step;
            self.best = rows(&mut self.model, &self.spec);
        }
        self.counters.dev.push(point);
        let since_best = self.counters.dev.iter().filter(|seen| seen.step > self.counters.best_step).count();
        let patience = self.spec.train.patience;
        let stop = patience > 0 && since_best >= patience;
        if stop || self.counters.step >= self.total_steps {
            let mut best = self.best.iter().cloned();
            adapt::visit(&mut self.model, &self.spec.method, &mut |_, mut parameter| {
                parameter.set_flat(best.next().expect("`best` was made by the same visit"));
            });
            self.begin(Phase::Test);
        } else {
            self.begin(Phase::Train);
        }
        Progress::Evaluated(point)
    }

    /// The run as bytes, to go on with [`Session::resume`]. An evaluation under way starts again there.
    pub async fn checkpoint(&mut self) -> Result<Vec<u8>, TrainError> {
        self.read_losses().await?;
        let (mut names, mut shapes, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let (best, moments, mut index) = (&self.best, self.optimizer.moments(), 0);
        adapt::visit(&mut self.model, &self.spec.method, &mut |name, parameter| {
            let shape = parameter.shape();
            let mut add = |prefix: &str, row: Tensor<1>| {
                names.push(format!("{prefix}.{name}"));
                shapes.push(shape.clone());
                values.push(row);
            };
            add("now", parameter.flat());
            add("best", best[index].clone());
            // None before the first step.
            if let Some([first, second]) = moments.get(index) {
                add("first", first.clone());
                add("second", second.clone());
            }
            index += 1;
        });
        let values = read(values).await?;
        let tensors = shapes.into_iter().zip(values).map(|(shape, values)| HostTensor { shape, values });
        let tensors = names.into_iter().zip(tensors).collect();
        Ok(checkpoint::write(&self.spec.id(), &Stored { counters: self.counters.clone(), tensors })?)
    }

    /// The results of a finished run; the caller says how long it took and on what.
    pub async fn finish(mut self, wall_seconds: f64, made: Provenance) -> Result<Outcome, TrainError> {
        let (Some(test), Some(base_test)) = (self.counters.test, self.counters.base_test) else {
            return Err(TrainError::Unfinished);
        };
        let (mut names, mut shapes, mut values) = (Vec::new(), Vec::new(), Vec::new());
        adapt::visit(&mut self.model, &self.spec.method, &mut |name, parameter| {
            names.push(name);
            shapes.push(parameter.shape());
            values.push(parameter.flat());
        });
        let values = read(values).await?;
        let tensors = shapes.into_iter().zip(values).map(|(shape, values)| HostTensor { shape, values });
        let record = RunRecord {
            version: RECORD_VERSION,
            id: self.spec.id(),
            parameters: self.base.config().parameters(),
            trained_parameters: adapt::trained_parameters(&mut self.model, &self.spec.method),
            curve: self.counters.curve,
            dev: self.counters.dev,
            best_step: self.counters.best_step,
            test,
            base_test,
            unique_tokens: self.data.train.examples().iter().map(|e| e.target_tokens() as u64).sum(),
            presented_tokens: self.counters.presented_tokens,
            steps: self.counters.step,
            wall_seconds,
            made,
            data: self.data.report,
            sampled: self.sampled,
            spec: self.spec,
        };
        Ok(Outcome { tensors: names.into_iter().zip(tensors).collect(), record })
    }
}

/// The trained values, in rows.
fn rows(model: &mut Decoder, spec: &RunSpec) -> Vec<Tensor<1>> {
    let mut rows = Vec::new();
    adapt::visit(model, &spec.method, &mut |_, parameter: Parameter<'_>| rows.push(parameter.flat()));
    rows
}
