//! A matrix product for wasm's 128-bit vectors, after Goto & van de Geijn (2008): both operands are copied into
//! panels that the inner loop reads in order, and a 4 × 8 block of the result stays in registers. Of b, which may be a
//! vocabulary's embeddings, only so much is copied at once.
//!
//! Plain arrays, which the compiler turns into vector instructions. The `gemm` crate, which natively uses wider
//! vectors, computes the same in wasm about five times slower (measured at the sizes of the lab's models).

use super::product::View;
use std::cell::RefCell;

const ROWS: usize = 4;
const COLUMNS: usize = 8;
/// Numbers of b that are copied at once, where one panel has no more.
const COPIED: usize = if cfg!(test) { 64 } else { 1 << 18 };

thread_local! {
    /// The panels' memory, kept from product to product.
    static PANELS: RefCell<(Vec<f32>, Vec<f32>)> = const { RefCell::new((Vec::new(), Vec::new())) };
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
    PANELS.with_borrow_mut(|(left, right)| {
        pack::<ROWS>(left, m, k, a.values, a.rows, a.columns);
        let step = COLUMNS * (COPIED / (k * COLUMNS).max(1)).max(1);
        for first in (0..n).step_by(step) {
            pack::<COLUMNS>(right, step.min(n - first), k, &b.values[first * b.columns..], b.columns, b.rows);
            for (panel, b) in right.chunks_exact(k * COLUMNS).enumerate() {
                let column = first + panel * COLUMNS;
                let width = COLUMNS.min(n - column);
                for (panel, a) in left.chunks_exact(k * ROWS).enumerate() {
                    let block = block(a, b);
                    let rows = panel * ROWS..m.min((panel + 1) * ROWS);
                    for (row, block) in rows.zip(&block) {
                        let out = &mut out[row * stride + column..][..width];
                        match add {
                            true => out.iter_mut().zip(block).for_each(|(out, value)| *out += scale * value),
                            false => out.iter_mut().zip(block).for_each(|(out, value)| *out = scale * value),
                        }
                    }
                }
            }
        }
    });
}

/// The product of one panel of a and one of b.
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

/// Copies `count` lines of `k` numbers into panels of `WIDTH` lines, number by number side by side, the last one
/// filled with zeros. Element `i` of line `l` stands at `l · line + i · step`.
fn pack<const WIDTH: usize>(panels: &mut Vec<f32>, count: usize, k: usize, from: &[f32], line: usize, step: usize) {
    panels.clear();
    panels.resize(count.div_ceil(WIDTH) * k * WIDTH, 0.0);
    for (index, panel) in panels.chunks_exact_mut(k * WIDTH).enumerate() {
        let first = index * WIDTH;
        let lines = WIDTH.min(count - first);
        if line == 1 {
            for (i, place) in panel.chunks_exact_mut(WIDTH).enumerate() {
                let at = i * step + first;
                place[..lines].copy_from_slice(&from[at..at + lines]);
            }
        } else {
            for l in 0..lines {
                let values = from[(first + l) * line..].iter().step_by(step);
                panel[l..].iter_mut().step_by(WIDTH).zip(values).for_each(|(place, value)| *place = *value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn products_of_every_shape_and_order_are_right(
            shape in [1usize..14, 1usize..12, 1usize..20],
            [left, right, add] in any::<[bool; 3]>(),
        ) {
            let [m, k, n] = shape;
            let wave = |count: usize, speed: f32| (0..count).map(|i| (i as f32 * speed).sin()).collect::<Vec<_>>();
            let (a, b) = (wave(m * k, 0.7), wave(k * n, 0.3));
            let view_a = if left { View::transposed(&a, m) } else { View::rows(&a, k) };
            let view_b = if right { View::transposed(&b, k) } else { View::rows(&b, n) };
            let stride = n + 3;
            let mut out = wave(m * stride, 0.1);
            let before = out.clone();
            multiply(&mut out, stride, shape, view_a, view_b, 0.5, add);
            for row in 0..m {
                for column in 0..stride {
                    let at = row * stride + column;
                    let product: f32 = (0..k)
                        .map(|i| {
                            a[row * view_a.rows + i * view_a.columns] * b[i * view_b.rows + column % n * view_b.columns]
                        })
                        .sum();
                    let wanted = match column < n {
                        true => 0.5 * product + if add { before[at] } else { 0.0 },
                        false => before[at],
                    };
                    prop_assert!((out[at] - wanted).abs() < 1e-5, "{} and {wanted}", out[at]);
                }
            }
        }
    }
}
