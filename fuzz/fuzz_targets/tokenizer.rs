//! Any tokenizer.json, then any text: ids or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunelab::data::Tokenizer;
use tunelab::engine::text::TextTokenizer;

fuzz_target!(|parts: (Vec<u8>, String)| {
    if let Ok(tokenizer) = TextTokenizer::read(&parts.0, &[], None)
        && let Ok(ids) = tokenizer.whole(&parts.1)
    {
        let _ = tokenizer.decode(&ids);
    }
});
