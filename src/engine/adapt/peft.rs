//! Adapters in the format of Hugging Face's PEFT, in and out: `adapter_config.json` and
//! `adapter_model.safetensors`, for LoRA and prompt tuning.
//!
//! PEFT adapts a family's own layers; ours are those of the one decoder. Where a family fuses query, key and value,
//! one of its adapters is three of ours with the same A, and three of ours with different A are one of three times
//! the rank, whose B is zero outside the blocks.

use crate::engine::formats::{
    Description, Files, JsonFields, ModelFile, StoredTensor, TensorFiles, WeightsError, Width, pretty, read_json,
    write_named,
};
use crate::engine::model::{HostTensor, ModelError, Tensors, WeightSource};
use crate::spec::{Lora, Method, ModelConfig, ParameterSpec, Prompt, PromptInit, Role, Target, Term};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub const SETTINGS: &str = "adapter_config.json";
pub const WEIGHTS: &str = "adapter_model.safetensors";
const PEFT_PROMPT: &str = "prompt_embeddings";
/// The metadata key under which an adapter names the SHA-256 of its base's weights.
pub const BASE_SHA256: &str = "base_sha256";

/// What a tuning run made: how, and the trained values by the names of [`super::visit`].
#[derive(Clone, Debug, PartialEq)]
pub struct Adapter {
    pub method: Method,
    pub tensors: Tensors,
    /// The base it was made for, where the file says so.
    pub base_sha256: Option<String>,
}

/// Reads an adapter made for a model of this description.
///
/// # Errors
/// A file that is missing or damaged, a kind or variant that this lab cannot compute, and an adapter whose tensors
/// do not fit the base.
pub fn read(files: impl Files, base: &Description) -> Result<Adapter, WeightsError> {
    let json = read_json(&files, SETTINGS)?;
    let fields = JsonFields::new(SETTINGS, &json)?;
    let tensors = TensorFiles::open_file(files, WEIGHTS)?;
    let base_sha256 = tensors.metadata().get(BASE_SHA256).cloned();
    let (method, tensors) = match fields.text_or("peft_type", "")? {
        "LORA" => read_lora(&fields, &tensors, base)?,
        "PROMPT_TUNING" => read_prompt(&fields, &tensors, base)?,
        other => return Err(fields.wrong("peft_type", other, "this lab reads LORA and PROMPT_TUNING")),
    };
    Ok(Adapter { method, tensors, base_sha256 })
}

impl Adapter {
    /// That the adapter was made for the base with this hash, where it names one.
    pub fn check_base(&self, sha256: &str) -> Result<(), WeightsError> {
        match &self.base_sha256 {
            Some(made_for) if made_for != sha256 => Err(WeightsError::file(
                WEIGHTS,
                format!("it was made for the base with weights {made_for:.12}…, not {sha256:.12}…"),
                "open the base that it was made for",
            )),
            _ => Ok(()),
        }
    }

    /// The adapter's files. `base_name` is what PEFT looks the base up by; `metadata` enters the weights' header.
    pub fn write(
        &self,
        base: &Description,
        base_name: &str,
        metadata: &[(&str, &str)],
    ) -> Result<Vec<ModelFile>, WeightsError> {
        let (mut settings, stored) = match &self.method {
            Method::Lora(lora) => write_lora(lora, &self.tensors, base),
            Method::Prompt(prompt) => write_prompt(prompt, &self.tensors, base),
            Method::Full | Method::Scratch => {
                return Err(WeightsError::file(WEIGHTS, "every weight was trained", "save a full model instead"));
            }
        }?;
        settings["task_type"] = "CAUSAL_LM".into();
        settings["inference_mode"] = true.into();
        settings["base_model_name_or_path"] = base_name.into();
        let mut metadata = metadata.to_vec();
        metadata.extend(self.base_sha256.as_ref().map(|sha256| (BASE_SHA256, sha256.as_str())));
        let weights = write_named(WEIGHTS, &stored, Width::F32, &metadata)?;
        Ok(vec![(SETTINGS.into(), pretty(&settings)), (WEIGHTS.into(), weights)])
    }
}

/// A linear layer that is adapted.
struct Layer {
    /// Our A `[in, rank]` and B `[rank, out]`, as [`Lora::matrices`] has them.
    matrices: [ParameterSpec; 2],
    target: Target,
    /// The layer's weight, `[in, out]`.
    shape: [usize; 2],
    /// The family's module.
    module: String,
    /// How this layer's outputs lie in the module's.
    stored: StoredTensor,
}

/// The layers of the base that `lora` adapts.
fn layers(base: &Description, lora: &Lora) -> Vec<Layer> {
    let each = |(layer, target, matrices)| {
        let module = base.family.module(Role::Linear(layer, target), &base.config)?;
        // PEFT's B is a PyTorch Linear's weight, whatever its base's layer is.
        let stored = StoredTensor { transposed: true, ..module.tensor(Term::Weight) };
        Some(Layer { matrices, target, shape: base.config.linear_shape(target), module: module.name, stored })
    };
    lora.layers(&base.config).into_iter().filter_map(each).collect()
}

fn key(module: &str, part: &str) -> String {
    format!("base_model.model.{module}.lora_{part}.weight")
}

/// What settings call a module: its last name, or two where the last stands for several layers (GPT-2's `c_proj`).
fn short(module: &str) -> &str {
    let names = if module.ends_with(".c_proj") { 2 } else { 1 };
    module.rmatch_indices('.').nth(names - 1).map_or(module, |(at, _)| &module[at + 1..])
}

fn write_lora(lora: &Lora, tensors: &Tensors, base: &Description) -> Result<(Value, Tensors), WeightsError> {
    let mut modules: BTreeMap<String, Vec<(Layer, &HostTensor, &HostTensor)>> = BTreeMap::new();
    for layer in layers(base, lora) {
        let find = |ParameterSpec { name, shape, .. }: &ParameterSpec| {
            let found = tensors.get(name).filter(|tensor| tensor.shape == *shape);
            found.ok_or_else(|| WeightsError::tensor(WEIGHTS, name, "it is not as the method says", "report this"))
        };
        let (a, b) = (find(&layer.matrices[0])?, find(&layer.matrices[1])?);
        modules.entry(layer.module.clone()).or_default().push((layer, a, b));
    }
    let (mut ranks, mut alphas) = (Map::new(), Map::new());
    let mut stored = Tensors::new();
    for (module, parts) in &modules {
        let whole = parts[0].0.stored.fused.map_or(1, |fused| fused.parts) == parts.len();
        let shared = whole && parts.iter().all(|(_, a, _)| *a == parts[0].1);
        let blocks = if shared { 1 } else { parts.len() };
        let rank = lora.rank * blocks;
        if rank != lora.rank {
            let per_alpha = if lora.rslora { (rank as f64).sqrt() } else { rank as f64 };
            ranks.insert(short(module).into(), rank.into());
            alphas.insert(short(module).into(), (lora.scale() * per_alpha).into());
        }
        let inputs = parts[0].0.shape[0];
        let a_values = parts[..blocks].iter().flat_map(|(_, a, _)| a.transposed().values).collect();
        stored.insert(key(module, "A"), HostTensor { shape: vec![rank, inputs], values: a_values });

        let b_shape = parts[0].0.stored.stored_shape(&[rank, parts[0].0.shape[1]]);
        let mut b_values = vec![0.0; b_shape.iter().product()];
        for (at, (layer, _, b)) in parts.iter().enumerate() {
            let outputs = layer.shape[1];
            let start = if shared { 0 } else { at * b.values.len() };
            let mut rows = vec![0.0; rank * outputs];
            rows[start..start + b.values.len()].copy_from_slice(&b.values);
            layer.stored.write(&[rank, outputs], &rows, &mut b_values);
        }
        stored.insert(key(module, "B"), HostTensor { shape: b_shape, values: b_values });
    }
    let targets: BTreeSet<&str> = modules.keys().map(|module| short(module)).collect();
    let settings = json!({
        "peft_type": "LORA",
        "r": lora.rank,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "target_modules": targets,
        "use_rslora": lora.rslora,
        "bias": "none",
        "fan_in_fan_out": base.family.is_conv1d(),
        "rank_pattern": ranks,
        "alpha_pattern": alphas,
    });
    Ok((settings, stored))
}

fn read_lora(
    fields: &JsonFields,
    file: &TensorFiles<impl Files>,
    base: &Description,
) -> Result<(Method, Tensors), WeightsError> {
    for variant in ["use_dora", "use_qalora", "use_bdlora", "lora_bias"] {
        fields.refuse(variant, fields.flag_or(variant, false)?)?;
    }
    fields.refuse("bias", fields.text_or("bias", "none")? != "none")?;
    for variant in ["modules_to_save", "layer_replication", "target_parameters", "trainable_token_indices"] {
        fields
            .refuse(variant, fields.get(variant).is_some_and(|value| value.as_array().is_none_or(|l| !l.is_empty())))?;
    }
    let rslora = fields.flag_or("use_rslora", false)?;
    let alpha = fields.number_or("lora_alpha", 8.0)?;
    let dropout = fields.number_or("lora_dropout", 0.0)?;

    let mut used = BTreeSet::new();
    let mut found = Vec::new();
    for layer in layers(base, &Lora::default()) {
        let (a_name, b_name) = (key(&layer.module, "A"), key(&layer.module, "B"));
        let Some(a_shape) = file.shape(&a_name) else { continue };
        let rank = a_shape.first().copied().unwrap_or(0).max(1);
        let [inputs, outputs] = layer.shape;
        let a = HostTensor { shape: vec![rank, inputs], values: file.read(&a_name, &[rank, inputs])? }.transposed();
        let b = file.read(&b_name, &layer.stored.stored_shape(&[rank, outputs]))?;
        let b = layer.stored.read(&[rank, outputs], b);
        let alpha = pattern(fields, &layer.module)?.unwrap_or(alpha);
        let scale = Lora { rank, alpha, rslora, ..Lora::default() }.scale();
        used.extend([a_name, b_name]);
        found.push((layer, rank, a, b, scale));
    }
    if let Some(name) = file.names().find(|name| !used.contains(*name)) {
        const REMEDY: &str = "open the base that the adapter was made for; this lab adapts the linear layers of blocks";
        return Err(WeightsError::tensor(WEIGHTS, name, "the base has no such layer", REMEDY));
    }
    let Some(rank) = found.iter().map(|(_, rank, ..)| *rank).max() else {
        return Err(WeightsError::file(WEIGHTS, "it holds no adapter", "check that it is the right file"));
    };
    let targets: BTreeSet<Target> = found.iter().map(|(layer, ..)| layer.target).collect();
    let uniform = fields.count_or("r", rank)? == rank;
    // One scale for all: PEFT's patterns are folded into B.
    let alpha = if uniform { alpha } else { rank as f64 };
    let targets = targets.into_iter().collect();
    let lora = Lora { rank, alpha, dropout, targets, rslora, ..Lora::default() };
    let method = Method::Lora(lora.clone());
    method.check().map_err(|error| fields.wrong(error.field, &error.value, error.rule))?;

    // A layer that the file leaves out (`layers_to_transform`) gets an adapter that does nothing.
    let zeros = |matrix: ParameterSpec| {
        let values = vec![0.0; matrix.shape.iter().product()];
        (matrix.name, HostTensor { shape: matrix.shape, values })
    };
    let mut tensors: Tensors = method.trained(&base.config).into_iter().map(zeros).collect();
    for (layer, own_rank, a, mut b, scale) in found {
        let [inputs, outputs] = layer.shape;
        if scale != lora.scale() {
            b.iter_mut().for_each(|value| *value *= (scale / lora.scale()) as f32);
        }
        let mut a_values = vec![0.0; inputs * rank];
        for (to, from) in a_values.chunks_mut(rank).zip(a.values.chunks(own_rank)) {
            to[..own_rank].copy_from_slice(from);
        }
        b.resize(rank * outputs, 0.0);
        let [a_name, b_name] = layer.matrices.map(|matrix| matrix.name);
        tensors.insert(a_name, HostTensor { shape: vec![inputs, rank], values: a_values });
        tensors.insert(b_name, HostTensor { shape: vec![rank, outputs], values: b });
    }
    Ok((method, tensors))
}

/// The alpha that `alpha_pattern` sets for a module. Its keys are regular expressions; names, the usual ones, are read.
fn pattern(fields: &JsonFields, module: &str) -> Result<Option<f64>, WeightsError> {
    let Some(patterns) = fields.object("alpha_pattern")? else { return Ok(None) };
    for key in patterns.keys() {
        let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
        fields.refuse("alpha_pattern", !plain)?;
        if module == key || module.strip_suffix(key).is_some_and(|rest| rest.ends_with('.')) {
            return Ok(Some(patterns.number_or(key, 0.0)?));
        }
    }
    Ok(None)
}

fn write_prompt(prompt: &Prompt, tensors: &Tensors, base: &Description) -> Result<(Value, Tensors), WeightsError> {
    let name = prompt.vectors(&base.config).name;
    let vectors = tensors
        .get(&name)
        .ok_or_else(|| WeightsError::tensor(WEIGHTS, &name, "it is missing", "report this as a bug"))?;
    let settings = json!({
        "peft_type": "PROMPT_TUNING",
        "num_virtual_tokens": prompt.virtual_tokens,
        "token_dim": base.config.d_model,
        "num_attention_heads": base.config.heads,
        "num_layers": base.config.layers,
        "num_transformer_submodules": 1,
        "prompt_tuning_init": "RANDOM",
    });
    Ok((settings, [(PEFT_PROMPT.to_string(), vectors.clone())].into()))
}

fn read_prompt(
    fields: &JsonFields,
    file: &TensorFiles<impl Files>,
    base: &Description,
) -> Result<(Method, Tensors), WeightsError> {
    let virtual_tokens = fields.count("num_virtual_tokens")?;
    let shape = vec![virtual_tokens, base.config.d_model];
    let values = file.read(PEFT_PROMPT, &shape)?;
    let prompt = Prompt { virtual_tokens, init: PromptInit::Random, ..Prompt::default() };
    let name = prompt.vectors(&base.config).name;
    Ok((Method::Prompt(prompt), [(name, HostTensor { shape, values })].into()))
}

/// A base's weights with LoRA adapters merged in, `W + Σ w·s·A·B`, one tensor at a time.
pub struct MergedWeights<'a, S> {
    pub config: &'a ModelConfig,
    pub base: &'a mut S,
    pub adapters: &'a [WeightedAdapter<'a>],
}

/// A LoRA adapter and the factor by which it counts.
#[derive(Clone, Copy, Debug)]
pub struct WeightedAdapter<'a> {
    pub lora: &'a Lora,
    pub tensors: &'a Tensors,
    pub weight: f64,
}

impl<S: WeightSource> WeightSource for MergedWeights<'_, S> {
    fn tensor(&mut self, parameter: &ParameterSpec) -> Result<Vec<f32>, ModelError> {
        let mut weight = self.base.tensor(parameter)?;
        let Some((Role::Linear(layer, target), Term::Weight)) = parameter.in_base else { return Ok(weight) };
        for adapter in self.adapters {
            let Some(matrices) = adapter.lora.matrices(self.config, layer, target) else { continue };
            let (a, b) = match matrices.each_ref().map(|matrix| adapter.tensors.get(&matrix.name)) {
                [Some(a), Some(b)] => (a, b),
                [None, None] => continue,
                [None, _] | [_, None] => {
                    return Err(ModelError::Missing { name: format!("{} or {}", matrices[0].name, matrices[1].name) });
                }
            };
            let (rank, outputs) = (adapter.lora.rank, b.shape[1]);
            let scale = (adapter.weight * adapter.lora.scale()) as f32;
            for (row, a) in weight.chunks_mut(outputs).zip(a.values.chunks(rank)) {
                for (a, b) in a.iter().zip(b.values.chunks(outputs)) {
                    row.iter_mut().zip(b).for_each(|(weight, b)| *weight += scale * a * b);
                }
            }
        }
        Ok(weight)
    }
}
