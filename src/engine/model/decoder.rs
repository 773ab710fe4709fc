//! A decoder-only transformer: embedding, blocks of attention and feed-forward with residuals, a norm, a head.

use super::attention::{Attention, Heads};
use super::cache::Cache;
use super::linear::{Linear, Noise};
use super::mlp::Mlp;
use super::norm::NormLayer;
use super::parameter::{HostTensor, Loader, ModelError, Parameter, Tensors, WeightSource, read};
use super::rotary::Rotary;
use super::weight::Weight;
use crate::engine::ops::host::loss::Select;
use crate::engine::ops::host::{on_host, on_one};
use crate::spec::{ModelConfig, ParameterSpec, Precision, Role, Target, Term};
use burn::Tensor;
use burn::tensor::{Device, Int, TensorData};
use std::sync::Arc;

/// A model on a device. Clones share their tensors, so that many runs start from one base.
#[derive(Clone, Debug)]
pub struct Decoder {
    config: ModelConfig,
    device: Device,
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

/// One pass through the blocks: `batch` sequences of `tokens` each.
#[derive(Debug)]
pub struct Pass<'a> {
    pub batch: usize,
    pub tokens: usize,
    /// Present while training: draws what is dropped.
    pub noise: Option<&'a Noise>,
    /// Present while generating: what was read before.
    pub cache: Option<&'a mut Cache>,
    /// The masks made so far, by window: layers share them.
    masks: Vec<(Option<usize>, Tensor<4>)>,
}

impl<'a> Pass<'a> {
    pub fn new(batch: usize, tokens: usize, noise: Option<&'a Noise>, cache: Option<&'a mut Cache>) -> Self {
        Pass { batch, tokens, noise, cache, masks: Vec::new() }
    }

    pub(crate) fn mask(&mut self, shape: &Heads, device: &Device) -> Tensor<4> {
        if let Some((_, mask)) = self.masks.iter().find(|(window, _)| *window == shape.window) {
            return mask.clone();
        }
        let mask = shape.mask(device);
        self.masks.push((shape.window, mask.clone()));
        mask
    }

    /// The position of the first token.
    pub(crate) fn offset(&self) -> usize {
        self.cache.as_ref().map_or(0, |cache| cache.length())
    }
}

impl Decoder {
    /// Builds the model of `config` from a source that is asked for one tensor at a time.
    pub fn load(config: &ModelConfig, source: &mut impl WeightSource, device: &Device) -> Result<Self, ModelError> {
        Self::load_as(Precision::F32, config, source, device)
    }

    /// The same with its weights resting in `precision`: less than f32 is for a base that stays frozen.
    pub fn load_as(
        precision: Precision,
        config: &ModelConfig,
        source: &mut impl WeightSource,
        device: &Device,
    ) -> Result<Self, ModelError> {
        config.check()?;
        let loader = &mut Loader { config, source, device, precision };
        let embed = loader.weight(Role::Embedding)?;
        let has = |role| config.has(role, Term::Weight);
        let positions = has(Role::Positions).then(|| loader.matrix(Role::Positions)).transpose()?;
        let blocks = (0..config.layers).map(|layer| Block::load(layer, loader)).collect::<Result<_, _>>()?;
        let norm = NormLayer::load(Role::FinalNorm, loader)?;
        let head = has(Role::Head).then(|| loader.weight(Role::Head)).transpose()?;
        let head_bias = loader.bias(Role::Head)?;
        let rotary = Rotary::new(config, config.context, device);
        let (config, device) = (config.clone(), device.clone());
        Ok(Decoder { config, device, precision, embed, positions, rotary, blocks, norm, head, head_bias, prompt: None })
    }

    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    pub fn device(&self) -> &Device {
        &self.device
    }

    /// How the weights rest.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Bytes of the base's tensors as they rest.
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
    pub fn dense(&self) -> Decoder {
        let (mut model, device) = (self.clone(), self.device.clone());
        model.precision = Precision::F32;
        model.each_weight(&mut |weight| *weight = Weight::Whole(weight.dense(&device)));
        model
    }

    /// The matrices that can rest in less than f32.
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
    pub fn reach(&mut self, positions: usize) -> Result<(), ModelError> {
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

    /// Visits the base's tensors by canonical name, in a fixed order; those that rest in less than f32 are left out.
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

    /// `[vocab, d]`, without gradients: what prompts start from.
    pub(crate) fn embedding(&self) -> Tensor<2> {
        self.embed.dense(&self.device).inner()
    }

    /// Every tensor of the base as f32, read from the device.
    pub async fn export(&self) -> Result<Tensors, ModelError> {
        let (mut names, mut shapes, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        self.dense().visit(&mut |name, parameter| {
            names.push(name);
            shapes.push(parameter.shape());
            rows.push(parameter.flat());
        });
        let values = read(rows).await?;
        let tensors = shapes.into_iter().zip(values).map(|(shape, values)| HostTensor { shape, values });
        Ok(names.into_iter().zip(tensors).collect())
    }

    /// Token ids for this model's device, refusing those it does not know.
    pub fn ids(&self, ids: &[u32]) -> Result<Ids, ModelError> {
        let vocab_size = self.config.vocab_size;
        if let Some(&id) = ids.iter().find(|&&id| id as usize >= vocab_size) {
            return Err(ModelError::Token { id, vocab_size });
        }
        Ok(Ids::new(ids, &self.device))
    }

    /// What the last block says of each token, normed: ids `[batch · tokens]` to `[batch · tokens, d]`. Virtual
    /// tokens are read first and not given back.
    pub fn hidden(&self, ids: Ids, batch: usize, noise: Option<&Noise>) -> Tensor<2> {
        let (d, tokens) = (self.config.d_model, ids.count() / batch);
        let words = self.words(ids);
        let Some(prompt) = &self.prompt else {
            return self.blocks(words, &mut Pass::new(batch, tokens, noise, None));
        };
        let first = prompt.dims()[0];
        let prompt = prompt.clone().unsqueeze::<3>().expand([batch, first, d]);
        let all = Tensor::cat(vec![prompt, words.reshape([batch, tokens, d])], 1);
        let all = all.reshape([batch * (first + tokens), d]);
        let out = self.blocks(all, &mut Pass::new(batch, first + tokens, noise, None));
        out.reshape([batch, first + tokens, d]).narrow(1, first, tokens).reshape([batch * tokens, d])
    }

    /// Embeddings `[batch · tokens, d]` through all blocks and the last norm.
    pub(crate) fn blocks(&self, mut x: Tensor<2>, pass: &mut Pass<'_>) -> Tensor<2> {
        if let Some(table) = &self.positions {
            let (batch, tokens, d) = (pass.batch, pass.tokens, self.config.d_model);
            let places = table.clone().narrow(0, pass.offset(), tokens).unsqueeze::<3>();
            x = (x.reshape([batch, tokens, d]) + places).reshape([batch * tokens, d]);
        }
        for (layer, block) in self.blocks.iter().enumerate() {
            x = block.forward(x, layer, self.rotary.as_ref(), pass);
        }
        self.norm.forward(x)
    }

    /// `[rows, d]` to `[rows, vocab]`.
    pub fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        let logits = match &self.head {
            Some(head) => head.product(hidden, false, None),
            None => self.embed.product(hidden, true, None),
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
    pub(crate) fn words(&self, ids: Ids) -> Tensor<2> {
        self.embed.rows(ids, &self.device)
    }
}

/// Row numbers where the device wants them: in memory for the CPU, in a tensor elsewhere.
#[derive(Clone, Debug)]
pub enum Ids {
    Host(Arc<[u32]>),
    Device(Box<Tensor<1, Int>>),
}

impl Ids {
    pub(crate) fn new(ids: &[u32], device: &Device) -> Self {
        if on_host(device) {
            return Ids::Host(ids.into());
        }
        let ids: Vec<i32> = ids.iter().map(|&id| id as i32).collect();
        let count = ids.len();
        Ids::Device(Box::new(Tensor::from_data(TensorData::new(ids, [count]), device)))
    }

    pub fn count(&self) -> usize {
        match self {
            Ids::Host(ids) => ids.len(),
            Ids::Device(ids) => ids.dims()[0],
        }
    }

    /// The rows of `[any, width]` that stand at these numbers, `[count, width]`.
    pub(crate) fn rows_of(self, table: Tensor<2>) -> Tensor<2> {
        match self {
            Ids::Device(ids) => table.select(0, *ids),
            Ids::Host(rows) => {
                let (count, width) = (rows.len(), table.dims()[1]);
                on_one(Select { rows, width }, table, [count, width])
            }
        }
    }
}

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

    fn forward(&self, x: Tensor<2>, layer: usize, rotary: Option<&Rotary>, pass: &mut Pass<'_>) -> Tensor<2> {
        let seen = self.attention.forward(self.norm_attention.forward(x.clone()), layer, rotary, pass);
        if self.parallel {
            let thought = self.mlp.forward(self.norm_mlp.forward(x.clone()), pass.noise);
            return x + seen + thought;
        }
        let x = x + seen;
        let thought = self.mlp.forward(self.norm_mlp.forward(x.clone()), pass.noise);
        x + thought
    }
}
