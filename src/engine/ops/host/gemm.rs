//! Matrix products on slices: natively by the `gemm` crate that Flex uses too, in wasm by [`panels`](super).

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
    #[cfg(not(target_family = "wasm"))]
    // SAFETY: the lines above keep every element inside its slice; `out` is exclusively borrowed.
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
pub(crate) fn low_rank(
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
pub(crate) fn add_low_rank(
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

/// `rows` rows of the bias, or zeros.
pub(crate) fn filled([rows, columns]: [usize; 2], bias: Option<&[f32]>) -> Vec<f32> {
    bias.map_or_else(|| vec![0.0; rows * columns], |bias| bias.repeat(rows))
}
