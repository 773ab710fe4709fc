//! Causal attention (Vaswani et al. 2017) with grouped queries (Ainslie et al. 2023) and local windows (Beltagy et al.
//! 2020). On the host head by head: the scores of one head and a block of queries stay in the cache, and what a block
//! cannot see is not computed.

use super::host::{SliceOp, View, dot, exp, gemm, run, sum};
use super::{Layer, Layout, Ops, Rotary};
use burn::Tensor;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, TensorData};
use std::ops::Range;

/// The shape of one attention: the queries of each sequence look at its keys, which stand at positions from 0 on.
#[derive(Clone, Debug)]
pub struct AttentionShape {
    pub queries: Layout,
    pub keys: Layout,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    /// Keys that a query sees at most, itself among them.
    pub window: Option<usize>,
    /// By which scores are multiplied.
    pub scale: f64,
}

impl AttentionShape {
    /// Which of its sequence's `keys` the query of a row sees.
    pub fn visible(&self, row: usize, keys: usize) -> Range<usize> {
        let end = (self.queries.positions()[row] as usize + 1).min(keys);
        end.saturating_sub(self.window.unwrap_or(end))..end
    }

    /// The queries and keys of each sequence.
    fn sequences(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + '_ {
        self.queries.sequences().zip(self.keys.sequences())
    }

    /// `[sequences, queries, keys]` of tensors that hold all. Sequences of several lengths are computed as one, in which
    /// none sees the others.
    fn tensors(&self) -> [usize; 3] {
        match (self.queries.as_regular(), self.keys.as_regular()) {
            (Some(queries), Some(keys)) => [queries.sequences, queries.tokens, keys.tokens],
            _ => [1, self.queries.rows(), self.keys.rows()],
        }
    }

    /// 0 where a query sees a key, a number that softmax turns to 0 elsewhere: `[1, 1, queries, keys]`.
    fn mask(&self, device: &Device) -> Tensor<4> {
        let [_, rows, columns] = self.tensors();
        let mut mask = vec![-1e30f32; rows * columns];
        for (queries, keys) in self.sequences().take_while(|(queries, _)| queries.end <= rows) {
            for row in queries {
                let seen = self.visible(row, keys.len());
                let first = row * columns + keys.start;
                mask[first + seen.start..first + seen.end].fill(0.0);
            }
        }
        Tensor::from_data(TensorData::new(mask, [1, 1, rows, columns]), device)
    }
}

/// The masks made so far in one pass: layers share them.
#[derive(Clone, Debug, Default)]
pub struct Masks(Vec<(Option<usize>, Layout, Tensor<4>)>);

impl Masks {
    fn get(&mut self, shape: &AttentionShape, device: &Device) -> Tensor<4> {
        let made = self.0.iter().find(|(window, queries, _)| *window == shape.window && *queries == shape.queries);
        if let Some((_, _, mask)) = made {
            return mask.clone();
        }
        let mask = shape.mask(device);
        self.0.push((shape.window, shape.queries.clone(), mask.clone()));
        mask
    }
}

/// softmax(scale · q·kᵀ + mask)·v: `q [queries, heads · head_dim]`, `k` and `v` `[keys, kv_heads · head_dim]`, giving
/// `q`'s shape.
pub(super) fn composed([q, k, v]: [Tensor<2>; 3], shape: &AttentionShape, masks: &mut Masks) -> Tensor<2> {
    let &AttentionShape { heads, kv_heads, head_dim, scale, .. } = shape;
    let [batch, queries, keys] = shape.tensors();
    let mask = masks.get(shape, &q.device().inner());
    let q = q.reshape([batch, queries, heads, head_dim]).swap_dims(1, 2);
    let shared = |t: Tensor<2>| {
        let t = t.reshape([batch, keys, kv_heads, head_dim]).swap_dims(1, 2);
        if kv_heads == heads {
            return t;
        }
        let groups = heads / kv_heads;
        t.reshape([batch, kv_heads, 1, keys, head_dim])
            .expand([batch, kv_heads, groups, keys, head_dim])
            .reshape([batch, heads, keys, head_dim])
    };
    let scores = q.mul_scalar(scale).matmul(shared(k).swap_dims(2, 3)) + mask;
    let mixed = softmax(scores, 3).matmul(shared(v));
    mixed.swap_dims(1, 2).reshape([batch * queries, heads * head_dim])
}

/// Attention of x to itself by the operations that `ops` has for its parts.
pub(super) fn projected(
    ops: &(impl Ops + ?Sized),
    x: Tensor<2>,
    [query, key, value]: [Layer<'_>; 3],
    rotary: Option<&Rotary>,
    shape: &AttentionShape,
    masks: &mut Masks,
) -> Tensor<2> {
    let turned = |projected: Tensor<2>, heads: usize| match rotary {
        None => projected,
        Some(rotary) => ops.rotary(projected, rotary, &shape.queries, heads),
    };
    let query = turned(query.of(x.clone(), ops), shape.heads);
    let key = turned(key.of(x.clone(), ops), shape.kv_heads);
    ops.attention([query, key, value.of(x, ops)], shape, masks)
}

pub(super) fn host(qkv: [Tensor<2>; 3], shape: &AttentionShape) -> Tensor<2> {
    let size = qkv[0].dims();
    run(Attend { shape: shape.clone(), scale: shape.scale as f32 }, qkv.map(Tensor::into_dispatch), size)
}

/// Queries whose scores are computed together.
const BLOCK: usize = 32;

#[derive(Clone, Debug)]
struct Attend {
    shape: AttentionShape,
    scale: f32,
}

/// A block of queries of one head.
struct QueryBlock {
    /// Their rows.
    queries: Range<usize>,
    /// Keys of their sequence that any of them sees, and how many it has.
    keys: Range<usize>,
    all_keys: usize,
    /// Where its first query, its first key stand in q and out, in k and v.
    query: usize,
    key: usize,
    /// Where its probabilities begin in what is saved.
    saved: usize,
}

impl Attend {
    fn blocks(&self) -> impl Iterator<Item = QueryBlock> + '_ {
        let &AttentionShape { heads, kv_heads, head_dim, .. } = &self.shape;
        let of_head = move |(queries, keys): (Range<usize>, Range<usize>)| {
            (0..heads).flat_map(move |head| {
                let (end, keys) = (queries.end, keys.clone());
                queries.clone().step_by(BLOCK).map(move |first| (head, first..(first + BLOCK).min(end), keys.clone()))
            })
        };
        let mut saved = 0;
        self.shape.sequences().flat_map(of_head).map(move |(head, queries, keys)| {
            let visible = |row| self.shape.visible(row, keys.len());
            let seen = visible(queries.start).start..visible(queries.end - 1).end;
            let block = QueryBlock {
                query: queries.start * heads * head_dim + head * head_dim,
                key: (keys.start + seen.start) * kv_heads * head_dim + head / (heads / kv_heads) * head_dim,
                saved,
                queries,
                keys: seen,
                all_keys: keys.len(),
            };
            saved += block.queries.len() * block.keys.len();
            block
        })
    }

    /// The strides of q and of k and v.
    fn strides(&self) -> [usize; 2] {
        [self.shape.heads * self.shape.head_dim, self.shape.kv_heads * self.shape.head_dim]
    }

    /// Scores to probabilities, in place.
    fn softmax(&self, scores: &mut [f32], block: &QueryBlock) {
        for (row, query) in scores.chunks_exact_mut(block.keys.len()).zip(block.queries.clone()) {
            let visible = self.shape.visible(query, block.all_keys);
            let (from, to) = (visible.start - block.keys.start, visible.end - block.keys.start);
            row[..from].fill(0.0);
            row[to..].fill(0.0);
            let row = &mut row[from..to];
            let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            row.iter_mut().for_each(|score| *score = exp(*score - highest));
            let inverse = 1.0 / sum(row);
            row.iter_mut().for_each(|weight| *weight *= inverse);
        }
    }
}

impl SliceOp<3> for Attend {
    /// The blocks' probabilities, one after another.
    type Saved = Vec<f32>;

    fn forward(&self, [q, k, v]: [&[f32]; 3], keep: bool) -> (Vec<f32>, Vec<f32>) {
        let ([wide, narrow], d) = (self.strides(), self.shape.head_dim);
        let mut out = vec![0.0; q.len()];
        let mut saved = Vec::new();
        for block in self.blocks() {
            let (m, n) = (block.queries.len(), block.keys.len());
            let start = if keep { saved.len() } else { 0 };
            saved.resize(start + m * n, 0.0);
            let weights = &mut saved[start..start + m * n];
            let (query, key) = (View::rows(&q[block.query..], wide), View::transposed(&k[block.key..], narrow));
            gemm(weights, n, [m, d, n], query, key, self.scale, false);
            self.softmax(weights, &block);
            let value = View::rows(&v[block.key..], narrow);
            gemm(&mut out[block.query..], wide, [m, n, d], View::rows(weights, n), value, 1.0, false);
        }
        (out, saved)
    }

    fn backward(
        &self,
        [q, k, v]: [&[f32]; 3],
        saved: Vec<f32>,
        gradient: &[f32],
        _: [bool; 3],
    ) -> [Option<Vec<f32>>; 3] {
        let ([wide, narrow], d) = (self.strides(), self.shape.head_dim);
        let (mut dq, mut dk, mut dv) = (vec![0.0; q.len()], vec![0.0; k.len()], vec![0.0; v.len()]);
        let mut scores = Vec::new();
        for block in self.blocks() {
            let (m, n) = (block.queries.len(), block.keys.len());
            let weights = &saved[block.saved..block.saved + m * n];
            let out = &gradient[block.query..];
            gemm(
                &mut dv[block.key..],
                narrow,
                [n, m, d],
                View::transposed(weights, n),
                View::rows(out, wide),
                1.0,
                true,
            );
            scores.resize(m * n, 0.0);
            let value = View::transposed(&v[block.key..], narrow);
            gemm(&mut scores, n, [m, d, n], View::rows(out, wide), value, 1.0, false);
            for (scores, weights) in scores.chunks_exact_mut(n).zip(weights.chunks_exact(n)) {
                let level = dot(scores, weights);
                scores.iter_mut().zip(weights).for_each(|(s, w)| *s = w * (*s - level));
            }
            let key = View::rows(&k[block.key..], narrow);
            gemm(&mut dq[block.query..], wide, [m, n, d], View::rows(&scores, n), key, self.scale, false);
            let query = View::rows(&q[block.query..], wide);
            gemm(&mut dk[block.key..], narrow, [n, m, d], View::transposed(&scores, n), query, self.scale, true);
        }
        [Some(dq), Some(dk), Some(dv)]
    }
}
