//! Causal attention, head by head: the scores of one head and a block of queries stay in the cache, and what a
//! block cannot see is not computed.

use super::op::HostOp;
use super::product::{View, gemm};
use super::{dot, exp, sum};
use crate::engine::model::Heads;
use std::ops::Range;

/// Queries whose scores are computed together.
const BLOCK: usize = 32;

/// q `[batch · queries, heads · head_dim]`, k and v `[batch · keys, kv_heads · head_dim]`, giving q's shape.
#[derive(Clone, Debug)]
pub(crate) struct Attend {
    pub shape: Heads,
    pub scale: f32,
}

/// A block of queries of one head.
struct Block {
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
    fn blocks(&self) -> impl Iterator<Item = Block> + '_ {
        let Heads { batch, queries, keys, heads, kv_heads, head_dim, .. } = self.shape;
        let mut saved = 0;
        (0..batch * heads).flat_map(move |index| (0..queries).step_by(BLOCK).map(move |first| (index, first))).map(
            move |(index, first)| {
                let (row, head) = (index / heads, index % heads);
                let queries_seen = first..(first + BLOCK).min(queries);
                let seen = self.shape.visible(first).start..self.shape.visible(queries_seen.end - 1).end;
                let block = Block {
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
    fn softmax(&self, scores: &mut [f32], block: &Block) {
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

impl HostOp<3> for Attend {
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
