//! Trains one cell, listening to the page between steps and leaving checkpoints behind.

use super::engine::{Engine, LoadedBase, WorkerError};
use super::post::{finish, post, progress, say};
use super::{Inbox, Message};
use crate::data::Tokenizer;
use crate::engine::formats::{Width, write_named};
use crate::engine::model::{Continuation, Decoder, Generator, Tensors};
use crate::engine::train::{Callbacks, End, Evaluating, Every, Flow, Outcome, Report, RunData, Session, drive};
use crate::job::{Command, Event, Job, JobEvent, JobId, Output, Partial, Progress, Sample, Sampling, Unkept};
use crate::platform::storage::{Store, StoreError, records};
use crate::record::{Begun, EvalPoint, Provenance, RunRecord};
use crate::spec::{Precision, RunSpec, Source};

/// Messages about steps; at most ten seconds of training are lost to a closed laptop; turns are given to the browser
/// below the 16 ms of a frame.
const EVERY: Every = Every { report: 80.0, checkpoint: 10_000.0, turn: 12.0 };

/// Milliseconds.
fn now() -> f64 {
    js_sys::Date::now()
}

/// A cell that trains in this worker.
struct Training<'a> {
    engine: &'a mut Engine,
    base: &'a LoadedBase,
    inbox: &'a mut Inbox,
    id: JobId,
    begun: Begun,
    paused: bool,
    shown: Shown,
}

/// What a model in training is asked.
#[derive(Default)]
struct Shown {
    prompt: String,
    wanted: String,
}

/// Tokens of a sample and of its prompt, and milliseconds that it may take: training goes on.
const SAMPLE_TOKENS: usize = 24;
const PROMPT_TOKENS: usize = 64;
const SAMPLE_TIME: f64 = 250.0;

impl Callbacks for Training<'_> {
    type Error = WorkerError;

    fn now(&self) -> f64 {
        now()
    }

    fn every(&self) -> Every {
        EVERY
    }

    fn stepped(&mut self, Report { step, of, nats_per_token, tokens_per_second, share }: Report) {
        self.begun.step = step;
        progress(self.id, Progress::Stepped { step, of, nats_per_token, tokens_per_second, share });
    }

    fn evaluating(&mut self, Evaluating { measured, batch, of, share }: Evaluating) {
        progress(self.id, Progress::Evaluating { measured, batch, of, share });
    }

    fn evaluated(&mut self, point: EvalPoint, _of: usize) {
        progress(self.id, Progress::Evaluated(point));
    }

    async fn look(&mut self, model: &Decoder) -> Result<(), WorkerError> {
        let Shown { prompt, wanted } = &self.shown;
        let mut ids = self.base.tokenizer.opened(prompt, false)?;
        let ids = ids.split_off(ids.len().saturating_sub(PROMPT_TOKENS));
        let settings = Sampling { max_tokens: SAMPLE_TOKENS, ..Sampling::default() };
        let mut generator = Generator::start(model, &ids, settings).await?;
        let mut said = Continuation::of(ids, &self.base.tokenizer)?;
        let start = now();
        while said.tokens() < SAMPLE_TOKENS && now() - start < SAMPLE_TIME {
            match generator.next().await?.filter(|token| !self.base.tokenizer.stops(*token)) {
                Some(token) => said.push(token),
                None => break,
            }
        }
        let said = said.text(&self.base.tokenizer)?;
        let sample = Sample { step: self.begun.step, prompt: prompt.clone(), said, wanted: wanted.clone() };
        say(self.id, JobEvent::Partial(Partial::Sampled(sample)));
        Ok(())
    }

    async fn keep(&mut self, checkpoint: Vec<u8>) -> Result<(), WorkerError> {
        self.engine.leave(&self.begun, &checkpoint).await;
        Ok(())
    }

    async fn turn(&mut self) -> Flow {
        self.engine.turn.give().await;
        self.engine.listen_while_training(self.id, self.inbox, &mut self.paused).await
    }
}

impl Engine {
    /// Runs a cell to its end, a stop, or a failure, and tells the page which.
    pub(super) async fn train(&mut self, id: JobId, spec: &RunSpec, inbox: &mut Inbox) {
        self.job = id;
        match self.run(id, spec, inbox).await {
            Ok(Some((record, kept))) => finish(id, Ok::<_, String>(Output::Trained { record: Box::new(record), kept })),
            Ok(None) => say(id, JobEvent::Stopped),
            Err(error) => finish(id, Err(error)),
        }
    }

    /// The record and whether it is kept; none where the run was stopped.
    async fn run(
        &mut self,
        id: JobId,
        spec: &RunSpec,
        inbox: &mut Inbox,
    ) -> Result<Option<(RunRecord, bool)>, WorkerError> {
        let base = self.planned_base(spec).await?;
        let (mut session, shown) = self.session(spec, &base).await?;
        let (step, of) = (session.step(), session.total_steps());
        progress(id, Progress::Started { step, of, share: session.share() });

        let start = now();
        let begun = Begun { spec: spec.clone(), step, of };
        let mut training =
            Training { engine: self, base: &base, inbox, id, begun: begun.clone(), paused: false, shown };
        if drive(&mut session, &mut training).await? == End::Stopped {
            self.leave(&Begun { step: session.step(), ..begun }, &session.checkpoint().await?).await;
            return Ok(None);
        }
        let made = Provenance {
            device: self.report.name.clone(),
            lab: env!("CARGO_PKG_VERSION").into(),
            date: String::from(js_sys::Date::new_0().to_iso_string()).chars().take(10).collect(),
        };
        let Outcome { tensors, record } = session.finish((now() - start) / 1000.0, made).await?;
        self.base_tests.insert(test_key(spec, &base), record.base_test);
        let kept = self.keep(&record, &tensors).await?;
        Ok(Some((record, kept)))
    }

    /// A new session, or the one that an earlier worker left.
    async fn session(&mut self, spec: &RunSpec, base: &LoadedBase) -> Result<(Session, Shown), WorkerError> {
        let (splits, reading) = self.splits(spec, &base.tokenizer)?;
        let asked = splits.dev.first();
        let shown = asked.map(|e| Shown { prompt: e.prompt.clone(), wanted: e.completion.clone() }).unwrap_or_default();
        let known = self.base_tests.get(&test_key(spec, base)).copied();
        let mut data = RunData::of(spec, &splits, &base.tokenizer, known)?;
        data.report.reading = reading;
        let left = records::checkpoint(&self.store, &spec.id().0).await;
        let left = left.inspect_err(|error| log::warn!("{error}; the run starts anew"));
        if let Ok(Some(bytes)) = left {
            match Session::resume(&base.model, spec, data.clone(), &bytes) {
                Ok(session) => return Ok((session, shown)),
                Err(error) => log::warn!("a checkpoint could not be used, the run starts anew: {error}"),
            }
        }
        Ok((Session::new(&base.model, spec, data)?, shown))
    }

    /// Hears what has arrived, and how the page wants the cell to go on.
    async fn listen_while_training(&mut self, id: JobId, inbox: &mut Inbox, paused: &mut bool) -> Flow {
        loop {
            let message: Message = match inbox.arrived() {
                Some(message) => message,
                None if *paused => match inbox.arriving.recv().await {
                    Ok(message) => message,
                    Err(_) => return Flow::Stop,
                },
                None => return Flow::Continue,
            };
            match message {
                (Command::Pause(job), _) if job == id => *paused = true,
                (Command::Resume(job), _) if job == id => *paused = false,
                (Command::Keep(job), _) if job == id => return Flow::Keep,
                (Command::Stop(job), _) if job == id => return Flow::Stop,
                (Command::Stop(job), _) => inbox.withdraw(job),
                (Command::Pause(_) | Command::Resume(_) | Command::Keep(_), _) => {}
                (Command::ProvideModel { base, sha256 }, files) => self.provide(base, sha256, files),
                message @ (Command::Open { .. }, _) => inbox.waiting.push_back(message),
                (Command::Start { id, job }, files) => match job {
                    Job::Train(_) | Job::InspectModel { .. } | Job::LoadModel { .. } | Job::RemoveModel { .. } => {
                        inbox.waiting.push_back((Command::Start { id, job }, files));
                    }
                    job => self.answer(id, job, files, inbox).await,
                },
            }
        }
    }

    /// Leaves a checkpoint. Where the storage takes none, a run that is broken off starts anew; this one goes on.
    async fn leave(&self, begun: &Begun, checkpoint: &[u8]) {
        said(Unkept::Checkpoint, records::leave(&self.store, begun, checkpoint).await);
    }

    /// Keeps a finished run's record, and its weights for completing prompts and for download. A full storage costs
    /// these, not the run's result; whether the record was kept.
    async fn keep(&self, record: &RunRecord, tensors: &Tensors) -> Result<bool, WorkerError> {
        let run = record.id.0.clone();
        let bytes = write_named(records::TUNED, tensors, Width::F32, &[("run", &run)])?;
        // The checkpoint goes last: a kill before that costs nothing.
        let kept = records::write(&self.store, record).await.is_ok();
        let tuned = self.store.write(&records::path(&run, records::TUNED), &bytes).await;
        said(Unkept::Weights(record.id.clone()), tuned);
        if let Err(error) = records::clear(&self.store, &run).await {
            log::warn!("{error}; the run's result is on the page");
        }
        Ok(kept)
    }
}

/// Tells the page of what is not kept.
pub(super) fn said(what: Unkept, written: Result<(), StoreError>) {
    if let Err(error) = written {
        post(&Event::NotKept { what, reason: error.reason() });
    }
}

fn test_key(spec: &RunSpec, base: &LoadedBase) -> (String, Precision, Source, usize) {
    (base.sha256.clone(), base.model.precision(), spec.data.source.clone(), spec.train.sequence)
}
