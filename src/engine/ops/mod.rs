//! The operations that a model is made of and trained with, one a file, each with its implementations.
//!
//! [`Ops`] is the interface to all of them. Its own bodies compose burn's tensor operations: they are right on every
//! device that burn runs on, and what other implementations are held against. An implementation is a type that
//! replaces the bodies of those operations which its device does better: [`Host`] works on slices in memory, `Gpu` (with
//! the feature `gpu`) by kernels of its own, both with derivatives by hand. [`for_device`] chooses one when a model is
//! loaded; the model hands it to its layers, its session and its optimizer, and nobody asks for the device after that.
//!
//! `tests/engine_ops.rs` holds all implementations against each other, forward and backward.

mod adamw;
mod attention;
mod clip;
mod cross_entropy;
mod embedding;
mod gate;
mod gelu;
#[cfg(feature = "gpu")]
mod gpu;
mod host;
mod layer_norm;
mod layout;
mod linear;
mod packed;
mod rms_norm;
mod rotary;
mod weight;

pub use adamw::{AdamWStep, Joined, Row};
pub use attention::{AttentionShape, Masks};
#[cfg(feature = "gpu")]
pub use gpu::{Gpu, TASKS};
pub use layout::{Layout, Regular};
pub use packed::{Packed, PackedTensors, TooWide};
pub use rotary::Rotary;
pub use weight::Weight;

use burn::Tensor;
use burn::backend::DispatchDevice;
use burn::tensor::Device;
use std::fmt::Debug;
use std::sync::Arc;

/// The operations of one device. Tensors are `[rows, columns]`; a row is a token unless said otherwise.
pub trait Ops: Debug + Send + Sync {
    /// `x · weight / rms(x)` (Zhang & Sennrich 2019): x `[rows, d]`, weight `[d]`.
    fn rms_norm(&self, x: Tensor<2>, weight: &Tensor<1>, epsilon: f64) -> Tensor<2> {
        rms_norm::composed(x, weight, epsilon)
    }

    /// `(x - mean) / deviation · weight + bias` (Ba et al. 2016): x `[rows, d]`, weight and bias `[d]`.
    fn layer_norm(&self, x: Tensor<2>, weight: &Tensor<1>, bias: &Tensor<1>, epsilon: f64) -> Tensor<2> {
        layer_norm::composed(x, weight, bias, epsilon)
    }

    /// Rotates x `[rows, heads · head_dim]`, each row by its position.
    fn rotary(&self, x: Tensor<2>, rotary: &Rotary, layout: &Layout, heads: usize) -> Tensor<2> {
        rotary::composed(x, rotary, layout, heads)
    }

    /// Causal attention of queries to keys and values, giving the queries' shape. `masks` are shared by the layers of
    /// one pass.
    fn attention(&self, qkv: [Tensor<2>; 3], shape: &AttentionShape, masks: &mut Masks) -> Tensor<2> {
        attention::composed(qkv, shape, masks)
    }

    /// Attention of a sequence to itself, with its projections: x `[rows, d]` to `[rows, heads · head_dim]`.
    fn self_attention(
        &self,
        x: Tensor<2>,
        qkv: [Layer<'_>; 3],
        rotary: Option<&Rotary>,
        shape: &AttentionShape,
        masks: &mut Masks,
    ) -> Tensor<2> {
        attention::projected(self, x, qkv, rotary, shape, masks)
    }

    /// `x·W + bias + sum`: x `[rows, in]`, W `[in, out]`, bias `[out]`, sum `[rows, out]`, which is what goes past a
    /// layer.
    fn linear(&self, x: Tensor<2>, weight: &Weight, bias: Option<&Tensor<1>>, sum: Option<Tensor<2>>) -> Tensor<2> {
        linear::onto(sum, linear::composed(x, weight.dense(), bias))
    }

    /// `x·Wᵀ`: x `[rows, in]`, W `[out, in]`.
    fn linear_transposed(&self, x: Tensor<2>, weight: &Weight) -> Tensor<2> {
        linear::composed(x, weight.dense().transpose(), None)
    }

    /// `scale · (x·A)·B`: A `[in, rank]`, B `[rank, out]`.
    fn low_rank(&self, x: Tensor<2>, [a, b]: [&Tensor<2>; 2], scale: f64) -> Tensor<2> {
        let plain = |x, matrix: &Tensor<2>| self.linear(x, &Weight::Whole(matrix.clone()), None, None);
        plain(plain(x, a).mul_scalar(scale), b)
    }

    /// `x·W + bias + scale · (x·A)·B + sum` (Hu et al. 2021).
    fn linear_adapted(
        &self,
        x: Tensor<2>,
        weight: &Weight,
        bias: Option<&Tensor<1>>,
        adapter: [&Tensor<2>; 2],
        scale: f64,
        sum: Option<Tensor<2>>,
    ) -> Tensor<2> {
        self.linear(x.clone(), weight, bias, sum) + self.low_rank(x, adapter, scale)
    }

    /// SwiGLU (Shazeer 2020): `silu(gate) · up`, element by element.
    fn gate(&self, gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
        gate::composed(gate, up)
    }

    /// [`Ops::gate`] of two layers of x.
    fn gated(&self, x: Tensor<2>, [gate, up]: [Layer<'_>; 2]) -> Tensor<2> {
        self.gate(gate.of(x.clone(), self), up.of(x, self))
    }

    /// GELU (Hendrycks & Gimpel 2016), element by element.
    fn gelu(&self, x: Tensor<2>) -> Tensor<2> {
        burn::tensor::activation::gelu(x)
    }

    /// GELU with tanh in place of the error function.
    fn gelu_tanh(&self, x: Tensor<2>) -> Tensor<2> {
        gelu::composed(x)
    }

    /// The embeddings of `ids`: table `[vocab, d]` to `[ids, d]`.
    fn embedding(&self, table: &Weight, ids: Arc<[u32]>) -> Tensor<2> {
        embedding::composed(table, &ids)
    }

    /// The sum of `weight · −ln softmax(logits)[target]` over the rows of logits `[rows, vocab]`: `[1]`.
    fn cross_entropy(&self, logits: Tensor<2>, targets: Arc<[u32]>, weights: Vec<f32>) -> Tensor<1> {
        cross_entropy::composed(logits, &targets, weights)
    }

    /// For each row of logits `[rows, vocab]`, `−ln softmax(logits)[target]`, and 1 where no other token is likelier than
    /// the target, else 0: each `[rows]`, without gradients.
    fn token_nats(&self, logits: Tensor<2>, targets: &[u32]) -> [Tensor<1>; 2] {
        cross_entropy::composed_by_row(logits, targets)
    }

    /// One step of AdamW: the new value. Value, both moments and the gradient are rows of one length.
    fn adamw(
        &self,
        value: Tensor<1>,
        moments: [&mut Tensor<1>; 2],
        gradient: Tensor<1>,
        step: &AdamWStep,
    ) -> Tensor<1> {
        adamw::composed(value, moments, gradient, step)
    }

    /// Scales gradients so that the norm of all of them is at most `limit` (Pascanu et al. 2013), as PyTorch's
    /// `clip_grad_norm_`; 0 leaves them. Nothing is read from the device.
    fn clip(&self, gradients: Vec<Tensor<1>>, limit: f64) -> Vec<Tensor<1>> {
        clip::composed(gradients, limit)
    }

    /// The trained tensors, which `rows` makes, where this implementation moves them together: in place of
    /// [`Ops::clip`] and [`Ops::adamw`] for each.
    fn join(&self, _rows: &mut dyn FnMut() -> Vec<Row>) -> Option<Box<dyn Joined>> {
        None
    }

    /// Rows of x by number, `[rows, d]` to `[count, d]`.
    fn select_rows(&self, x: Tensor<2>, rows: Arc<[u32]>) -> Tensor<2> {
        embedding::composed_rows(x, &rows)
    }

    /// Rows of some tables by number, the tables' rows counted one table after another: each `[any, d]`, to `[count, d]`.
    fn select_rows_of(&self, tables: Vec<Tensor<2>>, rows: Arc<[u32]>) -> Tensor<2> {
        self.select_rows(Tensor::cat(tables, 0), rows)
    }

    /// A packed matrix in the form that this implementation multiplies by.
    fn packed_weight(&self, packed: Packed, device: &Device) -> Weight {
        Weight::PackedOnDevice(Box::new(PackedTensors::new(&packed, device)))
    }

    /// Whether each new shape costs, because kernels are compiled for it. Where it does, work is not cut to the part
    /// that counts.
    fn fixed_shapes(&self) -> bool {
        true
    }

    /// Training steps whose losses are read together: where the device works ahead, each reading waits for it.
    fn steps_per_read(&self) -> usize {
        8
    }
}

/// A linear layer's own tensors.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    pub weight: &'a Weight,
    pub bias: Option<&'a Tensor<1>>,
    /// What is added beside the weight: A and B, and their product's scale.
    pub adapter: Option<([&'a Tensor<2>; 2], f64)>,
}

impl Layer<'_> {
    fn of(&self, x: Tensor<2>, ops: &(impl Ops + ?Sized)) -> Tensor<2> {
        match self.adapter {
            None => ops.linear(x, self.weight, self.bias, None),
            Some((adapter, scale)) => ops.linear_adapted(x, self.weight, self.bias, adapter, scale, None),
        }
    }
}

/// Every operation composed of burn's tensor operations, for any device.
#[derive(Clone, Copy, Debug)]
pub struct Composed;

impl Ops for Composed {}

/// Slices in this program's memory (burn's Flex backend): each operation is one pass, one allocation, and one step of
/// the gradient's graph.
#[derive(Clone, Copy, Debug)]
pub struct Host;

impl Ops for Host {
    fn rms_norm(&self, x: Tensor<2>, weight: &Tensor<1>, epsilon: f64) -> Tensor<2> {
        rms_norm::host(x, weight, epsilon)
    }

    fn layer_norm(&self, x: Tensor<2>, weight: &Tensor<1>, bias: &Tensor<1>, epsilon: f64) -> Tensor<2> {
        layer_norm::host(x, weight, bias, epsilon)
    }

    fn rotary(&self, x: Tensor<2>, rotary: &Rotary, layout: &Layout, heads: usize) -> Tensor<2> {
        rotary::host(x, rotary, layout, heads)
    }

    fn attention(&self, qkv: [Tensor<2>; 3], shape: &AttentionShape, _: &mut Masks) -> Tensor<2> {
        attention::host(qkv, shape)
    }

    fn linear(&self, x: Tensor<2>, weight: &Weight, bias: Option<&Tensor<1>>, sum: Option<Tensor<2>>) -> Tensor<2> {
        linear::onto(sum, linear::host(x, weight, false, bias))
    }

    fn linear_transposed(&self, x: Tensor<2>, weight: &Weight) -> Tensor<2> {
        linear::host(x, weight, true, None)
    }

    fn linear_adapted(
        &self,
        x: Tensor<2>,
        weight: &Weight,
        bias: Option<&Tensor<1>>,
        adapter: [&Tensor<2>; 2],
        scale: f64,
        sum: Option<Tensor<2>>,
    ) -> Tensor<2> {
        linear::onto(sum, linear::host_adapted(x, weight, bias, adapter, scale))
    }

    fn gate(&self, gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
        gate::host(gate, up)
    }

    fn gelu_tanh(&self, x: Tensor<2>) -> Tensor<2> {
        gelu::host(x)
    }

    fn embedding(&self, table: &Weight, ids: Arc<[u32]>) -> Tensor<2> {
        embedding::host(table, ids)
    }

    fn cross_entropy(&self, logits: Tensor<2>, targets: Arc<[u32]>, weights: Vec<f32>) -> Tensor<1> {
        cross_entropy::host(logits, targets, weights)
    }

    fn token_nats(&self, logits: Tensor<2>, targets: &[u32]) -> [Tensor<1>; 2] {
        cross_entropy::host_by_row(logits, targets)
    }

    fn adamw(
        &self,
        value: Tensor<1>,
        moments: [&mut Tensor<1>; 2],
        gradient: Tensor<1>,
        step: &AdamWStep,
    ) -> Tensor<1> {
        adamw::host(value, moments, gradient, step)
    }

    fn clip(&self, gradients: Vec<Tensor<1>>, limit: f64) -> Vec<Tensor<1>> {
        clip::host(gradients, limit)
    }

    fn select_rows(&self, x: Tensor<2>, rows: Arc<[u32]>) -> Tensor<2> {
        embedding::host_rows(x, rows)
    }

    fn packed_weight(&self, packed: Packed, _: &Device) -> Weight {
        Weight::Packed(Arc::new(packed))
    }

    fn fixed_shapes(&self) -> bool {
        false
    }

    fn steps_per_read(&self) -> usize {
        1
    }
}

/// The best implementation for a device.
pub fn for_device(device: &Device) -> &'static dyn Ops {
    match device.clone().inner().as_dispatch() {
        DispatchDevice::Flex(_) => &Host,
        #[cfg(feature = "gpu")]
        DispatchDevice::Cube(_) => &Gpu,
        #[allow(unreachable_patterns, reason = "which devices there are depends on burn's features")]
        _ => &Composed,
    }
}
