//! Trains one cell, listening to the page between steps and leaving checkpoints behind.

use super::lab::{CHECKPOINT, Lab, LoadedBase, RECORD, TUNED, WorkerError, tuned_path};
use super::post::post;
use super::{Inbox, Message};
use crate::engine::formats::{Width, write_named};
use crate::engine::model::Tensors;
use crate::engine::train::{Outcome, Progress, RunData, Session};
use crate::platform::storage::Store;
use crate::protocol::{Command, Event};
use crate::record::{Provenance, RunRecord};
use crate::spec::{Precision, RunSpec, Source};

/// Between two turns given to the browser: below the 16 ms of a frame.
const TURN_EVERY_MS: f64 = 12.0;
/// Between two messages about steps.
const TELL_EVERY_MS: f64 = 80.0;
/// Between two checkpoints: at most this much training is lost to a closed laptop.
const CHECKPOINT_EVERY_MS: f64 = 10_000.0;

enum End {
    Finished(Box<RunRecord>),
    Stopped(usize),
}

/// Milliseconds.
fn now() -> f64 {
    js_sys::Date::now()
}

impl Lab {
    /// Runs a cell to its end, a stop, or a failure, and tells the page which.
    pub(super) async fn run(&mut self, spec: &RunSpec, inbox: &mut Inbox) {
        let run = spec.id();
        match self.train(spec, inbox).await {
            Ok(End::Finished(record)) => post(&Event::Finished { record }),
            Ok(End::Stopped(step)) => post(&Event::Stopped { run, step }),
            Err(error) => post(&Event::Failed { run, reason: error.to_string() }),
        }
    }

    async fn train(&mut self, spec: &RunSpec, inbox: &mut Inbox) -> Result<End, WorkerError> {
        let run = spec.id();
        let base = self.planned_base(spec).await?;
        let mut session = self.session(spec, &base).await?;
        post(&Event::Started { run: run.clone(), step: session.step(), of: session.total_steps() });

        let begun = now();
        let (mut turned, mut told, mut saved) = (begun, begun, begun);
        let mut tokens_since = 0;
        let mut last_loss = None;
        loop {
            let progress = session.advance().await?;
            let time = now();
            match progress {
                Progress::Stepped { step, of, nats_per_token, tokens } => {
                    tokens_since += tokens;
                    last_loss = nats_per_token.or(last_loss);
                    if time - told >= TELL_EVERY_MS || step == of || step == 1 {
                        let tokens_per_second = tokens_since as f64 / ((time - told) / 1000.0).max(1e-3);
                        let nats_per_token = last_loss.take();
                        post(&Event::Stepped { run: run.clone(), step, of, nats_per_token, tokens_per_second });
                        (told, tokens_since) = (time, 0);
                    }
                }
                // Time spent on evaluations is no training speed.
                Progress::Evaluating { .. } => told = told.max(time - TELL_EVERY_MS),
                Progress::Evaluated(point) => post(&Event::Evaluated { run: run.clone(), point }),
                Progress::Finished => break,
            }
            if time - saved >= CHECKPOINT_EVERY_MS {
                self.store.write(&tuned_path(&run.0, CHECKPOINT), &session.checkpoint().await?).await?;
                saved = now();
            }
            if time - turned >= TURN_EVERY_MS {
                self.turn.give().await;
                if self.listen_while_training(inbox).await {
                    self.store.write(&tuned_path(&run.0, CHECKPOINT), &session.checkpoint().await?).await?;
                    return Ok(End::Stopped(session.step()));
                }
                turned = now();
            }
        }

        let made = Provenance {
            device: self.report.name.clone(),
            lab: env!("CARGO_PKG_VERSION").into(),
            date: String::from(js_sys::Date::new_0().to_iso_string()).chars().take(10).collect(),
        };
        let Outcome { tensors, record } = session.finish((now() - begun) / 1000.0, made).await?;
        self.base_tests.insert(test_key(spec, &base), record.base_test);
        self.keep(&record, &tensors).await?;
        Ok(End::Finished(Box::new(record)))
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
