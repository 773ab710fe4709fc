//! An operation on plain slices with its derivative written by hand, as one step of burn's autodiff graph.
//!
//! On the CPU a layer composed of burn's primitives makes many passes over memory and many allocations; these
//! operations make one. They serve the Flex backend only.

use burn::Tensor;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::{
    Autodiff, AutodiffBackend, BackendTensor, DispatchAutodiffContext, DispatchKindConversion, DispatchTensor, Flex,
};
use burn::tensor::{Bytes, DType, Shape};
use std::fmt::Debug;
use std::marker::PhantomData;

/// `N` inputs to one output.
pub(crate) trait SliceOp<const N: usize>: Clone + Debug + Send + Sync + 'static {
    /// What the derivative needs beside the inputs.
    type Saved: Clone + Debug + Send + 'static;

    /// The output; with what `backward` needs where `keep` is true.
    fn forward(&self, inputs: [&[f32]; N], keep: bool) -> (Vec<f32>, Self::Saved);

    /// Gradients of the inputs that are `wanted`, from the output's.
    fn backward(
        &self,
        inputs: [&[f32]; N],
        saved: Self::Saved,
        gradient: &[f32],
        wanted: [bool; N],
    ) -> [Option<Vec<f32>>; N];
}

/// Runs `op` to a matrix `[rows, columns]`, recording it where an input is tracked. All inputs must be f32 tensors of
/// the Flex backend.
pub(crate) fn run<const N: usize, Op: SliceOp<N>>(op: Op, inputs: [DispatchTensor; N], shape: [usize; 2]) -> Tensor<2> {
    Tensor::from_dispatch(apply(op, inputs, shape))
}

fn apply<const N: usize, Op: SliceOp<N>>(
    op: Op,
    inputs: [DispatchTensor; N],
    shape: impl Into<Shape>,
) -> DispatchTensor {
    let shape = shape.into();
    if inputs.iter().all(|input| input.autodiff == DispatchAutodiffContext::Disabled) {
        let inputs = inputs.map(|input| contiguous(plain(input)));
        let (output, _) = op.forward(inputs.each_ref().map(slice), false);
        return <DispatchTensor as DispatchKindConversion<Flex>>::from_backend(BackendTensor::Float(tensor(
            output, shape,
        )));
    }
    let inputs = inputs.map(|input| match input.autodiff {
        DispatchAutodiffContext::Disabled => Autodiff::<Flex>::from_inner(plain(input)),
        DispatchAutodiffContext::Enabled(_) => tracked(input),
    });
    let nodes = inputs.each_ref().map(|input| input.node());
    let inputs = inputs.map(|input| contiguous(input.into_primitive()));
    let step = Step::<N, Op>(PhantomData);
    let output = match step.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let (output, saved) = op.forward(inputs.each_ref().map(slice), true);
            prep.finish((op, saved, inputs), tensor(output, shape))
        }
        OpsKind::UnTracked(prep) => {
            let (output, _) = op.forward(inputs.each_ref().map(slice), false);
            prep.finish(tensor(output, shape))
        }
    };
    <DispatchTensor as DispatchKindConversion<Autodiff<Flex>>>::from_backend(BackendTensor::Float(output))
}

struct Step<const N: usize, Op>(PhantomData<fn() -> Op>);

impl<const N: usize, Op> Debug for Step<N, Op> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::any::type_name::<Op>())
    }
}

impl<const N: usize, Op: SliceOp<N>> Backward<Flex, N> for Step<N, Op> {
    type State = (Op, Op::Saved, [FlexTensor; N]);

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = contiguous(gradients.consume::<Flex>(&ops.node));
        let (op, saved, inputs) = ops.state;
        let wanted = ops.parents.each_ref().map(|parent| parent.is_some());
        let found = op.backward(inputs.each_ref().map(slice), saved, slice(&gradient), wanted);
        for ((parent, found), input) in ops.parents.into_iter().zip(found).zip(inputs) {
            if let (Some(parent), Some(values)) = (parent, found) {
                gradients.register::<Flex>(parent.id, tensor(values, input.layout().shape().clone()));
            }
        }
    }
}

fn plain(input: DispatchTensor) -> FlexTensor {
    match <DispatchTensor as DispatchKindConversion<Flex>>::try_into_backend(input) {
        Ok(tensor) => tensor.float(),
        Err(other) => unreachable!("only Flex tensors come here: {other}"),
    }
}

fn tracked(input: DispatchTensor) -> <Autodiff<Flex> as burn::backend::BackendTypes>::FloatTensorPrimitive {
    match <DispatchTensor as DispatchKindConversion<Autodiff<Flex>>>::try_into_backend(input) {
        Ok(tensor) => tensor.float(),
        Err(other) => unreachable!("only Flex tensors come here: {other}"),
    }
}

fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.as_slice::<f32>().is_some() { tensor } else { tensor.to_contiguous() }
}

/// The numbers of a tensor that was made [`contiguous`].
fn slice(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("every tensor of numbers here is f32, and was made contiguous before")
}

fn tensor(values: Vec<f32>, shape: Shape) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(shape), DType::F32)
}

/// Reads a tensor's numbers where they are.
pub(crate) fn numbers<const D: usize, R>(tensor: &Tensor<D>, read: impl FnOnce(&[f32]) -> R) -> R {
    read(slice(&contiguous(plain(tensor.clone().into_dispatch()))))
}

/// Changes a row in place; memory that another tensor shares is copied first.
pub(crate) fn change_row(row: &mut Tensor<1>, change: impl FnOnce(&mut [f32])) {
    row.inplace(|row| {
        let mut row = contiguous(plain(row.into_dispatch()));
        if row.layout().num_elements() * size_of::<f32>() != row.bytes().len() {
            // A view of a larger buffer: its own numbers only.
            row = tensor(slice(&row).to_vec(), row.layout().shape().clone());
        }
        change(row.storage_mut());
        Tensor::from_primitive::<Flex>(row)
    });
}
