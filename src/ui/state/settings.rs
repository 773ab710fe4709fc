//! What the visitor chose, and the experiment that follows from it. Plain data: the page's controls write it,
//! the address bar carries it ([`super::share`]), the fold reads it.

use super::shelf::fitted;
use crate::data::tasks::Task;
use crate::job::Backend;
use crate::plan::estimate::longest_sequence;
use crate::plan::grid::{Experiment, clip, doubling};
use crate::record::ModelCard;
use crate::spec::{Base, Method, MethodKind, Precision, Setting, Source, TrainConfig};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Names of base models. Empty means the first of the shelf.
    pub bases: Vec<String>,
    pub data: DataChoice,
    pub methods: Vec<MethodKind>,
    /// Every method as it is set, in the order of [`MethodKind::ALL`], on a base in f32; see [`Self::method`].
    pub variants: [Method; MethodKind::ALL.len()],
    /// How the base is held where it stays frozen.
    pub base_precision: Precision,
    /// Smallest and largest number of training examples; the sizes double in between.
    pub smallest: usize,
    pub largest: usize,
    pub seeds: u64,
    /// Training settings that differ from the method's defaults.
    pub rates: BTreeMap<MethodKind, f64>,
    pub max_steps: Option<usize>,
    pub batch_size: Option<usize>,
    /// Tokens of an example, at most.
    pub sequence: Option<usize>,
    pub backend: Backend,
    /// The model hub that is asked, where the visitor asks one.
    pub hub: String,
    pub view: View,
    pub horizontal: Horizontal,
    /// The law to draw, by its name; empty leaves the choice to the fit.
    pub law: String,
    /// Parts of the page that a teacher took away (`hide=device,laws`).
    pub hidden: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataChoice {
    Task(String),
    Own,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    Lab,
    Laws,
    Try,
    About,
}

/// What the scaling plot's horizontal axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Horizontal {
    Examples,
    /// Target tokens of the distinct training examples.
    Tokens,
}

pub const SMALLEST_SIZE: usize = 16;
pub const LARGEST_SIZE: usize = 65_536;
pub const MOST_SEEDS: u64 = 16;

/// The visitor's data, as they were counted.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnData {
    pub source: Source,
    /// Tokens of an example that keep nearly every one whole.
    pub sequence: usize,
    /// Examples to train on.
    pub examples: usize,
}

impl OwnData {
    /// Of these sizes, those that the data have; larger ones become all of them.
    pub fn clip(&self, sizes: Vec<usize>) -> Vec<usize> {
        clip(sizes, self.examples)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            bases: Vec::new(),
            data: DataChoice::Task(Task::DEFAULT.into()),
            methods: MethodKind::ALL.into_iter().filter(|kind| kind.info().from_base).collect(),
            variants: MethodKind::ALL.map(MethodKind::method),
            base_precision: Precision::F32,
            smallest: 16,
            largest: 1024,
            seeds: 3,
            rates: BTreeMap::new(),
            max_steps: None,
            batch_size: None,
            sequence: None,
            backend: Backend::Auto,
            hub: crate::hub::PUBLIC.into(),
            view: View::Lab,
            horizontal: Horizontal::Examples,
            law: String::new(),
            hidden: Vec::new(),
        }
    }
}

impl View {
    pub const ALL: [View; 4] = [View::Lab, View::Laws, View::Try, View::About];

    pub fn id(self) -> &'static str {
        match self {
            View::Lab => "lab",
            View::Laws => "laws",
            View::Try => "try",
            View::About => "about",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            View::Lab => "Lab",
            View::Laws => "Laws",
            View::Try => "Try it",
            View::About => "About",
        }
    }
}

impl Settings {
    pub fn sizes(&self) -> Vec<usize> {
        doubling(self.smallest, self.largest)
    }

    /// A method as it will be run.
    pub fn method(&self, kind: MethodKind) -> (Method, TrainConfig) {
        let mut method = self.variants[kind as usize].clone();
        if let Some(held) = method.tuning_mut().and_then(|tuning| tuning.base_precision_mut()) {
            *held = self.base_precision;
        }
        let default = TrainConfig::default_for(kind);
        let train = TrainConfig {
            learning_rate: self.rates.get(&kind).copied().unwrap_or(default.learning_rate),
            max_steps: self.max_steps.unwrap_or(default.max_steps),
            batch_size: self.batch_size.unwrap_or(default.batch_size),
            sequence: self.sequence.unwrap_or(default.sequence),
            ..default
        };
        (method, train)
    }

    pub fn set_method(&mut self, kind: MethodKind, on: bool) {
        self.methods.retain(|&chosen| chosen != kind);
        if on {
            self.methods.push(kind);
            self.methods.sort();
        }
    }

    /// A method's settings as they are set.
    pub fn settings_of(&self, kind: MethodKind) -> Vec<Setting> {
        self.variants[kind as usize].tuning().settings()
    }

    /// Changes one setting of a method, as a link or a control gives it.
    pub fn set_setting(&mut self, kind: MethodKind, id: &str, value: &str) -> Result<(), String> {
        match self.variants[kind as usize].tuning_mut() {
            Some(tuning) => tuning.set(id, value),
            None => Err("there is no such setting.".into()),
        }
    }

    pub fn shows(&self, part: &str) -> bool {
        !self.hidden.iter().any(|hidden| hidden == part)
    }

    /// The base models chosen, of those on the shelf.
    pub fn chosen<'a>(&self, shelf: &'a [ModelCard]) -> Vec<&'a ModelCard> {
        match self.bases.is_empty() {
            true => shelf.first().into_iter().collect(),
            false => shelf.iter().filter(|card| self.bases.contains(&card.name)).collect(),
        }
    }

    /// The grid of runs, or what is missing for one. `own` are the visitor's data once they are read; `memory` are the
    /// bytes that a run may take, which bound how much of their examples is read.
    pub fn experiment(&self, shelf: &[ModelCard], own: Option<&OwnData>, memory: u64) -> Result<Experiment, String> {
        let bases = self.chosen(shelf);
        if let ([missing, ..], false) = (self.missing(shelf).as_slice(), shelf.is_empty()) {
            return Err(format!(
                "This experiment uses “{missing}”, which is not on this shelf. Load this model first, under “Base model”, or choose another."
            ));
        }
        if bases.is_empty() {
            return Err("No base model is loaded yet. Wait for the shelf to load, or reload the page.".into());
        }
        if self.methods.is_empty() {
            return Err("No method is chosen. Tick at least one under “Methods”.".into());
        }
        if self.sizes().is_empty() {
            return Err("The largest data size is below the smallest. Raise it under “Data sizes”.".into());
        }
        let (source, sizes) = match (&self.data, own) {
            (DataChoice::Task(id), _) => (Source::Task(id.clone()), self.sizes()),
            (DataChoice::Own, Some(own)) => (own.source.clone(), own.clip(self.sizes())),
            (DataChoice::Own, None) => {
                return Err("Your data are not read yet. Paste text or drop a file under “Data”.".into());
            }
        };
        let configs: Vec<_> = bases.iter().map(|card| &card.config).collect();
        let mut methods: Vec<_> = self.methods.iter().map(|&kind| self.method(kind)).collect();
        if let (DataChoice::Own, Some(own), None) = (&self.data, own, self.sequence) {
            // One for all, so that every method and base learns the same.
            let each = methods.iter().flat_map(|(method, train)| {
                configs.iter().map(move |config| longest_sequence(config, method, train, Some(memory)))
            });
            let sequence = each.chain([own.sequence]).min().unwrap_or(own.sequence);
            methods.iter_mut().for_each(|(_, train)| train.sequence = sequence);
        }
        for (method, train) in &mut methods {
            *train = fitted(train, method, &configs);
        }
        for (method, train) in &methods {
            method.check().and_then(|()| train.check()).map_err(|error| error.to_string())?;
        }
        Ok(Experiment {
            bases: bases.iter().map(|card| Base { name: card.name.clone(), sha256: card.sha256.clone() }).collect(),
            source,
            methods,
            sizes,
            seeds: self.seeds,
        })
    }
}
