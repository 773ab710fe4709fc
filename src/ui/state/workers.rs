//! The fold's part for workers: what their events change, which run each gets next, and what happens when one
//! dies. At most the cell it was running is lost; that cell waits again and a new worker takes over.

use super::settings::DataChoice;
use crate::protocol::{Backend, Command, DataRequest, DeviceReport, Event, LogLevel, PROTOCOL_VERSION};
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
        let start = Command::Start { protocol: PROTOCOL_VERSION, backend };
        orders.push(Order::Send(self.last_worker, start));
    }

    /// Another device was chosen: every worker starts anew; what they ran waits again.
    pub(super) fn restart_workers(&mut self, orders: &mut Vec<Order>) {
        self.fallback = None;
        for (id, worker) in std::mem::take(&mut self.workers) {
            orders.push(Order::End(id));
            self.put_back(worker.doing);
        }
        self.device = None;
        self.false_starts = 0;
        self.spawn(orders);
    }

    fn put_back(&mut self, doing: Doing) {
        match doing {
            Doing::Running(run) => self.queue.put_back(&run),
            Doing::Reading(Some(spec)) => self.queue.put_back(&spec.id()),
            _ => {}
        }
    }

    pub(super) fn heard(&mut self, now: Millis, id: WorkerId, event: Event, orders: &mut Vec<Order>) {
        if !self.workers.contains_key(&id) {
            return; // A worker that was ended spoke while it went.
        }
        match event {
            Event::Ready { protocol, device } => self.ready(id, protocol, device, orders),
            Event::CannotStart { reason } => self.cannot_start(id, &reason, orders),
            Event::OtherBuild { .. } => self.other_build(id, orders),
            Event::DataReady { source, base, summary } => {
                if let Some(worker) = self.workers.get_mut(&id) {
                    worker.known.push(source.clone());
                    let waiting = match std::mem::take(&mut worker.doing) {
                        Doing::Reading(waiting) => waiting,
                        _ => None,
                    };
                    worker.doing = Doing::Idle;
                    match waiting {
                        Some(spec) if self.phase == Phase::Playing => {
                            worker.doing = Doing::Running(spec.id());
                            orders.push(Order::Send(id, Command::Run { spec }));
                        }
                        // Paused or stopped meanwhile.
                        Some(spec) => self.stopped(&spec.id()),
                        None => {}
                    }
                }
                if matches!(source, Source::User { .. }) && self.own.trying.is_some() {
                    self.own.request = self.own.trying.take();
                    self.own.source = Some(source.clone());
                }
                self.summaries.retain(|(known, counted, _)| *known != source || *counted != base);
                self.summaries.push((source, base, summary));
            }
            Event::DataRefused { name, reason } => {
                let waiting = self.rest(id);
                if let Doing::Reading(Some(spec)) = waiting {
                    self.queue.fail(&spec.id(), format!("its data could not be read: {reason}"));
                }
                if self.own.trying.take().is_some() {
                    self.own.problem = Some(reason);
                } else {
                    self.say(Level::Warning, format!("The data “{name}” could not be read: {reason}"));
                }
            }
            Event::Fetching { base, loaded, total } => {
                // What has arrived is on its way no more, whether a run waits for it or not.
                self.fetching = (total != Some(loaded)).then_some((base, loaded, total));
            }
            Event::Started { run, step, of } => {
                self.fetching = None;
                let live = self.live.entry(run).or_default();
                (live.step, live.of, live.began_step) = (step, of, step);
                (live.began, live.seen) = (now, now);
                // A run that starts over begins its curve anew; one that resumes keeps what it had.
                live.curve.retain(|&(at, _)| at <= step && step > 0);
                live.dev.retain(|point| point.step <= step && step > 0);
            }
            Event::Stepped { run, step, of, nats_per_token, tokens_per_second } => {
                let live = self.live.entry(run).or_default();
                (live.step, live.of, live.seen) = (step, of, now);
                live.tokens_per_second = tokens_per_second;
                if let Some(loss) = nats_per_token {
                    live.curve.push((step, loss));
                    thin(&mut live.curve);
                }
            }
            Event::Evaluated { run, point } => self.live.entry(run).or_default().dev.push(point),
            Event::Finished { record } => {
                self.rest(id);
                orders.push(Order::Keep(record.clone()));
                self.live.remove(&record.id);
                self.queue.finish(*record);
            }
            Event::Stopped { run, .. } => {
                self.rest(id);
                self.stopped(&run);
            }
            Event::DeviceLost { reason } => self.died(id, &format!("the GPU was lost: {reason}"), orders),
            Event::Failed { run, reason } => {
                self.rest(id);
                self.say(Level::Warning, format!("A run ended without a result: {reason} The others go on."));
                self.queue.fail(&run, reason);
            }
            // The benchmark's driver asks for the one; only the shelf's worker says the other.
            Event::Benched { .. } | Event::Shelf(_) => {}
            Event::Log { level: LogLevel::Warning, .. } => {}
            Event::Log { text, .. } => self.say(Level::Warning, format!("The engine reports: {text}")),
            answer => self.answered(answer, orders),
        }
    }

    fn ready(&mut self, id: WorkerId, protocol: u32, mut device: DeviceReport, orders: &mut Vec<Order>) {
        if protocol != PROTOCOL_VERSION {
            return self.other_build(id, orders);
        }
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.doing = Doing::Idle;
        }
        self.false_starts = 0;
        if let Some(reason) = &self.fallback {
            device.reason = format!("WebGPU could not be started ({reason}), so the CPU trains.");
        }
        self.device = Some(device);
    }

    /// No worker of this device will start: the CPU's takes over, once; if that was the CPU's, the page gives up.
    fn cannot_start(&mut self, id: WorkerId, reason: &str, orders: &mut Vec<Order>) {
        self.workers.remove(&id);
        orders.push(Order::End(id));
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
        let Some(worker) = self.workers.remove(&id) else { return };
        orders.push(Order::End(id));
        self.put_back(worker.doing);
        self.asks_died(id);
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

    /// The worker is free; what it was doing comes back.
    fn rest(&mut self, id: WorkerId) -> Doing {
        self.workers.get_mut(&id).map(|worker| std::mem::replace(&mut worker.doing, Doing::Idle)).unwrap_or_default()
    }

    fn stopped(&mut self, run: &RunId) {
        self.queue.put_back(run);
        if self.phase == Phase::Idle {
            self.queue.clear_pending();
        }
    }

    pub(super) fn died(&mut self, id: WorkerId, reason: &str, orders: &mut Vec<Order>) {
        let Some(worker) = self.workers.remove(&id) else { return };
        orders.push(Order::End(id));
        self.asks_died(id);
        match worker.doing {
            Doing::Starting => {
                self.false_starts += 1;
                if self.false_starts >= FALSE_STARTS {
                    return self.cannot_start(id, reason, orders);
                }
            }
            Doing::Running(run) => {
                self.queue.give_back(&run, reason);
                self.say(Level::Warning, format!("The worker stopped ({reason}). Its run starts again from its last checkpoint; finished runs are kept."));
            }
            Doing::Reading(Some(spec)) => {
                self.queue.give_back(&spec.id(), reason);
                self.say(
                    Level::Warning,
                    format!("The worker stopped while reading data ({reason}). It is tried again."),
                );
            }
            Doing::Reading(None) => {
                if self.own.trying.take().is_some() {
                    self.own.problem = Some(format!("the worker stopped while reading them ({reason})."));
                }
            }
            Doing::Idle => {}
        }
        self.spawn(orders);
    }

    /// Gives every idle worker its next work.
    pub(super) fn assign(&mut self, orders: &mut Vec<Order>) {
        let idle: Vec<WorkerId> =
            self.workers.iter().filter(|(_, worker)| worker.doing == Doing::Idle).map(|(&id, _)| id).collect();
        for id in idle {
            if let Some(request) = self.wanted_data() {
                let base = self.counts_with(None);
                if let (Some(source), None) = (self.source(), &self.own.trying) {
                    self.described.push((source, base.clone()));
                }
                self.begin(id, Doing::Reading(None));
                orders.push(Order::Send(id, Command::Data { source: request, base }));
            } else if self.phase == Phase::Playing
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
                    0 if counts.done == 1 => "The run is finished.".to_string(),
                    0 => format!("All {} runs are finished.", counts.done),
                    failed => format!("{} runs are finished, {failed} failed.", counts.done),
                },
            );
        }
        let waits = counts.pending > 0 && self.phase == Phase::Playing && self.device.is_some();
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
        let being_read = self.workers.values().any(|worker| worker.doing == Doing::Reading(None));
        if being_read {
            return None;
        }
        if let Some(request) = &self.own.trying {
            return Some(request.clone());
        }
        // Described once with each tokenizer that is chosen.
        let wanted = (self.source()?, self.counts_with(None));
        let is_known = |(source, base, _): &(Source, String, _)| *source == wanted.0 && *base == wanted.1;
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
            self.begin(id, Doing::Running(spec.id()));
            orders.push(Order::Send(id, Command::Run { spec: Box::new(spec) }));
            return;
        }
        let request = match &spec.data.source {
            Source::Task(task) => Some(DataRequest::Task(task.clone())),
            user if self.own.source.as_ref() == Some(user) => self.own.request.clone(),
            Source::User { .. } => None,
        };
        match request {
            Some(source) => {
                let base = self.counts_with(Some(&spec.base.name));
                self.begin(id, Doing::Reading(Some(Box::new(spec))));
                orders.push(Order::Send(id, Command::Data { source, base }));
            }
            None => self.queue.fail(&spec.id(), "its data are no longer loaded; drop the file again."),
        }
    }

    fn begin(&mut self, id: WorkerId, doing: Doing) {
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.doing = doing;
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
