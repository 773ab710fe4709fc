//! The fold's part for jobs: each that a worker was given stands here until its last word, or until its worker is gone.
//! What comes of one is decided by what it was, in one place.

use crate::job::{
    AdapterCard, AdapterRef, Command, Context, Job, JobEvent, JobId, ModelRef, Output, Partial, Progress, Sampling,
};
use crate::spec::RunSpec;
use crate::ui::state::*;

/// A job that a worker was given.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub worker: WorkerId,
    pub job: Job,
    /// The cell that waits for these data.
    pub then: Option<Box<RunSpec>>,
}

#[derive(Clone, Debug, Default)]
pub struct Jobs {
    last: JobId,
    pub(super) given: BTreeMap<JobId, Given>,
    pub completions: Vec<(JobId, Completion)>,
    /// Adapters kept in the browser, as a worker last told.
    pub adapters: Vec<AdapterCard>,
    /// Why the last adapter was refused.
    pub adapter_problem: Option<String>,
}

/// What one model made, or makes, of a text or conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    pub model: ModelRef,
    /// What it was given as the model reads it, and whether that is its own chat template; none until it began.
    pub reading: Option<(String, bool)>,
    pub text: String,
    pub tokens: usize,
    pub tokens_per_second: f64,
    pub done: bool,
    pub problem: Option<String>,
}

impl Completion {
    fn of(model: ModelRef) -> Self {
        Completion {
            model,
            reading: None,
            text: String::new(),
            tokens: 0,
            tokens_per_second: 0.0,
            done: false,
            problem: None,
        }
    }

    #[cfg(test)]
    pub fn done(model: ModelRef, text: &str) -> Self {
        Completion { text: text.into(), tokens: 1, done: true, ..Completion::of(model) }
    }
}

impl Jobs {
    pub fn completion(&self, model: &ModelRef) -> Option<&Completion> {
        self.completions.iter().rev().map(|(_, completion)| completion).find(|completion| completion.model == *model)
    }

    pub fn is_completing(&self) -> bool {
        self.completions.iter().any(|(_, completion)| !completion.done)
    }

    pub fn is_under_way(&self, job: &Job) -> bool {
        self.given.values().any(|given| given.job == *job)
    }

    pub fn is_adding(&self) -> bool {
        self.given.values().any(|given| matches!(given.job, Job::AddAdapter { .. }))
    }

    /// What a worker has to do.
    pub(super) fn of(&self, worker: WorkerId) -> impl Iterator<Item = (JobId, &Given)> {
        self.given.iter().filter(move |(_, given)| given.worker == worker).map(|(&id, given)| (id, given))
    }

    /// The jobs that train.
    pub(super) fn training(&self) -> impl Iterator<Item = (JobId, &Given)> {
        self.given.iter().filter(|(_, given)| matches!(given.job, Job::Train(_))).map(|(&id, given)| (id, given))
    }

    fn completion_mut(&mut self, id: JobId) -> Option<&mut Completion> {
        self.completions.iter_mut().find(|(each, _)| *each == id).map(|(_, completion)| completion)
    }
}

impl State {
    /// Gives a worker a job.
    pub(super) fn start(&mut self, worker: WorkerId, job: Job, orders: &mut Vec<Order>) -> JobId {
        self.start_before(worker, job, None, orders)
    }

    /// Gives a worker a job that the cell `then` waits for.
    pub(super) fn start_before(
        &mut self,
        worker: WorkerId,
        job: Job,
        then: Option<Box<RunSpec>>,
        orders: &mut Vec<Order>,
    ) -> JobId {
        self.jobs.last.0 += 1;
        let id = self.jobs.last;
        orders.push(Order::Send(worker, Command::Start { id, job: job.clone() }));
        self.jobs.given.insert(id, Given { worker, job, then });
        id
    }

    /// Gives a job to whichever worker is free for it.
    pub(super) fn ask(&mut self, job: Job, orders: &mut Vec<Order>) {
        match self.helper() {
            Some(worker) => drop(self.start(worker, job, orders)),
            None => self.say(Level::Warning, NOT_READY),
        }
    }

    /// `beside`: what other models made stays.
    pub(super) fn complete(
        &mut self,
        asks: Vec<(ModelRef, Context)>,
        settings: Sampling,
        beside: bool,
        orders: &mut Vec<Order>,
    ) {
        self.cancel_completions(orders);
        self.jobs.completions.retain(|(_, c)| beside && !asks.iter().any(|(model, _)| *model == c.model));
        if asks.is_empty() {
            return;
        }
        for (model, context) in asks {
            let Some(worker) = self.helper_for(&model) else { return self.say(Level::Warning, NOT_READY) };
            let id = self.start(worker, Job::Generate { model: model.clone(), context, settings }, orders);
            self.jobs.completions.push((id, Completion::of(model)));
        }
    }

    pub(super) fn cancel_completions(&mut self, orders: &mut Vec<Order>) {
        for (id, completion) in self.jobs.completions.iter_mut().filter(|(_, c)| !c.done) {
            completion.done = true;
            if let Some(given) = self.jobs.given.get(id) {
                orders.push(Order::Send(given.worker, Command::Stop(*id)));
            }
        }
    }

    pub(super) fn export(&mut self, model: ModelRef, merged: bool, orders: &mut Vec<Order>) {
        match self.helper_for(&model) {
            Some(worker) => drop(self.start(worker, Job::Export { model, merged }, orders)),
            None => self.say(Level::Warning, NOT_READY),
        }
    }

    pub(super) fn add_adapter(&mut self, name: String, base: String, orders: &mut Vec<Order>) {
        self.jobs.adapter_problem = None;
        self.keep_adapters();
        self.ask(Job::AddAdapter { name, base }, orders);
    }

    pub(super) fn rename_adapter(&mut self, id: String, name: String, orders: &mut Vec<Order>) {
        self.ask(Job::RenameAdapter { id, name }, orders);
    }

    /// Takes in what a job says. One that was ended meanwhile is not heard.
    pub(super) fn hear_job(
        &mut self,
        now: Millis,
        worker: WorkerId,
        id: JobId,
        event: JobEvent,
        orders: &mut Vec<Order>,
    ) {
        if self.jobs.given.get(&id).is_none_or(|given| given.worker != worker) {
            return;
        }
        match event {
            JobEvent::Progress(progress) => self.progress(now, id, progress),
            JobEvent::Partial(Partial::Reading { text, templated }) => {
                if let Some(completion) = self.jobs.completion_mut(id) {
                    completion.reading = Some((text, templated));
                }
            }
            JobEvent::Partial(Partial::Columns(columns)) => {
                if self.own.trying.is_some() {
                    self.own.unread_columns = columns;
                }
            }
            JobEvent::Partial(Partial::Sampled(sample)) => {
                if let Some(Given { job: Job::Train(spec), .. }) = self.jobs.given.get(&id) {
                    self.live.entry(spec.id()).or_default().sample = Some(sample);
                }
            }
            JobEvent::Partial(Partial::Generated { text, tokens, tokens_per_second }) => {
                if let Some(completion) = self.jobs.completion_mut(id) {
                    (completion.text, completion.tokens) = (text, tokens);
                    completion.tokens_per_second = tokens_per_second;
                }
            }
            last => {
                if let Some(given) = self.jobs.given.remove(&id) {
                    self.ended(id, given, last, orders);
                }
            }
        }
    }

    fn progress(&mut self, now: Millis, id: JobId, progress: Progress) {
        match progress {
            Progress::Fetching { base, loaded, total } => {
                // What has arrived is on its way no more, whether a run waits for it or not.
                self.fetching = (total != Some(loaded)).then_some((base, loaded, total));
            }
            Progress::Loading { step, file, done, total } => self.loading(id, (step, file, done, total)),
            of_training => {
                let Some(Given { job: Job::Train(spec), .. }) = self.jobs.given.get(&id) else { return };
                let run = spec.id();
                if matches!(of_training, Progress::Started { .. }) {
                    self.fetching = None;
                    self.begun.retain(|begun| begun.spec != **spec);
                }
                self.live.entry(run).or_default().hear(now, of_training);
            }
        }
    }

    /// A job's last word.
    fn ended(&mut self, id: JobId, given: Given, event: JobEvent, orders: &mut Vec<Order>) {
        let result = match event {
            JobEvent::Done(output) => Ok(output),
            JobEvent::Failed(reason) => Err(Some(reason)),
            _ => Err(None),
        };
        match (given.job, result) {
            (Job::Train(_), Ok(Output::Trained { record, kept })) => {
                if !kept {
                    orders.push(Order::Keep(record.clone()));
                }
                orders.push(Order::Tell(record.clone()));
                self.live.remove(&record.id);
                self.trained += 1;
                self.queue.finish(*record);
            }
            (Job::Train(spec), Err(Some(reason))) => {
                if self.live.contains_key(&spec.id()) {
                    self.say(Level::Warning, format!("A run ended without a result: {reason} The others go on."));
                    self.queue.fail(&spec.id(), reason);
                } else {
                    // What keeps one from beginning, a base that is not there, keeps the others.
                    self.queue.put_back(&spec.id());
                    self.stop(orders);
                    self.say(Level::Warning, format!("No run can begin: {reason} Play tries again."));
                }
            }
            (Job::Train(spec), _) => self.stopped(&spec.id()),
            (Job::ReadData { counted, .. }, Ok(Output::DataRead { source, summary })) => {
                self.data_read(given.worker, given.then, source, counted, *summary, orders);
            }
            (Job::ReadData { source, .. }, result) => {
                let reason = result.err().flatten().unwrap_or_else(|| "it was stopped".into());
                self.data_refused(&source, given.then, reason);
            }
            (Job::Generate { .. }, result) => {
                if let Some(completion) = self.jobs.completion_mut(id) {
                    completion.done = true;
                    completion.problem = result.err().flatten();
                }
            }
            (Job::Export { .. }, Ok(Output::Exported(file))) => orders.push(Order::Download(file)),
            (Job::AddAdapter { name, .. }, Err(Some(reason))) => {
                self.jobs.adapter_problem = Some(format!("“{name}” was not added: {reason}."));
            }
            (Job::InspectModel { .. }, Ok(Output::Inspected(summary))) => self.inspected(id, *summary),
            (Job::LoadModel { .. }, Ok(Output::Loaded(card))) => self.loaded(id, *card, orders),
            (Job::InspectModel { .. } | Job::LoadModel { .. }, result) => {
                let stopped = || "cancelled; what has arrived is kept".to_string();
                self.load_refused(id, result.err().flatten().unwrap_or_else(stopped));
            }
            (Job::RemoveModel { name }, Ok(_)) => self.removed(&name),
            (_, Err(Some(reason))) => self.say(Level::Warning, format!("That could not be done: {reason}.")),
            // What is changed is told by itself; the benchmark's driver and the fitter ask for the others.
            _ => {}
        }
    }

    /// A worker is gone: what it was to do is not coming. `reason`: why it ended by itself; none where the page ended it.
    pub(super) fn lose_jobs(&mut self, worker: WorkerId, reason: Option<&str>) {
        let lost: Vec<(JobId, Given)> = self.jobs.given.extract_if(.., |_, given| given.worker == worker).collect();
        let why = reason.unwrap_or("it was started anew");
        self.unstored.lose(worker);
        for (id, given) in lost {
            match (given.job, given.then) {
                (Job::Train(spec), _) => match reason {
                    None => self.queue.put_back(&spec.id()),
                    Some(reason) => {
                        self.queue.give_back(&spec.id(), reason);
                        self.say(Level::Warning, format!("The worker stopped ({reason}). Its run starts again from its last checkpoint; finished runs are kept."));
                    }
                },
                (Job::ReadData { .. }, Some(spec)) => match reason {
                    None => self.queue.put_back(&spec.id()),
                    Some(reason) => {
                        self.queue.give_back(&spec.id(), reason);
                        let words = format!("The worker stopped while reading data ({reason}). It is tried again.");
                        self.say(Level::Warning, words);
                    }
                },
                (Job::ReadData { counted, .. }, None) => {
                    // Asked for again by the next worker, unless it was the visitor's data that ended this one.
                    self.described.retain(|(_, described)| *described != counted);
                    if reason.is_some() && self.own.trying.take().is_some() {
                        self.own.problem = Some(format!("the worker stopped while reading them ({why})."));
                    }
                }
                (Job::Generate { .. }, _) => {
                    if let Some(completion) = self.jobs.completion_mut(id).filter(|completion| !completion.done) {
                        completion.done = true;
                        completion.problem = Some("the worker ended before it was done; ask again.".into());
                    }
                }
                (Job::Export { .. }, _) => {
                    self.say(Level::Warning, "The worker ended while it prepared a download; ask again.");
                }
                (Job::AddAdapter { name, .. }, _) => {
                    let problem = format!("“{name}” was not added: the worker ended. Try again.");
                    self.jobs.adapter_problem = Some(problem);
                }
                (Job::InspectModel { .. } | Job::LoadModel { .. }, _) => {
                    self.load_refused(id, format!("the worker that reads it stopped ({why}); try again"));
                }
                _ => self.say(Level::Warning, format!("A worker stopped ({why}) before it had done what you asked.")),
            }
        }
    }

    /// Whether a worker can answer.
    pub fn is_ready(&self) -> bool {
        self.helper().is_some()
    }

    /// A worker that has this model: where the storage took no weights, the one that trained them.
    fn helper_for(&self, model: &ModelRef) -> Option<WorkerId> {
        let of_adapter = |adapter: &AdapterRef| match adapter {
            AdapterRef::Run(run) => self.unstored.holder(run),
            AdapterRef::Added(_) => None,
        };
        let holder = match model {
            ModelRef::Base(_) => None,
            ModelRef::Tuned { run, .. } => self.unstored.holder(run),
            ModelRef::Adapted { adapters, .. } => adapters.iter().find_map(|blended| of_adapter(&blended.adapter)),
        };
        holder.or_else(|| self.helper())
    }

    /// A worker for small requests: an idle one if there is one.
    fn helper(&self) -> Option<WorkerId> {
        let open = || self.workers.iter().filter(|(_, worker)| worker.open).map(|(&id, _)| id);
        open().find(|&id| self.is_idle(id)).or_else(|| open().next())
    }
}

const NOT_READY: &str = "No worker is ready yet; try again in a moment.";
