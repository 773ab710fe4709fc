//! Threads as workers: each opens the bases it needs and trains one cell after another, as a browser's worker does, with
//! the same numbers. It does no other job.

use super::folder::Folder;
use crate::data::user::UserData;
use crate::data::{Prepared, Splits};
use crate::engine::formats::Checkpoint;
use crate::engine::model::Decoder;
use crate::engine::text::TextTokenizer;
use crate::engine::train::{Callbacks, RunData, Session, TrainError, drive};
use crate::job::{
    Backend, Command, DeviceReport, Event, Executor, Heard, Job, JobEvent, Output, PROTOCOL_VERSION, WorkerId,
};
use crate::record::{Evaluation, Provenance, RunRecord};
use crate::spec::{Precision, RunSpec, Source};
use anyhow::{Context, Result, ensure};
use burn::tensor::Device;
use pollster::block_on;
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

pub struct Threads {
    here: Here,
    workers: BTreeMap<WorkerId, Sender<Command>>,
    inbox: Sender<(WorkerId, Heard)>,
}

/// What every worker knows of where it is.
#[derive(Clone)]
pub struct Here {
    /// The folder that holds the bases.
    pub models: PathBuf,
    /// The data that a [`Source::User`] names.
    pub own: Option<Arc<UserData>>,
    /// What a record says of here and now.
    pub made: fn() -> Provenance,
}

impl Threads {
    /// Workers; what they say comes by the receiver.
    pub fn new(here: Here) -> (Self, Receiver<(WorkerId, Heard)>) {
        let (inbox, heard) = channel();
        (Threads { here, workers: BTreeMap::new(), inbox }, heard)
    }
}

impl Executor for Threads {
    fn spawn(&mut self, worker: WorkerId, _backend: Backend) {
        let (sender, commands) = channel();
        let inbox = self.inbox.clone();
        let mut here = Worker::new(self.here.clone());
        std::thread::spawn(move || {
            // Nobody to hear it: the program ends.
            let say = |heard| drop(inbox.send((worker, heard)));
            let work = || commands.iter().for_each(|command| say(Heard::Event(here.answer(command))));
            if catch_unwind(AssertUnwindSafe(work)).is_err() {
                say(Heard::Died("its thread panicked; the reason is above".into()));
            }
        });
        self.workers.insert(worker, sender);
    }

    fn send(&mut self, worker: WorkerId, command: Command) {
        // A thread that panicked has said so.
        if let Some(sender) = self.workers.get(&worker) {
            let _ = sender.send(command);
        }
    }

    /// The thread ends with the job it does.
    fn end(&mut self, worker: WorkerId) {
        self.workers.remove(&worker);
    }
}

struct Base {
    sha256: String,
    model: Decoder,
    tokenizer: TextTokenizer,
}

/// A base's name and how it is held.
type Held = (String, Precision);

/// Trains cells one after another; what several need is read once.
pub struct Worker {
    here: Here,
    bases: HashMap<Held, Base>,
    /// The own data as a base reads them, by its name and the sequence.
    prepared: HashMap<(String, usize), Prepared>,
    /// A base's loss on a source's test split, by columns: the same for every cell.
    base_tests: HashMap<(Held, Source, usize), Evaluation>,
}

impl Worker {
    pub fn new(here: Here) -> Self {
        Worker { here, bases: HashMap::new(), prepared: HashMap::new(), base_tests: HashMap::new() }
    }

    pub fn has_own_data(&self) -> bool {
        self.here.own.is_some()
    }

    fn answer(&mut self, command: Command) -> Event {
        match command {
            Command::Open { .. } => {
                let device = DeviceReport {
                    backend: Backend::Cpu,
                    name: (self.here.made)().device,
                    reason: "Threads train on the CPU.".into(),
                };
                Event::Opened { version: PROTOCOL_VERSION, device }
            }
            Command::Start { id, job: Job::Train(spec) } => {
                let trained = self.train(&spec).map(|record| Output::Trained { record: Box::new(record), kept: false });
                Event::Job(id, trained.map_or_else(|error| JobEvent::Failed(format!("{error:#}")), JobEvent::Done))
            }
            Command::Start { id, .. } => Event::Job(id, JobEvent::Failed("a thread does nothing but train".into())),
            // A job is over before the next command is heard.
            Command::Pause(id) | Command::Resume(id) | Command::Keep(id) | Command::Stop(id) => {
                Event::Job(id, JobEvent::Stopped)
            }
            Command::ProvideModel { base, .. } => {
                let text = format!("{base}: a thread reads its bases from their folder");
                Event::Log { level: crate::job::LogLevel::Error, text }
            }
        }
    }

    /// Trains a cell to its end.
    pub fn train(&mut self, spec: &RunSpec) -> Result<RunRecord> {
        let begun = Instant::now();
        let mut session = self.session(spec)?;
        block_on(drive(&mut session, &mut Silent(begun)))?;
        let record = block_on(session.finish(begun.elapsed().as_secs_f64(), (self.here.made)()))?.record;
        self.base_tests.insert(base_test_key(spec), record.base_test);
        Ok(record)
    }

    /// A cell that is ready to train.
    pub fn session(&mut self, spec: &RunSpec) -> Result<Session> {
        let held = (spec.base.name.clone(), spec.method.base_precision());
        if !self.bases.contains_key(&held) {
            self.bases.insert(held.clone(), open(&self.here.models.join(&held.0), held.1)?);
        }
        let base = &self.bases[&held];
        let name = &spec.base.name;
        ensure!(
            base.sha256 == spec.base.sha256,
            "{name} is not the one this run was planned with: bring that one back"
        );
        let own = match (&self.here.own, &spec.data.source) {
            (Some(own), Source::User { .. }) => {
                let key = (name.clone(), spec.train.sequence);
                if !self.prepared.contains_key(&key) {
                    self.prepared.insert(key.clone(), own.prepare(&base.tokenizer, spec.train.sequence)?);
                }
                Some((own.sha256.as_str(), &self.prepared[&key]))
            }
            _ => None,
        };
        let splits = Splits::for_run(&spec.data, own.map(|(sha256, prepared)| (sha256, &prepared.splits)))?;
        let base_test = self.base_tests.get(&base_test_key(spec)).copied();
        let mut data = RunData::of(spec, &splits, &base.tokenizer, base_test)?;
        data.report.reading = own.map(|(_, prepared)| prepared.reading.clone()).unwrap_or_default();
        Ok(Session::new(&base.model, spec, data)?)
    }
}

fn base_test_key(spec: &RunSpec) -> (Held, Source, usize) {
    ((spec.base.name.clone(), spec.method.base_precision()), spec.data.source.clone(), spec.train.sequence)
}

/// Loads a base to train on.
fn open(folder: &Path, precision: Precision) -> Result<Base> {
    let mut checkpoint = Checkpoint::open(Folder::open(folder)?).with_context(|| folder.display().to_string())?;
    let sha256 = checkpoint.sha256()?;
    let config = checkpoint.config().clone();
    let model = Decoder::load_as(precision, &config, &mut checkpoint, &Device::flex())?;
    let tokenizer = checkpoint.tokenizer.with_context(|| format!("{} has no tokenizer.json", folder.display()))?;
    Ok(Base { sha256, model, tokenizer })
}

/// Says nothing on the way.
struct Silent(Instant);

impl Callbacks for Silent {
    type Error = TrainError;

    fn now(&self) -> f64 {
        1e3 * self.0.elapsed().as_secs_f64()
    }
}
