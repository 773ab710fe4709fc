//! Any address of a model, and any answer of a hub: read or refused, and a part never grows past what was announced.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunelab::hub::transfer::{Answer, Asked, Next, Part, judge};
use tunelab::hub::{Address, Host};

type Parts = (String, String, u16, u64, [Option<String>; 4], [Option<u64>; 2]);

fuzz_target!(|parts: Parts| {
    let (host, address, status, bytes, [content_range, tag, content_type, begun], [content_length, total]) = parts;
    let Ok(host) = Host::parse(&host).or_else(|_| Host::parse("https://hub.example")) else { return };
    if let Ok(address) = Address::parse(&address, &host) {
        let again = Address::parse(&address.to_string(), &host).expect("an address is read back");
        assert_eq!(again.to_string(), address.to_string());
        assert!(host.file(&address, "main", "config.json").starts_with(host.url()));
    }
    let part = Part { bytes, total, tag: begun };
    let answer = Answer { status, content_length, content_range, tag, content_type };
    if let Ok(Next::Write { at, .. }) = judge(&part, &answer, Asked { hub: "hub", model: "a/b", file: "c" }) {
        assert!(at == 0 || at == bytes, "a part goes on where it is, or from the start");
    }
});
