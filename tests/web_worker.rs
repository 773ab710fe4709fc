//! What only a browser's worker can show: the engine compiled to wasm, and the browser's storage. Run by
//! `wasm-pack test --headless --chrome` (`./lab test`).
#![cfg(all(target_arch = "wasm32", feature = "worker"))]

mod engine_models;
#[cfg(feature = "webgpu")]
mod engine_steps;

use burn::tensor::Device;
use engine_models::{LEARNED, UNTRAINED, overfit};
use tunelab::engine::train::bench::bench;
use tunelab::plan::bench::BenchSize;
use tunelab::platform::storage::{BrowserStore, Store};
use tunelab::spec::MethodKind;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

#[wasm_bindgen_test]
async fn every_method_learns_on_the_cpu_in_wasm() {
    for method in MethodKind::ALL {
        let timing = bench(BenchSize::Small, method, [1, 8], &Device::flex(), js_sys::Date::now).await.unwrap();
        wasm_bindgen_test::console_log!("{method}: {:.1} ms a step", timing.ms_per_step);
        let (first, last) = overfit(method, &Device::flex()).await;
        assert!(first > UNTRAINED && last < LEARNED, "{method}: from {first} to {last}");
    }
}

#[wasm_bindgen_test]
async fn the_browser_keeps_whole_files() {
    let store = BrowserStore::open().await;
    assert_eq!(store.refusal(), None, "this browser gives a worker its private file system");
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

#[cfg(feature = "webgpu")]
#[wasm_bindgen_test]
async fn webgpu_computes_what_the_cpu_does() {
    let gpu = tunelab::platform::browser::device::open_gpu(|reason| panic!("{reason}")).await.unwrap();
    engine_steps::assert_steps_agree(&gpu).await;
}
