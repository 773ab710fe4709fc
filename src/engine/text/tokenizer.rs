//! Tokenizers in Hugging Face's `tokenizer.json`, through the `tokenizers` crate; and training one: byte-level BPE
//! (Sennrich et al. 2016; on bytes as in GPT-2), which can spell any text.

use super::chat::{ChatError, ChatTemplate};
use super::settings::TokenizerSettings;
use crate::data::{Message, Tokenizer, TokenizerError};
use serde_json::Value;
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::{
    AddedToken, ModelWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper, models::TrainerWrapper,
};

/// The token that ends an example in tokenizers trained here.
pub const END_OF_TEXT: &str = "<|endoftext|>";

/// What published tokenizers call their end, where the config does not say.
const KNOWN_ENDS: [&str; 5] = [END_OF_TEXT, "</s>", "<|end_of_text|>", "<|im_end|>", "<eos>"];

#[derive(Clone, Debug)]
pub struct TextTokenizer {
    inner: tokenizers::Tokenizer,
    end: u32,
    /// Every id after which an answer is over.
    ends: Vec<u32>,
    /// Every id at which generation stops.
    stops: Vec<u32>,
    /// What the post-processor puts before and after a text.
    around: [Vec<u32>; 2],
    largest: u32,
    settings: TokenizerSettings,
    chat: Option<Result<ChatTemplate, ChatError>>,
}

/// The day that templates are told in training, 26 July 2024, so that a run does not depend on when it is made. It is
/// the day that Llama's templates fall back to.
const TRAINING_DAY: i64 = 1_721_952_000;

impl TextTokenizer {
    /// Reads a `tokenizer.json` that stands alone. What ends a text is the first of `ends` (the config's
    /// `eos_token_id`), else the token `end_text`, else a name that published tokenizers use.
    pub fn read(json: &[u8], ends: &[u32], end_text: Option<&str>) -> Result<Self, TokenizerError> {
        Self::assemble(parse(json)?, ends, end_text, TokenizerSettings::default())
    }

    /// Reads a `tokenizer.json` with what stands beside it: tokens that only the settings name, where generation stops,
    /// and the chat template. A template that cannot be read is said when it is used, for the model completes plain text
    /// without it.
    pub fn open(json: &[u8], ends: &[u32], settings: TokenizerSettings) -> Result<Self, TokenizerError> {
        let mut inner = parse(json)?;
        if let Some(add_prefix_space) = settings.llama_prefix_space()
            && !is_byte_level(&inner)
        {
            // Where the class is Llama's, transformers 5 builds the steps before the model anew, whatever the file says.
            let scheme = match (add_prefix_space, settings.is_legacy()) {
                (true, true) => PrependScheme::Always,
                (true, false) => PrependScheme::First,
                (false, _) => PrependScheme::Never,
            };
            inner.with_normalizer(None::<NormalizerWrapper>).map_err(failed)?;
            inner.with_pre_tokenizer(Some(Metaspace::new('▁', scheme, false)));
        }
        if let Some(add_prefix_space) = settings.bytes_prefix_space() {
            set_prefix_space(&mut inner, add_prefix_space);
        }
        if settings.is_bare() {
            inner.with_post_processor(None::<PostProcessorWrapper>);
        }
        inner.add_tokens(settings.added_tokens()).map_err(failed)?;
        let tokens = settings.special_tokens();
        let known = inner.get_added_vocabulary().get_added_tokens_decoder();
        let known = |text: &str| known.values().any(|token| token.content == text);
        let new: Vec<AddedToken> = settings.named_tokens().into_iter().filter(|token| !known(&token.content)).collect();
        inner.add_tokens(new).map_err(failed)?;
        let end_of_turn = tokens.get("eos_token").map(String::as_str);
        let mut tokenizer = Self::assemble(inner, ends, end_of_turn, settings)?;
        let end_of_turn = end_of_turn.and_then(|text| tokenizer.inner.token_to_id(text));
        let generation = tokenizer.known(&tokenizer.settings.generation_ends());
        for id in end_of_turn.into_iter().chain(generation.iter().copied()) {
            if !tokenizer.ends.contains(&id) {
                tokenizer.ends.push(id);
            }
        }
        // transformers asks the generation's settings alone where they name an end.
        tokenizer.stops = if generation.is_empty() { tokenizer.ends.clone() } else { generation };
        let template = tokenizer.settings.template().map(str::to_string);
        tokenizer.chat = template.map(|source| ChatTemplate::read(&source, tokens));
        Ok(tokenizer)
    }

    fn assemble(
        inner: tokenizers::Tokenizer,
        ends: &[u32],
        end_text: Option<&str>,
        settings: TokenizerSettings,
    ) -> Result<Self, TokenizerError> {
        let largest = inner.get_vocab(true).values().copied().max();
        let largest = largest.ok_or_else(|| TokenizerError("it has no tokens".into()))?;
        let around = around(&inner)?;
        let mut tokenizer =
            TextTokenizer { inner, end: 0, ends: Vec::new(), stops: Vec::new(), around, largest, settings, chat: None };
        tokenizer.ends = tokenizer.known(ends);
        let by_name = || end_text.into_iter().chain(KNOWN_ENDS).find_map(|token| tokenizer.inner.token_to_id(token));
        tokenizer.end = tokenizer.ends.first().copied().or_else(by_name).ok_or_else(|| {
            TokenizerError("it names no token that ends a text: set `eos_token_id` in config.json".into())
        })?;
        if tokenizer.ends.is_empty() {
            tokenizer.ends.push(tokenizer.end);
        }
        tokenizer.stops = tokenizer.ends.clone();
        Ok(tokenizer)
    }

    /// Those of the ids that it has.
    fn known(&self, ids: &[u32]) -> Vec<u32> {
        ids.iter().copied().filter(|id| self.inner.id_to_token(*id).is_some()).collect()
    }

    pub fn settings(&self) -> &TokenizerSettings {
        &self.settings
    }

    /// A conversation in the model's chat template, told the time `now` (seconds since 1970, local); none where the
    /// model has no template.
    pub fn chat_at(&self, messages: &[Message], answer: bool, now: i64) -> Result<Option<String>, ChatError> {
        let Some(template) = &self.chat else { return Ok(None) };
        template.as_ref().map_err(Clone::clone)?.render(messages, answer, now).map(Some)
    }

    /// Trains a byte-level BPE of `vocab_size` tokens: id 0 ends a text, then the 256 bytes, then merges. The same
    /// texts give the same tokenizer.
    ///
    /// # Errors
    /// Where `vocab_size` has no room for the bytes, or the texts are too few for so many merges.
    pub fn train<'a>(texts: impl Iterator<Item = &'a str> + Send, vocab_size: usize) -> Result<Self, TokenizerError> {
        const LEAST: usize = 257;
        if vocab_size < LEAST {
            return Err(TokenizerError(format!("{vocab_size} tokens are too few: 256 bytes and an end need {LEAST}")));
        }
        let mut trainer: TrainerWrapper = BpeTrainerBuilder::new()
            .vocab_size(vocab_size)
            .min_frequency(2)
            .show_progress(false)
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
            .special_tokens(vec![AddedToken::from(END_OF_TEXT, true)])
            .build()
            .into();
        let bytes = ByteLevel::new(false, true, true);
        let mut inner = tokenizers::Tokenizer::new(ModelWrapper::from(BPE::default()));
        inner.with_pre_tokenizer(Some(bytes));
        inner.with_decoder(Some(bytes));
        inner.train(&mut trainer, texts).map_err(failed)?;
        let found = inner.get_vocab_size(true);
        if found < vocab_size {
            return Err(TokenizerError(format!("the texts give {found} tokens, not {vocab_size}: give more text")));
        }
        let json = inner.to_string(false).map_err(failed)?;
        Self::read(json.as_bytes(), &[], Some(END_OF_TEXT))
    }

    /// The `tokenizer.json`.
    pub fn to_json(&self) -> String {
        self.inner.to_string(false).expect("a tokenizer that was read or trained can be written")
    }

    /// The token's spelling.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The tokens of id `rows` or above: those that were added to the vocabulary, and whether all were.
    pub fn beyond(&self, rows: usize) -> (Vec<(u32, String)>, bool) {
        let beyond = |vocab: std::collections::HashMap<String, u32>| {
            let mut tokens: Vec<(u32, String)> = vocab.into_iter().map(|(token, id)| (id, token)).collect();
            tokens.retain(|(id, _)| *id as usize >= rows);
            tokens.sort();
            tokens
        };
        let all = beyond(self.inner.get_vocab(true));
        let added = self.inner.get_added_tokens_decoder();
        let all_added = all.iter().all(|(id, _)| added.contains_key(id));
        (all, all_added)
    }
}

impl Tokenizer for TextTokenizer {
    fn vocab_size(&self) -> usize {
        self.largest as usize + 1
    }

    fn end_of_text(&self) -> u32 {
        self.end
    }

    fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        Ok(self.inner.encode_fast(text, false).map_err(failed)?.get_ids().to_vec())
    }

    fn around(&self) -> (&[u32], &[u32]) {
        let [before, after] = &self.around;
        (before, after)
    }

    fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        self.inner.decode(ids, false).map_err(failed)
    }

    fn ends(&self, id: u32) -> bool {
        self.ends.contains(&id)
    }

    fn stops(&self, id: u32) -> bool {
        self.stops.contains(&id)
    }

    fn chat(&self, messages: &[Message], answer: bool) -> Result<Option<String>, TokenizerError> {
        self.chat_at(messages, answer, TRAINING_DAY).map_err(|error| TokenizerError(error.to_string()))
    }
}

/// Whether it reads bytes, as GPT-2's and Llama 3's do.
fn is_byte_level(tokenizer: &tokenizers::Tokenizer) -> bool {
    match tokenizer.get_pre_tokenizer() {
        Some(PreTokenizerWrapper::ByteLevel(_)) => true,
        Some(PreTokenizerWrapper::Sequence(steps)) => {
            steps.as_ref().iter().any(|step| matches!(step, PreTokenizerWrapper::ByteLevel(_)))
        }
        _ => false,
    }
}

/// Whether a tokenizer that reads bytes puts a space before a text.
fn set_prefix_space(tokenizer: &mut tokenizers::Tokenizer, add_prefix_space: bool) {
    let Some(mut step) = tokenizer.get_pre_tokenizer().cloned() else { return };
    let steps = match &mut step {
        PreTokenizerWrapper::Sequence(steps) => steps.as_mut(),
        one => std::slice::from_mut(one),
    };
    for step in steps {
        if let PreTokenizerWrapper::ByteLevel(bytes) = step {
            bytes.add_prefix_space = add_prefix_space;
        }
    }
    tokenizer.with_pre_tokenizer(Some(step));
}

/// The library's tokenizer of a `tokenizer.json`.
fn parse(json: &[u8]) -> Result<tokenizers::Tokenizer, TokenizerError> {
    let not_one = |error: String| TokenizerError(format!("not a tokenizer.json ({error})"));
    // The library panics where JSON is broken within a decoder, and on a broken table of characters.
    let value: Value = serde_json::from_slice(json).map_err(|error| not_one(error.to_string()))?;
    if holds_table(&value) {
        return Err(TokenizerError("its normaliser is a precompiled table, which this lab does not read".into()));
    }
    if let Some(token) = undefined_token(&value) {
        return Err(not_one(format!("its post-processor adds {token}, which it does not define")));
    }
    drop(value);
    let mut inner = tokenizers::Tokenizer::from_bytes(json).map_err(|error| not_one(error.to_string()))?;
    // Cutting and padding are the data's business.
    inner.with_padding(None);
    inner.with_truncation(None).map_err(failed)?;
    Ok(inner)
}

/// What the post-processor puts before and after a text, read off one.
fn around(inner: &tokenizers::Tokenizer) -> Result<[Vec<u32>; 2], TokenizerError> {
    let ids = |special| Ok(inner.encode_fast("a", special).map_err(failed)?.get_ids().to_vec());
    let (bare, all): (Vec<u32>, Vec<u32>) = (ids(false)?, ids(true)?);
    let starts = 0..=all.len().saturating_sub(bare.len());
    let start = starts.into_iter().find(|&start| all[start..].starts_with(&bare)).ok_or_else(|| {
        TokenizerError("its post-processor changes a text’s own tokens, which this lab does not read".into())
    })?;
    Ok([all[..start].to_vec(), all[start + bare.len()..].to_vec()])
}

/// Whether a part of the type "Precompiled" (SentencePiece's table of characters) is anywhere in it.
fn holds_table(value: &Value) -> bool {
    match value {
        Value::Object(map) => {
            map.get("type").is_some_and(|kind| kind == "Precompiled") || map.values().any(holds_table)
        }
        Value::Array(list) => list.iter().any(holds_table),
        _ => false,
    }
}

/// A token that a template anywhere in it adds and does not define: the library would panic when it encodes.
fn undefined_token(value: &Value) -> Option<&Value> {
    let defined = value.get("special_tokens");
    let pieces = ["single", "pair"].into_iter().filter_map(|part| value.get(part)?.as_array()).flatten();
    let mut added = pieces.filter_map(|piece| piece.get("SpecialToken")?.get("id"));
    let known = |id: &Value| id.as_str().is_some_and(|id| defined.is_some_and(|defined| defined.get(id).is_some()));
    added.find(|id| !known(id)).or_else(|| match value {
        Value::Object(map) => map.values().find_map(undefined_token),
        Value::Array(list) => list.iter().find_map(undefined_token),
        _ => None,
    })
}

fn failed(error: tokenizers::Error) -> TokenizerError {
    TokenizerError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::text::TokenizerClass;

    const TEXT: &str =
        "the cat sat on the mat; the dog sat on the cat. the hat and the bat sat there, then the rat ran.";

    fn trained() -> TextTokenizer {
        TextTokenizer::train([TEXT].into_iter(), 265).unwrap()
    }

    #[test]
    fn any_text_comes_back() {
        let tokenizer = trained();
        for text in ["", " ", "the cat", "Ünïcödé", "👩‍👩‍👧 漢字", "\0\x07\t\r\n", "<|endoftext|>", &"x".repeat(5000)]
        {
            let ids = tokenizer.encode(text).unwrap();
            assert!(ids.iter().all(|id| (*id as usize) < tokenizer.vocab_size()));
            assert_eq!(tokenizer.decode(&ids).unwrap(), text);
        }
    }

    #[test]
    fn frequent_words_are_one_token() {
        let tokenizer = trained();
        assert_eq!(tokenizer.vocab_size(), 265);
        assert_eq!(tokenizer.end_of_text(), 0);
        assert!(tokenizer.encode(TEXT).unwrap().len() < TEXT.len() * 9 / 10);
        assert_eq!(tokenizer.encode(" the").unwrap().len(), 1);
    }

    #[test]
    fn training_twice_gives_the_same_file() {
        assert_eq!(trained().to_json(), trained().to_json());
        let read = TextTokenizer::read(trained().to_json().as_bytes(), &[], None).unwrap();
        assert_eq!(read.encode(TEXT).unwrap(), trained().encode(TEXT).unwrap());
    }

    #[test]
    fn half_a_character_decodes_to_a_replacement() {
        let tokenizer = trained();
        let ids = tokenizer.encode("é").unwrap();
        assert_eq!(ids.len(), 2);
        assert_eq!(tokenizer.decode(&ids[..1]).unwrap(), "\u{FFFD}");
    }

    #[test]
    fn too_little_text_and_bad_files_are_refused() {
        assert!(TextTokenizer::train([""].into_iter(), 300).unwrap_err().0.contains("give more text"));
        assert!(TextTokenizer::train([TEXT].into_iter(), 100).unwrap_err().0.contains("257"));
        assert!(TextTokenizer::read(b"{\"model\": 3}", &[], None).unwrap_err().0.contains("not a tokenizer.json"));
    }

    /// A tokenizer of six tokens whose file puts a space before every stretch of text; ids from transformers 5.24.
    #[test]
    fn where_the_class_is_llamas_it_goes_before_the_file() {
        let special = |id: u32, content: &str| {
            serde_json::json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                               "normalized": false, "special": true})
        };
        let json = serde_json::json!({
            "version": "1.0", "added_tokens": [special(0, "<unk>"), special(1, "<s>"), special(2, "</s>")],
            "normalizer": {"type": "Sequence", "normalizers": [
                {"type": "Prepend", "prepend": "▁"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
            "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true, "merges": [],
                      "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2, "▁": 3, "a": 4, "b": 5}},
        });
        let cases: [(&str, Value, &[u32]); 6] = [
            ("llama", serde_json::json!({"tokenizer_class": "PreTrainedTokenizerFast"}), &[3, 4, 1, 3, 5, 3, 4]),
            ("llama", serde_json::json!({"tokenizer_class": "LlamaTokenizer"}), &[3, 4, 1, 5, 3, 4]),
            (
                "llama",
                serde_json::json!({"tokenizer_class": "LlamaTokenizerFast", "add_prefix_space": false}),
                &[4, 1, 5, 3, 4],
            ),
            (
                "llama",
                serde_json::json!({"tokenizer_class": "LlamaTokenizerFast", "legacy": true}),
                &[3, 4, 1, 3, 5, 3, 4],
            ),
            ("mistral", serde_json::json!({"tokenizer_class": "LlamaTokenizer"}), &[3, 4, 1, 3, 5, 3, 4]),
            ("llama", Value::Null, &[3, 4, 1, 3, 5, 3, 4]),
        ];
        for (model_type, config, ids) in cases {
            let tokenizer = with_class(&json, model_type, TokenizerClass::Stated, &config);
            assert_eq!(tokenizer.encode("a<s>b a").unwrap(), ids, "{model_type} {config}");
        }
    }

    fn with_class(json: &Value, model_type: &str, class: TokenizerClass, config: &Value) -> TextTokenizer {
        let config = Some(config.clone());
        let settings = TokenizerSettings { model_type: model_type.into(), class, config, ..Default::default() };
        TextTokenizer::open(json.to_string().as_bytes(), &[0], settings).unwrap()
    }

    /// Whether a space goes before "a" and <s> before all, by the class; as transformers 5.24 has it.
    #[test]
    fn where_the_class_reads_bytes_it_says_whether_a_space_goes_before() {
        let json = |add_prefix_space: bool| {
            serde_json::json!({
                "version": "1.0", "added_tokens": [],
                "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                    {"type": "Digits", "individual_digits": true},
                    {"type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": true, "use_regex": true}]},
                "post_processor": {"type": "TemplateProcessing",
                    "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
                    "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
                "model": {"type": "BPE", "merges": [], "vocab": {"<|endoftext|>": 0, "<s>": 1, "Ġ": 2, "a": 3}},
            })
        };
        let stated = |class: &str| serde_json::json!({"tokenizer_class": class});
        // By the file, and by the class where the settings say nothing, no and yes.
        use TokenizerClass::{Always, Stated, UnlessStated};
        let silent = || serde_json::json!({});
        for (family, class, by_class, bare) in [
            (Stated, stated("GPT2Tokenizer"), true, false),
            (Stated, silent(), false, false),
            (Stated, stated("PreTrainedTokenizerFast"), false, false),
            (Stated, stated("GPTNeoXTokenizerFast"), true, true),
            (UnlessStated("GPT2Tokenizer"), silent(), true, false),
            (UnlessStated("GPTNeoXTokenizer"), silent(), true, true),
            (UnlessStated("GPTNeoXTokenizer"), stated("GPT2TokenizerFast"), true, false),
            (Always("Qwen2Tokenizer"), stated("GPTNeoXTokenizer"), true, false),
        ] {
            for (file, asked) in
                [false, true].into_iter().flat_map(|file| [(file, None), (file, Some(false)), (file, Some(true))])
            {
                let mut config = class.clone();
                if let Some(asked) = asked {
                    config["add_prefix_space"] = asked.into();
                }
                let tokenizer = with_class(&json(file), "gpt2", family, &config);
                let space = if by_class { asked.unwrap_or(false) } else { file };
                let wanted: &[u32] = if space { &[2, 3] } else { &[3] };
                assert_eq!(tokenizer.encode("a").unwrap(), wanted, "{family:?} {config} {file}");
                let before: &[u32] = if bare { &[] } else { &[1] };
                assert_eq!(tokenizer.around().0, before, "{family:?} {config}");
            }
        }
    }
}
