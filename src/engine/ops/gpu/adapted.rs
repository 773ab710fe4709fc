//! Linear layers of one input, each with a low-rank adapter beside it (Hu et al. 2021): one launch forward, one backward.
//! A group computes the few columns of `x·A` for its own rows again, which costs less than a launch that would keep them.
//! The factors A and B of all layers are read from one buffer, where the optimizer keeps them.

use super::adamw::together;
use super::linear::{Product, THREADS, buffers, corner, groups, multiply, put, side, strip};
use super::op::{KernelOp, Slope, empty, run, shared};
use crate::engine::ops::Layer;
use burn::Tensor;
use burn::backend::wgpu::CubeTensor;
use burn_cubecl::cubecl::{self, prelude::*};
use std::ops::Range;

/// `x·W + scale · (x·A)·B` for some layers, side by side in one output: x `[m, k]`, each W `[k, n]`, A `[k, rank]`, B
/// `[rank, n]`. The inputs are x, the weights, the As, the Bs, then a bias `[n]` for each layer and what the output is
/// added to, where there are such.
#[derive(Clone, Debug)]
struct Adapted {
    whole: Product,
    rank: usize,
    scale: f32,
}

/// Ranks up to which a square's rows of `x·A` fit in shared memory beside its strips.
const WIDEST: usize = 16;

/// `None` where the layers are not all of one kind, or the rank is too wide.
pub(super) fn linear_adapted(x: &Tensor<2>, layers: &[Layer<'_>], sum: Option<&Tensor<2>>) -> Option<Tensor<2>> {
    let adapters: Vec<_> = layers.iter().map(|layer| layer.adapter).collect::<Option<_>>()?;
    let ([m, k], [rank, _], scale) = (x.dims(), adapters[0].0[1].dims(), adapters[0].1);
    if rank > WIDEST || adapters.iter().any(|(matrices, other)| matrices[1].dims()[0] != rank || *other != scale) {
        return None;
    }
    let widths = layers.iter().map(|layer| layer.weight.dims()[1]).collect();
    let biases: Vec<_> = layers.iter().filter_map(|layer| Some(layer.bias?.clone().into_dispatch())).collect();
    let whole = Product { m, k, widths, transposed: false, bias: !biases.is_empty(), sum: sum.is_some() };
    let mut inputs = vec![x.clone().into_dispatch()];
    inputs.extend(layers.iter().map(|layer| layer.weight.dense().into_dispatch()));
    inputs.extend(adapters.iter().map(|([a, _], _)| (*a).clone().into_dispatch()));
    inputs.extend(adapters.iter().map(|([_, b], _)| (*b).clone().into_dispatch()));
    inputs.extend(biases);
    inputs.extend(sum.map(|sum| sum.clone().into_dispatch()));
    Some(run(Adapted { whole, rank, scale: scale as f32 }, inputs))
}

impl Adapted {
    fn layers(&self) -> usize {
        self.whole.widths.len()
    }

    /// The inputs that are As and Bs.
    fn factors(&self) -> Range<usize> {
        1 + self.layers()..1 + 3 * self.layers()
    }
}

impl KernelOp for Adapted {
    /// The buffer of the factors, and where each begins in it.
    type Saved = (CubeTensor, Vec<usize>);

    fn through(&self) -> Option<usize> {
        let biases = if self.whole.bias { self.layers() } else { 0 };
        self.whole.sum.then_some(self.factors().end + biases)
    }

    fn joined(&self) -> Range<usize> {
        self.factors()
    }

    fn forward(&self, inputs: &[CubeTensor]) -> (CubeTensor, Self::Saved) {
        let Product { m, k, ref widths, .. } = self.whole;
        let (x, count, factors) = (&inputs[0], self.layers(), self.factors());
        let (kept, starts) = shared(&inputs[factors.clone()])
            .or_else(|| shared(&together(&inputs[factors.clone()])))
            .expect("what was brought together shares a buffer");
        let out = empty(x, [m, self.whole.total()]);
        let shapes: Vec<_> = widths.iter().map(|&n| [m, n]).collect();
        let side = side(&shapes);
        let biases = inputs.iter().skip(factors.end).take(if self.whole.bias { count } else { 0 });
        // SAFETY: the kernel reads and writes within the shapes, which are those of the buffers.
        unsafe {
            adapted::launch_unchecked(
                &x.client,
                CubeCount::new_1d(shapes.iter().map(|&shape| groups(shape, side)).sum::<usize>() as u32),
                CubeDim::new_1d(THREADS as u32),
                x.clone().into_buffer_arg(),
                buffers(inputs[1..=count].iter().cloned()),
                kept.clone().into_buffer_arg(),
                buffers(biases.cloned()),
                buffers(self.through().map(|at| inputs[at].clone())),
                out.clone().into_buffer_arg(),
                m,
                k,
                self.whole.total(),
                self.whole.widths(),
                starts.iter().copied().collect(),
                self.scale,
                self.rank,
                side,
            );
        }
        (out, (kept, starts))
    }

    fn backward(
        &self,
        inputs: &[CubeTensor],
        (kept, starts): Self::Saved,
        gradient: CubeTensor,
        into: Vec<Option<Slope>>,
    ) {
        let Product { m, k, ref widths, .. } = self.whole;
        let (x, count, factors) = (&inputs[0], self.layers(), self.factors());
        let some = |range: Range<usize>| -> Vec<Option<Slope>> {
            let slopes = &into[range];
            if slopes.iter().any(Option::is_some) { slopes.to_vec() } else { Vec::new() }
        };
        // An adapter is for a weight that stays as it is: the weights' own gradients are a launch more where they are asked
        // for.
        let biases = factors.end..factors.end + if self.whole.bias { count } else { 0 };
        let own = [Vec::new(), some(1..1 + count), some(biases)];
        self.whole.slopes([x, &gradient], &inputs[1..=count], own);
        let dx = some(0..1);
        let slopes: Vec<CubeTensor> = into[factors].iter().flatten().map(|slope| slope.tensor.clone()).collect();
        let asked = !slopes.is_empty();
        let side = side(&[[m, k]]);
        let of_x = if dx.is_empty() { 0 } else { groups([m, k], side) };
        let along = |&n: &usize| k.div_ceil(side) + n.div_ceil(side);
        let of_factors = if asked { widths.iter().map(along).sum() } else { 0 };
        if of_x + of_factors == 0 {
            return;
        }
        let (joined, places) = match asked {
            true => shared(&slopes).expect("these gradients were given one buffer"),
            false => (empty(x, [1]), Vec::new()),
        };
        let add = dx.first().and_then(Slope::form) == Some(true);
        // SAFETY: as above.
        unsafe {
            adapted_slopes::launch_unchecked(
                &x.client,
                CubeCount::new_1d((of_x + of_factors) as u32),
                CubeDim::new_1d(THREADS as u32),
                x.clone().into_buffer_arg(),
                buffers(inputs[1..=count].iter().filter(|_| of_x > 0).cloned()),
                kept.into_buffer_arg(),
                gradient.into_buffer_arg(),
                buffers(dx.into_iter().flatten().map(|slope| slope.tensor)),
                joined.into_buffer_arg(),
                m,
                k,
                self.whole.total(),
                self.whole.widths(),
                starts.iter().copied().collect(),
                places.iter().copied().collect(),
                self.scale,
                self.rank,
                add,
                side,
            );
        }
    }
}

/// `scale · left·right` for `side` rows from `top` on: left `[m, k]` from `from` on, of rows `pitch` apart, right
/// `[k, rank]`, or `[rank, k]` where it is turned, from `start` on.
#[cube]
#[allow(clippy::too_many_arguments)]
fn few_columns(
    left: &[f32],
    right: &[f32],
    few: &mut Shared<[f32]>,
    top: usize,
    m: usize,
    k: usize,
    from: usize,
    pitch: usize,
    start: usize,
    scale: f32,
    #[comptime] rank: usize,
    #[comptime] turned: bool,
    #[comptime] side: usize,
) {
    // Those of other rows may still be read.
    sync_cube();
    for at in range_stepped(UNIT_POS as usize, comptime!(side * rank), THREADS) {
        let (row, column) = (top + at / rank, at % rank);
        let mut sum = 0.0f32;
        if row < m {
            for p in 0..k {
                let place = if comptime!(turned) { column * k + p } else { p * rank + column };
                sum += left[from + row * pitch + p] * right[start + place];
            }
        }
        few[at] = sum * scale;
    }
    sync_cube();
}

/// Adds `few · right` to a group's square: few `[side, rank]`, right `[rank, n]`, or `[n, rank]` where it is turned, from
/// `start` on.
#[cube]
#[allow(clippy::too_many_arguments)]
fn add_product(
    squares: &mut Array<f32>,
    few: &Shared<[f32]>,
    right: &[f32],
    group: usize,
    n: usize,
    start: usize,
    #[comptime] rank: usize,
    #[comptime] turned: bool,
    #[comptime] side: usize,
) {
    let each = comptime!(side / 16);
    let down = UNIT_POS as usize / 16 * each;
    let (_, over) = corner(group, n, side);
    #[unroll]
    for j in 0..each {
        let column = over + j * 16;
        if column < n {
            for r in 0..rank {
                let place = if comptime!(turned) { column * rank + r } else { r * n + column };
                let factor = right[start + place];
                #[unroll]
                for i in 0..each {
                    squares[comptime!(i * each + j)] += few[(down + i) * rank + r] * factor;
                }
            }
        }
    }
}

/// `starts`: of the As, then of the Bs.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
fn adapted(
    x: &[f32],
    weights: &Sequence<Box<[f32]>>,
    factors: &[f32],
    biases: &Sequence<Box<[f32]>>,
    sums: &Sequence<Box<[f32]>>,
    out: &mut [f32],
    m: usize,
    k: usize,
    total: usize,
    widths: &Sequence<usize>,
    starts: &Sequence<usize>,
    scale: f32,
    #[comptime] rank: usize,
    #[comptime] side: usize,
) {
    let mut squares = Array::<f32>::new(comptime!(side * side / 256));
    let mut left = Shared::<[f32]>::new_slice(comptime!(strip(side)));
    let mut right = Shared::<[f32]>::new_slice(comptime!(strip(side)));
    let mut few = Shared::<[f32]>::new_slice(comptime!(side * rank));
    let each = comptime!(side / 16);
    let layers = weights.len();
    let mut first = 0usize;
    let mut from = 0usize;
    #[unroll]
    for layer in 0..layers {
        let n = widths[layer];
        let count = m.div_ceil(side) * n.div_ceil(side);
        if CUBE_POS >= first && CUBE_POS < first + count {
            let group = CUBE_POS - first;
            multiply(
                x,
                &weights[layer],
                &mut squares,
                &mut left,
                &mut right,
                group,
                m,
                n,
                k,
                0,
                0,
                k,
                n,
                false,
                false,
                side,
            );
            let above = group / n.div_ceil(side) * side;
            few_columns(x, factors, &mut few, above, m, k, 0, k, starts[layer], scale, rank, false, side);
            add_product(&mut squares, &few, factors, group, n, starts[comptime!(layers + layer)], rank, false, side);
            let (top, start) = corner(group, n, side);
            #[unroll]
            for i in 0..each {
                let row = top + i;
                #[unroll]
                for j in 0..each {
                    let column = start + j * 16;
                    if row < m && column < n {
                        let at = row * total + from + column;
                        let mut value = squares[comptime!(i * each + j)];
                        if comptime!(biases.len() > 0) {
                            value += biases[layer][column];
                        }
                        if comptime!(sums.len() > 0) {
                            value += sums[0][at];
                        }
                        out[at] = value;
                    }
                }
            }
        }
        first += count;
        from += n;
    }
}

/// The first groups give the input's gradient; then for each layer come some that give A's, a strip of rows each, and
/// some that give B's, a strip of columns each.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
fn adapted_slopes(
    x: &[f32],
    weights: &Sequence<Box<[f32]>>,
    factors: &[f32],
    gradient: &[f32],
    dx: &mut Sequence<Box<[f32]>>,
    slopes: &mut [f32],
    m: usize,
    k: usize,
    total: usize,
    widths: &Sequence<usize>,
    starts: &Sequence<usize>,
    places: &Sequence<usize>,
    scale: f32,
    #[comptime] rank: usize,
    #[comptime] add: bool,
    #[comptime] side: usize,
) {
    let mut few = Shared::<[f32]>::new_slice(comptime!(side * rank));
    let slots = comptime!((side * rank).div_ceil(256));
    let layers = widths.len();
    let mut first = 0usize;
    let mut from = 0usize;
    if comptime!(dx.len() > 0) {
        let count = m.div_ceil(side) * k.div_ceil(side);
        if CUBE_POS < count {
            let mut squares = Array::<f32>::new(comptime!(side * side / 256));
            let mut left = Shared::<[f32]>::new_slice(comptime!(strip(side)));
            let mut right = Shared::<[f32]>::new_slice(comptime!(strip(side)));
            let above = CUBE_POS / k.div_ceil(side) * side;
            #[unroll]
            for layer in 0..layers {
                let n = widths[layer];
                multiply(
                    gradient,
                    &weights[layer],
                    &mut squares,
                    &mut left,
                    &mut right,
                    CUBE_POS,
                    m,
                    k,
                    n,
                    from,
                    0,
                    total,
                    n,
                    false,
                    true,
                    side,
                );
                let (of_a, of_b) = (starts[layer], starts[comptime!(layers + layer)]);
                few_columns(gradient, factors, &mut few, above, m, n, from, total, of_b, scale, rank, true, side);
                add_product(&mut squares, &few, factors, CUBE_POS, k, of_a, rank, true, side);
                from += n;
            }
            put(&mut dx[0], &squares, CUBE_POS, m, k, add, side);
        }
        first = count;
        from = 0;
    }
    if comptime!(places.len() > 0) {
        #[unroll]
        for layer in 0..layers {
            let n = widths[layer];
            let (before_b, end) = (first + k.div_ceil(side), first + k.div_ceil(side) + n.div_ceil(side));
            let (of_a, of_b) = (starts[layer], starts[comptime!(layers + layer)]);
            if CUBE_POS >= first && CUBE_POS < before_b {
                // xᵀ · (scale · gradient·Bᵀ)
                let strip = (CUBE_POS - first) * side;
                let mut sums = Array::<f32>::new(slots);
                for top in range_stepped(0usize, m, side) {
                    few_columns(gradient, factors, &mut few, top, m, n, from, total, of_b, scale, rank, true, side);
                    let rows = (m - top).min(side);
                    #[unroll]
                    for slot in 0..slots {
                        let at = UNIT_POS as usize + slot * 256;
                        let row = strip + at / rank;
                        if at < comptime!(side * rank) && row < k {
                            for step in 0..rows {
                                sums[slot] += x[(top + step) * k + row] * few[step * rank + at % rank];
                            }
                        }
                    }
                }
                #[unroll]
                for slot in 0..slots {
                    let at = UNIT_POS as usize + slot * 256;
                    let row = strip + at / rank;
                    if at < comptime!(side * rank) && row < k {
                        slopes[places[layer] + row * rank + at % rank] = sums[slot];
                    }
                }
            } else if CUBE_POS >= before_b && CUBE_POS < end {
                // (scale · x·A)ᵀ · gradient
                let strip = (CUBE_POS - before_b) * side;
                let mut sums = Array::<f32>::new(slots);
                for top in range_stepped(0usize, m, side) {
                    few_columns(x, factors, &mut few, top, m, k, 0, k, of_a, scale, rank, false, side);
                    let rows = (m - top).min(side);
                    #[unroll]
                    for slot in 0..slots {
                        let at = UNIT_POS as usize + slot * 256;
                        let column = strip + at % side;
                        if at < comptime!(side * rank) && column < n {
                            for step in 0..rows {
                                sums[slot] +=
                                    gradient[(top + step) * total + from + column] * few[step * rank + at / side];
                            }
                        }
                    }
                }
                #[unroll]
                for slot in 0..slots {
                    let at = UNIT_POS as usize + slot * 256;
                    let column = strip + at % side;
                    if at < comptime!(side * rank) && column < n {
                        slopes[places[comptime!(layers + layer)] + at / side * n + column] = sums[slot];
                    }
                }
            }
            first = end;
            from += n;
        }
    }
}
