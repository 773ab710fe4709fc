//! Every implementation of the operations that runs here computes what the composed one does.
#![cfg(feature = "engine")]

mod engine_parity;

use burn::tensor::Device;
use engine_parity::assert_parity;
use tunelab::engine::ops::{Host, Ops};

/// What is held against the composed operations. A new implementation is tested by its name here; one that needs a
/// GPU, in `tests/web_worker.rs`.
const IMPLEMENTATIONS: [&dyn Ops; 1] = [&Host];

#[test]
fn implementations_agree_forward_and_backward() {
    for ops in IMPLEMENTATIONS {
        pollster::block_on(assert_parity(ops, &Device::flex()));
    }
}
