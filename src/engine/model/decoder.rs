//! A decoder-only transformer: embedding, blocks of attention and feed-forward with residuals, a norm, a head.

use super::attention::Attention;
use super::cache::Cache;
use super::linear::{Dropout, Linear};
use super::mlp::Mlp;
use super::norm::NormLayer;
use super::parameter::{HostTensor, Loader, ModelError, Parameter, Tensors, WeightSource, read};
use crate::engine::ops::{self, Layout, Masks, Ops, Rotary, Weight};
use crate::spec::{ModelConfig, ParameterSpec, Precision, Role, Target, Term};
use burn::Tensor;
use burn::tensor::Device;
use std::sync::Arc;

/// A model on a device. Clones share their tensors, so that many runs start from one base.
#[derive(Clone, Debug)]
pub struct Decoder {
    config: ModelConfig,
    device: Device,
    ops: &'static dyn Ops,
    precision: Precision,
    /// `[vocab, d]`
    embed: Weight,
    /// `[context, d]` where positions are learned.
    positions: Option<Tensor<2>>,
    rotary: Option<Rotary>,
    blocks: Vec<Block>,
    norm: NormLayer,
    /// `[d, vocab]`; the embedding serves where there is none.
    head: Option<Weight>,
    head_bias: Option<Tensor<1>>,
    /// Virtual tokens before every input, `[virtual_tokens, d]` (Lester et al. 2021).
    prompt: Option<Tensor<2>>,
}

#[derive(Clone, Debug)]
struct Block {
    norm_attention: NormLayer,
    attention: Attention,
    norm_mlp: NormLayer,
    mlp: Mlp,
    parallel: bool,
}

/// One pass through the blocks.
#[derive(Debug)]
pub struct ForwardPass<'a> {
    pub layout: Layout,
    /// The rows that are given back, where not all are: the last block computes no others.
    pub read: Option<Selection>,
    /// Present while training: draws what is dropped.
    pub dropout: Option<&'a Dropout>,
    /// Present while generating: what was read before.
    pub cache: Option<&'a mut Cache>,
    pub(crate) ops: &'static dyn Ops,
    pub(crate) masks: Masks,
}

/// Some rows of a pass.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Their numbers, ascending.
    pub rows: Arc<[u32]>,
    /// Where they stand.
    pub layout: Layout,
}

impl Selection {
    fn of(layout: &Layout, rows: Arc<[u32]>) -> Self {
        Selection { layout: layout.select(&rows), rows }
    }
}

impl Decoder {
    /// Builds the model of `config` from a source that is asked for one tensor at a time.
    pub fn load(config: &ModelConfig, source: &mut impl WeightSource, device: &Device) -> Result<Self, ModelError> {
        Self::load_as(Precision::F32, config, source, device)
    }

    /// The same with its weights stored in `precision`: less than f32 is for a base that stays frozen.
    pub fn load_as(
        precision: Precision,
        config: &ModelConfig,
        source: &mut impl WeightSource,
        device: &Device,
    ) -> Result<Self, ModelError> {
        config.check()?;
        let ops = ops::for_device(device);
        let loader = &mut Loader { config, source, ops, device, precision };
        let embed = loader.weight(Role::Embedding)?;
        let has = |role| config.has(role, Term::Weight);
        let positions = has(Role::Positions).then(|| loader.matrix(Role::Positions)).transpose()?;
        let blocks = (0..config.layers).map(|layer| Block::load(layer, loader)).collect::<Result<_, _>>()?;
        let norm = NormLayer::load(Role::FinalNorm, loader)?;
        let head = has(Role::Head).then(|| loader.weight(Role::Head)).transpose()?;
        let head_bias = loader.bias(Role::Head)?;
        let rotary = Rotary::new(config, config.context, device);
        let (config, device) = (config.clone(), device.clone());
        Ok(Decoder {
            config,
            device,
            ops,
            precision,
            embed,
            positions,
            rotary,
            blocks,
            norm,
            head,
            head_bias,
            prompt: None,
        })
    }

    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The operations that compute this model.
    pub fn ops(&self) -> &'static dyn Ops {
        self.ops
    }

    /// The same model computed by other operations: to hold implementations against each other.
    pub fn with_ops(self, ops: &'static dyn Ops) -> Decoder {
        Decoder { ops, ..self }
    }

    /// How the weights are stored.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Bytes of the base's tensors as they are stored.
    pub fn bytes(&self) -> u64 {
        let (mut model, mut bytes) = (self.clone(), 0);
        model.each_weight(&mut |weight| bytes += weight.bytes());
        let f32_only = |parameter: &ParameterSpec| parameter.lowest_precision.is_f32();
        bytes
            + self
                .config
                .parameter_table()
                .iter()
                .filter(|row| f32_only(row))
                .map(|row| 4 * row.elements())
                .sum::<u64>()
    }

    /// The same model with every weight in f32.
    pub fn dequantized(&self) -> Decoder {
        let mut model = self.clone();
        model.precision = Precision::F32;
        model.each_weight(&mut |weight| *weight = Weight::Whole(weight.dense()));
        model
    }

    /// The matrices that can be stored in less than f32.
    fn each_weight(&mut self, visit: &mut impl FnMut(&mut Weight)) {
        visit(&mut self.embed);
        for layer in 0..self.blocks.len() {
            for target in Target::ALL {
                if let Some(linear) = self.linear(layer, target) {
                    visit(&mut linear.weight);
                }
            }
        }
        if let Some(head) = &mut self.head {
            visit(head);
        }
    }

    /// Makes the model ready for sequences of `positions`, virtual tokens included. Rotary tables grow; a learned
    /// table cannot.
    pub fn ensure_positions(&mut self, positions: usize) -> Result<(), ModelError> {
        match &self.rotary {
            None if positions > self.config.context => {
                Err(ModelError::TooLong { positions, context: self.config.context })
            }
            Some(rotary) if positions > rotary.positions() => {
                self.rotary = Rotary::new(&self.config, positions, &self.device);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Visits the base's tensors by canonical name, in a fixed order; those stored in less than f32 are left out.
    pub fn visit(&mut self, visit: &mut impl FnMut(String, Parameter<'_>)) {
        self.embed.visit(Role::Embedding, visit);
        if let Some(positions) = &mut self.positions {
            visit(Role::Positions.name(Term::Weight), Parameter::Matrix(positions));
        }
        for (layer, block) in self.blocks.iter_mut().enumerate() {
            block.visit(layer, visit);
        }
        self.norm.visit(Role::FinalNorm, visit);
        if let Some(head) = &mut self.head {
            head.visit(Role::Head, visit);
        }
        if let Some(bias) = &mut self.head_bias {
            visit(Role::Head.name(Term::Bias), Parameter::Vector(bias));
        }
    }

    /// The linear layer `target` of block `layer`, where the model has one.
    pub fn linear(&mut self, layer: usize, target: Target) -> Option<&mut Linear> {
        let block = self.blocks.get_mut(layer)?;
        match target {
            Target::Query | Target::Key | Target::Value | Target::AttentionOut => block.attention.linear(target),
            Target::Gate | Target::Up | Target::Down => block.mlp.linear(target),
        }
    }

    /// The virtual tokens before every input.
    pub fn prompt(&mut self) -> &mut Option<Tensor<2>> {
        &mut self.prompt
    }

    /// How many virtual tokens stand before every input.
    pub fn virtual_tokens(&self) -> usize {
        self.prompt.as_ref().map_or(0, |prompt| prompt.dims()[0])
    }

    /// `[vocab, d]`, without gradients.
    pub(crate) fn embedding(&self) -> Tensor<2> {
        self.embed.dense().inner()
    }

    /// Every tensor of the base as f32, read from the device.
    pub async fn export(&self) -> Result<Tensors, ModelError> {
        let (mut names, mut shapes, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        self.dequantized().visit(&mut |name, parameter| {
            names.push(name);
            shapes.push(parameter.shape());
            rows.push(parameter.flat());
        });
        let values = read(rows).await?;
        let tensors = shapes.into_iter().zip(values).map(|(shape, values)| HostTensor { shape, values });
        Ok(names.into_iter().zip(tensors).collect())
    }

    /// Token ids, refusing those that this model does not know.
    pub fn ids(&self, ids: &[u32]) -> Result<TokenIds, ModelError> {
        let vocab_size = self.config.vocab_size;
        if let Some(&id) = ids.iter().find(|&&id| id as usize >= vocab_size) {
            return Err(ModelError::Token { id, vocab_size });
        }
        Ok(TokenIds(ids.into()))
    }

    /// What the last block says of each token, normed: ids `[batch · tokens]` to `[batch · tokens, d]`.
    pub fn hidden(&self, ids: TokenIds, batch: usize, dropout: Option<&Dropout>) -> Tensor<2> {
        let layout = Layout::regular(batch, ids.0.len() / batch, 0);
        self.hidden_at(ids, layout, None, dropout)
    }

    /// The same for ids laid out otherwise, `[rows]` to `[rows, d]`, or to the rows `read` alone, whose numbers ascend.
    /// Virtual tokens are read before each sequence and not given back.
    pub fn hidden_at(
        &self,
        ids: TokenIds,
        layout: Layout,
        read: Option<Arc<[u32]>>,
        dropout: Option<&Dropout>,
    ) -> Tensor<2> {
        let words = self.embed(ids);
        let Some(prompt) = &self.prompt else {
            let read = read.map(|rows| Selection::of(&layout, rows));
            return self.blocks(words, &mut self.pass(layout, read, dropout, None));
        };
        let first = prompt.dims()[0];
        // Rows of prompt and words in the order that they are read in, and where the words come to stand.
        let (mut rows, mut places) = (Vec::new(), Vec::new());
        for sequence in layout.sequences() {
            rows.extend(0..first as u32);
            places.extend((0..sequence.len()).map(|row| (rows.len() + row) as u32));
            rows.extend(sequence.map(|row| (first + row) as u32));
        }
        let all = self.ops.select_rows_of(vec![prompt.clone(), words], rows.into());
        let read = match read {
            None => places.into(),
            Some(read) => read.iter().map(|&row| places[row as usize]).collect(),
        };
        let layout = layout.after(first);
        if self.ops.fixed_shapes() {
            // One shape through all blocks.
            return self.ops.select_rows(self.blocks(all, &mut self.pass(layout, None, dropout, None)), read);
        }
        let read = Some(Selection::of(&layout, read));
        self.blocks(all, &mut self.pass(layout, read, dropout, None))
    }

    pub(crate) fn pass<'a>(
        &self,
        layout: Layout,
        read: Option<Selection>,
        dropout: Option<&'a Dropout>,
        cache: Option<&'a mut Cache>,
    ) -> ForwardPass<'a> {
        ForwardPass { layout, read, dropout, cache, ops: self.ops, masks: Masks::default() }
    }

    /// Embeddings `[rows, d]` through all blocks and the last norm.
    pub(crate) fn blocks(&self, mut x: Tensor<2>, pass: &mut ForwardPass<'_>) -> Tensor<2> {
        if let Some(table) = &self.positions {
            x = x + self.ops.select_rows(table.clone(), pass.layout.positions().clone());
        }
        for (layer, block) in self.blocks.iter().enumerate() {
            let is_last = layer + 1 == self.blocks.len();
            let read = if is_last { pass.read.take() } else { None };
            x = block.forward(x, layer, self.rotary.as_ref(), read.as_ref(), pass);
        }
        self.norm.forward(x, self.ops)
    }

    /// `[rows, d]` to `[rows, vocab]`.
    pub fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        let logits = match &self.head {
            Some(head) => self.ops.linear(hidden, head, None, None),
            None => self.ops.linear_transposed(hidden, &self.embed),
        };
        match &self.head_bias {
            Some(bias) => logits + bias.clone().unsqueeze::<2>(),
            None => logits,
        }
    }

    /// An empty cache for one sequence of at most `capacity` positions, virtual tokens included.
    pub fn cache(&self, capacity: usize) -> Cache {
        let width = self.config.kv_heads * self.config.head_dim;
        let table = || Tensor::zeros([capacity, width], &self.device);
        Cache::new((0..self.config.layers).map(|_| (table(), table())).collect(), capacity)
    }

    /// Embeddings of `ids`, `[count, d]`, without virtual tokens.
    pub(crate) fn embed(&self, ids: TokenIds) -> Tensor<2> {
        self.ops.embedding(&self.embed, ids.0)
    }
}

/// Token ids that a model knows.
#[derive(Clone, Debug)]
pub struct TokenIds(pub(crate) Arc<[u32]>);

impl Block {
    fn load<S: WeightSource>(layer: usize, loader: &mut Loader<'_, S>) -> Result<Self, ModelError> {
        Ok(Block {
            norm_attention: NormLayer::load(Role::AttentionNorm(layer), loader)?,
            attention: Attention::load(layer, loader)?,
            norm_mlp: NormLayer::load(Role::MlpNorm(layer), loader)?,
            mlp: Mlp::load(layer, loader)?,
            parallel: loader.config.parallel_residual,
        })
    }

    fn visit(&mut self, layer: usize, visit: &mut impl FnMut(String, Parameter<'_>)) {
        self.norm_attention.visit(Role::AttentionNorm(layer), visit);
        self.attention.visit(layer, visit);
        self.norm_mlp.visit(Role::MlpNorm(layer), visit);
        self.mlp.visit(layer, visit);
    }

    fn forward(
        &self,
        x: Tensor<2>,
        layer: usize,
        rotary: Option<&Rotary>,
        read: Option<&Selection>,
        pass: &mut ForwardPass<'_>,
    ) -> Tensor<2> {
        let ops = pass.ops;
        let normed = self.norm_attention.forward(x.clone(), ops);
        let x = match read {
            None => x,
            Some(read) => ops.select_rows(x, read.rows.clone()),
        };
        let attended = self.attention.forward_onto(x.clone(), normed, layer, rotary, read, pass);
        let fed = if self.parallel { x } else { attended.clone() };
        self.mlp.forward_onto(attended, self.norm_mlp.forward(fed, ops), pass)
    }
}
