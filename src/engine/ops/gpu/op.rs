//! An operation of kernels with its derivative, as one step of burn's autodiff graph. Where an input has a gradient
//! already, from another use of it, the operation adds to that in the same launch.

use burn::Tensor;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::wgpu::CubeTensor;
use burn::backend::{
    Autodiff, AutodiffBackend, BackendTensor, BackendTypes, Cube, DispatchAutodiffContext, DispatchKindConversion,
    DispatchTensor,
};
use burn::tensor::{DType, Int, Shape};
use burn_cubecl::cubecl::prelude::BufferArg;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::ops::Range;

/// Some inputs to one output.
pub(super) trait KernelOp: Clone + Debug + Send + Sync + 'static {
    /// What the derivative needs beside the inputs.
    type Saved: Clone + Debug + Send + 'static;

    /// The input whose gradient is the output's as it is.
    fn through(&self) -> Option<usize> {
        None
    }

    /// The inputs whose gradients are to stand in one buffer ([`shared`]), since a kernel may be given few.
    fn joined(&self) -> Range<usize> {
        0..0
    }

    /// The output; with what `backward` needs.
    fn forward(&self, inputs: &[CubeTensor]) -> (CubeTensor, Self::Saved);

    /// Writes the gradients that are asked for, one place for each input, from the output's.
    fn backward(&self, inputs: &[CubeTensor], saved: Self::Saved, gradient: CubeTensor, into: Vec<Option<Slope>>);
}

/// Where the gradient of an input goes.
#[derive(Clone, Debug)]
pub(super) struct Slope {
    pub tensor: CubeTensor,
    /// Whether it is added to what stands there.
    pub add: bool,
}

impl Slope {
    /// For a kernel's switches: nothing where no gradient is asked for, else whether it is added.
    pub fn form(slope: &Option<Slope>) -> Option<bool> {
        slope.as_ref().map(|slope| slope.add)
    }

    /// For a kernel's arguments: memory that nothing is written to where no gradient is asked for.
    pub fn place(slope: Option<Slope>, like: &CubeTensor) -> BufferArg {
        slope.map_or_else(|| empty(like, [1]), |slope| slope.tensor).into_buffer_arg()
    }
}

type Tracked = <Autodiff<Cube> as BackendTypes>::FloatTensorPrimitive;

/// Runs `op`, recording it where an input is tracked. All inputs must be f32 tensors of the GPU's backend.
pub(super) fn run<Op: KernelOp, const D: usize>(op: Op, inputs: Vec<DispatchTensor>) -> Tensor<D> {
    fn counted<const N: usize, Op: KernelOp>(op: Op, inputs: Vec<DispatchTensor>) -> DispatchTensor {
        match <[DispatchTensor; N]>::try_from(inputs) {
            Ok(inputs) => apply(op, inputs),
            Err(_) => unreachable!("the inputs were counted"),
        }
    }
    Tensor::from_dispatch(match inputs.len() {
        1 => counted::<1, Op>(op, inputs),
        2 => counted::<2, Op>(op, inputs),
        3 => counted::<3, Op>(op, inputs),
        4 => counted::<4, Op>(op, inputs),
        5 => counted::<5, Op>(op, inputs),
        6 => counted::<6, Op>(op, inputs),
        7 => counted::<7, Op>(op, inputs),
        9 => counted::<9, Op>(op, inputs),
        10 => counted::<10, Op>(op, inputs),
        13 => counted::<13, Op>(op, inputs),
        count => unreachable!("no operation has {count} inputs"),
    })
}

fn apply<const N: usize, Op: KernelOp>(op: Op, inputs: [DispatchTensor; N]) -> DispatchTensor {
    if inputs.iter().all(|input| input.autodiff == DispatchAutodiffContext::Disabled) {
        let output = BackendTensor::Float(op.forward(&inputs.map(plain)).0);
        return <DispatchTensor as DispatchKindConversion<Cube>>::from_backend(output);
    }
    let inputs = inputs.map(|input| match input.autodiff {
        DispatchAutodiffContext::Disabled => Autodiff::<Cube>::from_inner(plain(input)),
        DispatchAutodiffContext::Enabled(_) => tracked(input),
    });
    let nodes = inputs.each_ref().map(|input| input.node());
    let values = inputs.each_ref().map(|input| into_contiguous(input.primitive().clone()));
    let (output, saved) = op.forward(&values);
    let output = match Step::<N, Op>(PhantomData).prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((op, saved, values, inputs), output),
        OpsKind::UnTracked(prep) => prep.finish(output),
    };
    <DispatchTensor as DispatchKindConversion<Autodiff<Cube>>>::from_backend(BackendTensor::Float(output))
}

struct Step<const N: usize, Op>(PhantomData<fn() -> Op>);

impl<const N: usize, Op> Debug for Step<N, Op> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::any::type_name::<Op>())
    }
}

impl<const N: usize, Op: KernelOp> Backward<Cube, N> for Step<N, Op> {
    /// The inputs' numbers, and the inputs with their nodes: a node's gradient so far is found by them. They keep the
    /// graph of a pass alive until its backward pass; every tracked pass here has one.
    type State = (Op, Op::Saved, [CubeTensor; N], [Tracked; N]);

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = into_contiguous(gradients.consume::<Cube>(&ops.node));
        let (op, saved, values, inputs) = ops.state;
        let mut into = vec![None; N];
        for (at, (parent, input)) in ops.parents.iter().zip(&inputs).enumerate() {
            let Some(parent) = parent else { continue };
            if op.through() == Some(at) {
                gradients.register::<Cube>(parent.id, gradient.clone());
                continue;
            }
            if op.joined().contains(&at) {
                continue;
            }
            into[at] = Some(match gradients.remove::<Cube>(input) {
                Some(so_far) if so_far.can_mut() && so_far.is_contiguous() => Slope { tensor: so_far, add: true },
                Some(so_far) => Slope { tensor: into_contiguous(so_far).copy(), add: true },
                None => Slope { tensor: empty_like(input.primitive()), add: false },
            });
        }
        if ops.parents[op.joined()].iter().any(Option::is_some) {
            let joined = split(&values[op.joined()]);
            for (at, tensor) in op.joined().zip(joined) {
                into[at] = Some(Slope { tensor, add: false });
            }
        }
        op.backward(&values, saved, gradient, into.clone());
        for (parent, slope) in ops.parents.into_iter().zip(into) {
            if let (Some(parent), Some(slope)) = (parent, slope) {
                gradients.register::<Cube>(parent.id, slope.tensor);
            }
        }
    }
}

fn plain(input: DispatchTensor) -> CubeTensor {
    match <DispatchTensor as DispatchKindConversion<Cube>>::try_into_backend(input) {
        Ok(tensor) => into_contiguous(tensor.float()),
        Err(other) => unreachable!("only the GPU's tensors come here: {other}"),
    }
}

fn tracked(input: DispatchTensor) -> Tracked {
    match <DispatchTensor as DispatchKindConversion<Autodiff<Cube>>>::try_into_backend(input) {
        Ok(tensor) => tensor.float(),
        Err(other) => unreachable!("only the GPU's tensors come here: {other}"),
    }
}

/// The numbers of a tensor without gradients.
pub(super) fn values<const D: usize>(tensor: Tensor<D>) -> CubeTensor {
    plain(tensor.into_dispatch())
}

/// A tensor of the GPU's backend, without gradients.
pub(super) fn tensor<const D: usize>(values: CubeTensor) -> Tensor<D> {
    Tensor::from_primitive::<Cube>(values)
}

/// Numbers of a chunk: a tensor that shares a buffer begins with one. A buffer may be bound there.
pub(super) const CHUNK: usize = 256;

/// New memory for tensors like these, in one buffer.
fn split(like: &[CubeTensor]) -> Vec<CubeTensor> {
    let chunks = |tensor: &CubeTensor| tensor.meta.shape().num_elements().div_ceil(CHUNK);
    let whole = empty(&like[0], [like.iter().map(chunks).sum::<usize>() * CHUNK]);
    let mut start = 0;
    let part = |tensor: &CubeTensor| {
        let part = part(&whole, start * CHUNK, tensor.meta.shape().clone());
        start += chunks(tensor);
        part
    };
    like.iter().map(part).collect()
}

/// Some numbers of a buffer, from `start` on.
pub(super) fn part(whole: &CubeTensor, start: usize, shape: Shape) -> CubeTensor {
    let rest = whole.meta.shape().num_elements() - start - shape.num_elements();
    let handle = whole.handle.clone().offset_start(4 * start as u64).offset_end(4 * rest as u64);
    CubeTensor::new_contiguous(whole.client.clone(), whole.device.clone(), shape, handle, DType::F32)
}

/// The buffer that all of these share, and where each begins in it.
pub(super) fn shared(parts: &[CubeTensor]) -> Option<(CubeTensor, Vec<usize>)> {
    let memory = |tensor: &CubeTensor| tensor.handle.memory.clone();
    if parts.iter().any(|part| memory(part).descriptor() != memory(&parts[0]).descriptor()) {
        return None;
    }
    let starts = parts.iter().map(|part| part.handle.offset_start.unwrap_or(0) as usize / 4).collect();
    let mut handle = parts[0].handle.clone();
    (handle.offset_start, handle.offset_end) = (None, None);
    let shape = Shape::from([handle.size() as usize / 4]);
    let first = &parts[0];
    Some((CubeTensor::new_contiguous(first.client.clone(), first.device.clone(), shape, handle, DType::F32), starts))
}

/// New memory, of any content, on the device of `like`.
pub(super) fn empty(like: &CubeTensor, shape: impl Into<Shape>) -> CubeTensor {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), shape.into(), DType::F32)
}

fn empty_like(tensor: &CubeTensor) -> CubeTensor {
    empty(tensor, tensor.meta.shape().clone())
}

/// Whole numbers as the backend holds them.
pub(super) fn integers(tensor: Tensor<1, Int>) -> CubeTensor {
    match <DispatchTensor as DispatchKindConversion<Cube>>::try_into_backend(tensor.into_dispatch()) {
        Ok(tensor) => tensor.int(),
        Err(other) => unreachable!("only the GPU's tensors come here: {other}"),
    }
}
