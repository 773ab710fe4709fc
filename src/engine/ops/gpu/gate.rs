//! SwiGLU's gate (Shazeer 2020) and GELU (Hendrycks & Gimpel 2016), exact or by tanh, element by element.

use super::op::{KernelOp, Slope, empty, run};
use super::spread;
use burn::Tensor;
use burn::backend::wgpu::CubeTensor;
use burn_cubecl::cubecl::{self, prelude::*};

pub(super) fn gate(gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    run(Gate, vec![gate.into_dispatch(), up.into_dispatch()])
}

pub(super) fn gelu(x: Tensor<2>, tanh: bool) -> Tensor<2> {
    run(Gelu { tanh }, vec![x.into_dispatch()])
}

/// The same for both side by side, `[rows, 2 · d]` to `[rows, d]`.
pub(super) fn gate_halves(both: Tensor<2>) -> Tensor<2> {
    run(GateHalves, vec![both.into_dispatch()])
}

#[derive(Clone, Debug)]
struct GateHalves;

impl KernelOp for GateHalves {
    type Saved = ();

    fn forward(&self, inputs: &[CubeTensor]) -> (CubeTensor, ()) {
        let both = &inputs[0];
        let [rows, d] = [both.meta.shape()[0], both.meta.shape()[1] / 2];
        let out = empty(both, [rows, d]);
        // SAFETY: the kernel stays below `rows · d`, which both buffers hold.
        unsafe {
            gate_halves_kernel::launch_unchecked(
                &both.client,
                spread(rows * d),
                CubeDim::new_1d(256),
                both.clone().into_buffer_arg(),
                out.clone().into_buffer_arg(),
                rows * d,
                d,
            );
        }
        (out, ())
    }

    fn backward(&self, inputs: &[CubeTensor], (): (), gradient: CubeTensor, mut into: Vec<Option<Slope>>) {
        let (both, Some(Slope { tensor, add })) = (&inputs[0], into.remove(0)) else { return };
        let [rows, d] = [both.meta.shape()[0], both.meta.shape()[1] / 2];
        // SAFETY: as above.
        unsafe {
            gate_halves_slopes::launch_unchecked(
                &both.client,
                spread(rows * d),
                CubeDim::new_1d(256),
                both.clone().into_buffer_arg(),
                gradient.into_buffer_arg(),
                tensor.into_buffer_arg(),
                rows * d,
                d,
                add,
            );
        }
    }
}

#[cube(launch_unchecked)]
fn gate_halves_kernel(both: &[f32], out: &mut [f32], count: usize, d: usize) {
    for at in range_stepped(ABSOLUTE_POS, count, CUBE_COUNT * 256) {
        let gate = at / d * d + at;
        out[at] = both[gate] * sigmoid(both[gate]) * both[gate + d];
    }
}

#[cube(launch_unchecked)]
fn gate_halves_slopes(both: &[f32], gradient: &[f32], out: &mut [f32], count: usize, d: usize, #[comptime] add: bool) {
    for at in range_stepped(ABSOLUTE_POS, count, CUBE_COUNT * 256) {
        let gate = at / d * d + at;
        let (g, slope) = (both[gate], gradient[at]);
        let s = sigmoid(g);
        let mut of_gate = slope * both[gate + d] * (s + g * s * (1.0 - s));
        let mut of_up = slope * g * s;
        if comptime!(add) {
            of_gate += out[gate];
            of_up += out[gate + d];
        }
        out[gate] = of_gate;
        out[gate + d] = of_up;
    }
}

/// SiLU(gate) · up
#[derive(Clone, Debug)]
struct Gate;

impl KernelOp for Gate {
    type Saved = ();

    fn forward(&self, inputs: &[CubeTensor]) -> (CubeTensor, ()) {
        let (gate, up) = (&inputs[0], &inputs[1]);
        let count = gate.meta.shape().num_elements();
        let out = empty(gate, gate.meta.shape().clone());
        // SAFETY: the kernel stays below `count`, which all three buffers hold.
        unsafe {
            gate_kernel::launch_unchecked(
                &gate.client,
                spread(count),
                CubeDim::new_1d(256),
                gate.clone().into_buffer_arg(),
                up.clone().into_buffer_arg(),
                out.clone().into_buffer_arg(),
                count,
            );
        }
        (out, ())
    }

    fn backward(&self, inputs: &[CubeTensor], (): (), gradient: CubeTensor, into: Vec<Option<Slope>>) {
        let (gate, up) = (&inputs[0], &inputs[1]);
        let mut into = into.into_iter();
        let [dgate, dup] = [(); 2].map(|()| into.next().flatten());
        let count = gate.meta.shape().num_elements();
        let [of_gate, of_up] = [&dgate, &dup].map(Slope::form);
        // SAFETY: as above.
        unsafe {
            gate_slopes::launch_unchecked(
                &gate.client,
                spread(count),
                CubeDim::new_1d(256),
                gate.clone().into_buffer_arg(),
                up.clone().into_buffer_arg(),
                gradient.into_buffer_arg(),
                Slope::place(dgate, gate),
                Slope::place(dup, gate),
                count,
                of_gate,
                of_up,
            );
        }
    }
}

#[derive(Clone, Debug)]
struct Gelu {
    tanh: bool,
}

impl KernelOp for Gelu {
    type Saved = ();

    fn forward(&self, inputs: &[CubeTensor]) -> (CubeTensor, ()) {
        let x = &inputs[0];
        let count = x.meta.shape().num_elements();
        let out = empty(x, x.meta.shape().clone());
        // SAFETY: the kernel stays below `count`, which both buffers hold.
        unsafe {
            gelu_kernel::launch_unchecked(
                &x.client,
                spread(count),
                CubeDim::new_1d(256),
                x.clone().into_buffer_arg(),
                out.clone().into_buffer_arg(),
                count,
                self.tanh,
            );
        }
        (out, ())
    }

    fn backward(&self, inputs: &[CubeTensor], (): (), gradient: CubeTensor, mut into: Vec<Option<Slope>>) {
        let (x, Some(Slope { tensor, add })) = (&inputs[0], into.remove(0)) else { return };
        let count = x.meta.shape().num_elements();
        // SAFETY: as above.
        unsafe {
            gelu_slopes::launch_unchecked(
                &x.client,
                spread(count),
                CubeDim::new_1d(256),
                x.clone().into_buffer_arg(),
                gradient.into_buffer_arg(),
                tensor.into_buffer_arg(),
                count,
                self.tanh,
                add,
            );
        }
    }
}

#[cube]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

#[cube(launch_unchecked)]
fn gate_kernel(gate: &[f32], up: &[f32], out: &mut [f32], count: usize) {
    for at in range_stepped(ABSOLUTE_POS, count, CUBE_COUNT * 256) {
        out[at] = gate[at] * sigmoid(gate[at]) * up[at];
    }
}

/// SiLU' = s + g·s·(1 - s)
#[cube(launch_unchecked)]
fn gate_slopes(
    gate: &[f32],
    up: &[f32],
    gradient: &[f32],
    dgate: &mut [f32],
    dup: &mut [f32],
    count: usize,
    #[comptime] of_gate: Option<bool>,
    #[comptime] of_up: Option<bool>,
) {
    for at in range_stepped(ABSOLUTE_POS, count, CUBE_COUNT * 256) {
        let (g, d) = (gate[at], gradient[at]);
        let s = sigmoid(g);
        if comptime!(of_gate.is_some()) {
            let mut value = d * up[at] * (s + g * s * (1.0 - s));
            if comptime!(of_gate == Some(true)) {
                value += dgate[at];
            }
            dgate[at] = value;
        }
        if comptime!(of_up.is_some()) {
            let mut value = d * g * s;
            if comptime!(of_up == Some(true)) {
                value += dup[at];
            }
            dup[at] = value;
        }
    }
}

/// tanh, right also where its argument's exponential is no number.
#[cube]
fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / ((2.0 * x.min(20.0)).exp() + 1.0)
}

/// The error function (Abramowitz & Stegun 7.1.26 has too few digits; this is W. J. Cody's by Numerical Recipes'
/// `erfc`, right to 1.2e-7).
#[cube]
fn erf(x: f32) -> f32 {
    let z = x.abs();
    let t = 1.0 / (1.0 + 0.5 * z);
    let p = 0.170_872_77f32;
    let p = p * t - 0.822_152_23;
    let p = p * t + 1.488_515_9;
    let p = p * t - 1.135_203_98;
    let p = p * t + 0.278_868_07;
    let p = p * t - 0.186_288_06;
    let p = p * t + 0.096_784_18;
    let p = p * t + 0.374_091_96;
    let p = p * t + 1.000_023_68;
    let rest = t * (-z * z - 1.265_512_23 + t * p).exp();
    select(x >= 0.0, 1.0 - rest, rest - 1.0)
}

/// √(2/π)
const SLOPE: f32 = 0.797_884_6;
const CUBIC: f32 = 0.044_715;
/// 1/√2, 1/√(2π)
const HALF_ROOT: f32 = 0.707_106_8;
const NORMAL: f32 = 0.398_942_3;

#[cube(launch_unchecked)]
fn gelu_kernel(x: &[f32], out: &mut [f32], count: usize, #[comptime] by_tanh: bool) {
    for at in range_stepped(ABSOLUTE_POS, count, CUBE_COUNT * 256) {
        let x = x[at];
        if comptime!(by_tanh) {
            out[at] = 0.5 * x * (1.0 + tanh(SLOPE * (x + CUBIC * x * x * x)));
        } else {
            out[at] = 0.5 * x * (1.0 + erf(HALF_ROOT * x));
        }
    }
}

#[cube(launch_unchecked)]
fn gelu_slopes(
    x: &[f32],
    gradient: &[f32],
    dx: &mut [f32],
    count: usize,
    #[comptime] by_tanh: bool,
    #[comptime] add: bool,
) {
    for at in range_stepped(ABSOLUTE_POS, count, CUBE_COUNT * 256) {
        let x = x[at];
        let cubed = CUBIC * x * x * x;
        let slope = if comptime!(by_tanh) {
            let t = tanh(SLOPE * (x + cubed));
            0.5 * (1.0 + t) + 0.5 * (1.0 - t * t) * SLOPE * (x + 3.0 * cubed)
        } else {
            let power = 0.5 * x * x;
            0.5 * (1.0 + erf(HALF_ROOT * x)) + x * NORMAL * (-power).exp()
        };
        let mut value = gradient[at] * slope;
        if comptime!(add) {
            value += dx[at];
        }
        dx[at] = value;
    }
}
