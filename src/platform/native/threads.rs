//! Threads as workers: each opens the bases it needs and trains one cell after another, as a browser's worker does, with
//! the same numbers. It does no other job.

use super::folder::Folder;
use crate::data::Splits;
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
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

pub struct Threads {
    models: PathBuf,
    made: fn() -> Provenance,
    workers: BTreeMap<WorkerId, Sender<Command>>,
    inbox: Sender<(WorkerId, Heard)>,
}

impl Threads {
    /// Workers that find their bases in the folder `models`; what they say comes by the receiver.
    pub fn new(models: &Path, made: fn() -> Provenance) -> (Self, Receiver<(WorkerId, Heard)>) {
        let (inbox, heard) = channel();
        (Threads { models: models.to_path_buf(), made, workers: BTreeMap::new(), inbox }, heard)
    }
}

impl Executor for Threads {
    fn spawn(&mut self, worker: WorkerId, _backend: Backend) {
        let (sender, commands) = channel();
        let inbox = self.inbox.clone();
        let (models, made) = (self.models.clone(), self.made);
        std::thread::spawn(move || {
            // Nobody to hear it: the program ends.
            let say = |heard| drop(inbox.send((worker, heard)));
            let mut here = Worker { models, made, bases: HashMap::new(), base_tests: HashMap::new() };
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

struct Worker {
    models: PathBuf,
    /// What a record says of here and now.
    made: fn() -> Provenance,
    bases: HashMap<Held, Base>,
    /// A base's loss on a source's test split, by columns: the same for every cell.
    base_tests: HashMap<(Held, Source, usize), Evaluation>,
}

impl Worker {
    fn answer(&mut self, command: Command) -> Event {
        match command {
            Command::Open { .. } => {
                let device = DeviceReport {
                    backend: Backend::Cpu,
                    name: (self.made)().device,
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

    fn train(&mut self, spec: &RunSpec) -> Result<RunRecord> {
        let begun = Instant::now();
        let held = (spec.base.name.clone(), spec.method.base_precision());
        if !self.bases.contains_key(&held) {
            self.bases.insert(held.clone(), open(&self.models.join(&held.0), held.1)?);
        }
        let base = &self.bases[&held];
        let name = &spec.base.name;
        ensure!(
            base.sha256 == spec.base.sha256,
            "{name} is not the one this run was planned with: bring that one back"
        );
        let splits = Splits::for_run(&spec.data, None)?;
        let key = (held, spec.data.source.clone(), spec.train.sequence);
        let data = RunData::of(spec, &splits, &base.tokenizer, self.base_tests.get(&key).copied())?;
        let mut session = Session::new(&base.model, spec, data)?;
        block_on(drive(&mut session, &mut Silent(begun)))?;
        let record = block_on(session.finish(begun.elapsed().as_secs_f64(), (self.made)()))?.record;
        self.base_tests.insert(key, record.base_test);
        Ok(record)
    }
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
