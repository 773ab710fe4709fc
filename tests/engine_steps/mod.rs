//! Training on another device against the CPU: different code for the same formulas. Sums in another order differ in the
//! last digits.

use burn::tensor::Device;
use tunelab::engine::train::Progress;
use tunelab::engine::train::bench::session;
use tunelab::record::Provenance;
use tunelab::spec::{MethodKind, ModelConfig};

const STEPS: usize = 20;

/// Every step's loss of a small model trained by `method`, then the test losses of what came out and of the base.
async fn losses(method: MethodKind, device: &Device) -> Vec<f64> {
    let mut session = session(&ModelConfig::ladder(64, 16, 32, 2), 2, method, STEPS, device).unwrap();
    while session.advance().await.unwrap() != Progress::Finished {}
    let made = Provenance { device: "test".into(), lab: "test".into(), date: "2026-01-01".into() };
    let record = session.finish(1.0, made).await.unwrap().record;
    let test = [record.test, record.base_test].map(|evaluation| evaluation.nats_per_token);
    record.curve.iter().map(|point| point.nats_per_token).chain(test).collect()
}

/// That a run of every method has the CPU's losses.
pub async fn assert_steps_agree(device: &Device) {
    for method in MethodKind::ALL {
        let (cpu, other) = (losses(method, &Device::flex()).await, losses(method, device).await);
        assert_eq!((cpu.len(), other.len()), (STEPS + 2, STEPS + 2));
        assert_ne!(cpu[STEPS], cpu[STEPS + 1], "{method} changed nothing");
        let apart = cpu.iter().zip(&other).map(|(cpu, other)| (cpu - other).abs() / cpu).fold(0.0, f64::max);
        assert!(apart < 1e-5, "{method}: apart by {apart:.1e}; {cpu:?} on the CPU, {other:?} on the other device");
    }
}
