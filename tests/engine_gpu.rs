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
        // What a step was measured to take, so that no change takes more without a word. The other methods and sizes are
        // not counted yet: software takes minutes for them.
        let step = Launches::of_a_step(BenchSize::Small, MethodKind::Full, gpu()).await.unwrap();
        println!("Small, full: {step}");
        assert!(step.dispatches() <= 60.0 && step.submits() <= 2.25, "{step}");
    });
}
