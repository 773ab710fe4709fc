//! Any .zip: its files within the limit, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunelab::engine::formats::read_archive;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(files) = read_archive("any.zip", bytes, |_| true, 1 << 20) {
        assert!(files.0.values().map(Vec::len).sum::<usize>() <= 1 << 20);
    }
});
