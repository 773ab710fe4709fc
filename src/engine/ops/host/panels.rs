//! A matrix product for wasm's 128-bit vectors, after Goto & van de Geijn (2008): both operands are copied into
//! panels that the inner loop reads in order, and a 4 × 8 block of the result stays in registers. Of b, which may be a
//! vocabulary's embeddings, only so much is copied at once.
//!
//! Plain arrays, which the compiler turns into vector instructions. The `gemm` crate, which natively uses wider
//! vectors, computes the same in wasm about five times slower (measured at the sizes of the lab's models).

use super::gemm::View;
use std::array;
use std::cell::RefCell;
use std::ops::Range;

const ROWS: usize = 4;
const COLUMNS: usize = 8;
/// Numbers of b that are copied at once, where one panel has no more.
const COPIED: usize = if cfg!(test) { 64 } else { 1 << 18 };

thread_local! {
    /// The panels' memory, kept from product to product.
    static PANELS: RefCell<[Vec<f32>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

/// `out = scale · a·b`, or added to `out`: `[m, k]·[k, n]`, out's rows `stride` apart.
pub(crate) fn multiply(
    out: &mut [f32],
    stride: usize,
    [m, k, n]: [usize; 3],
    a: View<'_>,
    b: View<'_>,
    scale: f32,
    add: bool,
) {
    PANELS.with_borrow_mut(|[left, right]| {
        reserve::<ROWS>(left, m, k);
        pack::<ROWS>(left, k, 0..k, m, a.flipped());
        for columns in steps(k, n) {
            reserve::<COLUMNS>(right, columns.len(), k);
            pack::<COLUMNS>(right, k, 0..k, columns.len(), b.without_columns(columns.start));
            sweep(&mut out[columns.start..], stride, [m, k, columns.len()], left, right, scale, add);
        }
    });
}

/// `out = x·w + inner·b`, or added to `out`, where `inner = scale · x·a` is what it gives: x `[m, k]`, w `[k, n]`,
/// a `[k, rank]`, b `[rank, n]`. The two products are one, of `[x, inner]` and `[w; b]`; x is copied once.
pub(crate) fn low_rank(
    out: &mut [f32],
    [m, k, rank, n]: [usize; 4],
    [x, w, a, b]: [View<'_>; 4],
    scale: f32,
    add: bool,
) -> Vec<f32> {
    let (mut inner, both) = (vec![0.0; m * rank], k + rank);
    PANELS.with_borrow_mut(|[left, right]| {
        reserve::<ROWS>(left, m, both);
        pack::<ROWS>(left, both, 0..k, m, x.flipped());
        reserve::<COLUMNS>(right, rank, k);
        pack::<COLUMNS>(right, k, 0..k, rank, a);
        sweep(&mut inner, rank, [m, both, rank], left, right, scale, false);
        pack::<ROWS>(left, both, k..both, m, View::rows(&inner, rank).flipped());
        for columns in steps(both, n) {
            reserve::<COLUMNS>(right, columns.len(), both);
            pack::<COLUMNS>(right, both, 0..k, columns.len(), w.without_columns(columns.start));
            pack::<COLUMNS>(right, both, k..both, columns.len(), b.without_columns(columns.start));
            sweep(&mut out[columns.start..], n, [m, both, columns.len()], left, right, 1.0, add);
        }
    });
    inner
}

/// The columns of b, `k` numbers each, in as many as are copied at once.
fn steps(k: usize, n: usize) -> impl Iterator<Item = Range<usize>> {
    let step = COLUMNS * (COPIED / (k * COLUMNS).max(1)).max(1);
    (0..n).step_by(step).map(move |first| first..n.min(first + step))
}

/// Multiplies the panels of a, `k` numbers deep, by those of b, which may be less deep.
fn sweep(out: &mut [f32], stride: usize, [m, k, n]: [usize; 3], left: &[f32], right: &[f32], scale: f32, add: bool) {
    let depth = right.len() / n.next_multiple_of(COLUMNS);
    for (column, b) in (0..n).step_by(COLUMNS).zip(right.chunks_exact(depth * COLUMNS)) {
        let width = COLUMNS.min(n - column);
        for (row, a) in (0..m).step_by(ROWS).zip(left.chunks_exact(k * ROWS)) {
            let block = block(a, b);
            let rows = out[row * stride + column..].chunks_mut(stride).zip(&block[..ROWS.min(m - row)]);
            if width == COLUMNS {
                rows.for_each(|(out, block)| put(&mut out[..COLUMNS], block, scale, add));
            } else {
                rows.for_each(|(out, block)| put(&mut out[..width], block, scale, add));
            }
        }
    }
}

#[inline(always)]
fn put(out: &mut [f32], block: &[f32; COLUMNS], scale: f32, add: bool) {
    match add {
        true => out.iter_mut().zip(block).for_each(|(out, value)| *out += scale * value),
        false => out.iter_mut().zip(block).for_each(|(out, value)| *out = scale * value),
    }
}

/// The product of one panel of a and one of b, as deep as the less deep of them.
#[inline(always)]
fn block(a: &[f32], b: &[f32]) -> [[f32; COLUMNS]; ROWS] {
    let mut sums = [[0.0f32; COLUMNS]; ROWS];
    for (a, b) in a.as_chunks::<ROWS>().0.iter().zip(b.as_chunks::<COLUMNS>().0) {
        for i in 0..ROWS {
            for j in 0..COLUMNS {
                sums[i][j] += a[i] * b[j];
            }
        }
    }
    sums
}

/// Makes room for `count` lines of `k` numbers in panels of `WIDTH` lines.
fn reserve<const WIDTH: usize>(panels: &mut Vec<f32>, count: usize, k: usize) {
    panels.resize(count.next_multiple_of(WIDTH) * k, 0.0);
}

/// Copies the first `count` columns of a matrix into panels of `WIDTH` of them, `k` numbers deep, number by number side
/// by side, at these depths of the panels. The last panel is filled with zeros.
fn pack<const WIDTH: usize>(panels: &mut [f32], k: usize, depths: Range<usize>, count: usize, from: View<'_>) {
    let View { values, rows, columns } = from;
    for (first, panel) in (0..count).step_by(WIDTH).zip(panels.chunks_exact_mut(k * WIDTH)) {
        let values = &values[first * columns..];
        let places = panel.as_chunks_mut::<WIDTH>().0[depths.clone()].iter_mut();
        let width = WIDTH.min(count - first);
        if width < WIDTH {
            for (row, place) in places.enumerate() {
                place.fill(0.0);
                (0..width).for_each(|column| place[column] = values[row * rows + column * columns]);
            }
        } else if columns == 1 {
            places.enumerate().for_each(|(row, place)| place.copy_from_slice(&values[row * rows..][..WIDTH]));
        } else if rows == 1 {
            let lines: [&[f32]; WIDTH] = array::from_fn(|column| &values[column * columns..][..depths.len()]);
            for (row, place) in places.enumerate() {
                (0..WIDTH).for_each(|column| place[column] = lines[column][row]);
            }
        } else {
            for (row, place) in places.enumerate() {
                (0..WIDTH).for_each(|column| place[column] = values[row * rows + column * columns]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wave(count: usize, speed: f32) -> Vec<f32> {
        (0..count).map(|i| (i as f32 * speed).sin()).collect()
    }

    /// A matrix of `rows` and `columns` in one order or the other.
    fn view(values: &[f32], [rows, columns]: [usize; 2], transposed: bool) -> View<'_> {
        if transposed { View::transposed(values, rows) } else { View::rows(values, columns) }
    }

    /// Element (row, column) of a product over `k`, one by one.
    fn product(a: View<'_>, b: View<'_>, k: usize, row: usize, column: usize) -> f32 {
        (0..k).map(|i| a.values[row * a.rows + i * a.columns] * b.values[i * b.rows + column * b.columns]).sum()
    }

    proptest! {
        #[test]
        fn products_of_every_shape_and_order_are_right(
            shape in [1usize..14, 1usize..12, 1usize..20],
            [left, right, add] in any::<[bool; 3]>(),
        ) {
            let [m, k, n] = shape;
            let (a, b) = (wave(m * k, 0.7), wave(k * n, 0.3));
            let (a, b) = (view(&a, [m, k], left), view(&b, [k, n], right));
            let stride = n + 3;
            let before = wave(m * stride, 0.1);
            let mut out = before.clone();
            multiply(&mut out, stride, shape, a, b, 0.5, add);
            for row in 0..m {
                for column in 0..stride {
                    let at = row * stride + column;
                    let wanted = match column < n {
                        true => 0.5 * product(a, b, k, row, column) + if add { before[at] } else { 0.0 },
                        false => before[at],
                    };
                    prop_assert!((out[at] - wanted).abs() < 1e-5, "{} and {wanted}", out[at]);
                }
            }
        }

        #[test]
        fn a_low_rank_product_beside_another_is_their_sum(
            [m, k, rank, n] in [1usize..14, 1usize..12, 1usize..10, 1usize..20],
            [left, right, add] in any::<[bool; 3]>(),
        ) {
            let (x, w, a, b) = (wave(m * k, 0.7), wave(k * n, 0.3), wave(k * rank, 0.9), wave(rank * n, 0.2));
            let (x, w) = (view(&x, [m, k], left), view(&w, [k, n], right));
            let (a, b) = (view(&a, [k, rank], right), view(&b, [rank, n], right));
            let before = wave(m * n, 0.1);
            let mut out = before.clone();
            let inner = low_rank(&mut out, [m, k, rank, n], [x, w, a, b], 0.5, add);
            for row in 0..m {
                for column in 0..rank {
                    let wanted = 0.5 * product(x, a, k, row, column);
                    prop_assert!((inner[row * rank + column] - wanted).abs() < 1e-5, "inner");
                }
                for column in 0..n {
                    let at = row * n + column;
                    let beside = product(View::rows(&inner, rank), b, rank, row, column);
                    let wanted = product(x, w, k, row, column) + beside + if add { before[at] } else { 0.0 };
                    prop_assert!((out[at] - wanted).abs() < 1e-5, "{} and {wanted}", out[at]);
                }
            }
        }
    }
}
