//! Low-rank adaptation (Hu et al. 2021): matrices A and B beside each layer, as [`Lora::matrices`] says.
//!
//! PEFT adapts a family's own layers; ours are those of the one decoder. Where a family fuses query, key and value,
//! one of its adapters is three of ours with the same A, and three of ours with different A are one of three times
//! the rank, whose B is zero outside the blocks.

use super::peft::WEIGHTS;
use super::settings::{MERGE, Patterns, Settings, Targets};
use super::{AdaptError, Peft, Trainable};
use crate::engine::formats::{Description, Files, JsonFields, StoredTensor, TensorFiles, WeightsError};
use crate::engine::model::{
    Decoder, HostTensor, InitialWeights, LowRank, ModelError, Parameter, Tensors, WeightSource,
};
use crate::engine::ops::Weight;
use crate::seed::Seed;
use crate::spec::{Lora, Method, ModelConfig, ParameterSpec, Role, Target, Term};
use burn::Tensor;
use burn::tensor::TensorData;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

impl Trainable for Lora {
    /// Adapters that do nothing yet.
    fn fresh(&self, base: &Decoder, _text: &[u32], seed: Seed) -> Result<Decoder, AdaptError> {
        self.install(base, &mut InitialWeights(seed))
    }

    fn install(&self, base: &Decoder, source: &mut dyn WeightSource) -> Result<Decoder, AdaptError> {
        let mut model = base.clone();
        let device = model.device().clone();
        let mut found = false;
        for (layer, target, matrices) in self.layers(base.config()) {
            let Some(linear) = model.linear(layer, target) else { continue };
            let mut matrix = |parameter: &ParameterSpec| -> Result<Tensor<2>, ModelError> {
                let values = source.tensor(parameter)?;
                Ok(Tensor::from_data(TensorData::new(values, parameter.shape.clone()), &device))
            };
            let [a, b] = &matrices;
            let (a, b) = (matrix(a)?, matrix(b)?);
            linear.adapters.push(LowRank { a, b, scale: self.scale(), dropout: self.dropout });
            found = true;
        }
        if found { Ok(model) } else { Err(AdaptError::NoTarget { targets: self.targets.clone() }) }
    }

    /// The matrices of the adapter installed last.
    fn visit(&self, model: &mut Decoder, visit: &mut dyn FnMut(String, Parameter<'_>)) {
        for (layer, target, [a, b]) in self.layers(model.config()) {
            if let Some(adapter) = model.linear(layer, target).and_then(|linear| linear.adapters.last_mut()) {
                visit(a.name, Parameter::Matrix(&mut adapter.a));
                visit(b.name, Parameter::Matrix(&mut adapter.b));
            }
        }
    }

    /// 0 turns the adapter off, 1 is as trained. For blending several.
    fn weigh(&self, model: &mut Decoder, weight: f64) -> Result<(), AdaptError> {
        for layer in 0..model.config().layers {
            for &target in &self.targets {
                if let Some(adapter) = model.linear(layer, target).and_then(|linear| linear.adapters.last_mut()) {
                    adapter.scale = weight * self.scale();
                }
            }
        }
        Ok(())
    }

    /// `W + factor · s·A·B`.
    fn merge(
        &self,
        base: &ModelConfig,
        parameter: &ParameterSpec,
        adapter: &Tensors,
        factor: f64,
        weight: &mut [f32],
    ) -> Result<(), ModelError> {
        let Some((Role::Linear(layer, target), Term::Weight)) = parameter.in_base else { return Ok(()) };
        let Some(matrices) = self.matrices(base, layer, target) else { return Ok(()) };
        let (a, b) = match matrices.each_ref().map(|matrix| adapter.get(&matrix.name)) {
            [Some(a), Some(b)] => (a, b),
            [None, None] => return Ok(()),
            [None, _] | [_, None] => {
                return Err(ModelError::Missing { name: format!("{} or {}", matrices[0].name, matrices[1].name) });
            }
        };
        let scale = (factor * self.scale()) as f32;
        let outputs = b.shape[1];
        for (row, a) in weight.chunks_mut(outputs).zip(a.values.chunks(self.rank)) {
            for (a, b) in a.iter().zip(b.values.chunks(outputs)) {
                row.iter_mut().zip(b).for_each(|(weight, b)| *weight += scale * a * b);
            }
        }
        Ok(())
    }

    fn peft(&self) -> Option<&dyn Peft> {
        Some(self)
    }
}

/// A plain model in f32 whose weights contain all its adapters: `W + s·A·B`.
pub fn merge(adapted: &Decoder) -> Decoder {
    let mut model = adapted.dequantized();
    for layer in 0..model.config().layers {
        for target in Target::ALL {
            let Some(linear) = model.linear(layer, target) else { continue };
            for adapter in std::mem::take(&mut linear.adapters) {
                let dense = adapter.a.matmul(adapter.b).mul_scalar(adapter.scale);
                linear.weight = Weight::Whole(linear.weight.dense() + dense);
            }
        }
    }
    model
}

/// Takes the adapter `lora` with the values of `adapter` out of a merged model again, up to rounding.
pub fn unmerge(merged: &Decoder, lora: &Lora, adapter: &Tensors) -> Result<Decoder, AdaptError> {
    let mut adapted = lora.install(merged, &mut &*adapter)?;
    lora.weigh(&mut adapted, -1.0)?;
    Ok(merge(&adapted))
}

impl Peft for Lora {
    fn kind(&self) -> &'static str {
        "LORA"
    }

    fn write(&self, tensors: &Tensors, base: &Description) -> Result<(Value, Tensors), WeightsError> {
        let mut modules: BTreeMap<String, Vec<(Layer, &HostTensor, &HostTensor)>> = BTreeMap::new();
        for layer in layers(base, self) {
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
            let rank = self.rank * blocks;
            if rank != self.rank {
                let per_alpha = if self.rslora { (rank as f64).sqrt() } else { rank as f64 };
                ranks.insert(short(module).into(), rank.into());
                alphas.insert(short(module).into(), (self.scale() * per_alpha).into());
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
            "peft_type": self.kind(),
            "r": self.rank,
            "lora_alpha": self.alpha,
            "lora_dropout": self.dropout,
            "target_modules": targets,
            "use_rslora": self.rslora,
            "bias": "none",
            "fan_in_fan_out": base.family.is_conv1d(),
            "rank_pattern": ranks,
            "alpha_pattern": alphas,
        });
        Ok((settings, stored))
    }

    fn read(
        &self,
        settings: &Settings,
        file: &TensorFiles<&dyn Files>,
        base: &Description,
    ) -> Result<(Method, Tensors), WeightsError> {
        let fields = &settings.fields;
        const ALORA: &str = "alora_invocation_tokens";
        if fields.get(ALORA).is_some() {
            const REMEDY: &str = "run it with peft, or bring one that acts on all tokens";
            return Err(fields.wrong(
                ALORA,
                "it acts from these tokens on only, which this lab cannot compute",
                REMEDY,
            ));
        }
        let bias = fields.text_or("bias", "none")?;
        if bias != "none" {
            return Err(fields.wrong("bias", format!("{bias}: this lab’s adapters have none"), MERGE));
        }
        initialisation(fields)?;
        settings.only(&KNOWN)?;
        let targeted = Targets::read(fields)?;
        let (ranks, alphas) = (Patterns::read(settings, "rank_pattern")?, Patterns::read(settings, "alpha_pattern")?);
        let rslora = fields.flag_or("use_rslora", false)?;
        let alpha = fields.number_or("lora_alpha", 8.0)?;
        let dropout = fields.number_or("lora_dropout", 0.0)?;
        let common_rank = fields.count_or("r", 8)?;

        let mut used = BTreeSet::new();
        let mut found = Vec::new();
        for layer in layers(base, &Lora::default()) {
            let (a_name, b_name) = (key(&layer.module, "A"), key(&layer.module, "B"));
            let Some(a_shape) = file.shape(&a_name) else { continue };
            let rank = a_shape.first().copied().unwrap_or(0).max(1);
            if !targeted.has(&layer.module) {
                let problem = format!("with exclude_modules and layers_to_transform it leaves out {}", layer.module);
                return Err(fields.wrong("target_modules", problem, "but the weights hold it: PEFT would not use it"));
            }
            let own_rank = ranks.get(&layer.module).unwrap_or(common_rank as f64);
            if own_rank != rank as f64 {
                let problem = format!("it gives {} the rank {own_rank}, and its tensors have {rank}", layer.module);
                let field = if ranks.get(&layer.module).is_some() { "rank_pattern" } else { "r" };
                return Err(fields.wrong(field, problem, "settings and weights must be of one adapter"));
            }
            let [inputs, outputs] = layer.shape;
            let a = HostTensor { shape: vec![rank, inputs], values: file.read(&a_name, &[rank, inputs])? }.transposed();
            let b = file.read(&b_name, &layer.stored.stored_shape(&[rank, outputs]))?;
            let b = layer.stored.read(&[rank, outputs], b);
            let alpha = alphas.get(&layer.module).unwrap_or(alpha);
            let scale = Lora { rank, alpha, rslora, ..Lora::default() }.scale();
            used.extend([a_name, b_name]);
            found.push((layer, rank, a, b, scale));
        }
        if let Some(name) = file.names().find(|name| !used.contains(*name)) {
            return Err(unplaced(name, base));
        }
        let Some(rank) = found.iter().map(|(_, rank, ..)| *rank).max() else {
            return Err(WeightsError::file(WEIGHTS, "it holds no adapter", "check that it is the right file"));
        };
        let targets: BTreeSet<Target> = found.iter().map(|(layer, ..)| layer.target).collect();
        // One scale for all: PEFT's patterns are folded into B.
        let alpha = if common_rank == rank { alpha } else { rank as f64 };
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

/// The fields of PEFT's settings that are honoured, and after them those that change nothing here: what only some
/// initialisations read, how gradients were made, what only quantized or tied layers read.
const KNOWN: [&str; 22] = [
    "r",
    "lora_alpha",
    "lora_dropout",
    "use_rslora",
    "rank_pattern",
    "alpha_pattern",
    "target_modules",
    "exclude_modules",
    "layers_to_transform",
    "layers_pattern",
    "bias",
    "init_lora_weights",
    "fan_in_fan_out",
    "megatron_core",
    "runtime_config",
    "loftq_config",
    "eva_config",
    "corda_config",
    "lora_ga_config",
    "velora_config",
    "qalora_group_size",
    "ensure_weight_tying",
];

/// Refuses an adapter whose initialisation took something off the base's weights: PiSSA, OLoRA, CorDA, LoftQ, LoRA-GA.
/// The others are over once there are weights.
fn initialisation(fields: &JsonFields) -> Result<(), WeightsError> {
    const FIELD: &str = "init_lora_weights";
    const PLAIN: [&str; 4] = ["gaussian", "eva", "orthogonal", "mica"];
    match fields.get(FIELD) {
        None | Some(Value::Bool(_)) => Ok(()),
        Some(Value::String(name)) if PLAIN.contains(&name.to_lowercase().as_str()) => Ok(()),
        Some(value) => {
            let problem = format!("{value}: the adapter belongs to a base that this initialisation has changed");
            const REMEDY: &str = "save it as plain LoRA with peft: \
                                  save_pretrained(…, path_initial_model_for_weight_conversion=…)";
            Err(fields.wrong(FIELD, problem, REMEDY))
        }
    }
}

/// Why a tensor of the adapter has no place.
fn unplaced(name: &str, base: &Description) -> WeightsError {
    let of = |role| {
        let module = base.family.module(role, &base.config)?.name;
        name.strip_prefix("base_model.model.")?.strip_prefix(&module)?.starts_with('.').then_some(module)
    };
    let whole = !name.contains(".lora_");
    let problem = match (of(Role::Embedding), of(Role::Head)) {
        (Some(module), _) | (_, Some(module)) if whole => format!(
            "it is the whole of {module}, which peft saves beside an adapter where tokens were added or modules_to_save \
             names it: that is not computed here"
        ),
        (Some(module), _) => format!("LoRA on the embedding ({module}) is not computed here"),
        (_, Some(module)) => format!("LoRA on the head ({module}) is not computed here"),
        (None, None) => {
            const REMEDY: &str =
                "open the base that the adapter was made for; this lab adapts the linear layers of blocks";
            return WeightsError::tensor(WEIGHTS, name, "the base has no such layer", REMEDY);
        }
    };
    WeightsError::tensor(WEIGHTS, name, problem, MERGE)
}

impl HostTensor {
    /// `[rows, columns]` to `[columns, rows]`: between this lab's layout and PyTorch's.
    pub fn transposed(&self) -> HostTensor {
        let &[rows, columns] = self.shape.as_slice() else { return self.clone() };
        let values = (0..columns).flat_map(|c| (0..rows).map(move |r| self.values[r * columns + c])).collect();
        HostTensor { shape: vec![columns, rows], values }
    }
}
