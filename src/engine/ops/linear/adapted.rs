//! A linear layer with a low-rank adapter beside it, as one operation: neither the adapter's output nor its input's
//! gradient is written apart and added.

use super::dense::Product;
use crate::engine::ops::host::{SliceOp, View, add_low_rank, column_sums, filled, gemm, low_rank};

/// `x·W + b + scale · (x·A)·B`: x `[m, k]`, W `[k, n]`, A `[k, rank]`, B `[rank, n]`, b `[n]`.
#[derive(Clone, Debug)]
pub(crate) struct Adapted {
    pub shape: [usize; 3],
    pub rank: usize,
    pub scale: f32,
}

impl Adapted {
    pub(super) fn product(&self) -> Product {
        Product { shape: self.shape, transposed: false }
    }

    /// Adds the adapter's part to `out`; gives `scale · x·A`.
    pub(super) fn add(&self, out: &mut [f32], [x, a, b]: [&[f32]; 3]) -> Vec<f32> {
        let ([m, k, n], r) = (self.shape, self.rank);
        let views = [View::rows(x, k), View::rows(a, r), View::rows(b, n)];
        add_low_rank(Some(out), [m, k, r, n], views, self.scale)
    }

    /// Adds the adapter's part to the gradient of `x` where there is one; gives that of `x·A`.
    pub(super) fn derive_add(&self, dx: Option<&mut [f32]>, [a, b]: [&[f32]; 2], gradient: &[f32]) -> Vec<f32> {
        let ([m, k, n], r) = (self.shape, self.rank);
        let views = [View::rows(gradient, n), View::transposed(b, n), View::transposed(a, r)];
        add_low_rank(dx, [m, n, r, k], views, self.scale)
    }

    /// The gradients of A and B where they are wanted.
    pub(super) fn factors(
        &self,
        x: &[f32],
        [inner, dinner]: [&[f32]; 2],
        gradient: &[f32],
        wanted: [bool; 2],
    ) -> [Option<Vec<f32>>; 2] {
        let ([m, k, n], r) = (self.shape, self.rank);
        let da = wanted[0].then(|| {
            let mut da = vec![0.0; k * r];
            gemm(&mut da, r, [k, m, r], View::transposed(x, k), View::rows(dinner, r), 1.0, false);
            da
        });
        let db = wanted[1].then(|| {
            let mut db = vec![0.0; r * n];
            gemm(&mut db, n, [r, m, n], View::transposed(inner, r), View::rows(gradient, n), 1.0, false);
            db
        });
        [da, db]
    }

    /// The output, and `scale · x·A`.
    fn run(&self, [x, w, a, b]: [&[f32]; 4], bias: Option<&[f32]>) -> (Vec<f32>, Vec<f32>) {
        let ([m, k, n], r) = (self.shape, self.rank);
        let mut out = filled([m, n], bias);
        let views = [View::rows(x, k), View::rows(w, n), View::rows(a, r), View::rows(b, n)];
        let inner = low_rank(&mut out, [m, k, r, n], views, self.scale, bias.is_some());
        (out, inner)
    }

    fn derive(
        &self,
        [x, w, a, b]: [&[f32]; 4],
        inner: &[f32],
        gradient: &[f32],
        [want_x, want_w, want_a, want_b]: [bool; 4],
    ) -> [Option<Vec<f32>>; 4] {
        let ([m, k, n], r) = (self.shape, self.rank);
        let (dx, dinner) = if want_x {
            let mut dx = vec![0.0; m * k];
            let views =
                [View::rows(gradient, n), View::transposed(w, n), View::transposed(b, n), View::transposed(a, r)];
            let dinner = low_rank(&mut dx, [m, n, r, k], views, self.scale, false);
            (Some(dx), dinner)
        } else {
            (None, self.derive_add(None, [a, b], gradient))
        };
        let [_, dw] = self.product().derive(x, w, gradient, [false, want_w]);
        let [da, db] = self.factors(x, [inner, &dinner], gradient, [want_a, want_b]);
        [dx, dw, da, db]
    }
}

impl SliceOp<4> for Adapted {
    /// `scale · x·A`
    type Saved = Vec<f32>;

    fn forward(&self, inputs: [&[f32]; 4], _: bool) -> (Vec<f32>, Vec<f32>) {
        self.run(inputs, None)
    }

    fn backward(
        &self,
        inputs: [&[f32]; 4],
        inner: Vec<f32>,
        gradient: &[f32],
        wanted: [bool; 4],
    ) -> [Option<Vec<f32>>; 4] {
        self.derive(inputs, &inner, gradient, wanted)
    }
}

impl SliceOp<5> for Adapted {
    type Saved = Vec<f32>;

    fn forward(&self, [x, w, a, b, bias]: [&[f32]; 5], _: bool) -> (Vec<f32>, Vec<f32>) {
        self.run([x, w, a, b], Some(bias))
    }

    fn backward(
        &self,
        [x, w, a, b, bias]: [&[f32]; 5],
        inner: Vec<f32>,
        gradient: &[f32],
        [wx, ww, wa, wb, wanted_bias]: [bool; 5],
    ) -> [Option<Vec<f32>>; 5] {
        let [dx, dw, da, db] = self.derive([x, w, a, b], &inner, gradient, [wx, ww, wa, wb]);
        let dbias = wanted_bias.then(|| column_sums(gradient, bias.len()));
        [dx, dw, da, db, dbias]
    }
}
