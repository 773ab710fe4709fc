//! The fold's part for workers: which run each gets next, and what happens when one dies. At most the cell it was running
//! is lost; that cell waits again and a new worker takes over.

use super::settings::DataChoice;
use super::shelf::MODEL_WORKER;
use crate::job::{
    Backend, Command, Counting, DataRequest, DataSummary, DeviceReport, Event, Job, LogLevel, PROTOCOL_VERSION,
    Progress,
};
use crate::spec::{RunId, RunSpec, Source};
use crate::ui::state::*;

/// A live curve keeps at most this many points; beyond it, neighbours are merged.
const CURVE_POINTS: usize = 240;

/// Workers that died before any became ready, after which the page stops trying.
const FALSE_STARTS: u32 = 3;

impl State {
    pub(super) fn spawn(&mut self, orders: &mut Vec<Order>) {
        self.last_worker += 1;
        self.workers.insert(self.last_worker, Worker::default());
        let backend = if self.fallback.is_some() { Backend::Cpu } else { self.settings.backend };
        orders.push(Order::Spawn(self.last_worker, backend));
        let open = Command::Open { version: PROTOCOL_VERSION, backend };
        orders.push(Order::Send(self.last_worker, open));
    }

    /// Another device was chosen: every worker starts anew; what they ran waits again.
    pub(super) fn restart_workers(&mut self, orders: &mut Vec<Order>) {
        self.fallback = None;
        for id in std::mem::take(&mut self.workers).into_keys() {
            orders.push(Order::End(id));
            self.lose_jobs(id, None);
        }
        self.device = None;
        self.false_starts = 0;
        self.spawn(orders);
    }

    pub(super) fn heard(&mut self, now: Millis, id: WorkerId, event: Event, orders: &mut Vec<Order>) {
        if !self.workers.contains_key(&id) && id != MODEL_WORKER {
            return; // A worker that was ended spoke while it went.
        }
        match event {
            Event::Opened { version, device } => self.opened(id, version, device, orders),
            Event::CannotOpen { reason } => self.cannot_open(id, &reason, orders),
            Event::OtherBuild { .. } => self.other_build(id, orders),
            Event::Job(job, event) => {
                self.hear_job(now, id, job, event, orders);
                self.rest_model_worker(orders);
            }
            Event::Adapters(adapters) => self.set_adapters(adapters),
            Event::NotKept { what, reason } => self.unstored.add(Some(id), what, reason),
            Event::DeviceLost { reason } => self.died(id, &format!("the GPU was lost: {reason}"), orders),
            Event::Log { level: LogLevel::Warning, .. } => {}
            Event::Log { text, .. } => self.say(Level::Warning, format!("The engine reports: {text}")),
        }
    }

    /// A worker has read what the page asked for: the cell that waits for it runs.
    pub(super) fn data_read(
        &mut self,
        worker: WorkerId,
        then: Option<Box<RunSpec>>,
        source: Source,
        counted: Counting,
        summary: DataSummary,
        orders: &mut Vec<Order>,
    ) {
        if let Some(worker) = self.workers.get_mut(&worker) {
            worker.known.push(source.clone());
        }
        match then {
            Some(spec) if self.phase == Phase::Playing => drop(self.start(worker, Job::Train(spec), orders)),
            // Paused or stopped meanwhile.
            Some(spec) => self.stopped(&spec.id()),
            None => {}
        }
        if matches!(source, Source::User { .. }) && self.own.trying.is_some() {
            self.own.request = self.own.trying.take();
            self.own.unread_columns.clear();
            self.own.source = Some(source.clone());
            if let Some(request) = &self.own.request
                && self.own.recalled.as_ref().is_none_or(|recalled| recalled.as_ref() != Some(request))
            {
                orders.push(Order::KeepData(request.clone()));
            }
        }
        self.summaries.retain(|(known, by, _)| *known != source || *by != counted);
        self.summaries.push((source, counted, summary));
    }

    pub(super) fn data_refused(&mut self, request: &DataRequest, then: Option<Box<RunSpec>>, reason: String) {
        if let Some(spec) = then {
            self.queue.fail(&spec.id(), format!("its data could not be read: {reason}"));
        }
        if self.own.trying.take().is_some() {
            self.own.problem = Some(reason);
        } else {
            self.say(Level::Warning, format!("The data “{}” could not be read: {reason}", request.name()));
        }
    }

    fn opened(&mut self, id: WorkerId, version: u32, mut device: DeviceReport, orders: &mut Vec<Order>) {
        if version != PROTOCOL_VERSION {
            return self.other_build(id, orders);
        }
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.open = true;
        }
        self.false_starts = 0;
        if let Some(reason) = &self.fallback {
            device.reason = format!("WebGPU could not be started ({reason}), so the CPU trains.");
        }
        self.device = Some(device);
    }

    /// No worker of this device will start: the CPU's takes over, once; if that was the CPU's, the page gives up.
    fn cannot_open(&mut self, id: WorkerId, reason: &str, orders: &mut Vec<Order>) {
        if self.workers.remove(&id).is_some() {
            orders.push(Order::End(id));
        }
        self.false_starts = 0;
        if self.settings.backend != Backend::WebGpu || self.fallback.is_some() {
            self.give_up();
            return self.say(Level::Warning, format!("The training worker does not start: {reason}. Reload the page."));
        }
        self.say(Level::Warning, format!("WebGPU could not be started ({reason}). The CPU trains instead."));
        self.fallback = Some(reason.to_string());
        self.spawn(orders);
    }

    /// A worker of another build would misunderstand; a new one is of the same build.
    pub(super) fn other_build(&mut self, id: WorkerId, orders: &mut Vec<Order>) {
        if id != MODEL_WORKER && self.workers.remove(&id).is_none() {
            return;
        }
        orders.push(Order::End(id));
        self.models.worker_lives &= id != MODEL_WORKER;
        self.lose_jobs(id, None);
        self.give_up();
        self.say(Level::Warning, OTHER_BUILD);
    }

    fn give_up(&mut self) {
        self.phase = Phase::Idle;
        self.queue.clear_pending();
        if self.own.trying.take().is_some() {
            self.own.problem = Some("no worker could be started to read them. Reload the page.".into());
        }
    }

    pub(super) fn stopped(&mut self, run: &RunId) {
        self.queue.put_back(run);
        if self.phase == Phase::Idle {
            self.queue.clear_pending();
        }
    }

    pub(super) fn died(&mut self, id: WorkerId, reason: &str, orders: &mut Vec<Order>) {
        if id == MODEL_WORKER {
            self.models.worker_lives = false;
            orders.push(Order::End(id));
            return self.lose_jobs(id, Some(reason));
        }
        let Some(worker) = self.workers.remove(&id) else { return };
        orders.push(Order::End(id));
        self.lose_jobs(id, Some(reason));
        if !worker.open {
            self.false_starts += 1;
            if self.false_starts >= FALSE_STARTS {
                return self.cannot_open(id, reason, orders);
            }
        }
        if self.workers.is_empty() {
            self.spawn(orders);
        }
    }

    /// Whether a worker is open and neither trains nor reads data.
    pub(super) fn is_idle(&self, id: WorkerId) -> bool {
        let occupies = |job: &Job| matches!(job, Job::Train(_) | Job::ReadData { .. });
        self.workers.get(&id).is_some_and(|worker| worker.open)
            && !self.jobs.of(id).any(|(_, given)| occupies(&given.job))
    }

    /// Gives every idle worker its next work.
    pub(super) fn assign(&mut self, orders: &mut Vec<Order>) {
        let idle: Vec<WorkerId> = self.workers.keys().copied().filter(|&id| self.is_idle(id)).collect();
        for id in idle {
            if let Some(request) = self.wanted_data() {
                let counted = self.counting(None);
                if let (Some(source), None) = (self.source(), &self.own.trying) {
                    self.described.push((source, counted.clone()));
                }
                self.start(id, Job::ReadData { source: request, counted }, orders);
            } else if self.phase == Phase::Playing
                && self.claim == Claim::Held
                && let Some(spec) = self.queue.take()
            {
                self.give(id, spec, orders);
            }
        }
        let counts = self.queue.counts();
        if self.phase == Phase::Playing && counts.pending == 0 && counts.running == 0 {
            self.phase = Phase::Idle;
            self.say(
                Level::Information,
                match counts.failed {
                    // Another tab has trained them.
                    0 if self.trained == 0 => "Every run is finished.".to_string(),
                    0 if self.trained == 1 => "The run is finished.".to_string(),
                    0 => format!("All {} runs are finished.", self.trained),
                    failed => format!("{} runs are finished, {failed} failed.", self.trained),
                },
            );
        }
        // Who opens, or reads the data that all runs need, takes a run next.
        let reads = |id: WorkerId| {
            let reads = |given: &jobs::Given| matches!(given.job, Job::ReadData { .. }) && given.then.is_none();
            self.jobs.of(id).any(|(_, given)| reads(given))
        };
        let coming = self.workers.iter().filter(|(id, worker)| !worker.open || reads(**id)).count();
        let plays = self.phase == Phase::Playing && self.claim == Claim::Held;
        let waits = counts.pending > coming && plays && self.device.is_some();
        if waits && self.workers.len() < self.most_workers() {
            self.spawn(orders);
        }
    }

    /// On the CPU one worker trains one run at a time: more cores, more workers. The page itself needs little of one.
    pub(super) fn most_workers(&self) -> usize {
        let cores = self.cores.saturating_sub(1).max(self.cores.min(2)).clamp(1, 4);
        let most = if self.backend() == Some(Backend::Cpu) { cores } else { 1 };
        most.min(self.workers_that_fit().max(1))
    }

    /// Data to read before anything else: the visitor's new data, or the chosen source to be described.
    fn wanted_data(&self) -> Option<DataRequest> {
        let reads = |given: &jobs::Given| matches!(given.job, Job::ReadData { .. }) && given.then.is_none();
        if self.jobs.given.values().any(reads) {
            return None;
        }
        if let Some(request) = &self.own.trying {
            return Some(request.clone());
        }
        // Described once with each way to count that is chosen.
        let wanted = (self.source()?, self.counting(None));
        let is_known = |(source, counted, _): &(Source, Counting, _)| *source == wanted.0 && *counted == wanted.1;
        if self.summaries.iter().any(is_known) || self.described.contains(&wanted) {
            return None;
        }
        match &self.settings.data {
            DataChoice::Task(task) if !task.is_empty() => Some(DataRequest::Task(task.clone())),
            DataChoice::Task(_) => None,
            DataChoice::Own => self.own.request.clone(),
        }
    }

    fn give(&mut self, id: WorkerId, spec: RunSpec, orders: &mut Vec<Order>) {
        if self.workers[&id].known.contains(&spec.data.source) {
            self.start(id, Job::Train(Box::new(spec)), orders);
            return;
        }
        let request = match &spec.data.source {
            Source::Task(task) => Some(DataRequest::Task(task.clone())),
            user if self.own.source.as_ref() == Some(user) => self.own.request.clone(),
            Source::User { .. } => None,
        };
        match request {
            Some(source) => {
                let counted = self.counting(Some(&spec.base.name));
                self.start_before(id, Job::ReadData { source, counted }, Some(Box::new(spec)), orders);
            }
            None => self.queue.fail(&spec.id(), "its data are no longer loaded; drop the file again."),
        }
    }
}

impl Live {
    /// Takes in how far the run is.
    pub(super) fn hear(&mut self, now: Millis, progress: Progress) {
        match progress {
            Progress::Started { step, of, share } => {
                (self.step, self.of, self.evaluating) = (step, of, None);
                (self.share, self.began_share) = (share, share);
                (self.began, self.seen) = (now, now);
                // A run that starts over begins its curve anew; one that resumes keeps what it had.
                self.curve.retain(|&(at, _)| at <= step && step > 0);
                self.dev.retain(|point| point.step <= step && step > 0);
            }
            Progress::Stepped { step, of, nats_per_token, tokens_per_second, share } => {
                (self.step, self.of, self.seen) = (step, of, now);
                (self.share, self.evaluating) = (share, None);
                self.tokens_per_second = tokens_per_second;
                if let Some(loss) = nats_per_token {
                    self.curve.push((step, loss));
                    thin(&mut self.curve);
                }
            }
            Progress::Evaluating { measured, batch, of, share } => {
                (self.share, self.evaluating, self.seen) = (share, Some((measured, batch, of)), now);
            }
            Progress::Evaluated(point) => self.dev.push(point),
            // Of bases and models.
            Progress::Fetching { .. } | Progress::Loading { .. } => {}
        }
    }
}

/// Halves a curve that grew too long, each two neighbours becoming their mean.
fn thin(curve: &mut Vec<(usize, f64)>) {
    if curve.len() > CURVE_POINTS {
        *curve = curve
            .chunks(2)
            .map(|pair| {
                let mean = pair.iter().map(|&(_, loss)| loss).sum::<f64>() / pair.len() as f64;
                (pair[pair.len() - 1].0, mean)
            })
            .collect();
    }
}
