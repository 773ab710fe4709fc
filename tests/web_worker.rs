//! What only a browser's worker can show: the engine compiled to wasm, and the browser's storage. Run by
//! `wasm-pack test --headless --chrome` (`./lab test`).
#![cfg(all(target_arch = "wasm32", feature = "worker"))]

mod engine_models;

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

/// Every step's loss of a small model trained by `method`, then the test losses of what came out and of the base.
#[cfg(feature = "webgpu")]
async fn losses(method: MethodKind, steps: usize, device: &Device) -> Vec<f64> {
    use tunelab::engine::train::Progress;
    use tunelab::record::Provenance;
    let config = tunelab::spec::ModelConfig::ladder(64, 16, 32, 2);
    let mut session = tunelab::engine::train::bench::session(&config, 2, method, steps, device).unwrap();
    while session.advance().await.unwrap() != Progress::Finished {}
    let made = Provenance { device: "test".into(), lab: "test".into(), date: "2026-01-01".into() };
    let record = session.finish(1.0, made).await.unwrap().record;
    let test = [record.test, record.base_test].map(|evaluation| evaluation.nats_per_token);
    record.curve.iter().map(|point| point.nats_per_token).chain(test).collect()
}

/// The two backends run different code for the same formulas: composed tensors on the GPU, operations by hand on the
/// CPU. Sums in another order differ in the last digits.
#[cfg(feature = "webgpu")]
#[wasm_bindgen_test]
async fn webgpu_and_cpu_agree_over_20_steps() {
    const STEPS: usize = 20;
    let gpu = tunelab::platform::browser::device::open_gpu(|reason| panic!("{reason}")).await.unwrap();
    for method in MethodKind::ALL {
        let (cpu, gpu) = (losses(method, STEPS, &Device::flex()).await, losses(method, STEPS, &gpu).await);
        assert_eq!((cpu.len(), gpu.len()), (STEPS + 2, STEPS + 2));
        assert_ne!(cpu[STEPS], cpu[STEPS + 1], "{method} changed nothing");
        let apart = cpu.iter().zip(&gpu).map(|(cpu, gpu)| (cpu - gpu).abs() / cpu).fold(0.0, f64::max);
        wasm_bindgen_test::console_log!("{method}: apart by {apart:.1e} at most");
        assert!(apart < 1e-5, "{method}: {cpu:?} on the CPU, {gpu:?} on WebGPU");
    }
}
