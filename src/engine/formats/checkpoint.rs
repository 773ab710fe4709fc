//! A model folder as a whole: opened to a config, a tokenizer and a source of weights; written from the same.

use super::files::{Files, parse_json, read_json, read_optional};
use super::tensors::{TensorFiles, Width, write_tensors};
use super::{Family, StoredTensor, WeightsError};
use crate::data::Tokenizer;
use crate::engine::formats::families::fields::CONFIG;
use crate::engine::formats::families::llama;
use crate::engine::model::{ModelError, Part, WeightSource};
use crate::engine::text::{TextTokenizer, TokenizerSettings, end_ids};
use crate::spec::{ModelConfig, ParameterSpec, Role, Term};
use serde_json::Value;
use std::collections::BTreeSet;

const TOKENIZER: &str = "tokenizer.json";
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
const SPECIAL_TOKENS: &str = "special_tokens_map.json";
const GENERATION: &str = "generation_config.json";
const CHAT_TEMPLATE: &str = "chat_template.jinja";

/// What a model is, apart from its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    pub family: &'static Family,
    pub config: ModelConfig,
    /// The folder's `config.json`, kept as it was read, so that a tuned model is written with all its fields.
    pub json: Value,
}

impl Description {
    /// Reads a `config.json`.
    pub fn read(json: Value) -> Result<Self, WeightsError> {
        let (family, config) = Family::read_config(&json)?;
        Ok(Description { family, config, json })
    }

    /// A model of the lab's own ladder, as a Llama; `None` where the config is none.
    pub fn ladder(config: &ModelConfig, end_of_text: u32) -> Option<Self> {
        let json = llama::write_config(config, end_of_text)?;
        Some(Description { family: &llama::LLAMA, config: config.clone(), json })
    }

    /// Where the model's files keep a head of its own.
    fn head(&self) -> Option<StoredTensor> {
        Some(self.family.module(Role::Head, &self.config)?.tensor(Term::Weight))
    }

    /// Where the model's files keep a parameter.
    pub fn stored(&self, parameter: &ParameterSpec) -> Result<StoredTensor, WeightsError> {
        let module = |(role, term)| Some(self.family.module(role, &self.config)?.tensor(term));
        parameter.in_base.and_then(module).ok_or_else(|| {
            let problem = format!("{} models have no place for {}", self.family.model_type(), parameter.name);
            WeightsError::Config(problem)
        })
    }
}

/// An opened model folder. Its weights are read when asked for.
pub struct Checkpoint<F> {
    pub description: Description,
    /// Absent where the folder has none: then only token ids can be given.
    pub tokenizer: Option<TextTokenizer>,
    pub tensors: TensorFiles<F>,
    /// What was read otherwise than a file says, in sentences.
    pub notes: Vec<String>,
}

impl<F: Files> Checkpoint<F> {
    /// Reads the config, the tokenizer and the headers of the weights, and checks that they fit together.
    pub fn open(files: F) -> Result<Self, WeightsError> {
        let mut description = Description::read(read_json(&files, CONFIG)?)?;
        let mut notes = Vec::new();
        let tokenizer = read_optional(&files, TOKENIZER)?;
        let tokenizer = tokenizer.map(|json| open_tokenizer(&files, &json, &description, &mut notes)).transpose()?;
        let tensors = TensorFiles::open(files)?;
        if own_head(&description, &tensors) {
            description.config.tied_embeddings = false;
            description.json["tie_word_embeddings"] = false.into();
            notes.push(
                "config.json ties the head to the embedding, and the weights hold a head of their own: it is used"
                    .into(),
            );
        }
        let mut checkpoint = Checkpoint { description, tokenizer, tensors, notes };
        let unread = checkpoint.unread();
        checkpoint.notes.extend(unread);
        Ok(checkpoint)
    }

    /// Says which weights of the file the config has no place for: a layer too many, a bias that it denies.
    fn unread(&self) -> Option<String> {
        // Tables that older versions of transformers saved and newer ones compute.
        const COMPUTED: [&str; 4] = ["rotary_emb.inv_freq", ".masked_bias", ".attn.bias", ".attention.bias"];
        let stored = self.config().parameter_table().into_iter().filter_map(|each| Some(self.stored(&each).ok()?.name));
        let read: BTreeSet<String> = stored.chain(self.description.head().map(|head| head.name)).collect();
        let is_computed = |name: &str| COMPUTED.iter().any(|table| name.ends_with(table));
        let mut unread = self.tensors.names().filter(|name| !read.contains(*name) && !is_computed(name));
        let first = unread.next()?;
        let more = match unread.count() {
            0 => String::new(),
            count => format!(" and {count} more"),
        };
        Some(format!("the weights hold {first}{more}, for which config.json has no place: not used"))
    }

    pub fn config(&self) -> &ModelConfig {
        &self.description.config
    }

    /// SHA-256 of the weights, which names this base in specs and records.
    pub fn sha256(&self) -> Result<String, WeightsError> {
        self.tensors.sha256()
    }

    /// Checks name and shape of every tensor without reading any: a folder that passes will load but for damaged
    /// numbers.
    pub fn check(&self) -> Result<(), WeightsError> {
        for parameter in self.config().parameter_table() {
            let stored = self.stored(&parameter)?;
            self.tensors.check(&stored.name, &stored.stored_shape(&parameter.shape))?;
        }
        Ok(())
    }

    /// Reads every number once, keeping none: a folder that passes loads.
    pub fn check_numbers(&self) -> Result<(), WeightsError> {
        let mut read = BTreeSet::new();
        for ref parameter @ ParameterSpec { ref shape, .. } in self.config().parameter_table() {
            let stored = self.stored(parameter)?;
            // A fused tensor holds several parameters.
            if read.insert(stored.name.clone()) {
                let rows = 0..stored.rows(shape);
                self.tensors.each_piece(&stored.name, &stored.stored_shape(shape), rows, |_, _| ())?;
            }
        }
        Ok(())
    }

    /// One parameter of the decoder, read and brought into our layout.
    pub fn parameter(&self, parameter: &ParameterSpec) -> Result<Vec<f32>, WeightsError> {
        let (stored, shape) = (self.stored(parameter)?, &parameter.shape);
        let stored_shape = stored.stored_shape(shape);
        if stored.lies_as_ours() {
            return self.tensors.read(&stored.name, &stored_shape);
        }
        self.tensors.check(&stored.name, &stored_shape)?;
        let mut ours = vec![0.0; shape.iter().product()];
        self.tensors.each_piece(&stored.name, &stored_shape, 0..stored.rows(shape), |rows, values| {
            stored.read_rows(shape, rows, values, &mut ours);
        })?;
        Ok(ours)
    }

    pub(super) fn stored(&self, parameter: &ParameterSpec) -> Result<StoredTensor, WeightsError> {
        let mut stored = self.description.stored(parameter)?;
        // A model saved without its head lacks the prefix.
        if self.tensors.shape(&stored.name).is_none()
            && let Some(bare) = stored.name.strip_prefix(self.description.family.prefix())
            && self.tensors.shape(bare).is_some()
        {
            stored.name = bare.to_string();
        }
        // Of a tied pair the file may hold the head alone, which lies as the embedding does.
        let embedding = parameter.in_base == Some((Role::Embedding, Term::Weight));
        if embedding
            && self.config().tied_embeddings
            && self.tensors.shape(&stored.name).is_none()
            && let Some(head) = self.description.head()
            && self.tensors.shape(&head.name).is_some()
        {
            stored.name = head.name;
        }
        Ok(stored)
    }
}

/// The tokenizer with what stands beside it. A token whose id is beyond the embedding's rows is noted where it was added to
/// the vocabulary (a padding token, mostly), and refused where the vocabulary itself is too large.
fn open_tokenizer(
    files: &impl Files,
    json: &[u8],
    description: &Description,
    notes: &mut Vec<String>,
) -> Result<TextTokenizer, WeightsError> {
    const REMEDY: &str = "take the tokenizer.json of this model";
    let optional = |file| read_optional(files, file)?.map(|bytes| parse_json(file, &bytes)).transpose();
    let settings = TokenizerSettings {
        class: description.family.tokenizer(),
        model_type: description.json.get("model_type").and_then(Value::as_str).unwrap_or_default().to_string(),
        config: optional(TOKENIZER_CONFIG)?,
        special_tokens: optional(SPECIAL_TOKENS)?,
        generation: optional(GENERATION)?,
        chat_template: read_optional(files, CHAT_TEMPLATE)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    };
    let tokenizer = TextTokenizer::open(json, &end_ids(&description.json), settings)
        .map_err(|error| WeightsError::file(TOKENIZER, error.0, REMEDY))?;
    let unused = tokenizer.settings().unused_config();
    if !unused.is_empty() {
        notes.push(format!(
            "{TOKENIZER_CONFIG} asks for {}: not done here, texts are divided as {TOKENIZER} says",
            unused.join(", ")
        ));
    }
    let unused = tokenizer.settings().unused_generation();
    if !unused.is_empty() {
        notes.push(format!("{GENERATION} asks for {}: not done here, so completions may differ", unused.join(", ")));
    }
    let rows = description.config.vocab_size;
    let (beyond, added) = tokenizer.beyond(rows);
    match (beyond.first(), beyond.last()) {
        (Some(_), Some((largest, _))) if !added => {
            let problem = format!("it has a token of id {largest}; the model's embedding has {rows} rows");
            return Err(WeightsError::file(TOKENIZER, problem, REMEDY));
        }
        (Some((first, token)), _) => notes.push(format!(
            "{TOKENIZER}: the model's embedding has {rows} rows, none for {token} (id {first}){}: a text that holds it is \
             refused",
            if beyond.len() > 1 { format!(" and {} more", beyond.len() - 1) } else { String::new() }
        )),
        _ => {}
    }
    Ok(tokenizer)
}

/// Whether a config ties the head to the embedding and the file's two differ. Where only the file's start is at hand, as
/// when a hub is looked at, the config is believed.
fn own_head<F: Files>(description: &Description, tensors: &TensorFiles<F>) -> bool {
    let config = &description.config;
    let Some(head) = description.head().filter(|_| config.tied_embeddings) else { return false };
    let Ok(embedding) = description.stored(&config.parameter(Role::Embedding, Term::Weight)) else { return false };
    let shape = [config.vocab_size, config.d_model];
    let held = |name: &str| tensors.shape(name) == Some(&shape[..]);
    held(&head.name) && held(&embedding.name) && tensors.same(&head.name, &embedding.name).is_ok_and(|same| !same)
}

impl<F: Files> WeightSource for Checkpoint<F> {
    fn tensor(&mut self, parameter: &ParameterSpec) -> Result<Vec<f32>, ModelError> {
        Ok(self.parameter(parameter)?)
    }

    fn parts(
        &mut self,
        parameter: &ParameterSpec,
        shape: [usize; 2],
        take: &mut dyn FnMut(Part) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        self.read_parts(parameter, shape, take)
    }
}

/// Tensors under the table's own names, as the lab keeps what a run trained.
impl<F: Files> WeightSource for TensorFiles<F> {
    fn tensor(&mut self, parameter: &ParameterSpec) -> Result<Vec<f32>, ModelError> {
        Ok(self.read(&parameter.name, &parameter.shape)?)
    }
}

/// A file of a model folder.
pub type ModelFile = (String, Vec<u8>);

/// A full model as a Hugging Face folder: `config.json`, `model.safetensors` and, with a tokenizer,
/// `tokenizer.json` and what stands beside it. Weights are pulled one at a time; `metadata` enters the
/// safetensors header.
pub fn write_folder(
    description: &Description,
    weights: &mut impl WeightSource,
    tokenizer: Option<&TextTokenizer>,
    width: Width,
    metadata: &[(&str, &str)],
) -> Result<Vec<ModelFile>, WeightsError> {
    const WEIGHTS: &str = "model.safetensors";
    // A fused tensor is written once, from all its parts.
    let mut tensors: Vec<(String, Vec<usize>)> = Vec::new();
    let mut parts: Vec<Vec<(StoredTensor, ParameterSpec)>> = Vec::new();
    for parameter in description.config.parameter_table() {
        let stored = description.stored(&parameter)?;
        match tensors.iter().position(|(name, _)| *name == stored.name) {
            Some(at) => parts[at].push((stored, parameter)),
            None => {
                tensors.push((stored.name.clone(), stored.stored_shape(&parameter.shape)));
                parts.push(vec![(stored, parameter)]);
            }
        }
    }
    let mut next = parts.iter();
    let bytes = write_tensors(WEIGHTS, &tensors, width, metadata, |_, stored_shape| {
        let mut values = vec![0.0; stored_shape.iter().product()];
        for (stored, parameter) in next.next().into_iter().flatten() {
            let ours = weights.tensor(parameter).map_err(|error| WeightsError::Source(error.to_string()))?;
            stored.write(&parameter.shape, &ours, &mut values);
        }
        Ok(values)
    })?;

    let mut json = description.json.clone();
    json["torch_dtype"] = match width {
        Width::F32 => "float32".into(),
        Width::F16 => "float16".into(),
    };
    if let Some(object) = json.as_object_mut() {
        object.remove("dtype");
    }
    let mut files = vec![(CONFIG.to_string(), pretty(&json)), (WEIGHTS.to_string(), bytes)];
    if let Some(tokenizer) = tokenizer {
        let TokenizerSettings { config, special_tokens, generation, chat_template, .. } = tokenizer.settings();
        let plain = || {
            serde_json::json!({
                "tokenizer_class": "PreTrainedTokenizerFast",
                "eos_token": tokenizer.token(tokenizer.end_of_text()),
                "bos_token": tokenizer.token(tokenizer.end_of_text()),
                "model_max_length": description.config.context,
                "clean_up_tokenization_spaces": false,
            })
        };
        files.push((TOKENIZER.to_string(), tokenizer.to_json().into_bytes()));
        files.push((TOKENIZER_CONFIG.to_string(), pretty(&config.clone().unwrap_or_else(plain))));
        let beside = [(SPECIAL_TOKENS, special_tokens), (GENERATION, generation)];
        files.extend(beside.into_iter().filter_map(|(name, json)| Some((name.to_string(), pretty(json.as_ref()?)))));
        files.extend(chat_template.as_ref().map(|text| (CHAT_TEMPLATE.to_string(), text.clone().into_bytes())));
    }
    Ok(files)
}

pub(crate) fn pretty(json: &Value) -> Vec<u8> {
    format!("{json:#}\n").into_bytes()
}
