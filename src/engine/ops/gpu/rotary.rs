//! Rotary position embedding (Su et al. 2021), half-split: one launch forward, one back.

use super::op::{KernelOp, Slope, empty, run};
use super::spread;
use crate::engine::ops::{Regular, Rotary};
use burn::Tensor;
use burn::backend::wgpu::CubeTensor;
use burn_cubecl::cubecl::{self, prelude::*};

/// The derivative is the rotation back.
#[derive(Clone, Debug)]
struct Rotate {
    /// `[positions, half]`
    cos: CubeTensor,
    sin: CubeTensor,
    half: usize,
    layout: Regular,
    head_dim: usize,
    /// Columns that turn; those after them stay.
    turning: usize,
}

/// The first `turning` columns of `x`, heads of `head_dim`.
pub(super) fn rotary(x: Tensor<2>, rotary: &Rotary, layout: Regular, head_dim: usize, turning: usize) -> Tensor<2> {
    let [cos, sin] = rotary.tables().map(|table| super::op::values(table.clone()));
    let op = Rotate { cos, sin, half: rotary.half(), layout, head_dim, turning };
    run(op, vec![x.into_dispatch()])
}

impl Rotate {
    fn run(&self, x: &CubeTensor, out: CubeTensor, back: bool, add: bool) {
        let [rows, width] = [x.meta.shape()[0], x.meta.shape()[1]];
        // SAFETY: the kernel stays within the rows and their width; the tables hold every position of the layout.
        unsafe {
            rotate::launch_unchecked(
                &x.client,
                spread(rows * width),
                CubeDim::new_1d(256),
                x.clone().into_buffer_arg(),
                self.cos.clone().into_buffer_arg(),
                self.sin.clone().into_buffer_arg(),
                out.into_buffer_arg(),
                rows * width,
                width,
                self.turning,
                self.head_dim,
                self.half,
                self.layout.tokens,
                self.layout.offset,
                back,
                add,
            );
        }
    }
}

impl KernelOp for Rotate {
    type Saved = ();

    fn forward(&self, inputs: &[CubeTensor]) -> (CubeTensor, ()) {
        let x = &inputs[0];
        let out = empty(x, x.meta.shape().clone());
        self.run(x, out.clone(), false, false);
        (out, ())
    }

    fn backward(&self, _: &[CubeTensor], (): (), gradient: CubeTensor, mut into: Vec<Option<Slope>>) {
        if let Some(Slope { tensor, add }) = into.remove(0) {
            self.run(&gradient, tensor, true, add);
        }
    }
}

#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
fn rotate(
    x: &[f32],
    cos: &[f32],
    sin: &[f32],
    out: &mut [f32],
    count: usize,
    width: usize,
    turning: usize,
    head_dim: usize,
    half: usize,
    tokens: usize,
    offset: usize,
    #[comptime] back: bool,
    #[comptime] add: bool,
) {
    for at in range_stepped(ABSOLUTE_POS, count, CUBE_COUNT * 256) {
        let (column, i) = (at % width, at % width % head_dim);
        let mut value = x[at];
        if column < turning && i < 2 * half {
            let angle = (at / width % tokens + offset) * half + i % half;
            let (c, s) = (cos[angle], sin[angle]);
            // The first half turns against the second, which turns against it the other way.
            let first = i < half;
            let other = x[select(first, at + half, at - half)];
            let minus = if comptime!(back) { !first } else { first };
            value = value * c + select(minus, -other, other) * s;
        }
        if comptime!(add) {
            value += out[at];
        }
        out[at] = value;
    }
}
