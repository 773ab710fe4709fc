//! SwiGLU's gate and GELU by tanh, with an exponential that the compiler can vectorise.

use super::exp;
use super::op::HostOp;

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// SiLU(gate) · up, element by element.
#[derive(Clone, Debug)]
pub(crate) struct Gate;

impl HostOp<2> for Gate {
    type Saved = ();

    fn forward(&self, [gate, up]: [&[f32]; 2], _: bool) -> (Vec<f32>, ()) {
        (gate.iter().zip(up).map(|(&g, u)| g * sigmoid(g) * u).collect(), ())
    }

    fn backward(&self, [gate, up]: [&[f32]; 2], (): (), gradient: &[f32], wanted: [bool; 2]) -> [Option<Vec<f32>>; 2] {
        // SiLU' = s + g·s·(1 - s)
        let both = gate.iter().zip(up).zip(gradient);
        let dgate = wanted[0].then(|| {
            let slope = |g: f32| {
                let s = sigmoid(g);
                s + g * s * (1.0 - s)
            };
            both.clone().map(|((&g, u), d)| d * u * slope(g)).collect()
        });
        let dup = wanted[1].then(|| both.map(|((&g, _), d)| d * (g * sigmoid(g))).collect());
        [dgate, dup]
    }
}

/// GELU by tanh, element by element.
#[derive(Clone, Debug)]
pub(crate) struct GeluTanh;

/// √(2/π)
const SLOPE: f32 = 0.797_884_6;
const CUBIC: f32 = 0.044_715;

fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (exp(2.0 * x) + 1.0)
}

impl HostOp<1> for GeluTanh {
    type Saved = ();

    fn forward(&self, [x]: [&[f32]; 1], _: bool) -> (Vec<f32>, ()) {
        (x.iter().map(|&x| 0.5 * x * (1.0 + tanh(SLOPE * (x + CUBIC * x * x * x)))).collect(), ())
    }

    fn backward(&self, [x]: [&[f32]; 1], (): (), gradient: &[f32], _: [bool; 1]) -> [Option<Vec<f32>>; 1] {
        let slope = |x: f32| {
            let t = tanh(SLOPE * (x + CUBIC * x * x * x));
            0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * SLOPE * (1.0 + 3.0 * CUBIC * x * x)
        };
        [Some(x.iter().zip(gradient).map(|(&x, d)| d * slope(x)).collect())]
    }
}
