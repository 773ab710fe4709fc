//! Any text as records of runs: read or refused; what is read is written and read back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunelab::record::RunRecord;

fuzz_target!(|text: &str| {
    let Ok(records) = RunRecord::list_from_json(text) else { return };
    for record in records {
        let again = RunRecord::from_json(&record.to_json()).expect("a record is read back");
        assert_eq!(again, record);
    }
});
