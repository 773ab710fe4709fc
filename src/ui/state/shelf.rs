//! The fold's part for the visitor's own models: what is inspected, loaded and kept, and what of an experiment fits
//! into this browser. A worker of its own does the reading ([`MODEL_WORKER`]); it ends when it has nothing to do, so that
//! its memory is given back.

use super::pace::duration;
use super::settings::{DataChoice, Settings};
use crate::data::{TASK_DEV, TASK_TEST};
use crate::job::{Backend, Command, Job, JobId, LoadStep, ModelSource, ModelSummary, PartialDownload};
use crate::plan::estimate::{Estimate, TooLarge, passes};
use crate::plan::evaluation::Evaluations;
use crate::plan::grid::Experiment;
use crate::record::ModelCard;
use crate::spec::{Method, MethodKind, ModelConfig, TrainConfig};
use crate::ui::charts::palette::method_name;
use crate::ui::state::*;

/// The worker that reads models; those that train count from 1.
pub const MODEL_WORKER: WorkerId = 0;

/// A program in a browser addresses 4 GiB at most; some of it is the program's own.
pub const WASM_BYTES: u64 = (4 << 30) - (256 << 20);

/// The visitor's own models.
#[derive(Clone, Debug, Default)]
pub struct OwnModels {
    /// On the shelf: also among [`State::cards`].
    pub(super) cards: Vec<ModelCard>,
    /// Downloads that broke or were cancelled.
    pub partial: Vec<PartialDownload>,
    /// What is being inspected or loaded.
    pub loads: Vec<Load>,
    pub(super) worker_lives: bool,
}

/// A model on its way to the shelf.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// The number that its files go by.
    pub offer: u32,
    pub name: String,
    pub source: ModelSource,
    /// What it is, once it was inspected.
    pub summary: Option<ModelSummary>,
    pub stage: Stage,
    job: JobId,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    Inspecting,
    /// The visitor decides.
    Inspected,
    /// What is done with which file, how far, of how much.
    Loading(Option<FileProgress>),
    Refused {
        reason: String,
        keep: bool,
    },
}

/// What is done with which file, how far, of how much.
pub type FileProgress = (LoadStep, String, u64, u64);

impl Load {
    fn is_busy(&self) -> bool {
        matches!(self.stage, Stage::Inspecting | Stage::Loading(_))
    }
}

/// One method on one model: what it takes here.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    pub kind: MethodKind,
    pub estimate: Estimate,
    pub verdict: Result<(), TooLarge>,
    /// Seconds of a run, its evaluations included, where the speed of this processor is known.
    pub seconds: Option<f64>,
    pub steps: usize,
}

impl Fit {
    /// "12 min for 256 steps"
    pub fn time(&self) -> String {
        match self.seconds {
            Some(seconds) => format!("{} for {} steps", duration(seconds), self.steps),
            None => "not measured".into(),
        }
    }
}

impl State {
    /// What every method, as it is set now, would take of a model.
    pub fn fits(&self, summary: &ModelSummary) -> Vec<Fit> {
        let each = MethodKind::ALL.into_iter().map(|kind| {
            let (method, train) = self.settings.method(kind);
            let train = fitted(&train, &method, &[&summary.config]);
            let estimate = Estimate::of(&summary.config, &method, &train);
            let splits = [TASK_DEV, TASK_TEST];
            let evaluations = Evaluations::of(&summary.config, &method, &train, self.settings.largest, splits);
            let steps = train.steps(self.settings.largest);
            // Work is in forward passes of a batch, of which a step is several.
            let work = evaluations.work(true) as f64 / (passes(&method) * train.accumulate as f64);
            let seconds =
                (summary.flops_per_second > 0.0).then(|| estimate.seconds(1, summary.flops_per_second) * work);
            Fit { kind, verdict: estimate.check(self.memory), seconds, steps, estimate }
        });
        each.collect()
    }

    /// The experiment, or which of its runs this browser cannot hold.
    pub(super) fn within_memory(&self, experiment: Experiment) -> Result<Experiment, String> {
        for base in &experiment.bases {
            let Some(card) = self.cards().iter().find(|card| card.name == base.name) else { continue };
            for (method, train) in &experiment.methods {
                if let Err(too_large) = Estimate::of(&card.config, method, train).check(self.memory) {
                    let method = method_name(method.kind());
                    return Err(format!("{method} of {} does not fit into this browser: {too_large}.", base.name));
                }
            }
        }
        Ok(experiment)
    }

    /// Workers whose runs fit side by side into half of this machine's memory.
    pub(super) fn workers_that_fit(&self) -> usize {
        let Ok(experiment) = self.experiment() else { return 1 };
        let cards = self.settings.chosen(self.cards());
        let each = cards.iter().flat_map(|card| {
            let methods = experiment.methods.iter();
            methods.map(|(method, train)| Estimate::of(&card.config, method, train).bytes())
        });
        (self.memory / 2 / each.max().unwrap_or(1).max(1)) as usize
    }

    /// How the page counts the chosen data's tokens: for `base`, or for the first base that is chosen.
    pub(super) fn counting(&self, base: Option<&str>) -> Counting {
        let chosen = || self.settings.chosen(self.cards()).first().map(|card| card.name.as_str());
        let name = base.or_else(chosen).unwrap_or_default();
        let own = self.models.cards.iter().any(|card| card.name == name);
        let sequence = self.settings.sequence.filter(|_| self.settings.data == DataChoice::Own);
        Counting { base: if own { name.to_string() } else { String::new() }, sequence }
    }

    /// The site's bases and the visitor's stand on one shelf.
    pub(super) fn set_shelf(&mut self, site: Result<Vec<ModelCard>, String>) {
        let own = self.models.cards.clone();
        self.shelf_revision += 1;
        self.shelf = match site {
            Ok(cards) => Loaded::Here(cards.into_iter().chain(own).collect()),
            Err(reason) => {
                self.say(Level::Warning, format!("The base models could not be read: {reason}"));
                if own.is_empty() { Loaded::Missing(reason) } else { Loaded::Here(own) }
            }
        };
    }

    fn add(&mut self, card: ModelCard) {
        self.take_off(&card.name);
        self.shelf_revision += 1;
        self.models.cards.push(card.clone());
        match &mut self.shelf {
            Loaded::Here(cards) => cards.push(card),
            Loaded::Missing(_) => self.shelf = Loaded::Here(vec![card]),
            Loaded::Waiting => {}
        }
    }

    fn take_off(&mut self, name: &str) {
        self.shelf_revision += 1;
        self.models.cards.retain(|card| card.name != name);
        if let Loaded::Here(cards) = &mut self.shelf {
            cards.retain(|card| card.name != name || card.origin.is_none());
        }
    }

    pub(super) fn inspect(&mut self, offer: u32, source: ModelSource, orders: &mut Vec<Order>) {
        let name = match (&source, source.on_hub()) {
            (ModelSource::Files { label, .. }, _) => self.free_name(label),
            (_, Some((_, address))) => address.to_string(),
            (ModelSource::Hub { address, .. }, None) => address.clone(),
        };
        let on_hub = matches!(source, ModelSource::Hub { .. });
        if on_hub && self.cards().iter().any(|card| card.name == name) {
            return self.say(Level::Information, format!("{name} is on the shelf already."));
        }
        // A second look at the same takes the first's place.
        self.models.loads.retain(|load| load.is_busy() || load.name != name);
        let job = self.ask_model_worker(Job::InspectModel { source: source.clone() }, orders);
        self.models.loads.push(Load { offer, name, source, summary: None, stage: Stage::Inspecting, job });
    }

    /// A name for dropped files that nothing on the shelf has; the address of a link separates names by commas.
    fn free_name(&self, label: &str) -> String {
        let label = label.replace([',', '&', '#', '='], " ");
        let label = if label.trim().is_empty() { "my model" } else { label.trim() };
        let taken = |name: &str| {
            self.cards().iter().any(|card| card.name == name) || self.models.loads.iter().any(|load| load.name == name)
        };
        let numbered = (2..).map(|number| format!("{label} {number}"));
        std::iter::once(label.to_string()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
    }

    pub(super) fn load(&mut self, offer: u32, keep: bool, orders: &mut Vec<Order>) {
        let Some(at) = self.models.loads.iter().position(|load| load.offer == offer) else { return };
        let Load { name, source, .. } = self.models.loads[at].clone();
        let job = self.ask_model_worker(Job::LoadModel { name, source, keep }, orders);
        let load = &mut self.models.loads[at];
        (load.stage, load.job) = (Stage::Loading(None), job);
    }

    /// Ends a load, or puts away one that was refused or not wanted.
    pub(super) fn cancel_load(&mut self, offer: u32, orders: &mut Vec<Order>) {
        let Some(at) = self.models.loads.iter().position(|load| load.offer == offer) else { return };
        if self.models.loads[at].is_busy() {
            orders.push(Order::Send(MODEL_WORKER, Command::Stop(self.models.loads[at].job)));
        } else {
            self.models.loads.remove(at);
            orders.push(Order::DropOffer(offer));
        }
    }

    pub(super) fn remove_model(&mut self, name: String, orders: &mut Vec<Order>) {
        let kept = self.models.cards.iter().find(|card| card.name == name).map(is_kept).unwrap_or(true);
        if kept {
            self.ask_model_worker(Job::RemoveModel { name }, orders);
        } else {
            self.take_off(&name);
            orders.push(Order::DropModel(name));
        }
    }

    fn ask_model_worker(&mut self, job: Job, orders: &mut Vec<Order>) -> JobId {
        if !self.models.worker_lives {
            self.models.worker_lives = true;
            // It trains nothing, so it needs no GPU, and no device is opened for it.
            orders.push(Order::Spawn(MODEL_WORKER, Backend::Cpu));
        }
        self.start(MODEL_WORKER, job, orders)
    }

    pub(super) fn inspected(&mut self, job: JobId, summary: ModelSummary) {
        if let Some(load) = self.load_of(job) {
            load.summary = Some(summary);
            load.stage = Stage::Inspected;
        }
    }

    pub(super) fn loading(&mut self, job: JobId, progress: FileProgress) {
        if let Some(load) = self.load_of(job) {
            load.stage = Stage::Loading(Some(progress));
        }
    }

    pub(super) fn loaded(&mut self, job: JobId, card: ModelCard, orders: &mut Vec<Order>) {
        let Some(at) = self.models.loads.iter().position(|load| load.job == job) else { return };
        let offer = self.models.loads.remove(at).offer;
        self.models.partial.retain(|download| download.name != card.name);
        let (name, sha256) = (card.name.clone(), card.sha256.clone());
        if is_kept(&card) {
            orders.push(Order::DropOffer(offer));
        } else {
            orders.push(Order::ProvideModel { offer, base: name.clone(), sha256 });
        }
        // What was just loaded is what the visitor wants to use.
        let mut settings = self.settings.clone();
        settings.bases.retain(|base| *base != name);
        settings.bases.push(name.clone());
        self.add(card);
        self.set(settings, orders);
        self.say(Level::Information, format!("{name} is on the shelf."));
    }

    pub(super) fn load_refused(&mut self, job: JobId, reason: String) {
        if let Some(load) = self.load_of(job) {
            let keep = matches!(load.source, ModelSource::Hub { .. });
            load.stage = Stage::Refused { reason, keep };
        }
    }

    pub(super) fn removed(&mut self, name: &str) {
        self.take_off(name);
        self.models.partial.retain(|download| download.name != name);
    }

    fn load_of(&mut self, job: JobId) -> Option<&mut Load> {
        self.models.loads.iter_mut().find(|load| load.job == job && load.is_busy())
    }

    /// Without a job its worker ends.
    pub(super) fn rest_model_worker(&mut self, orders: &mut Vec<Order>) {
        if self.models.worker_lives && self.jobs.of(MODEL_WORKER).next().is_none() {
            self.models.worker_lives = false;
            orders.push(Order::End(MODEL_WORKER));
        }
    }
}

pub fn is_kept(card: &ModelCard) -> bool {
    card.origin.as_ref().is_some_and(|origin| origin.kept)
}

/// Models whose losses per token can stand beside each other in one law: of one family, over one vocabulary.
pub fn comparable(a: &ModelCard, b: &ModelCard) -> bool {
    let family = |card: &ModelCard| card.origin.as_ref().map(|origin| origin.family.clone());
    family(a) == family(b) && a.config.vocab_size == b.config.vocab_size
}

/// Training settings with sequences that the bases' learned positions reach, virtual tokens included.
pub fn fitted(train: &TrainConfig, method: &Method, bases: &[&ModelConfig]) -> TrainConfig {
    let virtual_tokens = method.tuning().virtual_tokens();
    let learned = bases.iter().filter(|config| config.position == crate::spec::Position::Learned);
    let room = learned.map(|config| config.context).min().unwrap_or(usize::MAX);
    TrainConfig { sequence: train.sequence.min(room.saturating_sub(virtual_tokens)), ..train.clone() }
}

impl Settings {
    /// Bases that the settings name and the shelf does not have.
    pub fn missing(&self, shelf: &[ModelCard]) -> Vec<String> {
        self.bases.iter().filter(|name| !shelf.iter().any(|card| card.name == **name)).cloned().collect()
    }
}
