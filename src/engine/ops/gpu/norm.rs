//! RMS norm (Zhang & Sennrich 2019) and layer norm (Ba et al. 2016): one launch forward, one backward.

use super::op::{KernelOp, Slope, empty, run};
use burn::Tensor;
use burn::backend::wgpu::CubeTensor;
use burn_cubecl::cubecl::{self, prelude::*};

#[derive(Clone, Debug)]
struct Norm {
    epsilon: f32,
    /// Whether the mean is taken away, which is layer norm.
    centred: bool,
}

pub(super) fn rms_norm(x: Tensor<2>, weight: &Tensor<1>, epsilon: f64) -> Tensor<2> {
    let op = Norm { epsilon: epsilon as f32, centred: false };
    run(op, vec![x.into_dispatch(), weight.clone().into_dispatch()])
}

pub(super) fn layer_norm(x: Tensor<2>, weight: &Tensor<1>, bias: &Tensor<1>, epsilon: f64) -> Tensor<2> {
    let op = Norm { epsilon: epsilon as f32, centred: true };
    run(op, vec![x.into_dispatch(), weight.clone().into_dispatch(), bias.clone().into_dispatch()])
}

/// Rows of a group, each with a quarter of its threads.
const ROWS: usize = 4;
/// Columns of a group that sums along them, each with a sixteenth of its threads.
const COLUMNS: usize = 16;

/// x `[rows, d]`, weight `[d]`, and for layer norm bias `[d]`.
impl KernelOp for Norm {
    /// Mean and 1 / deviation of each row.
    type Saved = CubeTensor;

    fn forward(&self, inputs: &[CubeTensor]) -> (CubeTensor, CubeTensor) {
        let (x, weight) = (&inputs[0], &inputs[1]);
        let bias = inputs.get(2).unwrap_or(weight);
        let [rows, d] = [x.meta.shape()[0], x.meta.shape()[1]];
        let (out, saved) = (empty(x, [rows, d]), empty(x, [rows, 2]));
        // SAFETY: the kernel reads and writes within `rows` and `d`, which are the buffers' shapes.
        unsafe {
            norm::launch_unchecked(
                &x.client,
                CubeCount::new_1d(rows.div_ceil(ROWS) as u32),
                CubeDim::new_1d(256),
                x.clone().into_buffer_arg(),
                weight.clone().into_buffer_arg(),
                bias.clone().into_buffer_arg(),
                out.clone().into_buffer_arg(),
                saved.clone().into_buffer_arg(),
                rows,
                d,
                self.epsilon,
                self.centred,
            );
        }
        (out, saved)
    }

    fn backward(&self, inputs: &[CubeTensor], saved: CubeTensor, gradient: CubeTensor, into: Vec<Option<Slope>>) {
        let (x, weight) = (&inputs[0], &inputs[1]);
        let mut into = into.into_iter();
        let [dx, dweight, dbias] = [(); 3].map(|()| into.next().flatten());
        let [rows, d] = [x.meta.shape()[0], x.meta.shape()[1]];
        let first = dx.as_ref().map_or(0, |_| rows.div_ceil(ROWS));
        let along = if dweight.is_some() || dbias.is_some() { d.div_ceil(COLUMNS) } else { 0 };
        let [of_x, of_weight, of_bias] = [&dx, &dweight, &dbias].map(Slope::form);
        // SAFETY: as above.
        unsafe {
            norm_slopes::launch_unchecked(
                &x.client,
                CubeCount::new_1d((first + along) as u32),
                CubeDim::new_1d(256),
                x.clone().into_buffer_arg(),
                weight.clone().into_buffer_arg(),
                saved.into_buffer_arg(),
                gradient.into_buffer_arg(),
                Slope::place(dx, x),
                Slope::place(dweight, x),
                Slope::place(dbias, x),
                rows,
                d,
                first,
                of_x,
                of_weight,
                of_bias,
                self.centred,
            );
        }
    }
}

/// The sum of one number of each of a row's 64 threads, for all of them.
#[cube]
fn row_sum(value: f32, shared: &mut Shared<[f32]>) -> f32 {
    let unit = UNIT_POS as usize;
    shared[unit] = value;
    sync_cube();
    let row = unit / 64 * 64;
    let mut sum = 0.0f32;
    for other in 0..64 {
        sum += shared[row + other];
    }
    sync_cube();
    sum
}

#[cube(launch_unchecked)]
fn norm(
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    out: &mut [f32],
    saved: &mut [f32],
    rows: usize,
    d: usize,
    epsilon: f32,
    #[comptime] centred: bool,
) {
    let mut shared = Shared::<[f32]>::new_slice(256usize);
    let unit = UNIT_POS as usize;
    let row = CUBE_POS * ROWS + unit / 64;
    let lane = unit % 64;
    let size = f32::cast_from(d as u32);
    let mut mean = 0.0f32;
    if comptime!(centred) {
        let mut sum = 0.0f32;
        if row < rows {
            for column in range_stepped(lane, d, 64) {
                sum += x[row * d + column];
            }
        }
        mean = row_sum(sum, &mut shared) / size;
    }
    let mut squares = 0.0f32;
    if row < rows {
        for column in range_stepped(lane, d, 64) {
            let centred = x[row * d + column] - mean;
            squares += centred * centred;
        }
    }
    let inverse = 1.0 / (row_sum(squares, &mut shared) / size + epsilon).sqrt();
    if row < rows {
        if lane == 0 {
            saved[row * 2] = mean;
            saved[row * 2 + 1] = inverse;
        }
        for column in range_stepped(lane, d, 64) {
            let mut value = (x[row * d + column] - mean) * inverse * weight[column];
            if comptime!(centred) {
                value += bias[column];
            }
            out[row * d + column] = value;
        }
    }
}

/// The first groups give the input's gradient, row by row; the others sum along columns for weight and bias.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
fn norm_slopes(
    x: &[f32],
    weight: &[f32],
    saved: &[f32],
    gradient: &[f32],
    dx: &mut [f32],
    dweight: &mut [f32],
    dbias: &mut [f32],
    rows: usize,
    d: usize,
    first: usize,
    #[comptime] of_x: Option<bool>,
    #[comptime] of_weight: Option<bool>,
    #[comptime] of_bias: Option<bool>,
    #[comptime] centred: bool,
) {
    let mut shared = Shared::<[f32]>::new_slice(256usize);
    let unit = UNIT_POS as usize;
    if CUBE_POS < first {
        if comptime!(of_x.is_some()) {
            let row = CUBE_POS * ROWS + unit / 64;
            let lane = unit % 64;
            let size = f32::cast_from(d as u32);
            let mut level = 0.0f32;
            let mut slope = 0.0f32;
            let mut mean = 0.0f32;
            let mut inverse = 0.0f32;
            if row < rows {
                mean = saved[row * 2];
                inverse = saved[row * 2 + 1];
                for column in range_stepped(lane, d, 64) {
                    let scaled = gradient[row * d + column] * weight[column];
                    level += scaled;
                    slope += scaled * (x[row * d + column] - mean) * inverse;
                }
            }
            if comptime!(centred) {
                level = row_sum(level, &mut shared) / size;
            } else {
                level = 0.0f32;
            }
            slope = row_sum(slope, &mut shared) / size;
            if row < rows {
                for column in range_stepped(lane, d, 64) {
                    let at = row * d + column;
                    let normed = (x[at] - mean) * inverse;
                    let mut value = inverse * (gradient[at] * weight[column] - level - normed * slope);
                    if comptime!(of_x == Some(true)) {
                        value += dx[at];
                    }
                    dx[at] = value;
                }
            }
        }
    } else {
        let column = (CUBE_POS - first) * COLUMNS + unit % COLUMNS;
        let mut of_scale = 0.0f32;
        let mut of_shift = 0.0f32;
        if column < d {
            for row in range_stepped(unit / COLUMNS, rows, 16) {
                let slope = gradient[row * d + column];
                of_scale += slope * (x[row * d + column] - saved[row * 2]) * saved[row * 2 + 1];
                of_shift += slope;
            }
        }
        if comptime!(of_weight.is_some()) {
            column_sum(dweight, of_scale, column, d, &mut shared, comptime!(of_weight == Some(true)));
        }
        if comptime!(of_bias.is_some()) {
            column_sum(dbias, of_shift, column, d, &mut shared, comptime!(of_bias == Some(true)));
        }
    }
}

/// Sums one number of each of a column's 16 threads into `out`.
#[cube]
fn column_sum(out: &mut [f32], value: f32, column: usize, d: usize, shared: &mut Shared<[f32]>, #[comptime] add: bool) {
    let unit = UNIT_POS as usize;
    shared[unit] = value;
    sync_cube();
    if unit < COLUMNS && column < d {
        let mut sum = 0.0f32;
        for part in 0..16 {
            sum += shared[part * COLUMNS + unit];
        }
        if comptime!(add) {
            sum += out[column];
        }
        out[column] = sum;
    }
    sync_cube();
}
