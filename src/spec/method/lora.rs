//! LoRA: low-rank adapters beside frozen weights (Hu et al. 2021), with PEFT's conventions.

use super::info::parse;
use super::{Citation, CliOption, Control, MethodInfo, MethodResult, Setting, TuningMethod};
use crate::spec::{Initial, ModelConfig, ParameterSpec, Precision, Role, SpecError, Term, require};
use serde::{Deserialize, Serialize};

/// Low-rank adapters beside frozen weights (Hu et al. 2021).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lora {
    pub rank: usize,
    pub alpha: f64,
    /// Probability of zeroing an input of the adapter while training.
    pub dropout: f64,
    pub targets: Vec<Target>,
    /// Scale by alpha/sqrt(rank) (Kalajdzievski 2023) instead of alpha/rank.
    pub rslora: bool,
    /// How the frozen base is held. Written only where it is not f32: older specs keep their hash, and older labs
    /// refuse newer ones.
    #[serde(default, skip_serializing_if = "Precision::is_f32")]
    pub base_precision: Precision,
}

/// A linear layer of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Target {
    Query,
    Key,
    Value,
    AttentionOut,
    /// SwiGLU's gate; absent in models with a plain GELU.
    Gate,
    Up,
    Down,
}

impl Target {
    /// All of them, in the order they are shown.
    pub const ALL: [Target; 7] =
        [Target::Query, Target::Key, Target::Value, Target::AttentionOut, Target::Gate, Target::Up, Target::Down];
    /// Their names on the command line, in the same order.
    const IDS: [&str; 7] = ["query", "key", "value", "out", "gate", "up", "down"];
}

const INFO: MethodInfo = MethodInfo {
    id: "lora",
    name: "LoRA",
    title: "LoRA",
    sentence: "Freezes the base and trains two thin matrices beside each layer",
    citation: Some(Citation { authors: "Hu et al. 2021", address: "https://arxiv.org/abs/2106.09685" }),
    learning_rate: 5e-3,
    from_base: true,
    result: MethodResult::Adapter { noun: "LoRA", unmergeable: None },
};

impl Default for Lora {
    fn default() -> Self {
        Lora {
            rank: 8,
            alpha: 16.0,
            dropout: 0.0,
            targets: Target::ALL.to_vec(),
            rslora: false,
            base_precision: Precision::F32,
        }
    }
}

impl Lora {
    /// The factor on `x·A·B`.
    pub fn scale(&self) -> f64 {
        let rank = self.rank as f64;
        self.alpha / if self.rslora { rank.sqrt() } else { rank }
    }

    /// The matrices beside a linear layer, A `[in, rank]` and B `[rank, out]`, PEFT's `lora_A` and `lora_B` transposed;
    /// none where the model has no such layer. A starts uniform in ±1/√in (Kaiming's, a = √5), B at zero.
    pub fn matrices(&self, config: &ModelConfig, layer: usize, target: Target) -> Option<[ParameterSpec; 2]> {
        let role = Role::Linear(layer, target);
        let [inputs, outputs] = config.linear_shape(target);
        let matrix = |name: &str, shape: [usize; 2], initial| ParameterSpec {
            name: format!("{}.{name}", role.module()),
            shape: shape.to_vec(),
            in_base: None,
            decays: true,
            lowest_precision: Precision::F32,
            initial,
        };
        let a = matrix("lora_a", [inputs, self.rank], Initial::Uniform { bound: 1.0 / (inputs as f64).sqrt() });
        let b = matrix("lora_b", [self.rank, outputs], Initial::Zeros);
        config.has(role, Term::Weight).then_some([a, b])
    }

    /// Every layer that is adapted, by block and target.
    pub fn layers(&self, config: &ModelConfig) -> Vec<(usize, Target, [ParameterSpec; 2])> {
        let each = |layer| {
            let found = move |&target: &Target| Some((layer, target, self.matrices(config, layer, target)?));
            self.targets.iter().filter_map(found)
        };
        (0..config.layers).flat_map(each).collect()
    }
}

impl TuningMethod for Lora {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }

    fn trained(&self, config: &ModelConfig) -> Vec<ParameterSpec> {
        self.layers(config).into_iter().flat_map(|(_, _, matrices)| matrices).collect()
    }

    fn settings(&self) -> Vec<Setting> {
        let number = |least, most, whole| Control::Number { least, most, whole };
        let flag = Control::Flag { note: "(rsLoRA, Kalajdzievski 2023) instead of alpha/rank" };
        let list = Control::List { options: &Target::IDS };
        let alpha = "The adapter is scaled by alpha/rank; twice the rank if not given";
        let alpha = CliOption::explained("alpha", "ALPHA", alpha);
        let targets = "Which linear layers are adapted; all if not given";
        let targets = CliOption::explained("targets", "TARGETS", targets);
        let rslora = CliOption::explained("rslora", "", "Scale by alpha/sqrt(rank)");
        let layers: Vec<&str> = self.targets.iter().map(|&target| Target::IDS[target as usize]).collect();
        vec![
            Setting::new("rank", "Rank", number(1.0, 256.0, true), self.rank, CliOption::new("rank", "RANK")),
            Setting::new("alpha", "Alpha", number(1e-3, 1e4, false), self.alpha, alpha),
            Setting::new(
                "dropout",
                "Dropout",
                number(0.0, 0.95, false),
                self.dropout,
                CliOption::new("dropout", "DROPOUT"),
            ),
            Setting { on_page: false, ..Setting::new("targets", "Layers", list, layers.join(","), targets) },
            Setting::new("rslora", "Scale by alpha/√rank", flag, self.rslora, rslora),
        ]
    }

    fn set(&mut self, id: &str, value: &str) -> Result<(), String> {
        match id {
            "rank" => self.rank = parse(value, "it is a whole number.")?,
            "alpha" => self.alpha = parse(value, "it is a number.")?,
            "dropout" => self.dropout = parse(value, "it is a number.")?,
            "rslora" => self.rslora = parse(value, "it is true or false.")?,
            "targets" => {
                let target = |id: &str| Some(Target::ALL[Target::IDS.iter().position(|known| *known == id)?]);
                let targets = value.split(',').map(target).collect::<Option<_>>();
                self.targets = targets.ok_or_else(|| format!("they are some of {}.", Target::IDS.join(", ")))?;
            }
            _ => return Err(format!("LoRA has no setting {id}.")),
        }
        Ok(())
    }

    fn complete(&mut self, is_given: &dyn Fn(&str) -> bool) {
        if !is_given("alpha") {
            self.alpha = 2.0 * self.rank as f64;
        }
    }

    fn check(&self) -> Result<(), SpecError> {
        require(self.rank >= 1, "rank", self.rank, "it must be at least 1")?;
        require(self.alpha.is_finite() && self.alpha > 0.0, "alpha", self.alpha, "it must be above 0")?;
        require((0.0..1.0).contains(&self.dropout), "dropout", self.dropout, "it must lie in [0, 1)")?;
        require(!self.targets.is_empty(), "targets", "empty", "choose at least one layer to adapt")
    }

    fn base_precision(&self) -> Precision {
        self.base_precision
    }

    fn base_precision_mut(&mut self) -> Option<&mut Precision> {
        Some(&mut self.base_precision)
    }

    fn size(&self) -> Option<String> {
        Some(format!("rank {}", self.rank))
    }
}
