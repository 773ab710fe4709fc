//! The kernels for a GPU on this machine's own, which may be software (`apt-get install mesa-vulkan-drivers`):
//! `cargo test --features native-gpu --test engine_gpu`.
#![cfg(feature = "native-gpu")]

mod engine_parity;
mod engine_steps;

use burn::tensor::Device;
use engine_parity::assert_parity;
use engine_steps::assert_steps_agree;
use std::sync::OnceLock;
use tunelab::engine::ops::{Composed, Gpu};
use tunelab::plan::bench::BenchSize;
use tunelab::platform::native::device::{Choice, open};
use tunelab::platform::native::launches::Launches;
use tunelab::spec::MethodKind;

/// A program opens it once.
fn gpu() -> &'static Device {
    static OPENED: OnceLock<Device> = OnceLock::new();
    OPENED.get_or_init(|| {
        Launches::watch();
        let opened = open(Choice::Gpu).unwrap_or_else(|error| panic!("{error}"));
        println!("on {}", opened.name);
        opened.device
    })
}

/// One test, because what is counted is of the whole program.
#[test]
fn kernels_are_right_and_few() {
    pollster::block_on(async {
        assert_parity(&Composed, gpu()).await;
        assert_parity(&Gpu, gpu()).await;
        assert_steps_agree(gpu()).await;
        // Dispatches of a step: what was reached, so that no change takes more without a word.
        for (size, method, most) in [
            (BenchSize::Small, MethodKind::Full, 60.0),
            (BenchSize::Small, MethodKind::Lora, 60.0),
            (BenchSize::Small, MethodKind::Prompt, 60.0),
            (BenchSize::Medium, MethodKind::Full, 100.0),
            (BenchSize::Medium, MethodKind::Lora, 100.0),
            (BenchSize::Medium, MethodKind::Prompt, 100.0),
        ] {
            let step = Launches::of_a_step(size, method, gpu()).await.unwrap();
            println!("{size:?}, {method}: {step}");
            assert!(step.dispatches() <= most && step.submits() <= 2.0, "{size:?}, {method}: {step}; at most {most}");
        }
    });
}
