//! The transformer, on any of burn's devices: one [`Decoder`] that expresses the published families.
//!
//! Its parameters are those of the table, [`ModelConfig::parameter_table`](crate::spec::ModelConfig::parameter_table). A
//! [`WeightSource`] gives them one at a time, so that loading never holds a model twice.

mod attention;
mod cache;
mod decoder;
mod generate;
mod init;
mod linear;
mod mlp;
mod norm;
mod parameter;
mod quantized;

pub use cache::Cache;
pub use decoder::{Decoder, ForwardPass, TokenIds};
pub use generate::{Continuation, Generator};
pub use init::InitialWeights;
pub(crate) use init::normal;
pub use linear::{Dropout, Linear, LowRank};
pub use parameter::{HostTensor, ModelError, Parameter, Part, Tensors, WeightSource};
pub(crate) use parameter::{read, read_each};
pub use quantized::QuantizedWeights;
