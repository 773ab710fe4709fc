//! What stands beside a `tokenizer.json`: `tokenizer_config.json`, `special_tokens_map.json`, `generation_config.json` and
//! the chat template, each read as transformers 5 reads it.

use serde_json::{Map, Value};
use std::collections::BTreeMap;
use tokenizers::AddedToken;

/// The class that transformers 5 makes of a family's tokenizer, without "Fast".
#[derive(Clone, Copy, Debug, Default)]
pub enum TokenizerClass {
    /// The one that `tokenizer_config.json` states; where it states none, the file alone is believed.
    #[default]
    Stated,
    /// This one where none is stated.
    UnlessStated(&'static str),
    /// This one whatever is stated.
    Always(&'static str),
}

/// The files as they were read: kept so that a tuned model is written with all of them.
#[derive(Clone, Debug, Default)]
pub struct TokenizerSettings {
    /// `model_type` of the model's `config.json`: what transformers makes of a tokenizer's class depends on it.
    pub model_type: String,
    /// The class of the family's tokenizers.
    pub class: TokenizerClass,
    /// `tokenizer_config.json`.
    pub config: Option<Value>,
    /// `special_tokens_map.json`.
    pub special_tokens: Option<Value>,
    /// `generation_config.json`.
    pub generation: Option<Value>,
    /// `chat_template.jinja`, which goes before a template in the config.
    pub chat_template: Option<String>,
}

impl TokenizerSettings {
    /// The config's fields and, unless the config lists the added tokens, over them those of `special_tokens_map.json`.
    fn fields(&self) -> impl Iterator<Item = (&str, &Value)> {
        let config = self.config.as_ref().and_then(Value::as_object);
        let listed = config.is_some_and(|config| config.contains_key("added_tokens_decoder"));
        let map = self.special_tokens.as_ref().and_then(Value::as_object).filter(|_| !listed);
        let mut fields: BTreeMap<&str, &Value> = BTreeMap::new();
        for (name, value) in [config, map].into_iter().flatten().flat_map(Map::iter) {
            fields.insert(name, value);
        }
        fields.into_iter()
    }

    /// `bos_token` and the like, by their names, for templates.
    pub fn special_tokens(&self) -> BTreeMap<String, String> {
        let named = self.fields().filter(|(name, _)| name.ends_with("_token"));
        named.filter_map(|(name, value)| Some((name.to_string(), text(value)?.to_string()))).collect()
    }

    /// The tokens of `added_tokens_decoder`, in the order of their ids. They go before what the `tokenizer.json` says of them.
    pub fn added_tokens(&self) -> Vec<AddedToken> {
        let listed = self.config.as_ref().and_then(|config| config.get("added_tokens_decoder")?.as_object());
        let mut tokens: Vec<(u32, AddedToken)> =
            listed.into_iter().flatten().filter_map(|(id, token)| Some((id.parse().ok()?, added(token)?))).collect();
        tokens.sort_by_key(|(id, _)| *id);
        tokens.into_iter().map(|(_, token)| token).collect()
    }

    /// The tokens that the settings name for a purpose, as special ones, in the order in which transformers adds them.
    pub fn named_tokens(&self) -> Vec<AddedToken> {
        const FIRST: [&str; 7] =
            ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];
        const LISTS: [&str; 2] = ["extra_special_tokens", "additional_special_tokens"];
        let place = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
        let (lists, mut single): (Vec<_>, Vec<_>) = self
            .fields()
            .filter(|(name, _)| name.ends_with("_token") || LISTS.contains(name))
            .partition(|(name, _)| LISTS.contains(name));
        single.sort_by_key(|(name, _)| place(name));
        let listed = lists.into_iter().flat_map(|(_, list)| match list {
            Value::Array(list) => list.iter().collect::<Vec<_>>(),
            Value::Object(map) => map.values().collect(),
            _ => Vec::new(),
        });
        let tokens = single.into_iter().map(|(_, token)| token).chain(listed).filter_map(added);
        tokens.map(|token| AddedToken { special: true, ..token }).collect()
    }

    fn class(&self) -> Option<&str> {
        let stated = self.config.as_ref().and_then(|config| config.get("tokenizer_class")?.as_str());
        let stated = stated.map(|class| class.trim_end_matches("Fast"));
        match self.class {
            TokenizerClass::Stated => stated,
            TokenizerClass::UnlessStated(class) => stated.or(Some(class)),
            TokenizerClass::Always(class) => Some(class),
        }
    }

    fn adds_prefix_space(&self) -> Option<bool> {
        self.config.as_ref()?.get("add_prefix_space")?.as_bool()
    }

    /// Where the class is Llama's and the model too: whether a text begins as after a space.
    pub fn llama_prefix_space(&self) -> Option<bool> {
        let is_llama = self.model_type == "llama" && self.class() == Some("LlamaTokenizer");
        is_llama.then(|| self.adds_prefix_space().unwrap_or(true))
    }

    /// The same where the class is one that reads bytes.
    pub fn bytes_prefix_space(&self) -> Option<bool> {
        const BY_BYTES: [&str; 4] = ["GPT2Tokenizer", "Qwen2Tokenizer", "GPTNeoXTokenizer", "CodeGenTokenizer"];
        BY_BYTES.contains(&self.class()?).then(|| self.adds_prefix_space().unwrap_or(false))
    }

    /// Whether the class puts nothing around a text, whatever the file's post-processor says.
    pub fn is_bare(&self) -> bool {
        self.class() == Some("GPTNeoXTokenizer")
    }

    /// Whether the space goes before every stretch between special tokens, as it did before `legacy: false`.
    pub fn is_legacy(&self) -> bool {
        self.config.as_ref().and_then(|config| config.get("legacy")?.as_bool()).unwrap_or(false)
    }

    /// What `tokenizer_config.json` asks for that changes how a text is divided and is not done here.
    pub fn unused_config(&self) -> Vec<String> {
        let Some(config) = &self.config else { return Vec::new() };
        let asks = |name: &str| config.get(name).and_then(Value::as_bool).unwrap_or(false);
        let unused =
            [("split_special_tokens", true), ("add_bos_token", self.is_bare()), ("add_eos_token", self.is_bare())];
        let asked = unused.into_iter().filter(|(name, is_unused)| *is_unused && asks(name));
        asked.map(|(name, _)| format!("{name} (true)")).collect()
    }

    /// What `generation_config.json` asks for that changes what is generated and is not done here, with its value.
    pub fn unused_generation(&self) -> Vec<String> {
        // Each with the values that ask for nothing.
        const FIELDS: [(&str, &[f64]); 14] = [
            ("repetition_penalty", &[1.0]),
            ("no_repeat_ngram_size", &[0.0]),
            ("min_length", &[0.0]),
            ("min_new_tokens", &[0.0]),
            ("num_beams", &[1.0]),
            ("bad_words_ids", &[]),
            ("suppress_tokens", &[]),
            ("begin_suppress_tokens", &[]),
            ("sequence_bias", &[]),
            ("forced_bos_token_id", &[]),
            ("forced_eos_token_id", &[]),
            ("min_p", &[0.0]),
            ("typical_p", &[1.0]),
            ("guidance_scale", &[1.0]),
        ];
        let Some(settings) = &self.generation else { return Vec::new() };
        let asked = FIELDS.iter().filter_map(|(name, neutral)| {
            let value = settings.get(name).filter(|value| !value.is_null())?;
            let is_neutral = value.as_f64().is_some_and(|value| neutral.contains(&value))
                || value.as_array().is_some_and(Vec::is_empty);
            (!is_neutral).then(|| format!("{name} ({value})"))
        });
        asked.collect()
    }

    /// The ids at which generation stops; none where the settings name none.
    pub fn generation_ends(&self) -> Vec<u32> {
        self.generation.as_ref().map(end_ids).unwrap_or_default()
    }

    /// The chat template's source: the file, or the config's one, of a list of named ones the default.
    pub fn template(&self) -> Option<&str> {
        let named = || match self.config.as_ref()?.get("chat_template")? {
            Value::Array(list) => {
                let default = list.iter().find(|each| each.get("name").is_some_and(|name| name == "default"));
                default?.get("template")?.as_str()
            }
            text => text.as_str(),
        };
        self.chat_template.as_deref().or_else(named)
    }
}

/// `eos_token_id` of a config or of a generation's settings: a number or a list of them.
pub fn end_ids(json: &Value) -> Vec<u32> {
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    match json.get("eos_token_id") {
        Some(Value::Array(list)) => list.iter().filter_map(id).collect(),
        Some(value) => id(value).into_iter().collect(),
        None => Vec::new(),
    }
}

/// A token's text: a text, or an object with `content`.
fn text(token: &Value) -> Option<&str> {
    token.as_str().or_else(|| token.get("content")?.as_str())
}

/// A token with what the settings say of it; a bare text is special.
fn added(token: &Value) -> Option<AddedToken> {
    let flag = |name: &str, default: bool| token.get(name).and_then(Value::as_bool).unwrap_or(default);
    let special = flag("special", token.is_string());
    Some(AddedToken {
        content: text(token)?.to_string(),
        single_word: flag("single_word", false),
        lstrip: flag("lstrip", false),
        rstrip: flag("rstrip", false),
        normalized: flag("normalized", !special),
        special,
    })
}
