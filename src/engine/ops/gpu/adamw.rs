//! Clipping by the global norm and AdamW (Loshchilov & Hutter 2019) for all trained tensors together. Values, moments
//! and gradients each stand in one buffer, so that a step takes a launch for every six gradients, which are brought
//! there, and one for the rest.

use super::op::{CHUNK, empty, part, tensor, values};
use super::upload;
use crate::engine::ops::adamw::{AdamWStep, Joined, Row};
use burn::Tensor;
use burn::backend::wgpu::CubeTensor;
use burn::tensor::Shape;
use burn_cubecl::cubecl::{self, prelude::*};
use std::ops::Range;

/// Groups of a launch at most.
const GROUPS: usize = 1024;
/// Gradients that one launch brings.
const TOGETHER: usize = 6;

#[derive(Debug)]
pub(super) struct Arena {
    /// Each row's chunks and its length.
    rows: Vec<(Range<usize>, usize)>,
    /// 1 for each chunk that weight decay pulls.
    decays: CubeTensor,
    values: CubeTensor,
    first: CubeTensor,
    second: CubeTensor,
}

impl Arena {
    pub fn new(given: Vec<Row>) -> Option<Self> {
        let mut chunks = 0;
        let mut decays: Vec<u32> = Vec::new();
        let mut rows = Vec::new();
        for row in &given {
            let length = row.value.dims()[0];
            let count = length.div_ceil(CHUNK);
            rows.push((chunks..chunks + count, length));
            decays.resize(chunks + count, u32::from(row.decays));
            chunks += count;
        }
        let device = given.first()?.value.device();
        let whole = |part: fn(&Row) -> Tensor<1>| {
            let parts: Vec<CubeTensor> = given.iter().map(|row| values(part(row))).collect();
            bring(&parts, &rows).0
        };
        Some(Arena {
            decays: upload(&decays, &device),
            values: whole(|row| row.value.clone()),
            first: whole(|row| row.moments[0].clone()),
            second: whole(|row| row.moments[1].clone()),
            rows,
        })
    }

    fn parts(&self, whole: &CubeTensor) -> Vec<Tensor<1>> {
        let row = |(chunks, length): &(Range<usize>, usize)| {
            tensor(part(whole, chunks.start * CHUNK, Shape::from([*length])))
        };
        self.rows.iter().map(row).collect()
    }
}

impl Joined for Arena {
    fn step(&mut self, gradients: Vec<Tensor<1>>, limit: f64, step: &AdamWStep) {
        let gradients: Vec<CubeTensor> = gradients.into_iter().map(values).collect();
        let (gradients, squares) = bring(&gradients, &self.rows);
        // Whoever reads moments now reads these.
        for moments in [&mut self.first, &mut self.second] {
            if !moments.can_mut() {
                *moments = moments.copy();
            }
        }
        let out = empty(&self.values, self.values.meta.shape().clone());
        let count = out.meta.shape()[0];
        // SAFETY: all the buffers hold `count` numbers; `squares` its own count, `decays` one for each chunk.
        unsafe {
            adamw::launch_unchecked(
                &out.client,
                CubeCount::new_1d((count / CHUNK).min(4 * GROUPS) as u32),
                CubeDim::new_1d(CHUNK as u32),
                self.values.clone().into_buffer_arg(),
                gradients.into_buffer_arg(),
                squares.clone().into_buffer_arg(),
                self.decays.clone().into_buffer_arg(),
                self.first.clone().into_buffer_arg(),
                self.second.clone().into_buffer_arg(),
                out.clone().into_buffer_arg(),
                count,
                squares.meta.shape()[0],
                limit as f32,
                step.decay,
                step.beta1_rest,
                step.beta2,
                step.beta2_rest,
                step.correction,
                step.epsilon,
                step.rate,
            );
        }
        self.values = out;
    }

    fn values(&self) -> Vec<Tensor<1>> {
        self.parts(&self.values)
    }

    fn moments(&self) -> Vec<[Tensor<1>; 2]> {
        self.parts(&self.first)
            .into_iter()
            .zip(self.parts(&self.second))
            .map(|(first, second)| [first, second])
            .collect()
    }
}

/// These tensors in one buffer.
pub(super) fn together(parts: &[CubeTensor]) -> Vec<CubeTensor> {
    let mut chunks = 0;
    let row = |tensor: &CubeTensor| {
        let length = tensor.meta.shape().num_elements();
        let start = chunks;
        chunks += length.div_ceil(CHUNK);
        (start..chunks, length)
    };
    let rows: Vec<_> = parts.iter().map(row).collect();
    let whole = bring(parts, &rows).0;
    let placed = |(tensor, (chunks, _)): (&CubeTensor, &(Range<usize>, usize))| {
        part(&whole, chunks.start * CHUNK, tensor.meta.shape().clone())
    };
    parts.iter().zip(&rows).map(placed).collect()
}

/// Copies rows into one buffer. Also the sums of their squares, one a group.
pub(super) fn bring(parts: &[CubeTensor], rows: &[(Range<usize>, usize)]) -> (CubeTensor, CubeTensor) {
    let chunks = rows.last().map_or(0, |(chunks, _)| chunks.end);
    let groups = |rows: &[(Range<usize>, usize)]| {
        let [first, last] = [&rows[0].0, &rows[rows.len() - 1].0];
        (last.end - first.start).min(GROUPS)
    };
    let all_groups = rows.chunks(TOGETHER).map(groups).sum::<usize>();
    let (whole, squares) = (empty(&parts[0], [chunks * CHUNK]), empty(&parts[0], [all_groups]));
    let mut group = 0;
    for (parts, rows) in parts.chunks(TOGETHER).zip(rows.chunks(TOGETHER)) {
        // SAFETY: each row is read up to its length, and written within its chunks.
        unsafe {
            bring_rows::launch_unchecked(
                &whole.client,
                CubeCount::new_1d(groups(rows) as u32),
                CubeDim::new_1d(CHUNK as u32),
                parts.iter().map(|part| part.clone().into_buffer_arg()).collect(),
                whole.clone().into_buffer_arg(),
                squares.clone().into_buffer_arg(),
                rows.iter().map(|(chunks, _)| chunks.start).collect(),
                rows[rows.len() - 1].0.end,
                rows.iter().map(|(_, length)| *length).collect(),
                group,
            );
        }
        group += groups(rows);
    }
    (whole, squares)
}

/// The sum of one number of each of a group's threads, for all of them.
#[cube]
fn group_sum(value: f32) -> f32 {
    let mut all = Shared::<[f32]>::new_slice(CHUNK);
    let mut some = Shared::<[f32]>::new_slice(16usize);
    let unit = UNIT_POS as usize;
    all[unit] = value;
    sync_cube();
    if unit < 16 {
        let mut sum = 0.0f32;
        for other in 0..16 {
            sum += all[other * 16 + unit];
        }
        some[unit] = sum;
    }
    sync_cube();
    let mut sum = 0.0f32;
    for other in 0..16 {
        sum += some[other];
    }
    sum
}

#[cube(launch_unchecked)]
fn bring_rows(
    parts: &Sequence<Box<[f32]>>,
    whole: &mut [f32],
    squares: &mut [f32],
    starts: &Sequence<usize>,
    end: usize,
    lengths: &Sequence<usize>,
    group: usize,
) {
    let unit = UNIT_POS as usize;
    let mut sum = 0.0f32;
    for chunk in range_stepped(starts[0] + CUBE_POS, end, CUBE_COUNT) {
        let mut value = 0.0f32;
        // The last part that begins here or before.
        #[unroll]
        for part in 0..parts.len() {
            if chunk >= starts[part] {
                let at = (chunk - starts[part]) * CHUNK + unit;
                value = 0.0f32;
                if at < lengths[part] {
                    value = parts[part][at];
                }
            }
        }
        whole[chunk * CHUNK + unit] = value;
        sum += value * value;
    }
    let sum = group_sum(sum);
    if unit == 0 {
        squares[group + CUBE_POS] = sum;
    }
}

#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
fn adamw(
    values: &[f32],
    gradients: &[f32],
    squares: &[f32],
    decays: &[u32],
    first: &mut [f32],
    second: &mut [f32],
    out: &mut [f32],
    count: usize,
    summed: usize,
    limit: f32,
    decay: f32,
    beta1_rest: f32,
    beta2: f32,
    beta2_rest: f32,
    correction: f32,
    epsilon: f32,
    rate: f32,
) {
    let unit = UNIT_POS as usize;
    let mut square = 0.0f32;
    for at in range_stepped(unit, summed, CHUNK) {
        square += squares[at];
    }
    let norm = group_sum(square).sqrt();
    // A limit of 0 is none.
    let scale = select(limit > 0.0, (limit / (norm + 1e-6)).min(1.0), 1.0);
    for chunk in range_stepped(CUBE_POS, count / CHUNK, CUBE_COUNT) {
        let at = chunk * CHUNK + unit;
        let gradient = gradients[at] * scale;
        let m = first[at] + (gradient - first[at]) * beta1_rest;
        let v = second[at] * beta2 + gradient * gradient * beta2_rest;
        first[at] = m;
        second[at] = v;
        let kept = select(decays[chunk] == 1, decay, 1.0);
        out[at] = values[at] * kept - rate * (m / (v.sqrt() / correction + epsilon));
    }
}
