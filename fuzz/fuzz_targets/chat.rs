//! Any chat template, on any conversation: a text or an error, and an end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunelab::data::Message;
use tunelab::engine::text::ChatTemplate;

fuzz_target!(|parts: (String, Vec<(String, String)>, bool)| {
    let (template, turns, answer) = parts;
    let messages: Vec<Message> = turns.into_iter().map(|(role, content)| Message { role, content }).collect();
    if let Ok(template) = ChatTemplate::read(&template, Default::default()) {
        let _ = template.render(&messages, answer, 0);
    }
});
