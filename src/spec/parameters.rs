//! The parameter table: every tensor of a model, made from its config. Loading, writing, counting, estimates, AdamW,
//! quantization, initial values and LoRA's targets all read it; nothing else writes a parameter's name or decides by it.
//!
//! | name (`{i}` counts blocks from 0) | shape |
//! |---|---|
//! | `embed.weight` | `[vocab, d]` |
//! | `positions.weight` (learned positions) | `[context, d]` |
//! | `blocks.{i}.attention.{query,key,value,out}.{weight,bias}` | `[in, out]`, `[out]` |
//! | `blocks.{i}.mlp.{gate,up,down}.{weight,bias}` (gate: SwiGLU) | `[in, out]`, `[out]` |
//! | `blocks.{i}.attention.{query_norm,key_norm}.weight` (Qwen3) | `[head_dim]` |
//! | `blocks.{i}.{norm_attention,norm_mlp}.{weight,bias}` (bias: layer norm) | `[d]` |
//! | `norm.{weight,bias}` | `[d]` |
//! | `head.{weight,bias}` (weight: untied) | `[d, vocab]`, `[vocab]` |
//!
//! What the published families call them stands with each family, by [`Role`]. What a method adds beside the base
//! (LoRA's matrices, a prompt) has rows of the same kind: [`Method::trained`](super::Method::trained).

use super::{Activation, ModelConfig, Norm, Position, Precision, Target};
use serde::{Deserialize, Serialize};

/// What a module is in the decoder. A block's have its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// A vector per token; the head too, where the two are tied.
    Embedding,
    /// A learned vector per position.
    Positions,
    Linear(usize, Target),
    /// On each head's query and key (Qwen3).
    QueryNorm(usize),
    KeyNorm(usize),
    /// Before the attention, and before the feed-forward layer.
    AttentionNorm(usize),
    MlpNorm(usize),
    FinalNorm,
    Head,
}

/// A module's weight, or the bias it adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Term {
    Weight,
    Bias,
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterSpec {
    pub name: String,
    /// Linear weights are `[in, out]`.
    pub shape: Vec<usize>,
    /// Which of the base's parameters it is; none for what a method adds.
    pub in_base: Option<(Role, Term)>,
    /// Whether weight decay pulls it: the matrices of linear layers, not norms, biases, embeddings and prompts.
    pub decays: bool,
    /// The least precision in which it may be held while frozen; f32 where it may not be quantized.
    pub lowest_precision: Precision,
    pub initial: Initial,
}

/// What a parameter starts from where no file gives it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initial {
    Zeros,
    Ones,
    Normal {
        deviation: f64,
    },
    /// Between −bound and bound.
    Uniform {
        bound: f64,
    },
    /// What the method makes of the base's embedding.
    FromEmbedding,
}

/// Parameters by group. Laws count a model's size without embeddings (Kaplan et al. 2020); both are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterCount {
    pub total: u64,
    /// Without token and position embeddings and without an untied head.
    pub non_embedding: u64,
}

impl Role {
    /// The module's name.
    pub fn module(self) -> String {
        let block = |layer: usize, name: &str| format!("blocks.{layer}.{name}");
        match self {
            Role::Embedding => "embed".into(),
            Role::Positions => "positions".into(),
            Role::Linear(layer, target) => block(
                layer,
                match target {
                    Target::Query => "attention.query",
                    Target::Key => "attention.key",
                    Target::Value => "attention.value",
                    Target::AttentionOut => "attention.out",
                    Target::Gate => "mlp.gate",
                    Target::Up => "mlp.up",
                    Target::Down => "mlp.down",
                },
            ),
            Role::QueryNorm(layer) => block(layer, "attention.query_norm"),
            Role::KeyNorm(layer) => block(layer, "attention.key_norm"),
            Role::AttentionNorm(layer) => block(layer, "norm_attention"),
            Role::MlpNorm(layer) => block(layer, "norm_mlp"),
            Role::FinalNorm => "norm".into(),
            Role::Head => "head".into(),
        }
    }

    /// The parameter's name.
    pub fn name(self, term: Term) -> String {
        format!("{}.{}", self.module(), term.name())
    }
}

impl Term {
    /// The last part of a parameter's name.
    pub fn name(self) -> &'static str {
        match self {
            Term::Weight => "weight",
            Term::Bias => "bias",
        }
    }
}

impl ParameterSpec {
    /// `[rows, columns]` of what is no vector.
    pub fn matrix(&self) -> Option<[usize; 2]> {
        self.shape.as_slice().try_into().ok()
    }

    /// How many numbers it is.
    pub fn elements(&self) -> u64 {
        self.shape.iter().map(|&size| size as u64).product()
    }
}

impl ModelConfig {
    /// Every parameter, in the order of files.
    pub fn parameter_table(&self) -> Vec<ParameterSpec> {
        let block = |layer| {
            let linear = Target::ALL.into_iter().map(move |target| Role::Linear(layer, target));
            let norms = [Role::QueryNorm, Role::KeyNorm, Role::AttentionNorm, Role::MlpNorm];
            linear.chain(norms.map(|norm| norm(layer)))
        };
        let roles = [Role::Embedding, Role::Positions].into_iter();
        let roles = roles.chain((0..self.layers).flat_map(block)).chain([Role::FinalNorm, Role::Head]);
        let terms = roles.flat_map(|role| [(role, Term::Weight), (role, Term::Bias)]);
        terms.filter(|&(role, term)| self.has(role, term)).map(|(role, term)| self.parameter(role, term)).collect()
    }

    /// Whether a model of this config has the parameter.
    pub fn has(&self, role: Role, term: Term) -> bool {
        let weight = term == Term::Weight;
        match role {
            Role::Embedding => weight,
            Role::Positions => weight && self.position == Position::Learned,
            Role::Linear(_, Target::Gate) if self.activation != Activation::SwiGlu => false,
            Role::Linear(_, Target::Query | Target::Key | Target::Value) => weight || self.bias.qkv,
            Role::Linear(_, Target::AttentionOut) => weight || self.bias.attention_out,
            Role::Linear(_, Target::Gate | Target::Up | Target::Down) => weight || self.bias.mlp,
            Role::QueryNorm(_) | Role::KeyNorm(_) => weight && self.qk_norm,
            Role::AttentionNorm(_) | Role::MlpNorm(_) | Role::FinalNorm => weight || self.norm == Norm::Layer,
            Role::Head if weight => !self.tied_embeddings,
            Role::Head => self.bias.head,
        }
    }

    /// The parameter's row, as it is in a model that has it.
    pub fn parameter(&self, role: Role, term: Term) -> ParameterSpec {
        let d = self.d_model;
        let shape = match role {
            Role::Embedding => vec![self.vocab_size, d],
            Role::Positions => vec![self.context, d],
            Role::Linear(_, target) => self.linear_shape(target).to_vec(),
            Role::QueryNorm(_) | Role::KeyNorm(_) => vec![self.head_dim],
            Role::AttentionNorm(_) | Role::MlpNorm(_) | Role::FinalNorm => vec![d],
            Role::Head => vec![d, self.vocab_size],
        };
        let (shape, decays, lowest_precision, initial) = match term {
            Term::Bias => (shape[shape.len() - 1..].to_vec(), false, Precision::F32, Initial::Zeros),
            Term::Weight => {
                let (decays, lowest_precision, initial) = self.weight_rules(role);
                (shape, decays, lowest_precision, initial)
            }
        };
        ParameterSpec { name: role.name(term), shape, in_base: Some((role, term)), decays, lowest_precision, initial }
    }

    /// Whether a weight decays, how low it may be quantized, and how it starts: normal with standard deviation 0.02,
    /// the projections into the residual stream scaled down by the square root of how often it is added to (Radford et
    /// al. 2019). QLoRA leaves the embedding and the head out of its 4 bits (Dettmers et al. 2023); here they keep 8.
    fn weight_rules(&self, role: Role) -> (bool, Precision, Initial) {
        const NORMAL: Initial = Initial::Normal { deviation: 0.02 };
        match role {
            Role::Embedding => (false, Precision::Int8, NORMAL),
            Role::Positions => (false, Precision::F32, NORMAL),
            Role::Linear(_, Target::AttentionOut | Target::Down) => {
                let deviation = 0.02 / (2.0 * self.layers as f64).sqrt();
                (true, Precision::Nf4, Initial::Normal { deviation })
            }
            Role::Linear(_, Target::Query | Target::Key | Target::Value | Target::Gate | Target::Up) => {
                (true, Precision::Nf4, NORMAL)
            }
            Role::QueryNorm(_) | Role::KeyNorm(_) | Role::AttentionNorm(_) | Role::MlpNorm(_) | Role::FinalNorm => {
                (false, Precision::F32, Initial::Ones)
            }
            Role::Head => (true, Precision::Int8, NORMAL),
        }
    }

    /// `[in, out]` of a block's linear layer.
    pub fn linear_shape(&self, target: Target) -> [usize; 2] {
        let (d, q, kv) = (self.d_model, self.heads * self.head_dim, self.kv_heads * self.head_dim);
        match target {
            Target::Query => [d, q],
            Target::Key | Target::Value => [d, kv],
            Target::AttentionOut => [q, d],
            Target::Gate | Target::Up => [d, self.d_ff],
            Target::Down => [self.d_ff, d],
        }
    }

    /// How many there are.
    pub fn parameters(&self) -> ParameterCount {
        let mut count = ParameterCount { total: 0, non_embedding: 0 };
        for parameter in self.parameter_table() {
            count.total += parameter.elements();
            match parameter.in_base {
                Some((Role::Embedding | Role::Positions | Role::Head, _)) => {}
                _ => count.non_embedding += parameter.elements(),
            }
        }
        count
    }

    /// Bytes of a base of this shape held in `precision`.
    pub fn bytes(&self, precision: Precision) -> u64 {
        let bytes = |parameter: &ParameterSpec| match parameter.matrix() {
            Some(shape) => precision.of(parameter).bytes(shape),
            None => 4 * parameter.elements(),
        };
        self.parameter_table().iter().map(bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Bias;

    #[test]
    fn gpt2_small_has_124_million_parameters() {
        let gpt2 = ModelConfig {
            norm: Norm::Layer,
            position: Position::Learned,
            activation: Activation::GeluTanh,
            bias: Bias { qkv: true, attention_out: true, mlp: true, head: false },
            head_dim: 64,
            heads: 12,
            kv_heads: 12,
            d_ff: 3072,
            ..ModelConfig::ladder(50257, 1024, 768, 12)
        };
        assert_eq!(gpt2.parameters(), ParameterCount { total: 124_439_808, non_embedding: 85_056_000 });
    }

    /// Models that together have every parameter there is.
    fn configs() -> [ModelConfig; 3] {
        let ladder = ModelConfig::ladder(512, 64, 96, 3);
        let grouped = ModelConfig { kv_heads: 1, qk_norm: true, tied_embeddings: false, ..ladder.clone() };
        let biased = ModelConfig {
            norm: Norm::Layer,
            position: Position::Learned,
            activation: Activation::Gelu,
            bias: Bias { qkv: true, attention_out: true, mlp: true, head: true },
            ..ladder.clone()
        };
        [ladder, grouped, biased]
    }

    /// The rules as they once were, by name. They stay: another decay or precision is another run of the same id.
    #[test]
    fn no_decision_has_changed() {
        for config in configs() {
            for parameter in config.parameter_table() {
                let name = parameter.name.as_str();
                let decays = name.starts_with("blocks.") && !name.ends_with(".bias") && !name.contains("norm");
                assert_eq!(parameter.decays, decays || name == "head.weight", "{name}");
                for precision in Precision::ALL {
                    let held = match name {
                        "embed.weight" | "head.weight" if precision == Precision::Nf4 => Precision::Int8,
                        "embed.weight" | "head.weight" => precision,
                        _ if name.starts_with("blocks.") && name.ends_with(".weight") && !name.contains("norm") => {
                            precision
                        }
                        _ => Precision::F32,
                    };
                    assert_eq!(precision.of(&parameter), held, "{name} in {precision}");
                }
                let into_residual = name.ends_with("attention.out.weight") || name.ends_with("mlp.down.weight");
                let deviation = if into_residual { 0.02 / (2.0 * config.layers as f64).sqrt() } else { 0.02 };
                let initial = match parameter.shape.len() {
                    _ if name.ends_with(".bias") => Initial::Zeros,
                    1 => Initial::Ones,
                    _ => Initial::Normal { deviation },
                };
                assert_eq!(parameter.initial, initial, "{name}");
            }
        }
    }

    #[test]
    fn names_and_their_order_are_those_of_files() {
        let check = |config: ModelConfig, expected: &str| {
            let table = ModelConfig { layers: 1, tied_embeddings: false, ..config }.parameter_table();
            let names: Vec<&str> = table.iter().map(|row| row.name.as_str()).collect();
            assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
        };
        let [_, grouped, biased] = configs();
        check(
            grouped,
            "embed.weight
            blocks.0.attention.query.weight blocks.0.attention.key.weight blocks.0.attention.value.weight
            blocks.0.attention.out.weight blocks.0.mlp.gate.weight blocks.0.mlp.up.weight blocks.0.mlp.down.weight
            blocks.0.attention.query_norm.weight blocks.0.attention.key_norm.weight
            blocks.0.norm_attention.weight blocks.0.norm_mlp.weight norm.weight head.weight",
        );
        check(
            biased,
            "embed.weight positions.weight
            blocks.0.attention.query.weight blocks.0.attention.query.bias
            blocks.0.attention.key.weight blocks.0.attention.key.bias
            blocks.0.attention.value.weight blocks.0.attention.value.bias
            blocks.0.attention.out.weight blocks.0.attention.out.bias
            blocks.0.mlp.up.weight blocks.0.mlp.up.bias blocks.0.mlp.down.weight blocks.0.mlp.down.bias
            blocks.0.norm_attention.weight blocks.0.norm_attention.bias blocks.0.norm_mlp.weight blocks.0.norm_mlp.bias
            norm.weight norm.bias head.weight head.bias",
        );
    }
}
