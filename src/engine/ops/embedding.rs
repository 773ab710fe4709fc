//! Rows of a table by number: the embeddings of tokens, and the rows of a matrix.

use super::Weight;
use super::host::{SliceOp, add, run};
use burn::Tensor;
use burn::tensor::{Device, Int, TensorData};
use std::sync::Arc;

pub(super) fn composed(table: &Weight, ids: &[u32]) -> Tensor<2> {
    match table {
        Weight::PackedOnDevice(packed) => packed.rows(numbers(ids, &packed.device())).dense(),
        table => composed_rows(table.dense(), ids),
    }
}

pub(super) fn composed_rows(x: Tensor<2>, rows: &[u32]) -> Tensor<2> {
    let rows = numbers(rows, &x.device().inner());
    x.select(0, rows)
}

fn numbers(rows: &[u32], device: &Device) -> Tensor<1, Int> {
    let rows: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
    let count = rows.len();
    Tensor::from_data(TensorData::new(rows, [count]), device)
}

pub(super) fn host(table: &Weight, ids: Arc<[u32]>) -> Tensor<2> {
    let Weight::Packed(packed) = table else { return host_rows(table.dense(), ids) };
    let columns = packed.shape()[1];
    let (mut values, mut row) = (Vec::with_capacity(ids.len() * columns), Vec::new());
    for &id in ids.iter() {
        packed.unpack(id as usize..id as usize + 1, 0..columns, &mut row);
        values.extend_from_slice(&row);
    }
    Tensor::from_data(TensorData::new(values, [ids.len(), columns]), &Device::flex())
}

pub(super) fn host_rows(x: Tensor<2>, rows: Arc<[u32]>) -> Tensor<2> {
    let shape @ [_, width] = [rows.len(), x.dims()[1]];
    run(Select { rows, width }, [x.into_dispatch()], shape)
}

/// Rows of a matrix `[any, width]` by index: `[rows.len(), width]`.
#[derive(Clone, Debug)]
struct Select {
    rows: Arc<[u32]>,
    width: usize,
}

impl Select {
    fn row(&self, index: u32) -> std::ops::Range<usize> {
        index as usize * self.width..(index as usize + 1) * self.width
    }
}

impl SliceOp<1> for Select {
    type Saved = ();

    fn forward(&self, [table]: [&[f32]; 1], _: bool) -> (Vec<f32>, ()) {
        let mut out = Vec::with_capacity(self.rows.len() * self.width);
        self.rows.iter().for_each(|&row| out.extend_from_slice(&table[self.row(row)]));
        (out, ())
    }

    fn backward(&self, [table]: [&[f32]; 1], (): (), gradient: &[f32], _: [bool; 1]) -> [Option<Vec<f32>>; 1] {
        let mut out = vec![0.0; table.len()];
        for (&row, gradient) in self.rows.iter().zip(gradient.chunks_exact(self.width)) {
            add(&mut out[self.row(row)], gradient);
        }
        [Some(out)]
    }
}
