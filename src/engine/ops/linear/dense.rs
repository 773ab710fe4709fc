//! A product with a whole matrix, as one operation on slices.

use crate::engine::ops::host::{SliceOp, View, column_sums, filled, gemm};

/// `x·W + b`, or `x·Wᵀ + b`: x `[m, k]`, W `[k, n]` or `[n, k]`, b `[n]` (empty where there is none).
#[derive(Clone, Debug)]
pub(crate) struct Product {
    pub shape: [usize; 3],
    pub transposed: bool,
}

impl Product {
    fn weight<'a>(&self, w: &'a [f32], flip: bool) -> View<'a> {
        let [_, k, n] = self.shape;
        match (self.transposed, flip) {
            (false, false) => View::rows(w, n),
            (false, true) => View::transposed(w, n),
            (true, false) => View::transposed(w, k),
            (true, true) => View::rows(w, k),
        }
    }

    pub(super) fn run(&self, x: &[f32], w: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
        let [m, k, n] = self.shape;
        let mut out = filled([m, n], bias);
        gemm(&mut out, n, self.shape, View::rows(x, k), self.weight(w, false), 1.0, bias.is_some());
        out
    }

    pub(super) fn derive(&self, x: &[f32], w: &[f32], gradient: &[f32], wanted: [bool; 2]) -> [Option<Vec<f32>>; 2] {
        let [m, k, n] = self.shape;
        let dx = wanted[0].then(|| {
            let mut dx = vec![0.0; m * k];
            gemm(&mut dx, k, [m, n, k], View::rows(gradient, n), self.weight(w, true), 1.0, false);
            dx
        });
        let dw = wanted[1].then(|| {
            let mut dw = vec![0.0; k * n];
            match self.transposed {
                false => gemm(&mut dw, n, [k, m, n], View::transposed(x, k), View::rows(gradient, n), 1.0, false),
                true => gemm(&mut dw, k, [n, m, k], View::transposed(gradient, n), View::rows(x, k), 1.0, false),
            }
            dw
        });
        [dx, dw]
    }
}

impl SliceOp<2> for Product {
    type Saved = ();

    fn forward(&self, [x, w]: [&[f32]; 2], _: bool) -> (Vec<f32>, ()) {
        (self.run(x, w, None), ())
    }

    fn backward(&self, [x, w]: [&[f32]; 2], (): (), gradient: &[f32], wanted: [bool; 2]) -> [Option<Vec<f32>>; 2] {
        self.derive(x, w, gradient, wanted)
    }
}

impl SliceOp<3> for Product {
    type Saved = ();

    fn forward(&self, [x, w, b]: [&[f32]; 3], _: bool) -> (Vec<f32>, ()) {
        (self.run(x, w, Some(b)), ())
    }

    fn backward(
        &self,
        [x, w, b]: [&[f32]; 3],
        (): (),
        gradient: &[f32],
        [want_x, want_w, want_b]: [bool; 3],
    ) -> [Option<Vec<f32>>; 3] {
        let [dx, dw] = self.derive(x, w, gradient, [want_x, want_w]);
        let db = want_b.then(|| column_sums(gradient, b.len()));
        [dx, dw, db]
    }
}
