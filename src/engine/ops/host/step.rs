//! AdamW's step and the gradient's norm, in one pass over each tensor and without new memory.

use super::dot;
use super::op::{contiguous, plain, slice};
use burn::Tensor;
use burn::backend::Flex;

/// The numbers of one AdamW step (Loshchilov & Hutter 2019) that all elements of a tensor share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coefficients {
    /// What is left of the value: 1 − rate · weight decay.
    pub keep: f32,
    /// 1 − β₁ and β₂, 1 − β₂.
    pub first: f32,
    pub second: [f32; 2],
    /// √(1 − β₂ᵗ), ε, and rate / (1 − β₁ᵗ).
    pub correction: f32,
    pub epsilon: f32,
    pub rate: f32,
}

/// Moves `values` and both moments by one step along `gradient`; all are rows of one length.
pub(crate) fn adamw(
    values: &mut Tensor<1>,
    [first, second]: [&mut Tensor<1>; 2],
    gradient: Tensor<1>,
    c: Coefficients,
) {
    let gradient = contiguous(plain(gradient.into_dispatch()));
    let gradient = slice(&gradient);
    edit(values, |values| {
        edit(first, |first| {
            edit(second, |second| {
                let lengths = [values.len(), first.len(), second.len()];
                assert_eq!(lengths, [gradient.len(); 3], "a value, its moments and its gradient are of one length");
                for (((p, m), v), g) in values.iter_mut().zip(first).zip(second).zip(gradient) {
                    *m += (g - *m) * c.first;
                    *v = *v * c.second[0] + g * g * c.second[1];
                    *p = *p * c.keep - c.rate * (*m / (v.sqrt() / c.correction + c.epsilon));
                }
            });
        });
    });
}

/// The sum of squares of all numbers.
pub(crate) fn squares(rows: &[Tensor<1>]) -> f64 {
    let square = |row: &Tensor<1>| {
        let row = contiguous(plain(row.clone().into_dispatch()));
        f64::from(dot(slice(&row), slice(&row)))
    };
    rows.iter().map(square).sum()
}

/// Multiplies a row by `factor`.
pub(crate) fn scale(row: &mut Tensor<1>, factor: f32) {
    edit(row, |values| values.iter_mut().for_each(|value| *value *= factor));
}

/// Changes a row in place; memory that another tensor shares is copied first.
fn edit(row: &mut Tensor<1>, change: impl FnOnce(&mut [f32])) {
    row.inplace(|row| {
        let mut row = contiguous(plain(row.into_dispatch()));
        if row.layout().num_elements() * size_of::<f32>() != row.bytes().len() {
            // A view of a larger buffer: its own numbers only.
            row = super::op::tensor(slice(&row).to_vec(), row.layout().shape().clone());
        }
        change(row.storage_mut());
        Tensor::from_primitive::<Flex>(row)
    });
}
