//! Causal self-attention (Vaswani et al. 2017) with grouped queries (Ainslie et al. 2023), local windows
//! (Beltagy et al. 2020) and norms on queries and keys (Henry et al. 2020), as a layer's settings say.

use super::decoder::Pass;
use super::linear::Linear;
use super::norm::NormLayer;
use super::parameter::{Loader, ModelError, Parameter, WeightSource};
use super::rotary::Rotary;
use crate::engine::ops::host::attend::Attend;
use crate::engine::ops::host::{on_host, on_three};
use crate::spec::{Role, Target, Term};
use burn::Tensor;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, TensorData};

#[derive(Clone, Debug)]
pub(crate) struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    query_norm: Option<NormLayer>,
    key_norm: Option<NormLayer>,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    scale: f64,
    window: Option<usize>,
}

/// The shape of one attention: `batch` sequences of `queries` new tokens that look at `keys` tokens, the new ones
/// among them, at positions from `offset` on.
#[derive(Clone, Copy, Debug)]
pub struct Heads {
    pub batch: usize,
    pub queries: usize,
    pub keys: usize,
    pub offset: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    pub window: Option<usize>,
}

impl Heads {
    /// The keys that query `i` sees.
    pub fn visible(&self, i: usize) -> std::ops::Range<usize> {
        let end = (self.offset + i + 1).min(self.keys);
        end.saturating_sub(self.window.unwrap_or(end))..end
    }

    /// 0 where a query sees a key, a number that softmax turns to 0 elsewhere: `[1, 1, queries, keys]`.
    pub(crate) fn mask(&self, device: &Device) -> Tensor<4> {
        let mut mask = vec![-1e30f32; self.queries * self.keys];
        for (i, row) in mask.chunks_mut(self.keys).enumerate() {
            row[self.visible(i)].fill(0.0);
        }
        Tensor::from_data(TensorData::new(mask, [1, 1, self.queries, self.keys]), device)
    }
}

impl Attention {
    pub fn load<S: WeightSource>(layer: usize, loader: &mut Loader<'_, S>) -> Result<Self, ModelError> {
        let config = loader.config;
        let query = Linear::load(Role::Linear(layer, Target::Query), loader)?;
        let key = Linear::load(Role::Linear(layer, Target::Key), loader)?;
        let value = Linear::load(Role::Linear(layer, Target::Value), loader)?;
        let out = Linear::load(Role::Linear(layer, Target::AttentionOut), loader)?;
        let mut head_norm = |role: Role| {
            let has = config.has(role, Term::Weight);
            has.then(|| NormLayer::load(role, loader)).transpose()
        };
        Ok(Attention {
            query_norm: head_norm(Role::QueryNorm(layer))?,
            key_norm: head_norm(Role::KeyNorm(layer))?,
            query,
            key,
            value,
            out,
            heads: config.heads,
            kv_heads: config.kv_heads,
            head_dim: config.head_dim,
            scale: if config.scale_scores { 1.0 / (config.head_dim as f64).sqrt() } else { 1.0 },
            window: config.window(layer),
        })
    }

    pub fn visit(&mut self, layer: usize, visit: &mut impl FnMut(String, Parameter<'_>)) {
        self.query.visit(Role::Linear(layer, Target::Query), visit);
        self.key.visit(Role::Linear(layer, Target::Key), visit);
        self.value.visit(Role::Linear(layer, Target::Value), visit);
        self.out.visit(Role::Linear(layer, Target::AttentionOut), visit);
        if let Some(norm) = &mut self.query_norm {
            norm.visit(Role::QueryNorm(layer), visit);
        }
        if let Some(norm) = &mut self.key_norm {
            norm.visit(Role::KeyNorm(layer), visit);
        }
    }

    pub fn linear(&mut self, target: Target) -> Option<&mut Linear> {
        match target {
            Target::Query => Some(&mut self.query),
            Target::Key => Some(&mut self.key),
            Target::Value => Some(&mut self.value),
            Target::AttentionOut => Some(&mut self.out),
            Target::Gate | Target::Up | Target::Down => None,
        }
    }

    /// `[batch · tokens, d]` to `[batch · tokens, d]`.
    pub fn forward(&self, x: Tensor<2>, layer: usize, rotary: Option<&Rotary>, pass: &mut Pass<'_>) -> Tensor<2> {
        let offset = pass.offset();
        let (batch, tokens) = (pass.batch, pass.tokens);
        let place = |projected: Tensor<2>, heads: usize, norm: Option<&NormLayer>| {
            let rows = batch * tokens;
            let projected = match norm {
                None => projected,
                Some(norm) => {
                    let by_head = projected.reshape([rows * heads, self.head_dim]);
                    norm.forward(by_head).reshape([rows, heads * self.head_dim])
                }
            };
            match rotary {
                None => projected,
                Some(rotary) => rotary.apply(projected, tokens, heads, offset),
            }
        };
        let query = place(self.query.forward(x.clone(), pass.noise), self.heads, self.query_norm.as_ref());
        let key = place(self.key.forward(x.clone(), pass.noise), self.kv_heads, self.key_norm.as_ref());
        let value = self.value.forward(x, pass.noise);
        let (key, value) = match &mut pass.cache {
            None => (key, value),
            Some(cache) => cache.extend(layer, key, value),
        };
        let shape = Heads {
            batch,
            queries: tokens,
            keys: key.dims()[0] / batch,
            offset,
            heads: self.heads,
            kv_heads: self.kv_heads,
            head_dim: self.head_dim,
            window: self.window,
        };
        let mixed = if on_host(&query.device()) {
            let size = query.dims();
            on_three(Attend { shape, scale: self.scale as f32 }, query, key, value, size)
        } else {
            let mask = pass.mask(&shape, &query.device().inner());
            attend(query, key, value, mask, shape, self.scale)
        };
        self.out.forward(mixed, pass.noise)
    }
}

/// softmax(scale · q·kᵀ + mask)·v: `q [batch · queries, heads · head_dim]`, `k` and `v`
/// `[batch · keys, kv_heads · head_dim]`, giving `q`'s shape.
fn attend(q: Tensor<2>, k: Tensor<2>, v: Tensor<2>, mask: Tensor<4>, shape: Heads, scale: f64) -> Tensor<2> {
    let Heads { batch, queries, keys, heads, kv_heads, head_dim, .. } = shape;
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
