//! What only a browser's worker can show: the engine compiled to wasm, and the browser's storage. Run by
//! `wasm-pack test --headless --chrome` (`./lab test`).
#![cfg(all(target_arch = "wasm32", feature = "worker"))]

use burn::tensor::Device;
use tunelab::spec::MethodKind;
use tunelab::storage::{BrowserStore, Store};
use tunelab::train::bench::{BenchSize, bench};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

#[wasm_bindgen_test]
async fn every_method_learns_on_the_cpu_in_wasm() {
    for method in MethodKind::ALL {
        let timing = bench(BenchSize::Small, method, [1, 8], &Device::flex(), js_sys::Date::now).await.unwrap();
        wasm_bindgen_test::console_log!("{method}: {:.1} ms a step", timing.ms_per_step);
        assert!(timing.last_nats_per_token.is_finite() && timing.last_nats_per_token < 5.0, "{method}: {timing:?}");
    }
}

#[wasm_bindgen_test]
async fn the_browser_keeps_whole_files() {
    let store = BrowserStore::open().await;
    assert!(store.keeps(), "this browser gives a worker its private file system");
    assert_eq!(store.read("test/none").await, Ok(None));
    store.write("test/a", &[1, 2, 3]).await.unwrap();
    store.write("test/a", &[4]).await.unwrap();
    assert_eq!(store.read("test/a").await, Ok(Some(vec![4])));
    assert_eq!(store.list("test").await, Ok(vec!["a".to_string()]));
    store.remove("test/a").await.unwrap();
    store.remove("test/a").await.unwrap();
    assert_eq!(store.read("test/a").await, Ok(None));
    assert!(store.write("../escape", &[]).await.is_err());
}
