//! Causal attention (Vaswani et al. 2017) with grouped queries (Ainslie et al. 2023) and local windows (Beltagy et al.
//! 2020). On the host head by head: the scores of one head and a block of queries stay in the cache, and what a block
//! cannot see is not computed.

use super::host::{SliceOp, View, dot, exp, gemm, run, sum};
use burn::Tensor;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, TensorData};
use std::ops::Range;

/// The shape of one attention: `batch` sequences of `queries` new tokens that look at `keys` tokens, the new ones
/// among them, at positions from `offset` on.
#[derive(Clone, Copy, Debug)]
pub struct AttentionShape {
    pub batch: usize,
    pub queries: usize,
    pub keys: usize,
    pub offset: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    /// Keys that a query sees at most, itself among them.
    pub window: Option<usize>,
    /// By which scores are multiplied.
    pub scale: f64,
}

impl AttentionShape {
    /// The keys that query `i` sees.
    pub fn visible(&self, i: usize) -> std::ops::Range<usize> {
        let end = (self.offset + i + 1).min(self.keys);
        end.saturating_sub(self.window.unwrap_or(end))..end
    }

    /// 0 where a query sees a key, a number that softmax turns to 0 elsewhere: `[1, 1, queries, keys]`.
    fn mask(&self, device: &Device) -> Tensor<4> {
        let mut mask = vec![-1e30f32; self.queries * self.keys];
        for (i, row) in mask.chunks_mut(self.keys).enumerate() {
            row[self.visible(i)].fill(0.0);
        }
        Tensor::from_data(TensorData::new(mask, [1, 1, self.queries, self.keys]), device)
    }
}

/// The masks made so far in one pass, by window: layers share them.
#[derive(Clone, Debug, Default)]
pub struct Masks(Vec<(Option<usize>, Tensor<4>)>);

impl Masks {
    fn get(&mut self, shape: &AttentionShape, device: &Device) -> Tensor<4> {
        if let Some((_, mask)) = self.0.iter().find(|(window, _)| *window == shape.window) {
            return mask.clone();
        }
        let mask = shape.mask(device);
        self.0.push((shape.window, mask.clone()));
        mask
    }
}

/// softmax(scale · q·kᵀ + mask)·v: `q [batch · queries, heads · head_dim]`, `k` and `v`
/// `[batch · keys, kv_heads · head_dim]`, giving `q`'s shape.
pub(super) fn composed([q, k, v]: [Tensor<2>; 3], shape: &AttentionShape, masks: &mut Masks) -> Tensor<2> {
    let &AttentionShape { batch, queries, keys, heads, kv_heads, head_dim, scale, .. } = shape;
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

pub(super) fn host(qkv: [Tensor<2>; 3], shape: &AttentionShape) -> Tensor<2> {
    let size = qkv[0].dims();
    run(Attend { shape: *shape, scale: shape.scale as f32 }, qkv.map(Tensor::into_dispatch), size)
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
    queries: Range<usize>,
    /// Keys that any of them sees.
    keys: Range<usize>,
    /// Where its first query, its first key stand in q and out, in k and v.
    query: usize,
    key: usize,
    /// Where its probabilities begin in what is saved.
    saved: usize,
}

impl Attend {
    fn blocks(&self) -> impl Iterator<Item = QueryBlock> + '_ {
        let AttentionShape { batch, queries, keys, heads, kv_heads, head_dim, .. } = self.shape;
        let mut saved = 0;
        (0..batch * heads).flat_map(move |index| (0..queries).step_by(BLOCK).map(move |first| (index, first))).map(
            move |(index, first)| {
                let (row, head) = (index / heads, index % heads);
                let queries_seen = first..(first + BLOCK).min(queries);
                let seen = self.shape.visible(first).start..self.shape.visible(queries_seen.end - 1).end;
                let block = QueryBlock {
                    query: (row * queries + first) * heads * head_dim + head * head_dim,
                    key: (row * keys + seen.start) * kv_heads * head_dim + head / (heads / kv_heads) * head_dim,
                    saved,
                    queries: queries_seen,
                    keys: seen,
                };
                saved += block.queries.len() * block.keys.len();
                block
            },
        )
    }

    /// The strides of q and of k and v.
    fn strides(&self) -> [usize; 2] {
        [self.shape.heads * self.shape.head_dim, self.shape.kv_heads * self.shape.head_dim]
    }

    /// Scores to probabilities, in place.
    fn softmax(&self, scores: &mut [f32], block: &QueryBlock) {
        for (row, query) in scores.chunks_exact_mut(block.keys.len()).zip(block.queries.clone()) {
            let visible = self.shape.visible(query);
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
