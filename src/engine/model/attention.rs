//! Causal self-attention (Vaswani et al. 2017) with grouped queries (Ainslie et al. 2023), local windows
//! (Beltagy et al. 2020) and norms on queries and keys (Henry et al. 2020), as a layer's settings say.

use super::decoder::{ForwardPass, Selection};
use super::linear::Linear;
use super::norm::NormLayer;
use super::parameter::{Loader, ModelError, Parameter, WeightSource};
use crate::engine::ops::{AttentionShape, Layout, Rotary};
use crate::spec::{Role, Target, Term};
use burn::Tensor;

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

    /// `[rows, d]` to `[rows, d]`, or to the rows `read` alone: the others are looked at, and do not look. What it gives
    /// is added to `sum`.
    pub fn forward_onto(
        &self,
        sum: Tensor<2>,
        x: Tensor<2>,
        layer: usize,
        rotary: Option<&Rotary>,
        read: Option<&Selection>,
        pass: &mut ForwardPass<'_>,
    ) -> Tensor<2> {
        let ops = pass.ops;
        let shape = |queries: Layout, keys: Layout| AttentionShape {
            queries,
            keys,
            heads: self.heads,
            kv_heads: self.kv_heads,
            head_dim: self.head_dim,
            window: self.window,
            scale: self.scale,
        };
        let has_norms = self.query_norm.is_some() || self.key_norm.is_some();
        if let (None, None, false, Some(query), Some(key), Some(value)) =
            (read, &pass.cache, has_norms, self.query.layer(pass), self.key.layer(pass), self.value.layer(pass))
        {
            let shape = shape(pass.layout.clone(), pass.layout.clone());
            let mixed = ops.self_attention(x, [query, key, value], rotary, &shape, &mut pass.masks);
            return self.out.forward_onto(sum, mixed, pass);
        }
        let place = |projected: Tensor<2>, layout: &Layout, heads: usize, norm: Option<&NormLayer>| {
            let projected = match norm {
                None => projected,
                Some(norm) => {
                    let rows = layout.rows();
                    let by_head = projected.reshape([rows * heads, self.head_dim]);
                    norm.forward(by_head, ops).reshape([rows, heads * self.head_dim])
                }
            };
            match rotary {
                None => projected,
                Some(rotary) => ops.rotary(projected, rotary, layout, heads),
            }
        };
        let (looking, queries) = match read {
            None => (x.clone(), pass.layout.clone()),
            Some(read) => (ops.select_rows(x.clone(), read.rows.clone()), read.layout.clone()),
        };
        let query = place(self.query.forward(looking, pass), &queries, self.heads, self.query_norm.as_ref());
        let key = place(self.key.forward(x.clone(), pass), &pass.layout, self.kv_heads, self.key_norm.as_ref());
        let value = self.value.forward(x, pass);
        let (key, value, keys) = match &mut pass.cache {
            None => (key, value, pass.layout.clone()),
            Some(cache) => {
                let (key, value) = cache.extend(layer, key, value);
                (key, value, cache.layout().clone())
            }
        };
        let shape = shape(queries, keys);
        let mixed = ops.attention([query, key, value], &shape, &mut pass.masks);
        self.out.forward_onto(sum, mixed, pass)
    }
}
