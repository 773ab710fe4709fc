//! One implementation of the operations against the composed one on the CPU: outputs and gradients, for every
//! operation and a list of shapes, with all inputs tracked and with each alone.

use burn::Tensor;
use burn::tensor::{Device, TensorData};
use tunelab::engine::ops::{AdamWStep, AttentionShape, Composed, Layer, Layout, Ops, Packed, Rotary, Weight};
use tunelab::spec::{ModelConfig, Position, Precision};

/// An operation on matrices of these shapes; a vector is a matrix of one row.
struct Case {
    name: String,
    inputs: Vec<[usize; 2]>,
    gradients: bool,
    run: Box<Run>,
}

type Run = dyn Fn(&dyn Ops, &Device, Vec<Tensor<2>>) -> Tensor<2>;

#[derive(Default)]
struct Cases(Vec<Case>);

impl Cases {
    fn add(
        &mut self,
        name: impl Into<String>,
        inputs: &[[usize; 2]],
        run: impl Fn(&dyn Ops, &Device, Vec<Tensor<2>>) -> Tensor<2> + 'static,
    ) {
        let run: Box<Run> = Box::new(run);
        self.0.push(Case { name: name.into(), inputs: inputs.to_vec(), gradients: true, run });
    }

    fn without_gradients(mut self) -> Vec<Case> {
        self.0.iter_mut().for_each(|case| case.gradients = false);
        self.0
    }
}

/// Takes the inputs apart.
fn take<const N: usize>(inputs: Vec<Tensor<2>>) -> [Tensor<2>; N] {
    inputs.try_into().expect("as many inputs as the case lists")
}

fn vector(x: Tensor<2>) -> Tensor<1> {
    x.reshape([-1])
}

fn wave(count: usize, speed: f32) -> Vec<f32> {
    (0..count).map(|i| ((i as f32 + 1.0) * speed).sin()).collect()
}

fn matrix(values: Vec<f32>, shape: [usize; 2], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn packed(precision: Precision, shape: [usize; 2]) -> Packed {
    let mut packed = Packed::zeros(precision, shape).expect("less than f32");
    packed.fill(0..shape[0], 0..shape[1], &wave(shape[0] * shape[1], 0.37)).expect("in range");
    packed
}

const PACKED: [Precision; 3] = [Precision::F16, Precision::Int8, Precision::Nf4];

fn norms(cases: &mut Cases) {
    for [rows, d] in [[1, 3], [3, 16], [7, 37], [33, 64]] {
        cases.add(format!("rms_norm {rows}×{d}"), &[[rows, d], [1, d]], |ops, _, inputs| {
            let [x, weight] = take(inputs);
            ops.rms_norm(x, &vector(weight), 1e-5)
        });
        cases.add(format!("layer_norm {rows}×{d}"), &[[rows, d], [1, d], [1, d]], |ops, _, inputs| {
            let [x, weight, bias] = take(inputs);
            ops.layer_norm(x, &vector(weight), &vector(bias), 1e-5)
        });
    }
}

fn rotaries(cases: &mut Cases) {
    for (layout, heads, head_dim, fraction) in [
        (Layout::regular(1, 1, 0), 1, 2, 1.0),
        (Layout::regular(2, 5, 0), 3, 8, 1.0),
        (Layout::regular(1, 7, 4), 2, 16, 0.25),
        (Layout::ragged(&[3, 1, 6]), 2, 8, 1.0),
    ] {
        let name = format!("rotary {heads}·{head_dim}, {fraction} of it, at {:?}", layout.positions());
        let config = ModelConfig {
            head_dim,
            position: Position::Rotary { theta: 100.0, fraction },
            ..ModelConfig::ladder(8, 16, heads * head_dim, 1)
        };
        cases.add(name, &[[layout.rows(), heads * head_dim]], move |ops, device, inputs| {
            let [x] = take(inputs);
            let rotary = Rotary::new(&config, 16, device).expect("positions rotate");
            ops.rotary(x, &rotary, &layout, heads)
        });
    }
}

fn attentions(cases: &mut Cases) {
    let alike = |layout: Layout| (layout.clone(), layout);
    let some = |keys: Layout, rows: &[u32]| (keys.select(rows), keys);
    for ((queries, keys), heads, kv_heads, head_dim, window) in [
        (alike(Layout::regular(1, 1, 0)), 1, 1, 4, None),
        (alike(Layout::regular(2, 5, 0)), 4, 2, 8, None),
        (alike(Layout::regular(1, 40, 0)), 2, 2, 8, Some(6)),
        ((Layout::regular(1, 3, 9), Layout::regular(1, 12, 0)), 3, 1, 4, None),
        (alike(Layout::regular(2, 35, 0)), 2, 1, 16, Some(40)),
        (alike(Layout::ragged(&[5, 1, 37, 2])), 2, 1, 8, None),
        (alike(Layout::ragged(&[9, 40])), 2, 2, 4, Some(6)),
        (some(Layout::regular(2, 5, 0), &[3, 4, 8, 9]), 2, 1, 8, None),
        (some(Layout::ragged(&[5, 3, 40, 2]), &[1, 4, 10, 11, 30, 46, 49]), 2, 1, 8, Some(7)),
    ] {
        let scale = 1.0 / (head_dim as f64).sqrt();
        let (q, kv) = ([queries.rows(), heads * head_dim], [keys.rows(), kv_heads * head_dim]);
        let shape = AttentionShape { queries, keys, heads, kv_heads, head_dim, window, scale };
        cases.add(format!("attention {shape:?}"), &[q, kv, kv], move |ops, _, inputs| {
            ops.attention(take(inputs), &shape, &mut Default::default())
        });
    }
}

/// Shapes of one tile of a packed weight and of several, with odd ends: rows, in, out.
const LINEAR: [[usize; 3]; 5] = [[1, 1, 1], [3, 5, 7], [2, 64, 130], [3, 1100, 300], [2, 300, 1100]];
const RANK: usize = 3;

fn linears(cases: &mut Cases) {
    for shape @ [m, k, n] in LINEAR {
        let (x, w, bias, a, b) = ([m, k], [k, n], [1, n], [k, RANK], [RANK, n]);
        cases.add(format!("linear {shape:?}"), &[x, w], |ops, _, inputs| {
            let [x, w] = take(inputs);
            ops.linear(x, &Weight::Whole(w), None, None)
        });
        cases.add(format!("linear {shape:?} with a bias"), &[x, w, bias], |ops, _, inputs| {
            let [x, w, bias] = take(inputs);
            ops.linear(x, &Weight::Whole(w), Some(&vector(bias)), None)
        });
        cases.add(format!("linear {shape:?} with a bias, onto a sum"), &[x, w, bias, [m, n]], |ops, _, inputs| {
            let [x, w, bias, sum] = take(inputs);
            ops.linear(x, &Weight::Whole(w), Some(&vector(bias)), Some(sum))
        });
        cases.add(format!("linear {shape:?} onto a sum"), &[x, w, [m, n]], |ops, _, inputs| {
            let [x, w, sum] = take(inputs);
            ops.linear(x, &Weight::Whole(w), None, Some(sum))
        });
        cases.add(format!("linear_adapted {shape:?} onto a sum"), &[x, w, a, b, bias, [m, n]], |ops, _, inputs| {
            let [x, w, a, b, bias, sum] = take(inputs);
            ops.linear_adapted(x, &Weight::Whole(w), Some(&vector(bias)), [&a, &b], 0.5, Some(sum))
        });
        cases.add(format!("linear_transposed {shape:?}"), &[x, [n, k]], |ops, _, inputs| {
            let [x, w] = take(inputs);
            ops.linear_transposed(x, &Weight::Whole(w))
        });
        cases.add(format!("low_rank {shape:?}"), &[x, a, b], |ops, _, inputs| {
            let [x, a, b] = take(inputs);
            ops.low_rank(x, [&a, &b], 0.5)
        });
        cases.add(format!("linear_adapted {shape:?}"), &[x, w, a, b], |ops, _, inputs| {
            let [x, w, a, b] = take(inputs);
            ops.linear_adapted(x, &Weight::Whole(w), None, [&a, &b], 0.5, None)
        });
        cases.add(format!("linear_adapted {shape:?} with a bias"), &[x, w, a, b, bias], |ops, _, inputs| {
            let [x, w, a, b, bias] = take(inputs);
            ops.linear_adapted(x, &Weight::Whole(w), Some(&vector(bias)), [&a, &b], 0.5, None)
        });
        for precision in PACKED {
            let weight =
                move |ops: &dyn Ops, shape, device: &Device| ops.packed_weight(packed(precision, shape), device);
            cases.add(format!("linear {shape:?} in {precision}"), &[x], move |ops, device, inputs| {
                let [x] = take(inputs);
                ops.linear(x, &weight(ops, [k, n], device), None, None)
            });
            cases.add(
                format!("linear {shape:?} in {precision} with a bias"),
                &[x, bias],
                move |ops, device, inputs| {
                    let [x, bias] = take(inputs);
                    ops.linear(x, &weight(ops, [k, n], device), Some(&vector(bias)), None)
                },
            );
            cases.add(format!("linear_transposed {shape:?} in {precision}"), &[x], move |ops, device, inputs| {
                let [x] = take(inputs);
                ops.linear_transposed(x, &weight(ops, [n, k], device))
            });
            cases.add(format!("linear_adapted {shape:?} in {precision}"), &[x, a, b], move |ops, device, inputs| {
                let [x, a, b] = take(inputs);
                ops.linear_adapted(x, &weight(ops, [k, n], device), None, [&a, &b], 0.5, None)
            });
            let name = format!("linear_adapted {shape:?} in {precision} with a bias");
            cases.add(name, &[x, a, b, bias], move |ops, device, inputs| {
                let [x, a, b, bias] = take(inputs);
                ops.linear_adapted(x, &weight(ops, [k, n], device), Some(&vector(bias)), [&a, &b], 0.5, None)
            });
        }
    }
}

/// Several layers of one input.
fn side_by_side(cases: &mut Cases) {
    fn layer<'a>(weight: &'a Weight, bias: Option<&'a Tensor<1>>) -> Layer<'a> {
        Layer { weight, bias, adapter: None }
    }
    let shapes = [[6, 16], [16, 24], [16, 24]];
    cases.add("gated", &shapes, |ops, _, inputs| {
        let [x, gate, up] = take(inputs);
        let [gate, up] = [gate, up].map(Weight::Whole);
        ops.gated(x, [layer(&gate, None), layer(&up, None)])
    });
    cases.add(
        "gated with adapters",
        &[&shapes[..], &[[16, 3], [16, 3], [3, 24], [3, 24]]].concat(),
        |ops, _, inputs| {
            let [x, gate, up, a, b, c, d] = take(inputs);
            let [gate, up] = [gate, up].map(Weight::Whole);
            let layer = |weight, a, b| Layer { weight, bias: None, adapter: Some(([a, b], 0.5)) };
            ops.gated(x, [layer(&gate, &a, &c), layer(&up, &b, &d)])
        },
    );
    let config = ModelConfig { head_dim: 8, ..ModelConfig::ladder(8, 16, 32, 1) };
    for window in [None, Some(3)] {
        let layout = Layout::regular(2, 5, 0);
        let (queries, keys) = (layout.clone(), layout);
        let shape = AttentionShape { queries, keys, heads: 4, kv_heads: 2, head_dim: 8, window, scale: 0.4 };
        let config = config.clone();
        let tables = [[10, 32], [32, 32], [32, 16], [32, 16], [1, 32], [1, 16], [1, 16]];
        cases.add(format!("self_attention within {window:?}"), &tables, move |ops, device, inputs| {
            let [x, q, k, v, of_q, of_k, of_v] = take(inputs);
            let [q, k, v] = [q, k, v].map(Weight::Whole);
            let biases = [of_q, of_k, of_v].map(vector);
            let rotary = Rotary::new(&config, 16, device).expect("positions rotate");
            let layers = [layer(&q, Some(&biases[0])), layer(&k, Some(&biases[1])), layer(&v, Some(&biases[2]))];
            ops.self_attention(x, layers, Some(&rotary), &shape, &mut Default::default())
        });
    }
}

fn activations(cases: &mut Cases) {
    for shape @ [rows, d] in [[1, 1], [5, 19], [8, 64]] {
        cases.add(format!("gate {rows}×{d}"), &[shape, shape], |ops, _, inputs| {
            let [gate, up] = take(inputs);
            ops.gate(gate * 6.0, up)
        });
        cases.add(format!("gelu {rows}×{d}"), &[shape], |ops, _, inputs| {
            let [x] = take(inputs);
            ops.gelu(x * 6.0)
        });
        cases.add(format!("gelu_tanh {rows}×{d}"), &[shape], |ops, _, inputs| {
            let [x] = take(inputs);
            ops.gelu_tanh(x * 6.0)
        });
    }
}

fn look_ups(cases: &mut Cases) {
    for [rows, d] in [[1, 1], [11, 70], [2000, 3]] {
        // The first and the last row, and one twice.
        let ids = move || vec![rows as u32 - 1, 0, rows as u32 / 2, 0].into();
        cases.add(format!("embedding {rows}×{d}"), &[[rows, d]], move |ops, _, inputs| {
            let [table] = take(inputs);
            ops.embedding(&Weight::Whole(table), ids())
        });
        cases.add(format!("select_rows {rows}×{d}"), &[[rows, d]], move |ops, _, inputs| {
            let [x] = take(inputs);
            ops.select_rows(x, ids())
        });
        cases.add(format!("select_rows_of {rows}×{d} and another"), &[[rows, d], [3, d]], move |ops, _, inputs| {
            let last = rows as u32 + 2;
            ops.select_rows_of(inputs, vec![last, 0, rows as u32, last, rows as u32 - 1].into())
        });
    }
}

fn losses(cases: &mut Cases) {
    for [rows, vocab] in [[1, 2], [5, 37], [9, 300]] {
        cases.add(format!("cross_entropy {rows}×{vocab}"), &[[rows, vocab]], move |ops, _, inputs| {
            let [logits] = take(inputs);
            let targets: Vec<u32> = (0..rows).map(|row| (row * 7 % vocab) as u32).collect();
            let weights = (0..rows).map(|row| [1.0, 0.0, 0.5][row % 3]).collect();
            ops.cross_entropy(logits * 8.0, targets.into(), weights).reshape([1, 1])
        });
    }
}

/// Inputs that are read more than once: their gradients are sums.
fn shared(cases: &mut Cases) {
    cases.add("an input of two layers, a norm and a sum", &[[3, 16], [16, 16], [1, 16]], |ops, _, inputs| {
        let [x, w, scale] = take(inputs);
        let w = Weight::Whole(w);
        let normed = ops.rms_norm(x.clone(), &vector(scale), 1e-5);
        let gated = ops.gate(ops.linear(normed.clone(), &w, None, None), ops.linear_transposed(normed, &w));
        ops.linear(gated, &w, None, Some(x))
    });
    cases.add("a table that is read and multiplied by", &[[11, 8]], |ops, _, inputs| {
        let [table] = take(inputs);
        let table = Weight::Whole(table);
        ops.linear_transposed(ops.embedding(&table, vec![3, 0, 3].into()), &table)
    });
}

/// Operations that have no derivative.
fn plain() -> Vec<Case> {
    let mut cases = Cases::default();
    for precision in PACKED {
        cases.add(format!("embedding in {precision}"), &[], move |ops, device, _| {
            ops.embedding(&ops.packed_weight(packed(precision, [11, 70]), device), vec![10, 0, 3, 0].into())
        });
    }
    for [rows, vocab] in [[1, 2], [5, 37]] {
        cases.add(format!("token_nats {rows}×{vocab}"), &[[rows, vocab]], move |ops, _, inputs| {
            let [logits] = take(inputs);
            // The first target is its row's likeliest, another is not.
            let targets: Vec<u32> = (0..rows).map(|row| if row == 0 { 0 } else { row as u32 }).collect();
            let first = logits.clone().max_dim(1).narrow(0, 0, 1) + 1.0;
            let logits = logits.slice_assign([0..1, 0..1], first);
            let rows = ops.token_nats(logits, &targets).map(|row| row.unsqueeze::<2>());
            Tensor::cat(rows.to_vec(), 0)
        });
    }
    for length in [1, 7, 130] {
        cases.add(format!("adamw {length}"), &[[1, length]; 2], move |ops, _, inputs| {
            let [value, gradient] = take(inputs);
            let (mut value, gradient) = (vector(value), vector(gradient));
            let (mut first, mut second) = (value.zeros_like(), value.zeros_like());
            for t in 1..4 {
                let step = AdamWStep {
                    decay: 0.999,
                    beta1_rest: 0.1,
                    beta2: 0.99,
                    beta2_rest: 0.01,
                    correction: (1.0 - 0.99f32.powi(t)).sqrt(),
                    epsilon: 1e-8,
                    rate: 0.01 / (1.0 - 0.9f32.powi(t)),
                };
                value = ops.adamw(value, [&mut first, &mut second], gradient.clone() * t as f32, &step);
            }
            Tensor::cat([value, first, second].map(|row| row.unsqueeze::<2>()).to_vec(), 0)
        });
    }
    // Off, above the norm, below it.
    for limit in [0.0, 100.0, 0.5] {
        cases.add(format!("clip to {limit}"), &[[1, 40], [1, 5]], move |ops, _, inputs| {
            let rows = ops.clip(inputs.into_iter().map(vector).collect(), limit);
            Tensor::cat(rows, 0).unsqueeze::<2>()
        });
    }
    cases.without_gradients()
}

fn cases() -> Vec<Case> {
    let mut cases = Cases::default();
    for add in [norms, rotaries, attentions, linears, side_by_side, activations, look_ups, losses, shared] {
        add(&mut cases);
    }
    cases.0.into_iter().chain(plain()).collect()
}

/// The output and the gradients of the inputs that are tracked.
async fn outcome(case: &Case, ops: &dyn Ops, device: &Device, tracked: &[bool]) -> Vec<Option<Vec<f32>>> {
    let inputs: Vec<Tensor<2>> = (0..)
        .zip(&case.inputs)
        .zip(tracked)
        .map(|((which, &shape), &tracked)| {
            let x = matrix(wave(shape[0] * shape[1], 0.61 + 0.17 * which as f32), shape, device);
            if tracked { x.autodiff().require_grad() } else { x }
        })
        .collect();
    let out = (case.run)(ops, device, inputs.clone());
    let mut found = vec![Some(numbers(out.clone().inner()).await)];
    if tracked.contains(&true) {
        let shape = out.dims();
        let weights = matrix(wave(shape[0] * shape[1], 0.23), shape, device);
        let gradients = (out * weights).sum().backward();
        for x in inputs {
            found.push(match x.grad(&gradients) {
                Some(gradient) => Some(numbers(gradient).await),
                None => None,
            });
        }
    }
    found
}

async fn numbers(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data_async().await.expect("read").try_into_vec().expect("floats")
}

/// That `ops` on `device` compute what the composed operations do on the CPU.
pub async fn assert_parity(ops: &dyn Ops, device: &Device) {
    for case in cases() {
        let count = case.inputs.len();
        let mut trackings = vec![vec![false; count]];
        if case.gradients {
            trackings.push(vec![true; count]);
            trackings.extend((0..count).map(|alone| (0..count).map(|input| input == alone).collect()));
        }
        for tracked in trackings {
            let ours = outcome(&case, ops, device, &tracked).await;
            let wanted = outcome(&case, &Composed, &Device::flex(), &tracked).await;
            let what = format!("{ops:?}, {}, tracked: {tracked:?}", case.name);
            assert_eq!(ours.len(), wanted.len(), "{what}");
            for (at, (ours, wanted)) in ours.iter().zip(&wanted).enumerate() {
                let what = if at == 0 { format!("{what}: output") } else { format!("{what}: gradient {at}") };
                near(ours.as_deref(), wanted.as_deref(), &what);
            }
            for (at, tracked) in tracked.iter().enumerate().filter(|_| wanted.len() > 1) {
                assert_eq!(wanted[at + 1].is_some(), *tracked, "{what}: gradient {} is there", at + 1);
            }
        }
    }
}

fn near(ours: Option<&[f32]>, wanted: Option<&[f32]>, what: &str) {
    let (Some(ours), Some(wanted)) = (ours, wanted) else {
        return assert_eq!(ours.is_some(), wanted.is_some(), "{what}");
    };
    assert_eq!(ours.len(), wanted.len(), "{what}");
    let size = wanted.iter().fold(0.0f32, |size, value| size.max(value.abs()));
    for (index, (ours, wanted)) in ours.iter().zip(wanted).enumerate() {
        assert!((ours - wanted).abs() <= 1e-5 * size + 1e-6, "{what}, element {index}: {ours} and {wanted}");
    }
}
