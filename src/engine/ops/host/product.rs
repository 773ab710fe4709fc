//! Matrix products on slices: natively by the `gemm` crate that Flex uses too, in wasm by [`panels`](super).

use super::op::HostOp;

/// A matrix in a slice: element (r, c) at `r · rows + c · columns`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub values: &'a [f32],
    pub rows: usize,
    pub columns: usize,
}

impl<'a> View<'a> {
    /// Rows of `stride` numbers.
    pub fn rows(values: &'a [f32], stride: usize) -> Self {
        View { values, rows: stride, columns: 1 }
    }

    /// The transpose of rows of `stride` numbers.
    pub fn transposed(values: &'a [f32], stride: usize) -> Self {
        View { values, rows: 1, columns: stride }
    }

    /// The transpose of what is seen.
    #[cfg(any(target_family = "wasm", test))]
    pub(super) fn flipped(self) -> Self {
        View { values: self.values, rows: self.columns, columns: self.rows }
    }

    /// Without its first columns.
    #[cfg(any(target_family = "wasm", test))]
    pub(super) fn without_columns(self, first: usize) -> Self {
        View { values: &self.values[first * self.columns..], ..self }
    }

    fn holds(&self, rows: usize, columns: usize) -> bool {
        rows == 0 || columns == 0 || (rows - 1) * self.rows + (columns - 1) * self.columns < self.values.len()
    }
}

/// `out = scale · a·b`, or added to `out`: `[m, k]·[k, n]`, out's rows `stride` apart.
pub(crate) fn gemm(
    out: &mut [f32],
    stride: usize,
    [m, k, n]: [usize; 3],
    a: View<'_>,
    b: View<'_>,
    scale: f32,
    add: bool,
) {
    if m == 0 || k == 0 || n == 0 {
        return;
    }
    assert!(a.holds(m, k) && b.holds(k, n) && stride >= n && (m - 1) * stride + n <= out.len(), "matrix bounds");
    #[cfg(target_family = "wasm")]
    super::panels::multiply(out, stride, [m, k, n], a, b, scale, add);
    // Safety: the lines above keep every element inside its slice; `out` is exclusively borrowed.
    #[cfg(not(target_family = "wasm"))]
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            stride as isize,
            add,
            a.values.as_ptr(),
            a.columns as isize,
            a.rows as isize,
            b.values.as_ptr(),
            b.columns as isize,
            b.rows as isize,
            1.0,
            scale,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// `out = x·w + inner·b`, or added to `out`, where `inner = scale · x·a` is what it gives: x `[m, k]`, w `[k, n]`,
/// a `[k, rank]`, b `[rank, n]`, out `[m, n]`.
pub(super) fn low_rank(
    out: &mut [f32],
    [m, k, rank, n]: [usize; 4],
    [x, w, a, b]: [View<'_>; 4],
    scale: f32,
    add: bool,
) -> Vec<f32> {
    #[cfg(target_family = "wasm")]
    if ![m, k, rank, n].contains(&0) {
        return super::panels::low_rank(out, [m, k, rank, n], [x, w, a, b], scale, add);
    }
    gemm(out, n, [m, k, n], x, w, 1.0, add);
    add_low_rank(Some(out), [m, k, rank, n], [x, a, b], scale)
}

/// Adds `inner·b` to `out` where there is one, with `inner = scale · x·a`, which it gives; shapes as in [`low_rank`].
pub(super) fn add_low_rank(
    out: Option<&mut [f32]>,
    [m, k, rank, n]: [usize; 4],
    [x, a, b]: [View<'_>; 3],
    scale: f32,
) -> Vec<f32> {
    let mut inner = vec![0.0; m * rank];
    gemm(&mut inner, rank, [m, k, rank], x, a, scale, false);
    if let Some(out) = out {
        gemm(out, n, [m, rank, n], View::rows(&inner, rank), b, 1.0, true);
    }
    inner
}

/// `x·W + b`, or `x·Wᵀ + b`: x `[m, k]`, W `[k, n]` or `[n, k]`, b `[n]` (empty where there is none).
#[derive(Clone, Debug)]
pub(crate) struct Product {
    pub shape: [usize; 3],
    pub transposed: bool,
}

/// `rows` rows of the bias, or zeros.
pub(super) fn filled([rows, columns]: [usize; 2], bias: Option<&[f32]>) -> Vec<f32> {
    bias.map_or_else(|| vec![0.0; rows * columns], |bias| bias.repeat(rows))
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

impl HostOp<2> for Product {
    type Saved = ();

    fn forward(&self, [x, w]: [&[f32]; 2], _: bool) -> (Vec<f32>, ()) {
        (self.run(x, w, None), ())
    }

    fn backward(&self, [x, w]: [&[f32]; 2], (): (), gradient: &[f32], wanted: [bool; 2]) -> [Option<Vec<f32>>; 2] {
        self.derive(x, w, gradient, wanted)
    }
}

impl HostOp<3> for Product {
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
        let db = want_b.then(|| super::column_sums(gradient, b.len()));
        [dx, dw, db]
    }
}
