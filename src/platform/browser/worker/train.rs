//! Trains one cell, listening to the page between steps and leaving checkpoints behind.

use super::engine::{CHECKPOINT, Engine, LoadedBase, TUNED, WorkerError};
use super::post::{finish, progress, say};
use super::{Inbox, Message};
use crate::engine::formats::{Width, write_named};
use crate::engine::model::Tensors;
use crate::engine::train::{Callbacks, End, Every, Flow, Outcome, Report, RunData, Session, drive};
use crate::job::{Command, Job, JobEvent, JobId, Output, Progress};
use crate::platform::storage::{Store, records};
use crate::record::{EvalPoint, Provenance, RunRecord};
use crate::spec::{Precision, RunId, RunSpec, Source};

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
    inbox: &'a mut Inbox,
    id: JobId,
    run: RunId,
}

impl Callbacks for Training<'_> {
    type Error = WorkerError;

    fn now(&self) -> f64 {
        now()
    }

    fn every(&self) -> Every {
        EVERY
    }

    fn stepped(&mut self, Report { step, of, nats_per_token, tokens_per_second }: Report) {
        progress(self.id, Progress::Stepped { step, of, nats_per_token, tokens_per_second });
    }

    fn evaluated(&mut self, point: EvalPoint, _of: usize) {
        progress(self.id, Progress::Evaluated(point));
    }

    async fn keep(&mut self, checkpoint: Vec<u8>) -> Result<(), WorkerError> {
        Ok(self.engine.store.write(&records::path(&self.run.0, CHECKPOINT), &checkpoint).await?)
    }

    async fn turn(&mut self) -> Flow {
        self.engine.turn.give().await;
        match self.engine.listen_while_training(self.id, self.inbox).await {
            true => Flow::Stop,
            false => Flow::Continue,
        }
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
        let run = spec.id();
        let base = self.planned_base(spec).await?;
        let mut session = self.session(spec, &base).await?;
        progress(id, Progress::Started { step: session.step(), of: session.total_steps() });

        let begun = now();
        let end = drive(&mut session, &mut Training { engine: self, inbox, id, run: run.clone() }).await?;
        if end == End::Stopped {
            self.store.write(&records::path(&run.0, CHECKPOINT), &session.checkpoint().await?).await?;
            return Ok(None);
        }
        let made = Provenance {
            device: self.report.name.clone(),
            lab: env!("CARGO_PKG_VERSION").into(),
            date: String::from(js_sys::Date::new_0().to_iso_string()).chars().take(10).collect(),
        };
        let Outcome { tensors, record } = session.finish((now() - begun) / 1000.0, made).await?;
        self.base_tests.insert(test_key(spec, &base), record.base_test);
        let kept = self.keep(&record, &tensors).await?;
        Ok(Some((record, kept)))
    }

    /// A new session, or the one that an earlier worker left.
    async fn session(&mut self, spec: &RunSpec, base: &LoadedBase) -> Result<Session, WorkerError> {
        let (splits, reading) = self.splits(spec, &base.tokenizer)?;
        let known = self.base_tests.get(&test_key(spec, base)).copied();
        let mut data = RunData::of(spec, &splits, &base.tokenizer, known)?;
        data.report.reading = reading;
        if let Some(bytes) = self.store.read(&records::path(&spec.id().0, CHECKPOINT)).await? {
            match Session::resume(&base.model, spec, data.clone(), &bytes) {
                Ok(session) => return Ok(session),
                Err(error) => log::warn!("a checkpoint could not be used, the run starts anew: {error}"),
            }
        }
        Ok(Session::new(&base.model, spec, data)?)
    }

    /// Hears what has arrived; true where the page wants the cell to stop.
    async fn listen_while_training(&mut self, id: JobId, inbox: &mut Inbox) -> bool {
        let mut paused = false;
        loop {
            let message: Message = match inbox.arrived() {
                Some(message) => message,
                None if paused => match inbox.arriving.recv().await {
                    Ok(message) => message,
                    Err(_) => return true,
                },
                None => return false,
            };
            match message {
                (Command::Pause(job), _) if job == id => paused = true,
                (Command::Resume(job), _) if job == id => paused = false,
                (Command::Stop(job), _) if job == id => return true,
                (Command::Stop(job), _) => inbox.withdraw(job),
                (Command::Pause(_) | Command::Resume(_), _) => {}
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

    /// Keeps a finished run's record, and its weights for completing prompts and for download. A full storage costs
    /// these, not the run's result; whether the record was kept.
    async fn keep(&self, record: &RunRecord, tensors: &Tensors) -> Result<bool, WorkerError> {
        let run = record.id.0.clone();
        let bytes = write_named(TUNED, tensors, Width::F32, &[("run", &run)])?;
        // The checkpoint goes last: a kill before that costs nothing.
        let kept = records::write(&self.store, record).await;
        let tuned = self.store.write(&records::path(&run, TUNED), &bytes).await;
        let cleared = self.store.remove(&records::path(&run, CHECKPOINT)).await;
        for error in [kept.as_ref(), tuned.as_ref(), cleared.as_ref()].into_iter().filter_map(Result::err) {
            log::warn!("{error}; the run's result is on the page");
        }
        Ok(kept.is_ok() && self.store.keeps())
    }
}

fn test_key(spec: &RunSpec, base: &LoadedBase) -> (String, Precision, Source, usize) {
    (base.sha256.clone(), base.model.precision(), spec.data.source.clone(), spec.train.sequence)
}
