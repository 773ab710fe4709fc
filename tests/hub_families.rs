//! Checkpoints as transformers writes them give transformers' numbers: logits, loss and greedy generation of a tiny
//! random model of every family; ids of nasty strings of three kinds of tokenizer. Made by tests/golden/hub.py.
#![cfg(feature = "engine")]

mod hub;

use burn::tensor::Device;
use hub::*;
use pollster::block_on;
use tunelab::data::Tokenizer;
use tunelab::engine::formats::{Checkpoint, MemoryFiles, Width, write_folder};
use tunelab::engine::model::{Decoder, Generator};
use tunelab::engine::text::TextTokenizer;
use tunelab::job::Sampling;
use tunelab::spec::Position;

/// Float rounding only: both sides compute in f32.
const TOLERANCE: f64 = 2e-5;

#[test]
fn logits_and_loss_are_those_of_transformers() {
    for name in FAMILIES {
        let mut checkpoint = family(name);
        checkpoint.check().unwrap();
        let config = checkpoint.config().clone();
        let model = Decoder::load(&config, &mut checkpoint, &Device::flex()).unwrap();
        let (json, golden) = expected(name);
        let logits = logits(&model, &ids(&json["inputs"]), 2);
        let wanted = tensor(&golden, "logits");
        let off = difference(&logits[..wanted.len()], &wanted);
        assert!(off < TOLERANCE, "{name}: logits differ by {off}");
        let loss = loss(&logits, &json, config.vocab_size);
        let off = (loss - json["loss"].as_f64().unwrap()).abs();
        assert!(off < TOLERANCE, "{name}: loss differs by {off}");
    }
}

#[test]
fn greedy_generation_is_that_of_transformers_token_by_token() {
    for name in FAMILIES {
        let mut checkpoint = family(name);
        let config = checkpoint.config().clone();
        let model = Decoder::load(&config, &mut checkpoint, &Device::flex()).unwrap();
        let (json, _) = expected(name);
        let wanted = ids(&json["generated"]);
        let prompt = &ids(&json["inputs"])[..5];
        let mut generator =
            block_on(Generator::start(&model, prompt, Sampling { max_tokens: wanted.len(), ..Sampling::default() }))
                .unwrap();
        for (at, token) in wanted.iter().enumerate() {
            assert_eq!(block_on(generator.next()).unwrap(), Some(*token), "{name}: token {at}");
        }
    }
}

#[test]
fn a_folder_written_and_read_again_is_the_same_model() {
    for name in FAMILIES {
        let mut checkpoint = family(name);
        let config = checkpoint.config().clone();
        let first = block_on(Decoder::load(&config, &mut checkpoint, &Device::flex()).unwrap().export()).unwrap();
        let files = write_folder(&checkpoint.description, &mut &first, None, Width::F32, &[]).unwrap();
        let mut again = Checkpoint::open(files.into_iter().collect::<MemoryFiles>()).unwrap();
        assert_eq!(again.config(), &config, "{name}");
        let names: Vec<&str> = again.tensors.names().collect();
        assert!(checkpoint.tensors.names().eq(names.iter().copied()), "{name}: {names:?}");
        let second = block_on(Decoder::load(&config, &mut again, &Device::flex()).unwrap().export()).unwrap();
        assert_eq!(first, second, "{name}");
    }
}

#[test]
fn configs_of_older_transformers_read_the_same() {
    for (name, older) in [
        ("gpt_neox", serde_json::json!({"rotary_pct": 0.5, "rotary_emb_base": 10000})),
        ("qwen3", serde_json::json!({"rope_theta": 1e6, "rope_scaling": null})),
    ] {
        let checkpoint = family(name);
        let mut json = checkpoint.description.json.clone();
        json.as_object_mut().unwrap().remove("rope_parameters").unwrap();
        json.as_object_mut().unwrap().extend(older.as_object().unwrap().clone());
        let config = tunelab::engine::formats::Description::read(json).unwrap().config;
        assert_eq!(&config, checkpoint.config(), "{name}");
        assert!(matches!(config.position, Position::Rotary { .. }));
    }
}

#[test]
fn token_ids_of_nasty_strings_are_those_of_tokenizers() {
    let files = folder(golden().join("tokenizers"));
    let golden: serde_json::Value = serde_json::from_slice(&files.0["golden.json"]).unwrap();
    for (name, cases) in golden.as_object().unwrap() {
        let tokenizer = TextTokenizer::read(&files.0[&format!("{name}.json")], &[], None).unwrap();
        for case in cases.as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            let found = tokenizer.encode(text).unwrap();
            assert_eq!(found, ids(&case["ids"]), "{name}: {text:?}");
            assert_eq!(tokenizer.whole(text).unwrap(), ids(&case["with_special"]), "{name}: {text:?}");
            assert_eq!(tokenizer.decode(&found).unwrap(), case["decoded"].as_str().unwrap(), "{name}: {text:?}");
        }
    }
}
