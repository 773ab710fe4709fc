//! GELU by tanh (Hendrycks & Gimpel 2016), element by element.

use super::host::{SliceOp, binary, exp, run, unary};
use burn::Tensor;
use burn::tensor::activation::gelu_approximate;

pub(super) fn composed(x: Tensor<2>) -> Tensor<2> {
    gelu_approximate(x)
}

pub(super) fn host(x: Tensor<2>) -> Tensor<2> {
    let shape = x.dims();
    run(GeluTanh, [x.into_dispatch()], shape)
}

#[derive(Clone, Debug)]
struct GeluTanh;

/// √(2/π)
const SLOPE: f32 = 0.797_884_6;
const CUBIC: f32 = 0.044_715;

fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (exp(2.0 * x) + 1.0)
}

impl SliceOp<1> for GeluTanh {
    type Saved = ();

    fn forward(&self, [x]: [&[f32]; 1], _: bool) -> (Vec<f32>, ()) {
        (unary(x, |x| 0.5 * x * (1.0 + tanh(SLOPE * (x + CUBIC * x * x * x)))), ())
    }

    fn backward(&self, [x]: [&[f32]; 1], (): (), gradient: &[f32], _: [bool; 1]) -> [Option<Vec<f32>>; 1] {
        let slope = |x: f32| {
            let t = tanh(SLOPE * (x + CUBIC * x * x * x));
            0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * SLOPE * (1.0 + 3.0 * CUBIC * x * x)
        };
        [Some(binary(x, gradient, |x, d| d * slope(x)))]
    }
}
