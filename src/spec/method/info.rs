//! What a method says of itself: page, command line and links are built from it.

use super::{Method, MethodKind};
use crate::spec::{ModelConfig, ParameterSpec, Precision, SpecError, require};

/// What holds of a method whatever its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MethodInfo {
    /// The name in links and on the command line.
    pub id: &'static str,
    /// The name within a sentence, and the name that begins one.
    pub name: &'static str,
    pub title: &'static str,
    /// What it does, without its last full stop.
    pub sentence: &'static str,
    pub citation: Option<Citation>,
    /// The peak learning rate where none is chosen.
    pub learning_rate: f64,
    /// Whether the base's knowledge is where training starts.
    pub from_base: bool,
    pub result: MethodResult,
}

/// The paper that a thing is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Citation {
    pub authors: &'static str,
    pub address: &'static str,
}

/// What a run of a method leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodResult {
    /// A full model: every weight was trained.
    Model,
    /// An adapter beside its base, which stays frozen and may be quantized.
    Adapter {
        /// What one is called: "a LoRA of rank 8".
        noun: &'static str,
        /// Why it cannot become part of the base's weights; none where it can, and then several can be blended.
        unmergeable: Option<&'static str>,
    },
}

/// A method with its settings. One file implements this for one method.
pub trait TuningMethod {
    fn info(&self) -> &'static MethodInfo;

    /// What is trained on a model of this config.
    fn trained(&self, config: &ModelConfig) -> Vec<ParameterSpec>;

    /// The settings with their values.
    fn settings(&self) -> Vec<Setting> {
        Vec::new()
    }

    /// Reads one setting as [`Setting::value`] writes it.
    fn set(&mut self, id: &str, _value: &str) -> Result<(), String> {
        Err(format!("{} has no setting {id}.", self.info().title))
    }

    /// What follows on the command line from settings that are given there for those that are not.
    fn complete(&mut self, _is_given: &dyn Fn(&str) -> bool) {}

    fn check(&self) -> Result<(), SpecError> {
        Ok(())
    }

    /// How the base is held while this method trains: what trains every weight needs every bit.
    fn base_precision(&self) -> Precision {
        Precision::F32
    }

    /// To change that; none where it cannot be.
    fn base_precision_mut(&mut self) -> Option<&mut Precision> {
        None
    }

    /// The setting that tells variants of the method apart, in words: "rank 8".
    fn size(&self) -> Option<String> {
        None
    }

    /// Positions that it takes before every input.
    fn virtual_tokens(&self) -> usize {
        0
    }

    /// A text whose tokens its initial values are made from.
    fn initial_text(&self) -> Option<&str> {
        None
    }
}

/// One setting of a method, its value and the control that changes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The name in links.
    pub id: &'static str,
    pub label: &'static str,
    pub control: Control,
    /// Whether the page and links have it too, or the command line alone.
    pub on_page: bool,
    pub option: CliOption,
    pub value: String,
}

/// How a setting is given on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CliOption {
    pub name: &'static str,
    /// What its help calls the value.
    pub value: &'static str,
    /// Where the name says too little.
    pub help: Option<&'static str>,
    /// What stands before the option's value in [`Setting::value`].
    pub prefix: &'static str,
    pub shows_default: bool,
}

/// What changes a setting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Control {
    Number {
        least: f64,
        most: f64,
        whole: bool,
    },
    /// True or false; the note stands after the label.
    Flag {
        note: &'static str,
    },
    /// One of several, each with what the page calls it.
    Choice {
        options: &'static [(&'static str, &'static str)],
        /// The option that is a text, written `option:text`; its label, and what it begins with.
        text: Option<TextOption>,
    },
    /// Some of several, parted by commas.
    List {
        options: &'static [&'static str],
    },
}

/// The option of a choice that is a text of the visitor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextOption {
    pub option: &'static str,
    pub label: &'static str,
    pub first: &'static str,
}

impl Setting {
    pub(super) fn new(
        id: &'static str,
        label: &'static str,
        control: Control,
        value: impl ToString,
        option: CliOption,
    ) -> Self {
        Setting { id, label, control, on_page: true, option, value: value.to_string() }
    }
}

impl CliOption {
    /// An option whose name says enough, shown with its default.
    pub(super) const fn new(name: &'static str, value: &'static str) -> Self {
        CliOption { name, value, help: None, prefix: "", shows_default: true }
    }

    /// An option whose help says what holds without it.
    pub(super) const fn explained(name: &'static str, value: &'static str, help: &'static str) -> Self {
        CliOption { name, value, help: Some(help), prefix: "", shows_default: false }
    }
}

impl Control {
    /// Refuses what the page's control could not give.
    pub fn check(&self, value: &str) -> Result<(), String> {
        match self {
            Control::Number { least, most, .. } => match value.parse::<f64>() {
                Ok(number) if number >= *least && number <= *most => Ok(()),
                _ => Err(format!("it is a number from {least} to {most}.")),
            },
            Control::Flag { .. } | Control::Choice { .. } | Control::List { .. } => Ok(()),
        }
    }
}

/// Reads a setting's value; `rule` says what it should be.
pub(super) fn parse<T: std::str::FromStr>(value: &str, rule: &str) -> Result<T, String> {
    value.parse().map_err(|_| rule.to_string())
}

impl MethodInfo {
    /// The sentence with whose work it is.
    pub fn blurb(&self) -> String {
        match self.citation {
            Some(Citation { authors, .. }) => format!("{} ({authors}).", self.sentence),
            None => format!("{}.", self.sentence),
        }
    }
}

impl MethodKind {
    /// What holds of it whatever its settings.
    pub fn info(self) -> &'static MethodInfo {
        self.method().tuning().info()
    }

    /// The name in links and on the command line.
    pub fn id(self) -> &'static str {
        self.info().id
    }

    /// Whether the base stays frozen.
    pub fn freezes_base(self) -> bool {
        matches!(self.info().result, MethodResult::Adapter { .. })
    }

    /// Whether what it trains can become part of the base's weights.
    pub fn merges(self) -> bool {
        matches!(self.info().result, MethodResult::Adapter { unmergeable: None, .. })
    }
}

impl Method {
    /// The method on a base held in `precision`.
    pub fn on(mut self, precision: Precision) -> Result<Self, SpecError> {
        const RULE: &str = "training every weight takes steps too small for it: use LoRA or prompt tuning, or keep f32";
        match self.tuning_mut().and_then(|tuning| tuning.base_precision_mut()) {
            Some(held) => *held = precision,
            None => require(precision.is_f32(), "base precision", precision, RULE)?,
        }
        Ok(self)
    }

    /// How the base is held while this method trains.
    pub fn base_precision(&self) -> Precision {
        self.tuning().base_precision()
    }

    /// Refuses settings that cannot be trained.
    pub fn check(&self) -> Result<(), SpecError> {
        self.tuning().check()
    }

    /// What the method trains on a model of this config.
    pub fn trained(&self, config: &ModelConfig) -> Vec<ParameterSpec> {
        self.tuning().trained(config)
    }
}
