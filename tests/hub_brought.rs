//! Files as people bring them give what transformers and peft make of them: configs with fields under other names or in other
//! places, adapters with every kind of setting, tokenizers with files beside them. Made by tests/golden/brought.py.
#![cfg(feature = "engine")]

mod hub;

use burn::tensor::Device;
use hub::*;
use pollster::block_on;
use serde_json::{Value, json};
use std::path::PathBuf;
use tunelab::data::{Example, Message, Tokenizer, tokenize};
use tunelab::engine::adapt::{self, peft};
use tunelab::engine::formats::{
    Checkpoint, Description, Files, MemoryFiles, TensorFiles, Width, write_folder, write_tensors,
};
use tunelab::engine::model::{Decoder, Generator};
use tunelab::job::Sampling;
use tunelab::spec::{Position, Role, Term};

const TOLERANCE: f64 = 2e-5;

fn brought() -> PathBuf {
    golden().parent().unwrap().join("brought")
}

fn cases(file: &str) -> Vec<Value> {
    serde_json::from_slice(&std::fs::read(brought().join(file)).unwrap()).unwrap()
}

/// The last row's first logits, as the goldens have them.
fn last_logits(model: &Decoder, ids: &[u32], wanted: &Value) -> f64 {
    let all = logits(model, ids, 1);
    let last = &all[all.len() - model.config().vocab_size..];
    let wanted: Vec<f32> = numbers(wanted).into_iter().map(|x| x as f32).collect();
    difference(&last[..wanted.len()], &wanted)
}

fn load(checkpoint: &mut Checkpoint<MemoryFiles>) -> Decoder {
    let config = checkpoint.config().clone();
    Decoder::load(&config, checkpoint, &Device::flex()).unwrap()
}

#[test]
fn configs_are_read_as_transformers_reads_them() {
    let cases = cases("configs.json");
    assert!(cases.len() > 35);
    for case in cases {
        let config = &case["config"];
        let read = &case["read"];
        let Ok(found) = Description::read(config.clone()) else {
            assert!(read.is_null(), "{config} is refused");
            continue;
        };
        assert!(!read.is_null(), "{config} is read");
        let found = found.config;
        let counts = json!({
            "vocab_size": found.vocab_size, "context": found.context, "d_model": found.d_model, "layers": found.layers,
            "heads": found.heads, "kv_heads": found.kv_heads, "head_dim": found.head_dim, "d_ff": found.d_ff,
            "tied": found.tied_embeddings,
        });
        for (name, value) in counts.as_object().unwrap() {
            assert_eq!(*value, read[name], "{name} of {config}");
        }
        if let Position::Rotary { theta, fraction } = found.position {
            assert_eq!(Some(theta), read["theta"].as_f64(), "theta of {config}");
            assert_eq!(Some(fraction), read["fraction"].as_f64(), "share that rotates of {config}");
        }
        for (layer, window) in read["windows"].as_array().unwrap().iter().enumerate() {
            assert_eq!(found.window(layer).map(|window| window as u64), window.as_u64(), "layer {layer} of {config}");
        }
    }
}

/// A llama adapter of the goldens with settings put into its file, in the order of the text.
fn with_settings(settings: &str) -> MemoryFiles {
    let mut files = folder(golden().join("llama/lora"));
    let mut own: Value = serde_json::from_slice(&files.0["adapter_config.json"]).unwrap();
    let changed: Value = serde_json::from_str(settings).unwrap();
    changed.as_object().unwrap().keys().for_each(|key| drop(own.as_object_mut().unwrap().remove(key)));
    let own = own.to_string();
    let both = match settings {
        "{}" => own,
        settings => format!("{},{}", &own[..own.len() - 1], &settings[1..]),
    };
    files.0.insert("adapter_config.json".into(), both.into_bytes());
    files
}

#[test]
fn adapters_act_as_peft_lets_them() {
    const IDS: [u32; 12] = [3, 17, 42, 5, 5, 60, 1, 33, 20, 9, 11, 50];
    let base = load(&mut family("llama"));
    // The settings as text: patterns count in the file's order.
    let text = std::fs::read_to_string(brought().join("adapters.json")).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with('{')).collect();
    assert!(lines.len() > 14);
    for line in lines {
        let case: Value = serde_json::from_str(line.trim_end_matches(',')).unwrap();
        let settings = &line["{\"settings\": ".len()..line.find(", \"logits\"").unwrap()];
        let adapter = peft::read(with_settings(settings), &family("llama").description)
            .unwrap_or_else(|error| panic!("{settings}: {error}"));
        let model = adapt::install(&base, &adapter.method, &mut &adapter.tensors).unwrap();
        let off = last_logits(&model, &IDS, &case["logits"]);
        assert!(off < TOLERANCE, "{settings}: logits differ by {off}");
    }
}

fn refused_adapter(files: MemoryFiles, says: &[&str]) {
    let error = peft::read(files, &family("llama").description).expect_err("it must be refused").to_string();
    says.iter().for_each(|part| assert!(error.contains(part), "{error:?} does not say {part:?}"));
}

#[test]
fn what_an_adapter_asks_for_and_is_not_computed_is_refused_by_name() {
    const CONVERT: &str = "path_initial_model_for_weight_conversion";
    for name in ["pissa", "pissa_niter_4", "olora", "corda", "loftq", "lora_ga"] {
        let settings = json!({ "init_lora_weights": name }).to_string();
        refused_adapter(with_settings(&settings), &["init_lora_weights", name, CONVERT]);
    }
    let merged = ["merge_and_unload"];
    for (settings, name) in [
        (json!({"use_dora": true}), "use_dora"),
        (json!({"use_qalora": true}), "use_qalora"),
        (json!({"use_bdlora": {"nblocks": 2}}), "use_bdlora"),
        (json!({"lora_bias": true}), "lora_bias"),
        (json!({"modules_to_save": ["lm_head"]}), "modules_to_save"),
        (json!({"layer_replication": [[0, 2], [1, 2]]}), "layer_replication"),
        (json!({"target_parameters": ["q_proj.weight"]}), "target_parameters"),
        (json!({"trainable_token_indices": [1, 2]}), "trainable_token_indices"),
        (json!({"arrow_config": {"top_k": 3}}), "arrow_config"),
        (json!({"kasa_config": {"beta": 1.0}}), "kasa_config"),
        (json!({"monteclora_config": {"num_samples": 8}}), "monteclora_config"),
        (json!({"megatron_config": {"a": 1}}), "megatron_config"),
        (json!({"use_what_comes_next": 0.5}), "use_what_comes_next"),
    ] {
        refused_adapter(with_settings(&settings.to_string()), &[&[name], &merged[..]].concat());
    }
    refused_adapter(
        with_settings(r#"{"alora_invocation_tokens": [5, 6]}"#),
        &["alora_invocation_tokens", "from these tokens on"],
    );
    refused_adapter(with_settings(r#"{"bias": "lora_only"}"#), &["bias"]);
    refused_adapter(with_settings(r#"{"alpha_pattern": {"(q_proj": 3}}"#), &["alpha_pattern", "(q_proj is no pattern"]);
    refused_adapter(
        with_settings(r#"{"rank_pattern": {"q_proj": 4}}"#),
        &["rank_pattern", "q_proj the rank 4", "have 2"],
    );
    refused_adapter(with_settings(r#"{"r": 4}"#), &["`r`", "the rank 4", "have 2"]);
    for (settings, module) in [
        (r#"{"target_modules": ["k_proj"]}"#, "q_proj"),
        (r#"{"target_modules": ".*mlp.*"}"#, "q_proj"),
        (r#"{"exclude_modules": ["o_proj"]}"#, "o_proj"),
        (r#"{"layers_to_transform": 1}"#, "layers.0"),
        (r#"{"layers_to_transform": [0], "layers_pattern": ["layers"]}"#, "layers.1"),
    ] {
        refused_adapter(with_settings(settings), &["target_modules", module]);
    }
}

#[test]
fn low_rank_changes_of_embedding_and_head_are_refused_as_such() {
    let with_tensor = |name: &str| {
        let mut files = with_settings("{}");
        let tensors = TensorFiles::open_file(files.clone(), "adapter_model.safetensors").unwrap();
        let mut list: Vec<_> =
            tensors.names().map(|own| (own.to_string(), tensors.shape(own).unwrap().to_vec())).collect();
        list.push((format!("base_model.model.{name}"), vec![2, 16]));
        let weights = write_tensors("", &list, Width::F32, &[], |own, shape| match own.ends_with(name) {
            true => Ok(vec![0.0; 32]),
            false => tensors.read(own, shape),
        });
        files.0.insert("adapter_model.safetensors".into(), weights.unwrap());
        files
    };
    let remedy = "merge_and_unload";
    refused_adapter(
        with_tensor("model.embed_tokens.lora_embedding_A"),
        &["LoRA on the embedding", "embed_tokens", remedy],
    );
    refused_adapter(with_tensor("lm_head.lora_A.weight"), &["LoRA on the head", "lm_head", remedy]);
    refused_adapter(with_tensor("model.embed_tokens.weight"), &["the whole of model.embed_tokens", remedy]);
    refused_adapter(with_tensor("model.norm.weight"), &["model.norm.weight", "no such layer"]);
}

#[test]
fn prompts_with_settings_of_another_model_are_refused() {
    let read = |change: Value| {
        let mut files = folder(golden().join("llama/prompt"));
        let mut own: Value = serde_json::from_slice(&files.0["adapter_config.json"]).unwrap();
        own.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        files.0.insert("adapter_config.json".into(), own.to_string().into_bytes());
        peft::read(files, &family("llama").description).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(read(json!({"prompt_tuning_init": "TEXT", "prompt_tuning_init_text": "a"})), Ok(()));
    for change in [
        json!({"token_dim": 17}),
        json!({"num_transformer_submodules": 2}),
        json!({"modules_to_save": ["lm_head"]}),
        json!({"what_comes_next": true}),
    ] {
        let name = change.as_object().unwrap().keys().next().unwrap().clone();
        assert!(read(change).unwrap_err().contains(&name));
    }
}

/// The golden llama with its weights and config changed.
fn llama(change: impl FnOnce(&mut Value, &mut Vec<(String, Vec<usize>, Vec<f32>)>)) -> MemoryFiles {
    let files = folder(golden().join("llama"));
    let tensors = TensorFiles::open(files.clone()).unwrap();
    let mut list: Vec<_> = tensors
        .names()
        .map(|name| (name.to_string(), tensors.shape(name).unwrap().to_vec()))
        .map(|(name, shape)| (name.clone(), shape.clone(), tensors.read(&name, &shape).unwrap()))
        .collect();
    let mut config: Value = serde_json::from_slice(&files.0["config.json"]).unwrap();
    change(&mut config, &mut list);
    let shapes: Vec<_> = list.iter().map(|(name, shape, _)| (name.clone(), shape.clone())).collect();
    let values = |name: &str| list.iter().find(|(own, ..)| own == name).unwrap().2.clone();
    let weights = write_tensors("", &shapes, Width::F32, &[], |name, _| Ok(values(name))).unwrap();
    [("config.json".to_string(), config.to_string().into_bytes()), ("model.safetensors".into(), weights)]
        .into_iter()
        .collect()
}

#[test]
fn a_head_of_its_own_goes_before_the_tie_flag() {
    let wanted = tensor(&expected("llama").1, "logits");
    let inputs = ids(&expected("llama").0["inputs"]);
    let mut own = Checkpoint::open(llama(|config, _| config["tie_word_embeddings"] = true.into())).unwrap();
    assert!(own.notes[0].contains("a head of their own"), "{:?}", own.notes);
    assert!(difference(&logits(&load(&mut own), &inputs, 2)[..wanted.len()], &wanted) < TOLERANCE);
    // What is written says what was read.
    let description = own.description.clone();
    let written: MemoryFiles =
        write_folder(&description, &mut own, None, Width::F32, &[]).unwrap().into_iter().collect();
    assert!(Checkpoint::open(written).unwrap().notes.is_empty());

    let same = |config: &mut Value, list: &mut Vec<(String, Vec<usize>, Vec<f32>)>| {
        config["tie_word_embeddings"] = true.into();
        let embedding = list.iter().find(|(name, ..)| name == "model.embed_tokens.weight").unwrap().2.clone();
        list.iter_mut().find(|(name, ..)| name == "lm_head.weight").unwrap().2 = embedding;
    };
    let mut tied = Checkpoint::open(llama(same)).unwrap();
    assert!(tied.notes.is_empty() && tied.config().tied_embeddings);
    // Of a tied pair the file may hold the head alone.
    let mut head = Checkpoint::open(llama(|config, list| {
        same(config, list);
        list.retain(|(name, ..)| name != "model.embed_tokens.weight");
    }))
    .unwrap();
    head.check().unwrap();
    assert_eq!(logits(&load(&mut head), &inputs, 2), logits(&load(&mut tied), &inputs, 2));
}

#[test]
fn shards_hold_what_the_index_says_and_nothing_else() {
    let mut files = folder(golden().join("llama"));
    let shards: Vec<String> = files.0.keys().filter(|name| name.ends_with(".safetensors")).cloned().collect();
    let index: Value = serde_json::from_slice(&files.0["model.safetensors.index.json"]).unwrap();
    let last = shards.iter().rfind(|name| name.starts_with("model-")).unwrap().clone();
    let (stale, _) =
        index["weight_map"].as_object().unwrap().iter().find(|(_, shard)| shard.as_str() != Some(&last)).unwrap();
    // A later shard also holds an old copy of a tensor of an earlier one, and one that no longer is.
    let tensors = TensorFiles::open_file(files.clone(), &last).unwrap();
    let mut list: Vec<_> =
        tensors.names().map(|name| (name.to_string(), tensors.shape(name).unwrap().to_vec())).collect();
    let shape = TensorFiles::open(files.clone()).unwrap().shape(stale).unwrap().to_vec();
    list.extend([(stale.clone(), shape), ("model.gone.weight".into(), vec![3])]);
    let bytes = write_tensors("", &list, Width::F32, &[], |name, shape| match tensors.shape(name) {
        Some(_) => tensors.read(name, shape),
        None => Ok(vec![9.0; shape.iter().product()]),
    });
    files.0.insert(last, bytes.unwrap());
    let mut checkpoint = Checkpoint::open(files).unwrap();
    let inputs = ids(&expected("llama").0["inputs"]);
    let wanted = tensor(&expected("llama").1, "logits");
    assert!(difference(&logits(&load(&mut checkpoint), &inputs, 2)[..wanted.len()], &wanted) < TOLERANCE);
    assert!(checkpoint.tensors.names().all(|name| name != "model.gone.weight"));
}

#[test]
fn a_config_with_pythons_infinity_is_read() {
    let mut files = folder(golden().join("llama"));
    let config = String::from_utf8(files.0["config.json"].clone()).unwrap();
    let with =
        |field: &str| format!("{},\n \"{field}\": Infinity\n}}", config.trim_end().trim_end_matches('}').trim_end());
    files.0.insert("config.json".into(), with("max_loss").into_bytes());
    Checkpoint::open(files.clone()).unwrap().check().unwrap();
    let number = config.replace("\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": NaN");
    assert_ne!(number, config);
    files.0.insert("config.json".into(), number.into_bytes());
    let error = Checkpoint::open(files).err().unwrap().to_string();
    assert!(error.contains("rms_norm_eps") && error.contains("must be a number"), "{error}");
}

#[test]
fn angles_stretched_by_one_are_as_they_are() {
    let stretched = |factor: f64| {
        let mut files = folder(golden().join("llama"));
        let mut config: Value = serde_json::from_slice(&files.0["config.json"]).unwrap();
        config["rope_scaling"] = json!({"type": "linear", "factor": factor});
        files.0.insert("config.json".into(), config.to_string().into_bytes());
        Checkpoint::open(files)
    };
    assert!(stretched(1.0).is_ok());
    let error = stretched(2.0).err().unwrap().to_string();
    assert!(error.contains("rope_scaling"), "{error}");
}

#[test]
fn what_is_read_and_not_used_is_said() {
    let open = |change: &dyn Fn(&mut MemoryFiles)| {
        let mut files = folder(brought().join("special"));
        change(&mut files);
        Checkpoint::open(files).unwrap()
    };
    let notes = |checkpoint: &Checkpoint<MemoryFiles>| checkpoint.notes.join("\n");
    let plain = open(&|_| ());
    assert!(plain.notes.is_empty(), "{:?}", plain.notes);
    let generation = |settings: &'static str| {
        move |files: &mut MemoryFiles| drop(files.0.insert("generation_config.json".into(), settings.into()))
    };
    let neutral = open(&generation(
        r#"{"eos_token_id": 2, "repetition_penalty": 1.0, "suppress_tokens": [], "do_sample": true}"#,
    ));
    assert!(neutral.notes.is_empty(), "{:?}", neutral.notes);
    let config = |files: &mut MemoryFiles| {
        let mut config: Value = serde_json::from_slice(&files.0["tokenizer_config.json"]).unwrap();
        config["tokenizer_class"] = "Qwen2TokenizerFast".into();
        (config["add_prefix_space"], config["split_special_tokens"]) = (true.into(), true.into());
        files.0.insert("tokenizer_config.json".into(), config.to_string().into_bytes());
    };
    assert!(notes(&open(&config)).contains("split_special_tokens"), "{:?}", open(&config).notes);
    assert!(!notes(&open(&config)).contains("add_prefix_space"), "it is done: {:?}", open(&config).notes);
    let asking = open(&generation(r#"{"repetition_penalty": 1.3, "suppress_tokens": [5], "min_new_tokens": 3}"#));
    for named in ["repetition_penalty (1.3)", "suppress_tokens ([5])", "min_new_tokens (3)"] {
        assert!(notes(&asking).contains(named), "{:?}", asking.notes);
    }
    let mut files = folder(golden().join("llama"));
    assert!(Checkpoint::open(files.clone()).unwrap().notes.is_empty());
    let mut config: Value = serde_json::from_slice(&files.0["config.json"]).unwrap();
    let fewer = config["num_hidden_layers"].as_u64().unwrap() - 1;
    config["num_hidden_layers"] = json!(fewer);
    files.0.insert("config.json".into(), config.to_string().into_bytes());
    let fewer_layers = Checkpoint::open(files).unwrap();
    assert!(notes(&fewer_layers).contains(&format!("layers.{fewer}.")), "{:?}", fewer_layers.notes);
}

fn special() -> (Checkpoint<MemoryFiles>, Value) {
    let files = folder(brought().join("special"));
    let golden = serde_json::from_slice(&files.0["golden.json"]).unwrap();
    (Checkpoint::open(files).unwrap(), golden)
}

#[test]
fn a_text_becomes_the_ids_that_transformers_reads_everywhere() {
    let (mut checkpoint, golden) = special();
    let tokenizer = checkpoint.tokenizer.clone().unwrap();
    for case in golden["whole"].as_array().unwrap() {
        assert_eq!(tokenizer.whole(case["text"].as_str().unwrap()).unwrap(), ids(&case["ids"]), "{}", case["text"]);
    }
    let model = load(&mut checkpoint);
    for case in golden["examples"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        let tokens = tokenize(&Example::new(text("prompt"), text("completion")), &tokenizer, 64).unwrap();
        assert_eq!(tokens.ids, ids(&case["ids"]), "{case}");
        assert_eq!(tokens.target_start as u64, case["target_start"].as_u64().unwrap());
        let (inputs, targets) = (&tokens.ids[..tokens.ids.len() - 1], &tokens.ids[1..]);
        let weight = |at: usize| u32::from(at + 1 >= tokens.target_start);
        let weights: Vec<u32> = (0..targets.len()).map(weight).collect();
        let found = loss(
            &logits(&model, inputs, 1),
            &json!({"targets": targets, "weights": weights}),
            model.config().vocab_size,
        );
        let off = found - case["nats_per_token"].as_f64().unwrap();
        assert!(off.abs() < 1e-4, "{case}: the loss differs by {off}");
    }
    let chat = [Message::new("user", "the cat"), Message::new("assistant", "sat")];
    assert_eq!(tokenizer.chat(&chat, false).unwrap().as_deref(), golden["chat"].as_str());
}

#[test]
fn generation_stops_where_its_settings_say() {
    let (mut checkpoint, golden) = special();
    let tokenizer = checkpoint.tokenizer.clone().unwrap();
    let model = load(&mut checkpoint);
    let mut ids_of = tokenizer.opened(golden["prompt"].as_str().unwrap(), false).unwrap();
    let sampling = Sampling { max_tokens: 24, temperature: 0.0, ..Sampling::default() };
    let mut generator = block_on(Generator::start(&model, &ids_of, sampling)).unwrap();
    while let Some(token) = block_on(generator.next()).unwrap() {
        ids_of.push(token);
        if tokenizer.stops(token) {
            break;
        }
    }
    assert_eq!(ids_of, ids(&golden["generated"]));
    assert!(ids_of.len() < 24);

    // Without them the config's end counts, and the tokenizer's.
    let mut files = folder(brought().join("special"));
    files.0.remove("generation_config.json");
    let plain = Checkpoint::open(files).unwrap().tokenizer.unwrap();
    assert!(plain.stops(2) && !plain.stops(*ids_of.last().unwrap()));
}

#[test]
fn what_stands_beside_a_tokenizer_is_written_with_it() {
    let (mut checkpoint, _) = special();
    let (description, tokenizer) = (checkpoint.description.clone(), checkpoint.tokenizer.clone().unwrap());
    let files = write_folder(&description, &mut checkpoint, Some(&tokenizer), Width::F32, &[]).unwrap();
    let files: MemoryFiles = files.into_iter().collect();
    for name in ["tokenizer_config.json", "special_tokens_map.json", "generation_config.json"] {
        assert!(files.length(name).is_some(), "{name}");
    }
    let again = Checkpoint::open(files).unwrap().tokenizer.unwrap();
    let text = "the <turn> cat <extra>";
    assert_eq!(again.whole(text).unwrap(), tokenizer.whole(text).unwrap());
}

#[test]
fn an_added_token_beyond_the_embedding_is_noted_and_only_its_use_refused() {
    let mut files = folder(golden().join("qwen3"));
    files.0.insert("tokenizer.json".into(), std::fs::read(golden().join("tokenizers/gpt2.json")).unwrap());
    files.0.insert("tokenizer_config.json".into(), br#"{"pad_token": "[PAD]"}"#.to_vec());
    let mut checkpoint = Checkpoint::open(files).unwrap();
    let rows = checkpoint.config().vocab_size;
    assert!(checkpoint.notes[0].contains("[PAD] (id 272)"), "{:?}", checkpoint.notes);
    let tokenizer = checkpoint.tokenizer.clone().unwrap();
    let model = load(&mut checkpoint);
    assert!(model.ids(&tokenizer.whole("the cat").unwrap()).is_ok());
    let beyond = tokenizer.whole("the [PAD]").unwrap();
    assert_eq!(beyond.last(), Some(&(rows as u32)));
    assert!(model.ids(&beyond).unwrap_err().to_string().contains("272"));
    // The embedding itself is as the config says.
    assert_eq!(checkpoint.config().parameter(Role::Embedding, Term::Weight).shape, [rows, 16]);
}
