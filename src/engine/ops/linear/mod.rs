//! A linear layer: with a bias or without, with a low-rank adapter beside it (Hu et al. 2021), on a whole or a packed
//! weight. The adapted layer computes `x·W + s·(x·A)·B` and never the dense `W + s·A·B`.

mod adapted;
mod dense;
mod frozen;

use super::Weight;
use super::host::run;
use adapted::Adapted;
use burn::Tensor;
use burn::tensor::module;
use dense::Product;
use frozen::Frozen;

pub(super) fn composed(x: Tensor<2>, weight: Tensor<2>, bias: Option<&Tensor<1>>) -> Tensor<2> {
    module::linear(x, weight, bias.cloned())
}

pub(super) fn onto(sum: Option<Tensor<2>>, out: Tensor<2>) -> Tensor<2> {
    match sum {
        None => out,
        Some(sum) => sum + out,
    }
}

/// `x·W + bias`, or with `transposed` `x·Wᵀ + bias`.
pub(super) fn host(x: Tensor<2>, weight: &Weight, transposed: bool, bias: Option<&Tensor<1>>) -> Tensor<2> {
    let ([m, k], [rows, columns]) = (x.dims(), weight.dims());
    let n = if transposed { rows } else { columns };
    let op = Product { shape: [m, k, n], transposed };
    let x = x.into_dispatch();
    let bias = bias.map(|bias| bias.clone().into_dispatch());
    match (weight, bias) {
        (Weight::Packed(weight), None) => run(Frozen { op, weight: weight.clone() }, [x], [m, n]),
        (Weight::Packed(weight), Some(bias)) => run(Frozen { op, weight: weight.clone() }, [x, bias], [m, n]),
        (whole, None) => run(op, [x, whole.dense().into_dispatch()], [m, n]),
        (whole, Some(bias)) => run(op, [x, whole.dense().into_dispatch(), bias], [m, n]),
    }
}

/// Neither the adapter's output nor its input's gradient is written apart and added.
pub(super) fn host_adapted(
    x: Tensor<2>,
    weight: &Weight,
    bias: Option<&Tensor<1>>,
    [a, b]: [&Tensor<2>; 2],
    scale: f64,
) -> Tensor<2> {
    let ([m, k], [rank, n]) = (x.dims(), b.dims());
    let op = Adapted { shape: [m, k, n], rank, scale: scale as f32 };
    let [x, a, b] = [x, a.clone(), b.clone()].map(Tensor::into_dispatch);
    let bias = bias.map(|bias| bias.clone().into_dispatch());
    match (weight, bias) {
        (Weight::Packed(weight), None) => run(Frozen { op, weight: weight.clone() }, [x, a, b], [m, n]),
        (Weight::Packed(weight), Some(bias)) => run(Frozen { op, weight: weight.clone() }, [x, a, b, bias], [m, n]),
        (whole, None) => run(op, [x, whole.dense().into_dispatch(), a, b], [m, n]),
        (whole, Some(bias)) => run(op, [x, whole.dense().into_dispatch(), a, b, bias], [m, n]),
    }
}
