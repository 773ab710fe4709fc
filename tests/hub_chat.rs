//! Chat templates give transformers' text, the loss falls on the assistant's words alone, and what is written keeps
//! the template. Made by tests/golden/chat.py.
#![cfg(feature = "engine")]

mod hub;

use hub::*;
use serde_json::{Value, json};
use std::path::PathBuf;
use tunelab::data::{Example, Message, Tokenizer, tokenize};
use tunelab::engine::formats::{Checkpoint, Width, write_folder};
use tunelab::engine::text::{ChatError, ChatTemplate, TextTokenizer, TokenizerSettings};

fn chats() -> PathBuf {
    golden().parent().unwrap().join("chat")
}

fn template(name: &str) -> String {
    std::fs::read_to_string(chats().join(name)).unwrap()
}

fn messages(value: &Value) -> Vec<Message> {
    serde_json::from_value(value.clone()).unwrap()
}

/// A tokenizer of the goldens with a template in its config.
fn tokenizer(chat_template: Value) -> TextTokenizer {
    let json = std::fs::read(golden().join("tokenizers/gpt2.json")).unwrap();
    let config = json!({ "chat_template": chat_template, "bos_token": "<s>", "eos_token": { "content": "</s>" } });
    TextTokenizer::open(&json, &[0], TokenizerSettings { config: Some(config), ..TokenizerSettings::default() })
        .unwrap()
}

#[test]
fn conversations_read_as_transformers_writes_them() {
    let golden: Value = serde_json::from_slice(&std::fs::read(chats().join("golden.json")).unwrap()).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 32);
    for case in cases {
        let name = case["template"].as_str().unwrap();
        let tokens = serde_json::from_value(golden["tokens"].clone()).unwrap();
        let read = ChatTemplate::read(&template(name), tokens).unwrap();
        let found = read.render(
            &messages(&case["messages"]),
            case["answer"].as_bool().unwrap(),
            golden["now"].as_i64().unwrap(),
        );
        let expected = match case["error"].as_str() {
            Some(reason) => Err(ChatError::Refused(reason.into())),
            None => Ok(case["text"].as_str().unwrap().to_string()),
        };
        assert_eq!(found, expected, "{name}: {}", case["messages"]);
    }
}

#[test]
fn expressions_give_what_pythons_jinja_gives() {
    let golden: Value = serde_json::from_slice(&std::fs::read(chats().join("expressions.json")).unwrap()).unwrap();
    let (said, now) = (messages(&golden["messages"]), golden["now"].as_i64().unwrap());
    let expressions = golden["expressions"].as_array().unwrap();
    assert!(expressions.len() > 80);
    for each in expressions {
        let template = each["template"].as_str().unwrap();
        let found = ChatTemplate::read(template, Default::default()).and_then(|read| read.render(&said, false, now));
        match each["text"].as_str() {
            Some(text) => assert_eq!(found.as_deref(), Ok(text), "{template}"),
            None => assert!(found.is_err(), "{template}: {found:?}"),
        }
    }
}

/// transformers marks the assistant's words by the template's `generation` blocks; ours need no marks.
#[test]
fn the_targets_are_what_transformers_marks_as_the_assistants() {
    let golden: Value = serde_json::from_slice(&std::fs::read(chats().join("golden.json")).unwrap()).unwrap();
    let tokenizer = tokenizer(template("chatml.jinja").into());
    let mut compared = 0;
    for case in golden["cases"].as_array().unwrap() {
        let (Some(answers), Some(false)) = (case["answers"].as_array(), case["answer"].as_bool()) else { continue };
        let whole: Vec<char> = case["text"].as_str().unwrap().chars().collect();
        let said = messages(&case["messages"]);
        let ends = said.iter().enumerate().filter(|(_, message)| message.role == "assistant").map(|(at, _)| at);
        for (at, span) in ends.zip(answers) {
            let example = Example { chat: said[..=at].to_vec(), ..Example::new("plain", "plain") };
            let tokens = tokenize(&example, &tokenizer, 1000).unwrap();
            let (before, target) = tokens.ids.split_at(tokens.target_start);
            let text = |from: usize, to: usize| whole[from..to].iter().collect::<String>();
            let (start, end) = (span[0].as_u64().unwrap() as usize, span[1].as_u64().unwrap() as usize);
            assert_eq!(tokenizer.decode(before).unwrap(), text(0, start));
            assert!(tokenizer.decode(target).unwrap().starts_with(&text(start, end)));
            assert_eq!(target.last(), Some(&tokenizer.end_of_text()));
            compared += 1;
        }
    }
    assert_eq!(compared, 4);
}

#[test]
fn a_template_is_found_named_and_kept() {
    let named = json!([{ "name": "tool_use", "template": "tools" }, { "name": "default", "template": "it is {{ eos_token }}" }]);
    let tokenizer = tokenizer(named);
    assert_eq!(tokenizer.chat(&[], false).unwrap().as_deref(), Some("it is </s>"));

    let mut checkpoint = family("llama");
    let description = checkpoint.description.clone();
    let files = write_folder(&description, &mut checkpoint, Some(&tokenizer), Width::F32, &[]).unwrap();
    let again = Checkpoint::open(files.into_iter().collect::<tunelab::engine::formats::MemoryFiles>()).unwrap();
    assert_eq!(again.tokenizer.unwrap().chat(&[], false).unwrap().as_deref(), Some("it is </s>"));
}

#[test]
fn a_broken_template_costs_chat_alone() {
    let tokenizer = tokenizer("{% for %}".into());
    assert!(tokenizer.encode("text").is_ok());
    assert!(tokenizer.chat(&[], true).unwrap_err().to_string().contains("cannot be read"));
}
