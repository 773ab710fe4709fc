//! Linear layers of one input: one launch forward, and one backward for the gradients of input, weights and biases
//! together. Products are tiled: a group of threads keeps a square of the output in registers and walks along the sum, a
//! strip of each factor in shared memory at a time.

use super::op::{KernelOp, Slope, empty, run};
use crate::engine::ops::Layer;
use burn::Tensor;
use burn::backend::wgpu::CubeTensor;
use burn_cubecl::cubecl::{self, prelude::*};

/// `x·W` for some weights, side by side in one output: x `[m, k]`, each W `[k, n]`, or one of `[n, k]`. The inputs after
/// the weights are a bias `[n]` for each, and what the output is added to, where there are such.
#[derive(Clone, Debug)]
pub(super) struct Product {
    pub m: usize,
    pub k: usize,
    /// Each weight's n.
    pub widths: Vec<usize>,
    pub transposed: bool,
    pub bias: bool,
    pub sum: bool,
}

/// The layers either all have a bias or none.
pub(super) fn linear(x: Tensor<2>, layers: &[Layer<'_>], transposed: bool, sum: Option<Tensor<2>>) -> Tensor<2> {
    let [m, k] = x.dims();
    let widths = layers.iter().map(|layer| layer.weight.dims()[usize::from(!transposed)]).collect();
    let biases: Vec<_> = layers.iter().filter_map(|layer| Some(layer.bias?.clone().into_dispatch())).collect();
    let op = Product { m, k, widths, transposed, bias: !biases.is_empty(), sum: sum.is_some() };
    let mut inputs = vec![x.into_dispatch()];
    inputs.extend(layers.iter().map(|layer| layer.weight.dense().into_dispatch()));
    inputs.extend(biases);
    inputs.extend(sum.map(Tensor::into_dispatch));
    run(op, inputs)
}

/// Threads of a group.
pub(super) const THREADS: usize = 256;
/// Groups below which squares are small, so that more of the device has work.
const GROUPS: usize = 32;

/// The side of a group's square.
pub(super) fn side(outputs: &[[usize; 2]]) -> usize {
    if outputs.iter().map(|&shape| groups(shape, 64)).sum::<usize>() < GROUPS { 32 } else { 64 }
}

pub(super) fn groups([rows, columns]: [usize; 2], side: usize) -> usize {
    rows.div_ceil(side) * columns.div_ceil(side)
}

pub(super) fn buffers(tensors: impl IntoIterator<Item = CubeTensor>) -> SequenceArg<Box<[f32]>> {
    tensors.into_iter().map(CubeTensor::into_buffer_arg).collect()
}

impl Product {
    pub fn total(&self) -> usize {
        self.widths.iter().sum()
    }

    pub fn widths(&self) -> SequenceArg<usize> {
        self.widths.iter().copied().collect()
    }

    /// Writes the gradients that are asked for in one launch.
    pub fn slopes(
        &self,
        [x, gradient]: [&CubeTensor; 2],
        weights: &[CubeTensor],
        [dx, dweights, dbiases]: [Vec<Option<Slope>>; 3],
    ) {
        let of_x = dx.iter().map(|_| [self.m, self.k]);
        let of_weight = |&n: &usize| if self.transposed { [n, self.k] } else { [self.k, n] };
        let asked = !dweights.is_empty() || !dbiases.is_empty();
        let of_weights = self.widths.iter().filter(|_| asked).map(of_weight);
        let outputs: Vec<_> = of_x.chain(of_weights).collect();
        let side = side(&outputs);
        let all = outputs.iter().map(|&shape| groups(shape, side)).sum::<usize>();
        if all == 0 {
            return;
        }
        let forms = [&dx, &dweights, &dbiases].map(|slopes| slopes.iter().map(Slope::form).collect::<Vec<_>>());
        let places = |slopes: Vec<Option<Slope>>| -> SequenceArg<Box<[f32]>> {
            slopes.into_iter().map(|slope| Slope::place(slope, x)).collect()
        };
        // SAFETY: the kernel reads and writes within the shapes, which are those of the buffers.
        unsafe {
            product_slopes::launch_unchecked(
                &x.client,
                CubeCount::new_1d(all as u32),
                CubeDim::new_1d(THREADS as u32),
                buffers(asked.then(|| x.clone())),
                buffers(weights.iter().filter(|_| !dx.is_empty()).cloned()),
                gradient.clone().into_buffer_arg(),
                places(dx),
                places(dweights),
                places(dbiases),
                self.m,
                self.k,
                self.total(),
                self.widths(),
                self.transposed,
                forms[0].clone(),
                forms[1].clone(),
                forms[2].clone(),
                side,
            );
        }
    }
}

impl KernelOp for Product {
    type Saved = ();

    fn through(&self) -> Option<usize> {
        let count = self.widths.len();
        self.sum.then_some(1 + count + if self.bias { count } else { 0 })
    }

    fn forward(&self, inputs: &[CubeTensor]) -> (CubeTensor, ()) {
        let (x, count) = (&inputs[0], self.widths.len());
        let out = empty(x, [self.m, self.total()]);
        let shapes: Vec<_> = self.widths.iter().map(|&n| [self.m, n]).collect();
        let side = side(&shapes);
        let some = |there: bool, from: usize| inputs.iter().skip(from).take(if there { count } else { 0 }).cloned();
        // SAFETY: the kernel reads and writes within the shapes, which are those of the buffers.
        unsafe {
            product::launch_unchecked(
                &x.client,
                CubeCount::new_1d(shapes.iter().map(|&shape| groups(shape, side)).sum::<usize>() as u32),
                CubeDim::new_1d(THREADS as u32),
                x.clone().into_buffer_arg(),
                buffers(some(true, 1)),
                buffers(some(self.bias, 1 + count)),
                buffers(self.through().map(|at| inputs[at].clone())),
                out.clone().into_buffer_arg(),
                self.m,
                self.k,
                self.total(),
                self.widths(),
                self.transposed,
                side,
            );
        }
        (out, ())
    }

    fn backward(&self, inputs: &[CubeTensor], (): (), gradient: CubeTensor, into: Vec<Option<Slope>>) {
        let (x, count) = (&inputs[0], self.widths.len());
        let some = |from: usize, count: usize| -> Vec<Option<Slope>> {
            let slopes = &into[from..from + count];
            if slopes.iter().any(Option::is_some) { slopes.to_vec() } else { Vec::new() }
        };
        let (dx, dweights) = (some(0, 1), some(1, count));
        let dbiases = some(1 + count, if self.bias { count } else { 0 });
        let (tensors, weights) = ([x, &gradient], &inputs[1..=count]);
        let together = 3 + count + dweights.len() + dbiases.len();
        if !dx.is_empty() && together > super::most_buffers(x) {
            self.slopes(tensors, weights, [dx, Vec::new(), Vec::new()]);
            self.slopes(tensors, weights, [Vec::new(), dweights, dbiases]);
        } else {
            self.slopes(tensors, weights, [dx, dweights, dbiases]);
        }
    }
}

#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
fn product(
    x: &[f32],
    weights: &Sequence<Box<[f32]>>,
    biases: &Sequence<Box<[f32]>>,
    sums: &Sequence<Box<[f32]>>,
    out: &mut [f32],
    m: usize,
    k: usize,
    total: usize,
    widths: &Sequence<usize>,
    #[comptime] transposed: bool,
    #[comptime] side: usize,
) {
    let mut squares = Array::<f32>::new(comptime!(side * side / 256));
    let mut left = Shared::<[f32]>::new_slice(comptime!(strip(side)));
    let mut right = Shared::<[f32]>::new_slice(comptime!(strip(side)));
    let mut first = 0usize;
    let mut from = 0usize;
    #[unroll]
    for part in 0..weights.len() {
        let n = widths[part];
        let count = m.div_ceil(side) * n.div_ceil(side);
        if CUBE_POS >= first && CUBE_POS < first + count {
            let group = CUBE_POS - first;
            let pitch = if comptime!(transposed) { k } else { n };
            multiply(
                x,
                &weights[part],
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
                pitch,
                false,
                transposed,
                side,
            );
            let (top, start) = corner(group, n, side);
            let each = comptime!(side / 16);
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
                            value += biases[part][column];
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

/// Numbers of one factor in shared memory.
pub(super) fn strip(side: usize) -> usize {
    depth(side) * (side + 1)
}

/// Numbers that are summed between two loads.
fn depth(side: usize) -> usize {
    1024 / side
}

/// Where in the output a thread's square of a group's begins: its rows stand one after another, its columns 16 apart.
#[cube]
pub(super) fn corner(group: usize, n: usize, #[comptime] side: usize) -> (usize, usize) {
    let across = n.div_ceil(side);
    let unit = UNIT_POS as usize;
    (group / across * side + unit / 16 * comptime!(side / 16), group % across * side + unit % 16)
}

/// Adds a group's square of a·b to `squares`: a `[m, k]` from `a_from` on, of rows `a_pitch` apart, b `[k, n]` likewise,
/// either stored turned.
#[cube]
#[allow(clippy::too_many_arguments)]
pub(super) fn multiply(
    a: &[f32],
    b: &[f32],
    squares: &mut Array<f32>,
    left: &mut Shared<[f32]>,
    right: &mut Shared<[f32]>,
    group: usize,
    m: usize,
    n: usize,
    k: usize,
    a_from: usize,
    b_from: usize,
    a_pitch: usize,
    b_pitch: usize,
    #[comptime] a_turned: bool,
    #[comptime] b_turned: bool,
    #[comptime] side: usize,
) {
    let each = comptime!(side / 16);
    let depth = comptime!(depth(side));
    let pitch = comptime!(side + 1);
    let across = n.div_ceil(side);
    let (top, start) = (group / across * side, group % across * side);
    let unit = UNIT_POS as usize;
    let (down, over) = (unit / 16 * each, unit % 16);
    let mut rows = Array::<f32>::new(each);
    let mut columns = Array::<f32>::new(each);
    for step in range_stepped(0usize, k, depth) {
        // 1024 numbers of each factor, four a thread; neighbours in memory go to neighbouring threads.
        #[unroll]
        for load in 0..4usize {
            let at = unit + load * 256;
            let (i, p) = if comptime!(a_turned) { (at % side, at / side) } else { (at / depth, at % depth) };
            let (row, summed) = (top + i, step + p);
            let mut value = 0.0f32;
            if row < m && summed < k {
                value = a[a_from + if comptime!(a_turned) { summed * a_pitch + row } else { row * a_pitch + summed }];
            }
            left[p * pitch + i] = value;
            let (j, p) = if comptime!(b_turned) { (at / depth, at % depth) } else { (at % side, at / side) };
            let (column, summed) = (start + j, step + p);
            let mut value = 0.0f32;
            if column < n && summed < k {
                value =
                    b[b_from + if comptime!(b_turned) { column * b_pitch + summed } else { summed * b_pitch + column }];
            }
            right[p * pitch + j] = value;
        }
        sync_cube();
        for p in 0..depth {
            #[unroll]
            for i in 0..each {
                rows[i] = left[p * pitch + down + i];
                columns[i] = right[p * pitch + over + i * 16];
            }
            #[unroll]
            for i in 0..each {
                #[unroll]
                for j in 0..each {
                    squares[comptime!(i * each + j)] += rows[i] * columns[j];
                }
            }
        }
        sync_cube();
    }
}

/// The first groups give the input's gradient, the others the weights' and the biases', one layer after another.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
fn product_slopes(
    x: &Sequence<Box<[f32]>>,
    weights: &Sequence<Box<[f32]>>,
    gradient: &[f32],
    dx: &mut Sequence<Box<[f32]>>,
    dweights: &mut Sequence<Box<[f32]>>,
    dbiases: &mut Sequence<Box<[f32]>>,
    m: usize,
    k: usize,
    total: usize,
    widths: &Sequence<usize>,
    #[comptime] transposed: bool,
    #[comptime] of_x: Vec<Option<bool>>,
    #[comptime] of_weights: Vec<Option<bool>>,
    #[comptime] of_biases: Vec<Option<bool>>,
    #[comptime] side: usize,
) {
    let mut squares = Array::<f32>::new(comptime!(side * side / 256));
    let mut left = Shared::<[f32]>::new_slice(comptime!(strip(side)));
    let mut right = Shared::<[f32]>::new_slice(comptime!(strip(side)));
    let mut first = 0usize;
    let mut from = 0usize;
    if comptime!(!of_x.is_empty()) {
        let count = m.div_ceil(side) * k.div_ceil(side);
        if CUBE_POS < count {
            #[unroll]
            for part in 0..weights.len() {
                let n = widths[part];
                let pitch = if comptime!(transposed) { k } else { n };
                multiply(
                    gradient,
                    &weights[part],
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
                    pitch,
                    false,
                    !transposed,
                    side,
                );
                from += n;
            }
            put(&mut dx[0], &squares, CUBE_POS, m, k, comptime!(of_x[0] == Some(true)), side);
        }
        first = count;
        from = 0;
    }
    if comptime!(!of_weights.is_empty() || !of_biases.is_empty()) {
        #[unroll]
        for part in 0..widths.len() {
            let n = widths[part];
            let (rows, columns) = if comptime!(transposed) { (n, k) } else { (k, n) };
            let count = rows.div_ceil(side) * columns.div_ceil(side);
            if CUBE_POS >= first && CUBE_POS < first + count {
                let group = CUBE_POS - first;
                if comptime!(of_weights.get(part).is_some_and(Option::is_some)) {
                    if comptime!(transposed) {
                        multiply(
                            gradient,
                            &x[0],
                            &mut squares,
                            &mut left,
                            &mut right,
                            group,
                            n,
                            k,
                            m,
                            from,
                            0,
                            total,
                            k,
                            true,
                            false,
                            side,
                        );
                    } else {
                        multiply(
                            &x[0],
                            gradient,
                            &mut squares,
                            &mut left,
                            &mut right,
                            group,
                            k,
                            n,
                            m,
                            0,
                            from,
                            k,
                            total,
                            true,
                            false,
                            side,
                        );
                    }
                    let add = comptime!(of_weights[part] == Some(true));
                    put(&mut dweights[part], &squares, group, rows, columns, add, side);
                }
                // The groups along a weight's first rows have every column once.
                if comptime!(of_biases.get(part).is_some_and(Option::is_some)) {
                    let column = group * side + UNIT_POS as usize;
                    if UNIT_POS < side as u32 && column < n {
                        let add = comptime!(of_biases[part] == Some(true));
                        sum_column(&mut dbiases[part], gradient, column, from + column, m, total, add);
                    }
                }
            }
            first += count;
            from += n;
        }
    }
}

/// Writes the sum of a column of `rows` rows, `pitch` apart.
#[cube]
fn sum_column(
    out: &mut [f32],
    matrix: &[f32],
    place: usize,
    column: usize,
    rows: usize,
    pitch: usize,
    #[comptime] add: bool,
) {
    let mut sum = 0.0f32;
    for row in 0..rows {
        sum += matrix[row * pitch + column];
    }
    if comptime!(add) {
        sum += out[place];
    }
    out[place] = sum;
}

/// Writes a group's square into a matrix `[rows, columns]`.
#[cube]
pub(super) fn put(
    out: &mut [f32],
    squares: &Array<f32>,
    group: usize,
    rows: usize,
    columns: usize,
    #[comptime] add: bool,
    #[comptime] side: usize,
) {
    let each = comptime!(side / 16);
    let (top, start) = corner(group, columns, side);
    #[unroll]
    for i in 0..each {
        let row = top + i;
        #[unroll]
        for j in 0..each {
            let column = start + j * 16;
            if row < rows && column < columns {
                let mut value = squares[comptime!(i * each + j)];
                if comptime!(add) {
                    value += out[row * columns + column];
                }
                out[row * columns + column] = value;
            }
        }
    }
}
