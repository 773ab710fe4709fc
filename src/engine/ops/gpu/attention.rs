//! Causal attention (Vaswani et al. 2017) with grouped queries (Ainslie et al. 2023) and local windows (Beltagy et al.
//! 2020), without the matrix of scores: a thread walks along the keys of one query with a running softmax (Milakov &
//! Gimelshein 2018, Dao et al. 2022), and backward another along the queries of one key.

use super::op::{KernelOp, Slope, empty, run};
use crate::engine::ops::{AttentionShape, Regular};
use burn::Tensor;
use burn::backend::wgpu::CubeTensor;
use burn_cubecl::cubecl::{self, prelude::*};

/// Sequences of one length, and where a head stands in the rows of queries, keys and values.
#[derive(CubeType, CubeLaunch, Clone, Copy, Debug)]
struct Places {
    sequences: usize,
    /// Of each sequence.
    queries: usize,
    keys: usize,
    /// The position of the first query.
    offset: usize,
    window: usize,
    heads: usize,
    kv_heads: usize,
    /// Numbers of a row of queries, of keys and of values.
    query_pitch: usize,
    key_pitch: usize,
    /// Where keys and values begin in theirs.
    key_from: usize,
    value_from: usize,
}

#[derive(Clone, Debug)]
struct Attend {
    places: Places,
    head_dim: usize,
    scale: f32,
}

/// What is given comes back where sequences are of several lengths.
pub(super) fn attention(qkv: [Tensor<2>; 3], shape: &AttentionShape) -> Result<Tensor<2>, [Tensor<2>; 3]> {
    let (Some(queries), Some(keys)) = (shape.queries.as_regular(), shape.keys.as_regular()) else {
        return Err(qkv);
    };
    let pitches = [shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim];
    let op = Attend::new(queries, keys.tokens, shape, pitches, [0, 0]);
    Ok(run(op, qkv.map(Tensor::into_dispatch).into()))
}

/// The same for queries, keys and values of one layout side by side, `[rows, (heads + 2 · kv_heads) · head_dim]`.
pub(super) fn self_attention(joined: Tensor<2>, layout: Regular, shape: &AttentionShape) -> Tensor<2> {
    let [own, shared] = [shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim];
    let pitch = own + 2 * shared;
    let op = Attend::new(layout, layout.tokens, shape, [pitch, pitch], [own, own + shared]);
    run(AttendJoined(op), vec![joined.into_dispatch()])
}

/// Threads of a group.
const THREADS: usize = 64;
/// Head dimensions up to which a head's loops are written out.
const SHORT: usize = 32;

impl Attend {
    fn new(
        queries: Regular,
        keys: usize,
        shape: &AttentionShape,
        [query_pitch, key_pitch]: [usize; 2],
        [key_from, value_from]: [usize; 2],
    ) -> Self {
        let Regular { sequences, tokens, offset } = queries;
        let &AttentionShape { heads, kv_heads, head_dim, window, scale, .. } = shape;
        let window = window.unwrap_or(offset + tokens);
        let places = Places {
            sequences,
            queries: tokens,
            keys,
            offset,
            window,
            heads,
            kv_heads,
            query_pitch,
            key_pitch,
            key_from,
            value_from,
        };
        Attend { places, head_dim, scale: scale as f32 }
    }

    fn places(&self) -> PlacesLaunch {
        let p = self.places;
        PlacesLaunch::new(
            p.sequences,
            p.queries,
            p.keys,
            p.offset,
            p.window,
            p.heads,
            p.kv_heads,
            p.query_pitch,
            p.key_pitch,
            p.key_from,
            p.value_from,
        )
    }

    fn query_groups(&self) -> usize {
        (self.places.sequences * self.places.heads * self.places.queries).div_ceil(THREADS)
    }

    fn key_groups(&self) -> usize {
        (self.places.sequences * self.places.kv_heads * self.places.keys).div_ceil(THREADS)
    }

    /// The output, and ln of the sum of each query's powers, `[sequences · heads, queries]`.
    fn attend(&self, [q, k, v]: [&CubeTensor; 3]) -> (CubeTensor, CubeTensor) {
        let Places { sequences, queries, heads, .. } = self.places;
        let (out, saved) =
            (empty(q, [sequences * queries, heads * self.head_dim]), empty(q, [sequences * heads, queries]));
        // SAFETY: the kernel stays within the rows of queries and keys, which the buffers hold.
        unsafe {
            attend::launch_unchecked(
                &q.client,
                CubeCount::new_1d(self.query_groups() as u32),
                CubeDim::new_1d(THREADS as u32),
                q.clone().into_buffer_arg(),
                k.clone().into_buffer_arg(),
                v.clone().into_buffer_arg(),
                out.clone().into_buffer_arg(),
                saved.clone().into_buffer_arg(),
                self.places(),
                self.scale,
                self.head_dim,
            );
        }
        (out, saved)
    }
}

/// Queries `[rows, heads · head_dim]`, keys and values `[rows, kv_heads · head_dim]`.
impl KernelOp for Attend {
    type Saved = CubeTensor;

    fn forward(&self, inputs: &[CubeTensor]) -> (CubeTensor, CubeTensor) {
        self.attend([&inputs[0], &inputs[1], &inputs[2]])
    }

    fn backward(&self, inputs: &[CubeTensor], saved: CubeTensor, gradient: CubeTensor, into: Vec<Option<Slope>>) {
        let (q, k, v) = (&inputs[0], &inputs[1], &inputs[2]);
        let mut into = into.into_iter();
        let [dq, dk, dv] = [(); 3].map(|()| into.next().flatten());
        let levels = empty(q, saved.meta.shape().clone());
        let keys = dk.is_some() || dv.is_some();
        let [of_q, of_k, of_v] = [&dq, &dk, &dv].map(Slope::form);
        // SAFETY: as above.
        unsafe {
            attend_query_slopes::launch_unchecked(
                &q.client,
                CubeCount::new_1d(self.query_groups() as u32),
                CubeDim::new_1d(THREADS as u32),
                q.clone().into_buffer_arg(),
                k.clone().into_buffer_arg(),
                v.clone().into_buffer_arg(),
                saved.clone().into_buffer_arg(),
                gradient.clone().into_buffer_arg(),
                Slope::place(dq, q),
                levels.clone().into_buffer_arg(),
                self.places(),
                self.scale,
                self.head_dim,
                of_q,
            );
            if keys {
                attend_key_slopes::launch_unchecked(
                    &q.client,
                    CubeCount::new_1d(self.key_groups() as u32),
                    CubeDim::new_1d(THREADS as u32),
                    q.clone().into_buffer_arg(),
                    k.clone().into_buffer_arg(),
                    v.clone().into_buffer_arg(),
                    saved.into_buffer_arg(),
                    gradient.into_buffer_arg(),
                    levels.into_buffer_arg(),
                    Slope::place(dk, q),
                    Slope::place(dv, q),
                    self.places(),
                    self.scale,
                    self.head_dim,
                    of_k,
                    of_v,
                );
            }
        }
    }
}

/// All three side by side in one input.
#[derive(Clone, Debug)]
struct AttendJoined(Attend);

impl KernelOp for AttendJoined {
    /// The output, and what [`Attend`] saves.
    type Saved = [CubeTensor; 2];

    fn forward(&self, inputs: &[CubeTensor]) -> (CubeTensor, [CubeTensor; 2]) {
        let (out, saved) = self.0.attend([&inputs[0]; 3]);
        (out.clone(), [out, saved])
    }

    fn backward(
        &self,
        inputs: &[CubeTensor],
        [out, saved]: [CubeTensor; 2],
        gradient: CubeTensor,
        mut into: Vec<Option<Slope>>,
    ) {
        let Some(Slope { tensor, add }) = into.remove(0) else { return };
        let first = self.0.query_groups();
        // SAFETY: as above.
        unsafe {
            attend_joined_slopes::launch_unchecked(
                &out.client,
                CubeCount::new_1d((first + self.0.key_groups()) as u32),
                CubeDim::new_1d(THREADS as u32),
                inputs[0].clone().into_buffer_arg(),
                out.clone().into_buffer_arg(),
                saved.into_buffer_arg(),
                gradient.into_buffer_arg(),
                tensor.into_buffer_arg(),
                self.0.places(),
                self.0.scale,
                first,
                self.0.head_dim,
                add,
            );
        }
    }
}

/// Where the query of a thread begins, its number, and the first and last key that it sees.
#[cube]
fn sight(p: &Places, number: usize, #[comptime] d: usize) -> (usize, usize, usize, usize) {
    let (query, head) = (number % p.queries, number / p.queries % p.heads);
    let sequence = number / p.queries / p.heads;
    let at = (sequence * p.queries + query) * p.query_pitch + head * d;
    let from = sequence * p.keys * p.key_pitch + head / (p.heads / p.kv_heads) * d;
    let end = (p.offset + query + 1).min(p.keys);
    (at, from, end.saturating_sub(p.window), end)
}

#[cube(launch_unchecked)]
fn attend(
    q: &[f32],
    k: &[f32],
    v: &[f32],
    out: &mut [f32],
    saved: &mut [f32],
    p: &Places,
    scale: f32,
    #[comptime] d: usize,
) {
    if ABSOLUTE_POS < p.sequences * p.heads * p.queries {
        let (at, from, start, end) = sight(p, ABSOLUTE_POS, d);
        let mut own = Array::<f32>::new(d);
        let mut sums = Array::<f32>::new(d);
        #[unroll(d <= SHORT)]
        for i in 0..d {
            own[i] = q[at + i] * scale;
        }
        let mut highest = f32::new(-1e30);
        let mut total = 0.0f32;
        for key in start..end {
            let row = from + key * p.key_pitch;
            let mut score = 0.0f32;
            #[unroll(d <= SHORT)]
            for i in 0..d {
                score += own[i] * k[row + p.key_from + i];
            }
            let higher = highest.max(score);
            let (shrink, power) = ((highest - higher).exp(), (score - higher).exp());
            total = total * shrink + power;
            #[unroll(d <= SHORT)]
            for i in 0..d {
                sums[i] = sums[i] * shrink + power * v[row + p.value_from + i];
            }
            highest = higher;
        }
        let place = output_place(p, ABSOLUTE_POS, d);
        #[unroll(d <= SHORT)]
        for i in 0..d {
            out[place + i] = sums[i] / total;
        }
        saved[ABSOLUTE_POS] = highest + total.ln();
    }
}

/// Where a query's output and its gradient stand.
#[cube]
fn output_place(p: &Places, number: usize, #[comptime] d: usize) -> usize {
    let (query, head) = (number % p.queries, number / p.queries % p.heads);
    ((number / p.queries / p.heads * p.queries + query) * p.heads + head) * d
}

/// Writes the gradient of a thread's query; gives the mean of its scores' gradients, which the keys' need.
#[cube]
#[allow(clippy::too_many_arguments)]
fn query_slopes(
    q: &[f32],
    k: &[f32],
    v: &[f32],
    saved: &[f32],
    gradient: &[f32],
    dq: &mut [f32],
    p: &Places,
    number: usize,
    scale: f32,
    #[comptime] d: usize,
    #[comptime] of_q: Option<bool>,
) -> f32 {
    let (at, from, start, end) = sight(p, number, d);
    let place = output_place(p, number, d);
    let mut own = Array::<f32>::new(d);
    let mut slope = Array::<f32>::new(d);
    // Sums of keys by probability, and by probability and slope.
    let mut mean = Array::<f32>::new(d);
    let mut pull = Array::<f32>::new(d);
    #[unroll(d <= SHORT)]
    for i in 0..d {
        own[i] = q[at + i] * scale;
        slope[i] = gradient[place + i];
    }
    let whole = saved[number];
    let mut level = 0.0f32;
    for key in start..end {
        let row = from + key * p.key_pitch;
        let mut score = 0.0f32;
        let mut along = 0.0f32;
        #[unroll(d <= SHORT)]
        for i in 0..d {
            score += own[i] * k[row + p.key_from + i];
            along += slope[i] * v[row + p.value_from + i];
        }
        let probability = (score - whole).exp();
        let weighted = probability * along;
        level += weighted;
        if comptime!(of_q.is_some()) {
            #[unroll(d <= SHORT)]
            for i in 0..d {
                mean[i] += probability * k[row + p.key_from + i];
                pull[i] += weighted * k[row + p.key_from + i];
            }
        }
    }
    if comptime!(of_q.is_some()) {
        #[unroll(d <= SHORT)]
        for i in 0..d {
            let mut value = (pull[i] - level * mean[i]) * scale;
            if comptime!(of_q == Some(true)) {
                value += dq[at + i];
            }
            dq[at + i] = value;
        }
    }
    level
}

#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
fn attend_query_slopes(
    q: &[f32],
    k: &[f32],
    v: &[f32],
    saved: &[f32],
    gradient: &[f32],
    dq: &mut [f32],
    levels: &mut [f32],
    p: &Places,
    scale: f32,
    #[comptime] d: usize,
    #[comptime] of_q: Option<bool>,
) {
    if ABSOLUTE_POS < p.sequences * p.heads * p.queries {
        levels[ABSOLUTE_POS] = query_slopes(q, k, v, saved, gradient, dq, p, ABSOLUTE_POS, scale, d, of_q);
    }
}

/// Sums the gradients of a thread's key and value over the queries that see it. `levels` holds each query's, or where
/// `by_output` the queries' outputs, from which they follow.
#[cube]
#[allow(clippy::too_many_arguments)]
fn key_slopes(
    q: &[f32],
    k: &[f32],
    v: &[f32],
    saved: &[f32],
    gradient: &[f32],
    levels: &[f32],
    of_own: &mut Array<f32>,
    of_value: &mut Array<f32>,
    p: &Places,
    number: usize,
    scale: f32,
    #[comptime] d: usize,
    #[comptime] by_output: bool,
) {
    let (key, kv_head) = (number % p.keys, number / p.keys % p.kv_heads);
    let sequence = number / p.keys / p.kv_heads;
    let at = (sequence * p.keys + key) * p.key_pitch + kv_head * d;
    let shared = p.heads / p.kv_heads;
    let mut own = Array::<f32>::new(d);
    let mut value = Array::<f32>::new(d);
    #[unroll(d <= SHORT)]
    for i in 0..d {
        own[i] = k[at + p.key_from + i] * scale;
        value[i] = v[at + p.value_from + i];
    }
    // Not the queries before it, nor those that it is too far behind.
    let first = key.saturating_sub(p.offset);
    let last = (key + p.window).saturating_sub(p.offset).min(p.queries);
    for of_head in 0..shared {
        let head = kv_head * shared + of_head;
        for query in first..last {
            let row = (sequence * p.queries + query) * p.query_pitch + head * d;
            let place = ((sequence * p.queries + query) * p.heads + head) * d;
            let query_number = (sequence * p.heads + head) * p.queries + query;
            let mut score = 0.0f32;
            let mut along = 0.0f32;
            let mut level = 0.0f32;
            #[unroll(d <= SHORT)]
            for i in 0..d {
                score += own[i] * q[row + i];
                along += value[i] * gradient[place + i];
                if comptime!(by_output) {
                    level += levels[place + i] * gradient[place + i];
                }
            }
            if comptime!(!by_output) {
                level = levels[query_number];
            }
            let probability = (score - saved[query_number]).exp();
            let weighted = probability * (along - level) * scale;
            #[unroll(d <= SHORT)]
            for i in 0..d {
                of_own[i] += weighted * q[row + i];
                of_value[i] += probability * gradient[place + i];
            }
        }
    }
}

#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
fn attend_key_slopes(
    q: &[f32],
    k: &[f32],
    v: &[f32],
    saved: &[f32],
    gradient: &[f32],
    levels: &[f32],
    dk: &mut [f32],
    dv: &mut [f32],
    p: &Places,
    scale: f32,
    #[comptime] d: usize,
    #[comptime] of_k: Option<bool>,
    #[comptime] of_v: Option<bool>,
) {
    if ABSOLUTE_POS < p.sequences * p.kv_heads * p.keys {
        let mut of_own = Array::<f32>::new(d);
        let mut of_value = Array::<f32>::new(d);
        key_slopes(q, k, v, saved, gradient, levels, &mut of_own, &mut of_value, p, ABSOLUTE_POS, scale, d, false);
        let (key, kv_head) = (ABSOLUTE_POS % p.keys, ABSOLUTE_POS / p.keys % p.kv_heads);
        let at = (ABSOLUTE_POS / p.keys / p.kv_heads * p.keys + key) * p.key_pitch + kv_head * d;
        #[unroll(d <= SHORT)]
        for i in 0..d {
            if comptime!(of_k.is_some()) {
                let mut slope = of_own[i];
                if comptime!(of_k == Some(true)) {
                    slope += dk[at + i];
                }
                dk[at + i] = slope;
            }
            if comptime!(of_v.is_some()) {
                let mut slope = of_value[i];
                if comptime!(of_v == Some(true)) {
                    slope += dv[at + i];
                }
                dv[at + i] = slope;
            }
        }
    }
}

/// The first groups give the queries' gradients, the others the keys' and values'.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
fn attend_joined_slopes(
    joined: &[f32],
    out: &[f32],
    saved: &[f32],
    gradient: &[f32],
    slopes: &mut [f32],
    p: &Places,
    scale: f32,
    first: usize,
    #[comptime] d: usize,
    #[comptime] add: bool,
) {
    if CUBE_POS < first {
        if ABSOLUTE_POS < p.sequences * p.heads * p.queries {
            query_slopes(
                joined,
                joined,
                joined,
                saved,
                gradient,
                slopes,
                p,
                ABSOLUTE_POS,
                scale,
                d,
                comptime!(Some(add)),
            );
        }
    } else {
        let number = ABSOLUTE_POS - first * THREADS;
        if number < p.sequences * p.kv_heads * p.keys {
            let mut of_own = Array::<f32>::new(d);
            let mut of_value = Array::<f32>::new(d);
            key_slopes(
                joined,
                joined,
                joined,
                saved,
                gradient,
                out,
                &mut of_own,
                &mut of_value,
                p,
                number,
                scale,
                d,
                true,
            );
            let (key, kv_head) = (number % p.keys, number / p.keys % p.kv_heads);
            let at = (number / p.keys / p.kv_heads * p.keys + key) * p.key_pitch + kv_head * d;
            #[unroll(d <= SHORT)]
            for i in 0..d {
                let mut of_k = of_own[i];
                let mut of_v = of_value[i];
                if comptime!(add) {
                    of_k += slopes[at + p.key_from + i];
                    of_v += slopes[at + p.value_from + i];
                }
                slopes[at + p.key_from + i] = of_k;
                slopes[at + p.value_from + i] = of_v;
            }
        }
    }
}
