//! Trains one cell, listening to the page between steps and leaving checkpoints behind.

use super::lab::{CHECKPOINT, Lab, LoadedBase, RECORD, TUNED, WorkerError, tuned_path};
use super::post::post;
use super::{Inbox, Message};
use crate::engine::formats::{Width, write_named};
use crate::engine::model::Tensors;
use crate::engine::train::{Callbacks, End, Every, Flow, Outcome, Report, RunData, Session, drive};
use crate::platform::storage::Store;
use crate::protocol::{Command, Event};
use crate::record::{EvalPoint, Provenance, RunRecord};
use crate::spec::{Precision, RunId, RunSpec, Source};

/// Messages about steps; at most ten seconds of training are lost to a closed laptop; turns are given to the browser
/// below the 16 ms of a frame.
const EVERY: Every = Every { report: 80.0, checkpoint: 10_000.0, turn: 12.0 };

enum Ended {
    Finished(Box<RunRecord>),
    Stopped(usize),
}

/// Milliseconds.
fn now() -> f64 {
    js_sys::Date::now()
}

/// A cell that trains in this worker.
struct Training<'a> {
    lab: &'a mut Lab,
    inbox: &'a mut Inbox,
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
        post(&Event::Stepped { run: self.run.clone(), step, of, nats_per_token, tokens_per_second });
    }

    fn evaluated(&mut self, point: EvalPoint, _of: usize) {
        post(&Event::Evaluated { run: self.run.clone(), point });
    }

    async fn keep(&mut self, checkpoint: Vec<u8>) -> Result<(), WorkerError> {
        Ok(self.lab.store.write(&tuned_path(&self.run.0, CHECKPOINT), &checkpoint).await?)
    }

    async fn turn(&mut self) -> Flow {
        self.lab.turn.give().await;
        match self.lab.listen_while_training(self.inbox).await {
            true => Flow::Stop,
            false => Flow::Continue,
        }
    }
}

impl Lab {
    /// Runs a cell to its end, a stop, or a failure, and tells the page which.
    pub(super) async fn run(&mut self, spec: &RunSpec, inbox: &mut Inbox) {
        let run = spec.id();
        match self.train(spec, inbox).await {
            Ok(Ended::Finished(record)) => post(&Event::Finished { record }),
            Ok(Ended::Stopped(step)) => post(&Event::Stopped { run, step }),
            Err(error) => post(&Event::Failed { run, reason: error.to_string() }),
        }
    }

    async fn train(&mut self, spec: &RunSpec, inbox: &mut Inbox) -> Result<Ended, WorkerError> {
        let run = spec.id();
        let base = self.planned_base(spec).await?;
        let mut session = self.session(spec, &base).await?;
        post(&Event::Started { run: run.clone(), step: session.step(), of: session.total_steps() });

        let begun = now();
        let end = drive(&mut session, &mut Training { lab: self, inbox, run: run.clone() }).await?;
        if end == End::Stopped {
            self.store.write(&tuned_path(&run.0, CHECKPOINT), &session.checkpoint().await?).await?;
            return Ok(Ended::Stopped(session.step()));
        }
        let made = Provenance {
            device: self.report.name.clone(),
            lab: env!("CARGO_PKG_VERSION").into(),
            date: String::from(js_sys::Date::new_0().to_iso_string()).chars().take(10).collect(),
        };
        let Outcome { tensors, record } = session.finish((now() - begun) / 1000.0, made).await?;
        self.base_tests.insert(test_key(spec, &base), record.base_test);
        self.keep(&record, &tensors).await?;
        Ok(Ended::Finished(Box::new(record)))
    }

    /// A new session, or the one that an earlier worker left.
    async fn session(&mut self, spec: &RunSpec, base: &LoadedBase) -> Result<Session, WorkerError> {
        let splits = self.splits(spec)?;
        let known = self.base_tests.get(&test_key(spec, base)).copied();
        let data = RunData::of(spec, &splits, &base.tokenizer, known)?;
        if let Some(bytes) = self.store.read(&tuned_path(&spec.id().0, CHECKPOINT)).await? {
            match Session::resume(&base.model, spec, data.clone(), &bytes) {
                Ok(session) => return Ok(session),
                Err(error) => log::warn!("a checkpoint could not be used, the run starts anew: {error}"),
            }
        }
        Ok(Session::new(&base.model, spec, data)?)
    }

    /// Hears what has arrived; true where the page wants the cell to stop.
    async fn listen_while_training(&mut self, inbox: &mut Inbox) -> bool {
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
                (Command::Pause, _) => paused = true,
                (Command::Resume, _) => paused = false,
                (Command::Stop, _) => return true,
                message @ (Command::Run { .. } | Command::Start { .. } | Command::Shelf(_), _) => {
                    inbox.waiting.push_back(message)
                }
                (command, files) => self.answer(command, files, inbox).await,
            }
        }
    }

    /// Keeps a finished run's weights for completing prompts and for download. A full storage costs these, not the
    /// run's result.
    async fn keep(&self, record: &RunRecord, tensors: &Tensors) -> Result<(), WorkerError> {
        let run = record.id.0.clone();
        self.store.remove(&tuned_path(&run, CHECKPOINT)).await?;
        let bytes = write_named(TUNED, tensors, Width::F32, &[("run", &run)])?;
        for (file, bytes) in [(TUNED, bytes), (RECORD, record.to_json().into_bytes())] {
            if let Err(error) = self.store.write(&tuned_path(&run, file), &bytes).await {
                log::warn!("{error}; the run's result is kept, its weights are not");
            }
        }
        Ok(())
    }
}

fn test_key(spec: &RunSpec, base: &LoadedBase) -> (String, Precision, Source, usize) {
    (base.sha256.clone(), base.model.precision(), spec.data.source.clone(), spec.train.sequence)
}
