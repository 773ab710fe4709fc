//! The transformer, on any of burn's devices: one [`Decoder`] that expresses the published families.
//!
//! Parameters have canonical names, whatever file they come from (`{i}` counts layers from 0):
//!
//! | name | shape |
//! |---|---|
//! | `embed.weight` | `[vocab, d]` |
//! | `positions.weight` (learned positions) | `[context, d]` |
//! | `blocks.{i}.attention.{query,key,value,out}.{weight,bias}` | `[in, out]`, `[out]` |
//! | `blocks.{i}.attention.{query_norm,key_norm}.weight` (Qwen3) | `[head_dim]` |
//! | `blocks.{i}.mlp.{gate,up,down}.{weight,bias}` (gate: SwiGLU) | `[in, out]`, `[out]` |
//! | `blocks.{i}.{norm_attention,norm_mlp}.{weight,bias}` (bias: layer norm) | `[d]` |
//! | `norm.{weight,bias}` | `[d]` |
//! | `head.{weight,bias}` (weight: untied) | `[d, vocab]`, `[vocab]` |
//!
//! A [`WeightSource`] gives tensors by these names, one at a time, so that loading never holds a model twice.

mod attention;
mod cache;
mod decoder;
mod generate;
mod held;
mod init;
mod linear;
mod mlp;
mod norm;
mod parameter;
mod rotary;
mod weight;

pub use attention::Heads;
pub use cache::Cache;
pub use decoder::{Decoder, Ids, Pass};
pub use generate::{Continuation, Generator};
pub use held::AsHeld;
pub use init::Fresh;
pub(crate) use init::normal;
pub use linear::{Linear, LowRank, Noise};
pub(crate) use parameter::read;
pub use parameter::{HostTensor, ModelError, Parameter, Part, Tensors, WeightSource};
pub(crate) use weight::Weight;
