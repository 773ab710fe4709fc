//! A base held in less than f32: it trains as its unpacked twin does, it is left alone, and the same spec gives the
//! same bits.
#![cfg(feature = "engine")]

mod engine_models;

use burn::tensor::Device;
use engine_models::{families, fresh, run_data, spec};
use pollster::block_on;
use tunelab::engine::model::{Decoder, InitialWeights};
use tunelab::engine::train::{Progress, Session};
use tunelab::record::Provenance;
use tunelab::seed::Seed;
use tunelab::spec::{Method, MethodKind, ModelConfig, Precision};

const LOW: [Precision; 3] = [Precision::F16, Precision::Int8, Precision::Nf4];

fn held(precision: Precision, config: &ModelConfig) -> Decoder {
    Decoder::load_as(precision, config, &mut InitialWeights(Seed(1)), &Device::flex()).expect("fresh weights fit")
}

fn losses(base: &Decoder, method: &Method) -> Vec<f64> {
    let spec = spec(method.clone(), 8);
    let mut session = Session::new(base, &spec, run_data(&spec, 8)).expect("a session");
    let mut losses = Vec::new();
    loop {
        match block_on(session.advance()).expect("a step") {
            Progress::Stepped { nats_per_token, .. } => losses.extend(nats_per_token),
            Progress::Finished => break,
            _ => {}
        }
    }
    let made = Provenance { device: "test".into(), lab: "test".into(), date: "2026-01-01".into() };
    let record = block_on(session.finish(1.0, made)).expect("results").record;
    losses.extend([record.test.nats_per_token, record.base_test.nats_per_token]);
    losses
}

#[test]
fn training_on_a_packed_base_is_training_on_its_unpacked_twin_and_leaves_it_alone() {
    for (family, config) in families() {
        for precision in LOW {
            let base = held(precision, &config);
            assert_eq!(base.bytes(), config.bytes(precision), "{family}, {precision}");
            let before = block_on(base.export()).expect("export");
            for kind in [MethodKind::Lora, MethodKind::Prompt] {
                let method = kind.method().on(precision).expect("a frozen base");
                let ours = losses(&base, &method);
                assert_eq!(ours, losses(&base, &method), "{family}, {precision}, {kind}: run twice");
                for (ours, wanted) in ours.iter().zip(losses(&base.dequantized(), &kind.method())) {
                    assert!((ours - wanted).abs() < 2e-4, "{family}, {precision}, {kind}: {ours} and {wanted}");
                }
            }
            assert_eq!(before, block_on(base.export()).expect("export"), "{family}, {precision}");
        }
    }
}

#[test]
fn a_run_on_another_precision_than_planned_is_refused() {
    let (_, config) = families().remove(0);
    let spec = spec(Method::Full, 4);
    let error = Session::new(&held(Precision::Nf4, &config), &spec, run_data(&spec, 4)).unwrap_err().to_string();
    assert!(error.contains("nf4") && error.contains("f32"), "{error}");
    assert!(Session::new(&fresh(&config), &spec, run_data(&spec, 4)).is_ok());
}
