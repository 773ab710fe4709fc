//! Workers that do every job at once and out of thin air: whatever schedules jobs is driven by them in milliseconds.
//! A trained cell's loss follows a known law, 6·D^−0.2.

use super::{
    Backend, BenchTiming, Command, Context, DataRequest, DataSummary, DeviceReport, Event, Executor, Heard, Job,
    JobEvent, JobId, Output, PROTOCOL_VERSION, Partial, Progress, WorkerId,
};
use crate::record::{CurvePoint, DataReport, Evaluation, Provenance, RECORD_VERSION, RunRecord};
use crate::spec::{ParameterCount, RunSpec, Source};
use std::collections::VecDeque;

/// The executor of tests.
#[derive(Debug, Default)]
pub struct Fake {
    /// Commands not yet done, the oldest first.
    pub waiting: VecDeque<(WorkerId, Command)>,
    pub ended: Vec<WorkerId>,
}

impl Executor for Fake {
    fn spawn(&mut self, _worker: WorkerId, _backend: Backend) {}

    fn send(&mut self, worker: WorkerId, command: Command) {
        self.waiting.push_back((worker, command));
    }

    fn end(&mut self, worker: WorkerId) {
        self.waiting.retain(|(to, _)| *to != worker);
        self.ended.push(worker);
    }
}

impl Fake {
    /// The oldest command that is not yet done.
    #[allow(clippy::should_implement_trait, reason = "an iterator would borrow what must go on taking commands")]
    pub fn next(&mut self) -> Option<(WorkerId, Command)> {
        self.waiting.pop_front()
    }

    /// What a healthy worker says to a command.
    pub fn answer(command: &Command) -> Vec<Heard> {
        let events = match command {
            Command::Open { .. } => vec![opened(PROTOCOL_VERSION)],
            Command::Start { id, job } => job_events(job).into_iter().map(|event| Event::Job(*id, event)).collect(),
            Command::Stop(id) => vec![Event::Job(*id, JobEvent::Stopped)],
            Command::Pause(_) | Command::Resume(_) | Command::Keep(_) | Command::ProvideModel { .. } => vec![],
        };
        events.into_iter().map(Heard::Event).collect()
    }
}

/// A CPU's worker of some version.
pub fn opened(version: u32) -> Event {
    let device = DeviceReport { backend: Backend::Cpu, name: "CPU".into(), reason: "a fake".into() };
    Event::Opened { version, device }
}

/// A job's last word.
pub fn done(id: JobId, output: Output) -> Event {
    Event::Job(id, JobEvent::Done(output))
}

fn job_events(job: &Job) -> Vec<JobEvent> {
    match job {
        Job::Train(spec) => {
            let (step, of, nats_per_token) = (5, 10, Some(4.0));
            let stepped = Progress::Stepped { step, of, nats_per_token, tokens_per_second: 1000.0, share: 0.4 };
            let record = Box::new(record((**spec).clone()));
            let progress = [Progress::Started { step: 0, of: 10, share: 0.0 }, stepped].map(JobEvent::Progress);
            progress.into_iter().chain([JobEvent::Done(Output::Trained { record, kept: false })]).collect()
        }
        Job::ReadData { source, .. } => {
            let source = match source {
                DataRequest::Task(id) => Source::Task(id.clone()),
                other => Source::User { name: other.name().into(), sha256: format!("hash of {}", other.name()) },
            };
            vec![JobEvent::Done(Output::DataRead { source, summary: Box::new(summary()) })]
        }
        Job::Generate { context, .. } => {
            let text = match context {
                Context::Text(prompt) => format!("{prompt} …"),
                Context::Chat(_) => "…".into(),
            };
            let text = Partial::Generated { text, tokens: 1, tokens_per_second: 1.0 };
            vec![JobEvent::Partial(text), JobEvent::Done(Output::Generated)]
        }
        Job::RenameAdapter { .. } | Job::RemoveAdapter { .. } | Job::AddAdapter { .. } => {
            vec![JobEvent::Done(Output::AdaptersChanged)]
        }
        Job::RemoveModel { .. } => vec![JobEvent::Done(Output::Removed)],
        Job::Bench { .. } => {
            let timing = BenchTiming { parameters: 1, tokens_per_step: 1, ms_per_step: 1.0, last_nats_per_token: 1.0 };
            vec![JobEvent::Done(Output::Timed(timing))]
        }
        Job::Fit(question) => vec![JobEvent::Done(Output::Fitted(Box::new(crate::laws::analyse(question))))],
        Job::Export { .. } | Job::InspectModel { .. } | Job::LoadModel { .. } => {
            vec![JobEvent::Failed("a fake has no files".into())]
        }
    }
}

fn summary() -> DataSummary {
    DataSummary {
        name: "data".into(),
        sequence: 48,
        train_examples: 1000,
        dev_examples: 10,
        test_examples: 10,
        bytes: 1000,
        tokens: 500,
        columns: vec![],
        chosen: None,
        notes: vec![],
        preview: vec![],
    }
}

/// What comes of a cell.
pub fn record(spec: RunSpec) -> RunRecord {
    let evaluation = |nats_per_token| Evaluation {
        nats_per_token,
        bits_per_byte: 1.0,
        token_accuracy: 0.5,
        exact_match: 0.1,
        tokens: 100,
        examples: 10,
    };
    let loss = 6.0 * (spec.data.examples as f64).powf(-0.2) * (1.0 + 0.001 * spec.seed.0 as f64);
    RunRecord {
        version: RECORD_VERSION,
        id: spec.id(),
        parameters: ParameterCount { total: 100_000, non_embedding: 60_000 },
        trained_parameters: 100_000,
        curve: vec![CurvePoint { step: 1, nats_per_token: 5.0 }],
        dev: vec![],
        best_step: 1,
        test: evaluation(loss),
        base_test: evaluation(5.0),
        unique_tokens: spec.data.examples as u64 * 20,
        presented_tokens: 1000,
        steps: 10,
        wall_seconds: 1.0,
        made: Provenance { device: "a fake".into(), lab: "0".into(), date: "2026-01-01".into() },
        data: DataReport::default(),
        sampled: None,
        spec,
    }
}
