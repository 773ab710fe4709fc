//! Kernels for a GPU, in CubeCL, one operation a file: the same on WebGPU, Vulkan, Metal and DirectX 12. They use no
//! subgroups, at most 16 KB of a group's shared memory and eight buffers, which every WebGPU device has. What counts
//! first is how few launches a step needs: a launch costs the same whatever it computes.

mod adamw;
mod adapted;
mod attention;
mod cross_entropy;
mod embedding;
mod gate;
mod linear;
mod norm;
mod op;
mod rotary;

use super::{AttentionShape, Joined, Layer, Layout, Masks, Ops, Rotary, Row, Weight};
use burn::Tensor;
use burn::backend::wgpu::CubeTensor;
use burn::tensor::{Device, Int, TensorData};
use burn_cubecl::cubecl::prelude::CubeCount;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Launches that are submitted together at most: more than a step has.
pub const TASKS: usize = 1024;

/// Burn's backend of CubeCL.
#[derive(Clone, Copy, Debug)]
pub struct Gpu;

impl Ops for Gpu {
    fn rms_norm(&self, x: Tensor<2>, weight: &Tensor<1>, epsilon: f64) -> Tensor<2> {
        norm::rms_norm(x, weight, epsilon)
    }

    fn layer_norm(&self, x: Tensor<2>, weight: &Tensor<1>, bias: &Tensor<1>, epsilon: f64) -> Tensor<2> {
        norm::layer_norm(x, weight, bias, epsilon)
    }

    fn rotary(&self, x: Tensor<2>, rotary: &Rotary, layout: &Layout, heads: usize) -> Tensor<2> {
        match layout.as_regular() {
            Some(layout) => {
                let width = x.dims()[1];
                rotary::rotary(x, rotary, layout, width / heads, width)
            }
            None => super::rotary::composed(x, rotary, layout, heads),
        }
    }

    fn attention(&self, qkv: [Tensor<2>; 3], shape: &AttentionShape, masks: &mut Masks) -> Tensor<2> {
        attention::attention(qkv, shape).unwrap_or_else(|qkv| super::attention::composed(qkv, shape, masks))
    }

    fn linear(&self, x: Tensor<2>, weight: &Weight, bias: Option<&Tensor<1>>, sum: Option<Tensor<2>>) -> Tensor<2> {
        linear::linear(x, &[Layer { weight, bias, adapter: None }], false, sum)
    }

    fn linear_transposed(&self, x: Tensor<2>, weight: &Weight) -> Tensor<2> {
        linear::linear(x, &[Layer { weight, bias: None, adapter: None }], true, None)
    }

    fn linear_adapted(
        &self,
        x: Tensor<2>,
        weight: &Weight,
        bias: Option<&Tensor<1>>,
        adapter: [&Tensor<2>; 2],
        scale: f64,
        sum: Option<Tensor<2>>,
    ) -> Tensor<2> {
        let layer = Layer { weight, bias, adapter: Some((adapter, scale)) };
        if let Some(out) = adapted::linear_adapted(&x, &[layer], sum.as_ref()) {
            return out;
        }
        let [a, b] = adapter.map(|matrix| Weight::Whole(matrix.clone()));
        let plain = self.linear(x.clone(), weight, bias, sum);
        self.linear(self.linear(x, &a, None, None).mul_scalar(scale), &b, None, Some(plain))
    }

    fn gated(&self, x: Tensor<2>, layers: [Layer<'_>; 2]) -> Tensor<2> {
        match side_by_side(&x, &layers) {
            Some(both) => gate::gate_halves(both),
            None => self.gate(layers[0].of(x.clone(), self), layers[1].of(x, self)),
        }
    }

    fn self_attention(
        &self,
        x: Tensor<2>,
        layers: [Layer<'_>; 3],
        rotary: Option<&Rotary>,
        shape: &AttentionShape,
        masks: &mut Masks,
    ) -> Tensor<2> {
        let both = shape.queries.as_regular().and_then(|layout| Some((layout, side_by_side(&x, &layers)?)));
        let Some((layout, joined)) = both else {
            return super::attention::projected(self, x, layers, rotary, shape, masks);
        };
        let turning = (shape.heads + shape.kv_heads) * shape.head_dim;
        let joined = match rotary {
            None => joined,
            Some(rotary) => rotary::rotary(joined, rotary, layout, shape.head_dim, turning),
        };
        attention::self_attention(joined, layout, shape)
    }

    fn gate(&self, gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
        gate::gate(gate, up)
    }

    fn gelu(&self, x: Tensor<2>) -> Tensor<2> {
        gate::gelu(x, false)
    }

    fn gelu_tanh(&self, x: Tensor<2>) -> Tensor<2> {
        gate::gelu(x, true)
    }

    fn embedding(&self, table: &Weight, ids: Arc<[u32]>) -> Tensor<2> {
        match table {
            Weight::Whole(table) => embedding::select_rows(vec![table.clone()], &ids),
            packed => super::embedding::composed(packed, &ids),
        }
    }

    fn cross_entropy(&self, logits: Tensor<2>, targets: Arc<[u32]>, weights: Vec<f32>) -> Tensor<1> {
        cross_entropy::cross_entropy(logits, targets, weights)
    }

    fn join(&self, rows: &mut dyn FnMut() -> Vec<Row>) -> Option<Box<dyn Joined>> {
        Some(Box::new(adamw::Arena::new(rows())?))
    }

    fn select_rows(&self, x: Tensor<2>, rows: Arc<[u32]>) -> Tensor<2> {
        embedding::select_rows(vec![x], &rows)
    }

    fn select_rows_of(&self, tables: Vec<Tensor<2>>, rows: Arc<[u32]>) -> Tensor<2> {
        embedding::select_rows(tables, &rows)
    }
}

/// Groups of 256 threads that walk over `count` elements together.
fn spread(count: usize) -> CubeCount {
    CubeCount::new_1d(count.div_ceil(256).clamp(1, 4096) as u32)
}

/// Words for a kernel to read. What was read lately is still there: many lists are the same in each step, and each
/// upload has the device begin what waits.
fn upload(words: &[u32], device: &Device) -> CubeTensor {
    const KEPT: usize = 16;
    static LATELY: Mutex<VecDeque<(Device, Vec<u32>, CubeTensor)>> = Mutex::new(VecDeque::new());
    let mut lately = LATELY.lock().unwrap_or_else(PoisonError::into_inner);
    let device = device.clone().inner();
    if let Some((.., kept)) = lately.iter().find(|(on, kept, _)| kept == words && *on == device) {
        return kept.clone();
    }
    let tensor = send(words, &device);
    lately.truncate(KEPT - 1);
    lately.push_front((device, words.to_vec(), tensor.clone()));
    tensor
}

fn send(words: &[u32], device: &Device) -> CubeTensor {
    let words: Vec<i32> = words.iter().map(|&word| word as i32).collect();
    let count = words.len();
    op::integers(Tensor::<1, Int>::from_data(TensorData::new(words, [count]), device))
}

/// Some layers of x, one beside the other, where they are all of one kind.
fn side_by_side(x: &Tensor<2>, layers: &[Layer<'_>]) -> Option<Tensor<2>> {
    let has = |layer: &Layer<'_>| [layer.bias.is_some(), layer.adapter.is_some()];
    if layers.iter().any(|layer| has(layer) != has(&layers[0])) {
        return None;
    }
    match layers[0].adapter {
        Some(_) => adapted::linear_adapted(x, layers, None),
        None => Some(linear::linear(x.clone(), layers, false, None)),
    }
}

/// How many buffers one kernel may be given.
fn most_buffers(tensor: &CubeTensor) -> usize {
    tensor.client.properties().hardware.max_bindings as usize
}
