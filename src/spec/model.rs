//! One decoder-only transformer whose settings express the published families: GPT-2, GPT-Neo, GPT-NeoX,
//! Llama, Qwen2 and Qwen3. The engine builds exactly this; a family is a mapping of names, not a model.

use super::{SpecError, require};
use serde::{Deserialize, Serialize};

/// A model's shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    pub vocab_size: usize,
    /// Positions the model was made for (the table's length where positions are learned).
    pub context: usize,
    pub d_model: usize,
    pub layers: usize,
    pub heads: usize,
    /// Heads of keys and values; fewer than `heads` is grouped-query attention (Ainslie et al. 2023).
    pub kv_heads: usize,
    pub head_dim: usize,
    /// Width of the feed-forward layer.
    pub d_ff: usize,
    pub norm: Norm,
    pub norm_eps: f64,
    pub position: Position,
    pub activation: Activation,
    /// Attention and feed-forward read the same input and add to the residual together (GPT-NeoX), each after a
    /// norm of its own.
    pub parallel_residual: bool,
    /// The output head is the embedding, transposed.
    pub tied_embeddings: bool,
    pub bias: Bias,
    /// RMS norm on each head's query and key (Qwen3).
    pub qk_norm: bool,
    /// Divide scores by sqrt(head_dim). GPT-Neo does not.
    pub scale_scores: bool,
    /// A layer's attention window in tokens, itself included; `None` sees everything. Empty: all layers see everything.
    pub windows: Vec<Option<usize>>,
}

/// How activations are normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Norm {
    Layer,
    Rms,
}

/// How a token's place is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Position {
    /// A learned vector per position, added to the embedding.
    Learned,
    /// Rotary embedding (Su et al. 2021) in the half-split layout of Hugging Face, on the first `fraction` of
    /// each head's dimensions.
    Rotary { theta: f64, fraction: f64 },
}

/// The feed-forward layer's nonlinearity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    /// GELU by the error function.
    Gelu,
    /// GELU by tanh ("gelu_new", "gelu_pytorch_tanh").
    GeluTanh,
    /// SiLU(gate) · up (Shazeer 2020): the feed-forward has three matrices.
    SwiGlu,
}

/// Which linear layers add a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bias {
    pub qkv: bool,
    pub attention_out: bool,
    pub mlp: bool,
    pub head: bool,
}

impl Bias {
    /// No layer adds one.
    pub const NONE: Bias = Bias { qkv: false, attention_out: false, mlp: false, head: false };
}

impl ModelConfig {
    /// A ladder model: pre-norm RMS, rotary, SwiGLU, tied, no biases (Llama's design), heads of 16 or 32.
    pub fn ladder(vocab_size: usize, context: usize, d_model: usize, layers: usize) -> Self {
        let head_dim = if d_model >= 96 { 32 } else { 16 };
        let heads = d_model / head_dim;
        ModelConfig {
            vocab_size,
            context,
            d_model,
            layers,
            heads,
            kv_heads: heads,
            head_dim,
            // 8/3 d, rounded up to a multiple of 16: three matrices then weigh what two of 4d do.
            d_ff: (d_model * 8).div_ceil(3).next_multiple_of(16),
            norm: Norm::Rms,
            norm_eps: 1e-5,
            position: Position::Rotary { theta: 10_000.0, fraction: 1.0 },
            activation: Activation::SwiGlu,
            parallel_residual: false,
            tied_embeddings: true,
            bias: Bias::NONE,
            qk_norm: false,
            scale_scores: true,
            windows: Vec::new(),
        }
    }

    /// How far back a layer's attention sees; `None` sees everything.
    pub fn window(&self, layer: usize) -> Option<usize> {
        self.windows.get(layer).copied().flatten()
    }

    /// Dimensions of a head that rotate; 0 where positions are learned.
    pub fn rotary_dims(&self) -> usize {
        match self.position {
            Position::Learned => 0,
            Position::Rotary { fraction, .. } => ((self.head_dim as f64 * fraction) as usize) & !1,
        }
    }

    /// Refuses shapes that cannot be built, naming the field and the rule.
    pub fn check(&self) -> Result<(), SpecError> {
        require(self.vocab_size > 0, "vocab_size", self.vocab_size, "it must be at least 1")?;
        require(self.context > 0, "context", self.context, "it must be at least 1")?;
        require(self.d_model > 0, "d_model", self.d_model, "it must be at least 1")?;
        require(self.layers > 0, "layers", self.layers, "it must be at least 1")?;
        require(self.d_ff > 0, "d_ff", self.d_ff, "it must be at least 1")?;
        require(self.head_dim > 0, "head_dim", self.head_dim, "it must be at least 1")?;
        require(self.heads > 0, "heads", self.heads, "it must be at least 1")?;
        let grouped = self.kv_heads > 0 && self.heads.is_multiple_of(self.kv_heads);
        require(grouped, "kv_heads", self.kv_heads, "it must divide the number of heads")?;
        require(self.norm_eps > 0.0 && self.norm_eps < 1.0, "norm_eps", self.norm_eps, "it must lie between 0 and 1")?;
        if let Position::Rotary { theta, fraction } = self.position {
            require(theta > 1.0, "theta", theta, "it must be above 1")?;
            require(fraction > 0.0 && fraction <= 1.0, "rotary fraction", fraction, "it must lie in (0, 1]")?;
            require(
                self.rotary_dims() >= 2,
                "rotary fraction",
                fraction,
                "at least two dimensions of a head must rotate",
            )?;
        }
        let windows = self.windows.len();
        require(
            windows == 0 || windows == self.layers,
            "windows",
            windows,
            "name a window for every layer or for none",
        )?;
        require(!self.windows.contains(&Some(0)), "windows", 0, "a window holds at least the token itself")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_shapes_name_the_field() {
        let bad = ModelConfig { kv_heads: 3, ..ModelConfig::ladder(512, 64, 64, 2) };
        assert_eq!(bad.check().unwrap_err().to_string(), "kv_heads is 3: it must divide the number of heads");
        assert!(ModelConfig::ladder(512, 64, 64, 2).check().is_ok());
    }
}
