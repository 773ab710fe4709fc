//! Products with a frozen matrix that is stored in less than f32. It is unpacked a tile at a time into a buffer that
//! stays in the processor's cache, forward and for the input's gradient; it has no gradient itself.

use super::adapted::Adapted;
use super::dense::Product;
use crate::engine::ops::host::{SliceOp, View, column_sums, filled, gemm};
use crate::engine::ops::packed::Packed;
use crate::spec::BLOCK;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

/// Numbers that are summed in one tile, at most, and numbers of a tile, about (half a megabyte).
const SUMMED: usize = 1024;
const TILE: usize = 1 << 17;

thread_local! {
    /// The tile's memory, kept from product to product.
    static UNPACKED: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// `op` with a packed weight in place of its second input.
#[derive(Clone, Debug)]
pub(crate) struct Frozen<Op> {
    pub op: Op,
    pub weight: Arc<Packed>,
}

/// `out += x·W`, or `x·Wᵀ`: x `[m, k]`, out `[m, n]`, W `[k, n]` or `[n, k]`.
fn multiply(out: &mut [f32], [m, k, n]: [usize; 3], x: &[f32], weight: &Packed, transposed: bool) {
    UNPACKED.with_borrow_mut(|tile| {
        for summed in steps(k, SUMMED) {
            let width = (TILE / summed.len() / BLOCK).max(1) * BLOCK;
            for kept in steps(n, width) {
                let x = View { values: &x[summed.start..], rows: k, columns: 1 };
                let shape = [m, summed.len(), kept.len()];
                let out = &mut out[kept.start..];
                if transposed {
                    weight.unpack(kept, summed.clone(), tile);
                    gemm(out, n, shape, x, View::transposed(tile, summed.len()), 1.0, true);
                } else {
                    let columns = kept.len();
                    weight.unpack(summed.clone(), kept, tile);
                    gemm(out, n, shape, x, View::rows(tile, columns), 1.0, true);
                }
            }
        }
    });
}

/// `0..all` in steps.
fn steps(all: usize, step: usize) -> impl Iterator<Item = Range<usize>> {
    (0..all).step_by(step).map(move |start| start..all.min(start + step))
}

impl<Op> Frozen<Op> {
    fn run(&self, product: &Product, x: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
        let [m, _, n] = product.shape;
        let mut out = filled([m, n], bias);
        multiply(&mut out, product.shape, x, &self.weight, product.transposed);
        out
    }

    fn derive(&self, product: &Product, gradient: &[f32], wanted: bool) -> Option<Vec<f32>> {
        let [m, k, n] = product.shape;
        wanted.then(|| {
            let mut dx = vec![0.0; m * k];
            multiply(&mut dx, [m, n, k], gradient, &self.weight, !product.transposed);
            dx
        })
    }
}

/// `x`
impl SliceOp<1> for Frozen<Product> {
    type Saved = ();

    fn forward(&self, [x]: [&[f32]; 1], _: bool) -> (Vec<f32>, ()) {
        (self.run(&self.op, x, None), ())
    }

    fn backward(&self, _: [&[f32]; 1], (): (), gradient: &[f32], [wanted]: [bool; 1]) -> [Option<Vec<f32>>; 1] {
        [self.derive(&self.op, gradient, wanted)]
    }
}

/// `x`, bias
impl SliceOp<2> for Frozen<Product> {
    type Saved = ();

    fn forward(&self, [x, bias]: [&[f32]; 2], _: bool) -> (Vec<f32>, ()) {
        (self.run(&self.op, x, Some(bias)), ())
    }

    fn backward(&self, [_, bias]: [&[f32]; 2], (): (), gradient: &[f32], wanted: [bool; 2]) -> [Option<Vec<f32>>; 2] {
        let dbias = wanted[1].then(|| column_sums(gradient, bias.len()));
        [self.derive(&self.op, gradient, wanted[0]), dbias]
    }
}

/// `x`, A, B
impl SliceOp<3> for Frozen<Adapted> {
    /// `scale · x·A`
    type Saved = Vec<f32>;

    fn forward(&self, inputs: [&[f32]; 3], _: bool) -> (Vec<f32>, Vec<f32>) {
        let mut out = self.run(&self.op.product(), inputs[0], None);
        let inner = self.op.add(&mut out, inputs);
        (out, inner)
    }

    fn backward(
        &self,
        inputs: [&[f32]; 3],
        inner: Vec<f32>,
        gradient: &[f32],
        [want_x, want_a, want_b]: [bool; 3],
    ) -> [Option<Vec<f32>>; 3] {
        let mut dx = self.derive(&self.op.product(), gradient, want_x);
        let [x, a, b] = inputs;
        let dinner = self.op.derive_add(dx.as_deref_mut(), [a, b], gradient);
        let [da, db] = self.op.factors(x, [&inner, &dinner], gradient, [want_a, want_b]);
        [dx, da, db]
    }
}

/// `x`, A, B, bias
impl SliceOp<4> for Frozen<Adapted> {
    type Saved = Vec<f32>;

    fn forward(&self, [x, a, b, bias]: [&[f32]; 4], _: bool) -> (Vec<f32>, Vec<f32>) {
        let mut out = self.run(&self.op.product(), x, Some(bias));
        let inner = self.op.add(&mut out, [x, a, b]);
        (out, inner)
    }

    fn backward(
        &self,
        [x, a, b, bias]: [&[f32]; 4],
        inner: Vec<f32>,
        gradient: &[f32],
        [wx, wa, wb, want_bias]: [bool; 4],
    ) -> [Option<Vec<f32>>; 4] {
        let [dx, da, db] = SliceOp::<3>::backward(self, [x, a, b], inner, gradient, [wx, wa, wb]);
        let dbias = want_bias.then(|| column_sums(gradient, bias.len()));
        [dx, da, db, dbias]
    }
}
