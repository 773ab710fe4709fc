//! What the page knows, and how it changes: [`State::fold`] takes one [`Input`] and returns the [`Order`]s to carry
//! out. A plain function of plain data: no browser, no clock (inputs bring the time), so the whole page can be
//! driven in a test. What it does when a worker answers is in [`crate::ui::state::workers`].

pub mod conversation;
pub mod findings;
pub mod jobs;
pub mod pace;
mod removed;
pub mod results;
pub mod settings;
pub mod share;
pub mod shelf;
pub mod unstored;
mod workers;

pub use crate::job::WorkerId;
use crate::job::{
    Backend, Command, Context, Counting, DataRequest, DataSummary, DeviceReport, ExportedFile, Heard, JobId, ModelRef,
    ModelSource, PartialDownload, Sample, Sampling, Unkept,
};
use crate::plan::grid::Experiment;
use crate::plan::queue::{CellState, Queue};
use crate::record::{Begun, EvalPoint, Measured, ModelCard, RunRecord};
use crate::spec::{Method, RunId, RunSpec, Source, TrainConfig};
use crate::ui::charts::palette::method_name;
use crate::ui::state::jobs::Jobs;
use crate::ui::state::settings::{DataChoice, MOST_SEEDS, OwnData, Settings};
use crate::ui::state::shelf::{OwnModels, WASM_BYTES};
use crate::ui::state::unstored::Unstored;
use std::collections::{BTreeMap, HashSet};

/// What page and worker of different builds come to.
const OTHER_BUILD: &str = "The page and its worker are of different versions. Reload the page.";

/// Milliseconds of the page's clock.
pub type Millis = f64;

#[derive(Clone, Debug, Default)]
pub struct State {
    pub settings: Settings,
    /// The base models that come with the site and the visitor's own, or why the site's could not be read.
    pub shelf: Loaded<Vec<ModelCard>>,
    pub models: OwnModels,
    /// Another number whenever the shelf is another.
    pub(super) shelf_revision: u64,
    /// Bytes that a run may take: what a program in a browser can address, or what this machine has.
    pub memory: u64,
    pub device: Option<DeviceReport>,
    pub workers: BTreeMap<WorkerId, Worker>,
    pub(super) last_worker: WorkerId,
    pub(super) false_starts: u32,
    /// Why the CPU trains although another device was chosen: that one could not be opened.
    pub(super) fallback: Option<String>,
    /// Processor cores, as the browser tells.
    pub cores: usize,
    pub phase: Phase,
    /// Whether this tab may train.
    pub claim: Claim,
    pub queue: Queue,
    /// The experiment as set: [`State::planned`].
    plan: Plan,
    /// Runs that an earlier visit left half done.
    pub begun: Vec<Begun>,
    /// Runs that this visit has seen training.
    pub live: BTreeMap<RunId, Live>,
    /// Runs finished since Play.
    trained: usize,
    /// The run whose curve is shown large; the one training if none was picked.
    pub picked: Option<RunId>,
    pub precomputed: Precomputed,
    /// What is known of each data source, by how its tokens are counted ([`State::counting`]).
    pub summaries: Vec<(Source, Counting, DataSummary)>,
    /// Sources whose description was asked for, and with which base.
    pub(super) described: Vec<(Source, Counting)>,
    pub own: Own,
    /// Base weights on their way: name, bytes so far, bytes in all.
    pub fetching: Option<(String, u64, Option<u64>)>,
    /// What workers were given to do.
    pub jobs: Jobs,
    /// What the browser's storage did not take.
    pub unstored: Unstored,
    pub notices: Vec<Notice>,
    /// What goes with a message, by its number.
    removed: Vec<(u32, removed::Removed)>,
    pub(super) last_notice: u32,
}

#[derive(Clone, Debug, PartialEq, Default)]
pub enum Loaded<T> {
    #[default]
    Waiting,
    Here(T),
    Missing(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Phase {
    #[default]
    Idle,
    Playing,
    Paused,
}

/// One tab trains at a time, of all that are open on this lab: no run is trained twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Claim {
    #[default]
    None,
    Asked,
    /// Another tab trains; this one comes next.
    Waits,
    Held,
}

#[derive(Clone, Debug, Default)]
pub struct Worker {
    /// Its device is open; until then its wasm is loading, or it looks for the device.
    pub open: bool,
    /// Sources this worker has read.
    pub(super) known: Vec<Source>,
}

/// The cells that follow from the settings, made anew only when something that they follow from has changed.
#[derive(Clone, Debug)]
struct Plan {
    /// Settings, the shelf's revision, the visitor's data, memory.
    of: Option<(Settings, u64, Option<OwnData>, u64)>,
    cells: Result<Vec<(RunId, RunSpec)>, String>,
}

impl Default for Plan {
    fn default() -> Self {
        Plan { of: None, cells: Ok(Vec::new()) }
    }
}

/// A run as it trains.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Live {
    pub step: usize,
    pub of: usize,
    /// Training loss by step, nats per token.
    pub curve: Vec<(usize, f64)>,
    pub dev: Vec<EvalPoint>,
    pub tokens_per_second: f64,
    /// The evaluation under way: of what, batches done, of how many.
    pub evaluating: Option<(Measured, usize, usize)>,
    /// What the model last said.
    pub sample: Option<Sample>,
    /// How much of its work is done, 0 to 1.
    pub share: f64,
    /// Where and when this worker began it: the pace follows from both.
    pub began_share: f64,
    pub began: Millis,
    pub seen: Millis,
}

/// The finished experiment that comes with the site.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Precomputed {
    pub ids: HashSet<RunId>,
    pub device: String,
    pub date: String,
    /// The visitor put it away to start from nothing.
    pub put_away: bool,
}

/// The visitor's own data: what was loaded last stays while a new try is read or refused.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Own {
    pub source: Option<Source>,
    pub request: Option<DataRequest>,
    /// What was asked for last, read or refused.
    pub asked: Option<DataRequest>,
    pub(super) trying: Option<DataRequest>,
    /// What an earlier visit left in the browser's storage: nothing where it was not looked for.
    pub(super) recalled: Option<Option<DataRequest>>,
    pub problem: Option<String>,
    /// What to choose among before what was asked for can be read.
    pub unread_columns: Vec<String>,
}

impl Own {
    pub fn is_reading(&self) -> bool {
        self.trying.is_some()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub id: u32,
    pub level: Level,
    pub text: String,
    /// It tells of something that can be undone while it is shown.
    pub undo: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Information,
    Warning,
}

/// What happens to the page.
#[derive(Clone, Debug)]
pub enum Input {
    Opened,
    /// The site's base models.
    Shelf(Result<Vec<ModelCard>, String>),
    /// The visitor's models in the browser's storage, and downloads not finished; before [`Input::Shelf`].
    StoredModels(Vec<ModelCard>, Vec<PartialDownload>),
    /// Read what a model says of itself; its files, if any, are kept under the number `offer`.
    InspectModel {
        offer: u32,
        source: ModelSource,
    },
    /// Put a model that was inspected on the shelf.
    LoadModel {
        offer: u32,
        keep: bool,
    },
    /// End a load, or put it away.
    CancelLoad(u32),
    RemoveModel(String),
    Precomputed(Vec<RunRecord>),
    /// Records of an earlier visit, of another tab, or of a file.
    Records(Vec<RunRecord>),
    /// Runs that an earlier visit left half done.
    Begun(Vec<Begun>),
    /// Go on with these, or forget them.
    GoOn,
    Discard,
    /// Whether this tab may train now.
    Claim(Claim),
    /// The page is out of sight, and may be gone soon.
    Hidden,
    /// The browser gives no storage, and why.
    StorageRefused(String),
    /// The page could not keep this, and why.
    NotKept(Unkept, String),
    /// The visitor removed something from the browser's storage.
    RoomMade,
    /// The visitor's data of an earlier visit.
    Recalled(Option<DataRequest>),
    Settings(Box<Settings>),
    Play,
    Pause,
    Stop,
    /// Train on so many examples, now: what `of` says, else the chosen methods.
    Point {
        examples: usize,
        of: Option<Box<(Method, TrainConfig)>>,
    },
    Pick(RunId),
    /// Put the precomputed experiment away, or bring it back.
    PutAway(bool),
    OwnData(DataRequest),
    /// Let models go on from texts or conversations; `beside`: what other models made stays on screen.
    Complete {
        asks: Vec<(ModelRef, Context)>,
        sampling: Sampling,
        beside: bool,
    },
    CancelCompletions,
    /// Keep the adapter whose files are held by `name`.
    AddAdapter {
        name: String,
        base: String,
    },
    RenameAdapter {
        id: String,
        name: String,
    },
    RemoveAdapter(String),
    Export {
        model: ModelRef,
        merged: bool,
    },
    /// Remove these finished runs.
    RemoveRuns(Vec<RunId>),
    /// Bring back what this message says was removed.
    Undo(u32),
    Dismiss(u32),
    Say(Level, String),
    Heard(WorkerId, Heard),
}

/// What the page is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    Spawn(WorkerId, Backend),
    End(WorkerId),
    Send(WorkerId, Command),
    /// Keep this record beyond the visit.
    Keep(Box<RunRecord>),
    /// Tell the other tabs of this finished run.
    Tell(Box<RunRecord>),
    /// Forget what was left of these runs, which are half done.
    Discard(Vec<RunId>),
    /// Forget these finished runs.
    Forget(Vec<RunId>),
    /// Ask to be the tab that trains, or let another be.
    Claim,
    Release,
    /// Keep the visitor's data beyond the visit, or bring back those of an earlier one.
    KeepData(DataRequest),
    RecallData,
    Download(ExportedFile),
    /// The files of this offer are this base, which lies in no storage: hand them to every worker.
    ProvideModel {
        offer: u32,
        base: String,
        sha256: String,
    },
    /// The files of this offer are needed no more.
    DropOffer(u32),
    /// The files of this base are needed no more.
    DropModel(String),
}

impl State {
    pub fn new(settings: Settings) -> Self {
        State { settings, memory: WASM_BYTES, ..State::default() }
    }

    /// Takes in what happened at `now` and says what to do about it.
    pub fn fold(&mut self, now: Millis, input: Input) -> Vec<Order> {
        let mut orders = Vec::new();
        self.replan();
        match input {
            Input::Opened => self.spawn(&mut orders),
            Input::StoredModels(cards, partial) => (self.models.cards, self.models.partial) = (cards, partial),
            Input::Shelf(site) => self.set_shelf(site),
            Input::InspectModel { offer, source } => self.inspect(offer, source, &mut orders),
            Input::LoadModel { offer, keep } => self.load(offer, keep, &mut orders),
            Input::CancelLoad(offer) => self.cancel_load(offer, &mut orders),
            Input::RemoveModel(name) => self.remove_model(name, &mut orders),
            Input::Precomputed(records) => self.take_precomputed(records),
            Input::Records(records) => {
                self.begun.retain(|begun| !records.iter().any(|record| record.spec == begun.spec));
                records.into_iter().for_each(|record| self.queue.finish(record));
            }
            Input::Begun(begun) => self.begun = begun,
            Input::GoOn => self.go_on(&mut orders),
            Input::Discard => {
                let begun = std::mem::take(&mut self.begun);
                orders.push(Order::Discard(begun.iter().map(|begun| begun.spec.id()).collect()));
            }
            Input::Claim(claim) if self.claim != Claim::None => self.claim = claim,
            Input::Claim(_) => {}
            Input::Hidden => self.to_running(Command::Keep, &mut orders),
            Input::StorageRefused(reason) => self.unstored.refused = Some(reason),
            Input::NotKept(what, reason) => self.unstored.add(None, what, reason),
            Input::RoomMade => {
                let again = std::mem::take(&mut self.unstored.records);
                let records = self.queue.records().filter(|record| again.contains(&record.id));
                orders.extend(records.map(|record| Order::Keep(Box::new(record.clone()))));
                self.unstored.room_made();
            }
            Input::Recalled(request) => self.recalled(request),
            Input::Settings(settings) => self.set(*settings, &mut orders),
            Input::Play => self.play(&mut orders),
            Input::Pause => self.pause(&mut orders),
            Input::Stop => self.stop(&mut orders),
            Input::Point { examples, of } => self.point(examples, of.map(|of| *of), &mut orders),
            Input::Pick(run) => self.picked = Some(run),
            Input::PutAway(away) => self.precomputed.put_away = away,
            Input::OwnData(request) => {
                // Where a choice is refused, another can be made.
                if request.options().is_none_or(|options| options.columns.is_none()) {
                    self.own.unread_columns.clear();
                }
                self.own.asked = Some(request.clone());
                self.own.trying = Some(request);
                self.own.problem = None;
            }
            Input::Complete { asks, sampling, beside } => self.complete(asks, sampling, beside, &mut orders),
            Input::CancelCompletions => self.cancel_completions(&mut orders),
            Input::AddAdapter { name, base } => self.add_adapter(name, base, &mut orders),
            Input::RenameAdapter { id, name } => self.rename_adapter(id, name, &mut orders),
            Input::RemoveAdapter(id) => self.remove_adapter(&id),
            Input::RemoveRuns(runs) => self.remove_runs(&runs),
            Input::Undo(notice) => self.undo(notice),
            Input::Export { model, merged } => self.export(model, merged, &mut orders),
            Input::Dismiss(id) => self.notices.retain(|notice| notice.id != id),
            Input::Say(level, text) => self.say(level, text),
            Input::Heard(worker, Heard::Event(event)) => self.heard(now, worker, event, &mut orders),
            Input::Heard(worker, Heard::Died(reason)) => self.died(worker, &reason, &mut orders),
            Input::Heard(worker, Heard::Unreadable) => self.other_build(worker, &mut orders),
        }
        self.carry_out(&mut orders);
        self.assign(&mut orders);
        self.claim(&mut orders);
        self.recall(&mut orders);
        self.replan();
        orders
    }

    /// Asks to train while there is something to train, and lets others then.
    fn claim(&mut self, orders: &mut Vec<Order>) {
        let wants = self.phase != Phase::Idle || self.jobs.training().next().is_some();
        match (wants, self.claim) {
            (true, Claim::None) => {
                self.claim = Claim::Asked;
                orders.push(Order::Claim);
            }
            (false, Claim::Asked | Claim::Waits | Claim::Held) => {
                self.claim = Claim::None;
                orders.push(Order::Release);
            }
            _ => {}
        }
    }

    /// Looks for the data of an earlier visit, once, where the visitor's own are chosen and none are here.
    fn recall(&mut self, orders: &mut Vec<Order>) {
        let wants = self.settings.data == DataChoice::Own && self.own.asked.is_none();
        if wants && self.own.recalled.is_none() {
            self.own.recalled = Some(None);
            orders.push(Order::RecallData);
        }
    }

    fn recalled(&mut self, request: Option<DataRequest>) {
        self.own.recalled = Some(request.clone());
        if self.own.asked.is_none()
            && let Some(request) = request
        {
            self.own.asked = Some(request.clone());
            self.own.trying = Some(request);
        }
    }

    /// Trains what an earlier visit left half done, from where it was.
    fn go_on(&mut self, orders: &mut Vec<Order>) {
        self.queue.extend_first(std::mem::take(&mut self.begun).into_iter().map(|begun| begun.spec));
        self.train_now(orders);
    }

    fn train_now(&mut self, orders: &mut Vec<Order>) {
        match self.phase {
            Phase::Paused => self.to_running(Command::Resume, orders),
            Phase::Idle => self.trained = 0,
            Phase::Playing => {}
        }
        self.phase = Phase::Playing;
        if self.workers.is_empty() {
            self.spawn(orders);
        }
    }

    pub(super) fn say(&mut self, level: Level, text: impl Into<String>) {
        self.last_notice += 1;
        let notice = Notice { id: self.last_notice, level, text: text.into(), undo: false };
        // The same again replaces the one before; information makes room for more of it, warnings wait to be read.
        self.notices.retain(|other| other.text != notice.text);
        self.notices.push(notice);
        let information = |notice: &Notice| notice.level == Level::Information && !notice.undo;
        if self.notices.iter().filter(|notice| information(notice)).count() > 3
            && let Some(oldest) = self.notices.iter().position(information)
        {
            self.notices.remove(oldest);
        }
    }

    /// The data source chosen now, once it is known.
    pub fn source(&self) -> Option<Source> {
        match &self.settings.data {
            DataChoice::Task(id) => Some(Source::Task(id.clone())),
            DataChoice::Own => self.own.source.clone(),
        }
    }

    pub fn summary(&self, source: &Source) -> Option<&DataSummary> {
        let any = || self.summaries.iter().find(|(known, ..)| known == source).map(|(.., summary)| summary);
        // Until it is counted as is chosen now, what was counted otherwise says most of it.
        self.counted(source).or_else(any)
    }

    /// What is known of a source, its tokens counted as is chosen now.
    fn counted(&self, source: &Source) -> Option<&DataSummary> {
        let wanted = self.counting(None);
        let found = self.summaries.iter().find(|(known, counted, _)| known == source && *counted == wanted);
        found.map(|(.., summary)| summary)
    }

    /// The visitor's data for runs, once it is known how many tokens of an example these read.
    fn own_data(&self) -> Option<OwnData> {
        let source = self.own.source.clone()?;
        let counted = self.counted(&source);
        let sequence = self.settings.sequence.or_else(|| Some(counted?.sequence))?;
        let examples = counted.or_else(|| self.summary(&source))?.train_examples as usize;
        Some(OwnData { source, sequence, examples })
    }

    /// Whether this is under way or waits: a method on so many examples of the chosen data.
    pub fn is_coming(&self, (method, train): &(Method, TrainConfig), examples: usize) -> bool {
        let source = self.source();
        self.queue.cells().any(|(_, spec, cell)| {
            matches!(cell, CellState::Pending | CellState::Running)
                && (&spec.method, &spec.train, spec.data.examples) == (method, train, examples)
                && Some(&spec.data.source) == source.as_ref()
        })
    }

    /// Of these sizes, those that the data have.
    pub fn clip(&self, sizes: Vec<usize>) -> Vec<usize> {
        match (&self.settings.data, self.own_data()) {
            (DataChoice::Own, Some(own)) => own.clip(sizes),
            _ => sizes,
        }
    }

    /// The sizes of the experiment as set.
    pub fn sizes(&self) -> Vec<usize> {
        self.clip(self.settings.sizes())
    }

    /// The grid of runs as set, or what is missing for one.
    pub(super) fn experiment(&self) -> Result<Experiment, String> {
        self.settings.experiment(self.cards(), self.own_data().as_ref(), self.memory)
    }

    pub fn cards(&self) -> &[ModelCard] {
        match &self.shelf {
            Loaded::Here(cards) => cards,
            _ => &[],
        }
    }

    pub fn is_precomputed(&self, id: &RunId) -> bool {
        self.precomputed.ids.contains(id)
    }

    /// Whether a run is finished, and not of the precomputed that were put away.
    pub fn is_done(&self, id: &RunId) -> bool {
        self.queue.is_done(id) && !(self.precomputed.put_away && self.is_precomputed(id))
    }

    /// Finished runs on screen.
    pub fn records(&self) -> impl Iterator<Item = &RunRecord> {
        self.queue.records().filter(|record| !self.precomputed.put_away || !self.is_precomputed(&record.id))
    }

    /// Runs of the experiment as set that come precomputed, put away or not.
    pub fn precomputed_here(&self) -> usize {
        self.planned().map_or(0, |cells| cells.iter().filter(|(id, _)| self.is_precomputed(id)).count())
    }

    fn take_precomputed(&mut self, records: Vec<RunRecord>) {
        if let Some(first) = records.first() {
            self.precomputed.device = first.made.device.clone();
            self.precomputed.date = first.made.date.clone();
        }
        self.precomputed.ids = records.iter().map(|record| record.id.clone()).collect();
        records.into_iter().for_each(|record| self.queue.finish(record));
    }

    pub(super) fn set(&mut self, settings: Settings, orders: &mut Vec<Order>) {
        let backend_changed = settings.backend != self.settings.backend;
        self.settings = settings;
        if backend_changed {
            self.restart_workers(orders);
        }
        if self.replan() && self.phase != Phase::Idle {
            self.queue.clear_pending();
            if let Ok(cells) = &self.plan.cells {
                self.queue.extend(cells.iter().map(|(_, spec)| spec.clone()));
            }
        }
    }

    /// Makes the plan anew where it must be; whether its cells are others.
    fn replan(&mut self) -> bool {
        let own = self.own_data();
        let is_same = |(settings, shelf, of, memory): &(Settings, u64, Option<OwnData>, u64)| {
            (*shelf, *memory) == (self.shelf_revision, self.memory) && *of == own && *settings == self.settings
        };
        if self.plan.of.as_ref().is_some_and(is_same) {
            return false;
        }
        let experiment = self.experiment();
        let cells = experiment.and_then(|experiment| Ok(self.within_memory(experiment)?.cells()));
        let cells = cells.map(|cells| cells.into_iter().map(|spec| (spec.id(), spec)).collect());
        let changed = cells != self.plan.cells;
        let of = (self.settings.clone(), self.shelf_revision, own, self.memory);
        self.plan = Plan { of: Some(of), cells };
        changed
    }

    /// The runs of the experiment as set, in running order.
    pub fn planned(&self) -> Result<&[(RunId, RunSpec)], &str> {
        self.plan.cells.as_deref().map_err(String::as_str)
    }

    fn play(&mut self, orders: &mut Vec<Order>) {
        if self.phase == Phase::Paused {
            self.phase = Phase::Playing;
            self.to_running(Command::Resume, orders);
            return;
        }
        if let Err(reason) = self.planned() {
            let reason = reason.to_string();
            return self.say(Level::Warning, reason);
        }
        if self.precomputed.put_away {
            // Put away means made again: the visitor wants to see it happen.
            self.queue.forget(&self.precomputed.ids);
            self.precomputed = Precomputed::default();
        }
        let seeds = self.settings.seeds;
        let is_finished = |state: &State| state.plan.cells.iter().flatten().all(|(id, _)| state.queue.is_done(id));
        while is_finished(self) && self.settings.seeds < seeds + MOST_SEEDS {
            self.settings.seeds += 1;
            self.replan();
        }
        let seed = self.settings.seeds;
        if seed > seeds {
            self.say(
                Level::Information,
                format!(
                    "Every run of this experiment is finished, so seed {seed} was added: more seeds narrow the fit."
                ),
            );
        }
        self.trained = 0;
        self.queue.extend(self.plan.cells.iter().flatten().map(|(_, spec)| spec.clone()));
        self.phase = Phase::Playing;
        if self.workers.is_empty() {
            self.spawn(orders);
        }
    }

    fn pause(&mut self, orders: &mut Vec<Order>) {
        if self.phase == Phase::Playing {
            self.phase = Phase::Paused;
            self.to_running(Command::Pause, orders);
        }
    }

    fn stop(&mut self, orders: &mut Vec<Order>) {
        self.phase = Phase::Idle;
        self.to_running(Command::Stop, orders);
        self.queue.clear_pending();
    }

    fn point(&mut self, examples: usize, of: Option<(Method, TrainConfig)>, orders: &mut Vec<Order>) {
        let experiment = self.experiment().map(|experiment| match of {
            Some(of) => Experiment { methods: vec![of], ..experiment },
            None => experiment,
        });
        let mut experiment = match experiment.and_then(|experiment| self.within_memory(experiment)) {
            Ok(experiment) => experiment,
            Err(reason) => return self.say(Level::Warning, reason),
        };
        experiment.sizes = self.clip(vec![examples]);
        if let [all] = experiment.sizes[..]
            && all < examples
        {
            self.say(
                Level::Warning,
                format!("Your data have {all} examples to train on, not {examples}: a run on all of them follows."),
            );
        }
        // The first seed that this size does not have yet.
        for seeds in 1.. {
            experiment.seeds = seeds;
            let cells = experiment.cells();
            let new: Vec<&RunSpec> = cells.iter().filter(|cell| !self.queue.is_done(&cell.id())).collect();
            if let [first, rest @ ..] = new.as_slice() {
                let method = method_name(first.method.kind());
                let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
                let (examples, seed) = (first.data.examples, first.seed.0 + 1);
                let words = format!("Next: {method} on {examples} examples, seed {seed}{more}.");
                self.say(Level::Information, words);
                self.queue.extend_first(cells);
                break;
            }
        }
        self.train_now(orders);
    }

    fn to_running(&self, command: fn(JobId) -> Command, orders: &mut Vec<Order>) {
        orders.extend(self.jobs.training().map(|(id, given)| Order::Send(given.worker, command(id))));
    }

    /// The backend in use, as far as it is known.
    pub fn backend(&self) -> Option<Backend> {
        self.device.as_ref().map(|device| device.backend)
    }
}
