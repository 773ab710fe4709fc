//! SwiGLU's gate (Shazeer 2020), element by element.

use super::host::{SliceOp, binary, exp, run, ternary};
use burn::Tensor;
use burn::tensor::activation::silu;

pub(super) fn composed(gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    silu(gate) * up
}

pub(super) fn host(gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    let shape = gate.dims();
    run(Gate, [gate.into_dispatch(), up.into_dispatch()], shape)
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// SiLU(gate) · up, element by element.
#[derive(Clone, Debug)]
struct Gate;

impl SliceOp<2> for Gate {
    type Saved = ();

    fn forward(&self, [gate, up]: [&[f32]; 2], _: bool) -> (Vec<f32>, ()) {
        (binary(gate, up, |g, u| g * sigmoid(g) * u), ())
    }

    fn backward(&self, [gate, up]: [&[f32]; 2], (): (), gradient: &[f32], wanted: [bool; 2]) -> [Option<Vec<f32>>; 2] {
        // SiLU' = s + g·s·(1 - s)
        let slope = |g: f32| {
            let s = sigmoid(g);
            s + g * s * (1.0 - s)
        };
        let dgate = wanted[0].then(|| ternary(gate, up, gradient, |g, u, d| d * u * slope(g)));
        let dup = wanted[1].then(|| binary(gate, gradient, |g, d| d * (g * sigmoid(g))));
        [dgate, dup]
    }
}
