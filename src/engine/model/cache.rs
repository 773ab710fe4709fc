//! Keys and values of the tokens read so far (one sequence), so that a new token costs one row.
//!
//! The tables have the model's full length from the start: shapes stay fixed, and a GPU compiles its kernels once.

use super::ModelError;
use crate::engine::ops::Layout;
use burn::Tensor;

/// Per layer, keys and values `[capacity, kv_heads · head_dim]`; the first `length` rows are filled.
#[derive(Clone, Debug)]
pub struct Cache {
    pub(crate) layers: Vec<(Tensor<2>, Tensor<2>)>,
    /// Of the tables' rows, filled or not.
    layout: Layout,
    length: usize,
}

impl Cache {
    pub(crate) fn new(layers: Vec<(Tensor<2>, Tensor<2>)>, capacity: usize) -> Self {
        Cache { layers, layout: Layout::regular(1, capacity, 0), length: 0 }
    }

    /// Positions filled.
    pub fn length(&self) -> usize {
        self.length
    }

    pub fn capacity(&self) -> usize {
        self.layout.rows()
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Refuses `rows` more than fit.
    pub(crate) fn check(&self, rows: usize) -> Result<(), ModelError> {
        let positions = self.length + rows;
        if positions > self.capacity() {
            return Err(ModelError::TooLong { positions, context: self.capacity() });
        }
        Ok(())
    }

    /// Counts `rows` as read. Rows written beyond them were padding: causality hides them, later rows replace them.
    pub(crate) fn advance(&mut self, rows: usize) {
        self.length += rows;
    }

    /// Writes a layer's new rows after the filled ones and gives the whole tables.
    pub(crate) fn extend(&mut self, layer: usize, keys: Tensor<2>, values: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let [rows, width] = keys.dims();
        let place = [self.length..self.length + rows, 0..width];
        let (all_keys, all_values) = &mut self.layers[layer];
        all_keys.inplace(|table| table.slice_assign(place.clone(), keys));
        all_values.inplace(|table| table.slice_assign(place, values));
        (all_keys.clone(), all_values.clone())
    }
}
