//! Rows of a table by number. Backward, each row that was read gathers its gradients, in their order: nothing is summed
//! by several threads at once, so every run gives the same bits.

use super::linear::buffers;
use super::op::{KernelOp, Slope, empty, run};
use super::{spread, upload};
use burn::Tensor;
use burn::backend::wgpu::CubeTensor;
use burn_cubecl::cubecl::{self, prelude::*};

/// Rows of some tables by number, the tables' rows counted one table after another.
#[derive(Clone, Debug)]
struct Select {
    /// The numbers `[count]`; then the places that read each listed row, one row after another `[count]`; then for each
    /// listed row itself, in its own table, and the end of its places `[listed, 2]`.
    words: CubeTensor,
    count: usize,
    /// Rows that are listed of each table: all that it has, or where it has many more than are read, those that are.
    listed: Vec<usize>,
    whole: Vec<bool>,
    width: usize,
}

/// Each `[any, width]`, to `[rows, width]`.
pub(super) fn select_rows(tables: Vec<Tensor<2>>, rows: &[u32]) -> Tensor<2> {
    let [count, width] = [rows.len(), tables[0].dims()[1]];
    let mut places: Vec<u32> = (0..count as u32).collect();
    places.sort_by_key(|&place| rows[place as usize]);
    let (mut ends, mut listed, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    let (mut end, mut start) = (0, 0);
    for table in &tables {
        let [all, _] = table.dims();
        let takes_all = all <= 4 * count + 1024;
        let mut rows_listed = 0;
        let mut row = 0;
        while row < all {
            let here = (start + row) as u32;
            let before = end;
            while end < count && rows[places[end] as usize] == here {
                end += 1;
            }
            if takes_all || end > before {
                ends.extend([row as u32, end as u32]);
                rows_listed += 1;
            }
            // The next row, or the next that is read.
            let next = places.get(end).map_or(all, |&place| (rows[place as usize] as usize - start).min(all));
            row = if takes_all { row + 1 } else { next.max(row + 1) };
        }
        listed.push(rows_listed);
        whole.push(takes_all);
        start += all;
    }
    let words: Vec<u32> = [rows, &places, &ends].concat();
    let op = Select { words: upload(&words, &tables[0].device()), count, listed, whole, width };
    run(op, tables.into_iter().map(Tensor::into_dispatch).collect())
}

impl KernelOp for Select {
    type Saved = ();

    fn forward(&self, tables: &[CubeTensor]) -> (CubeTensor, ()) {
        let out = empty(&tables[0], [self.count, self.width]);
        // SAFETY: the kernel stays within `count` rows of `width`; the numbers are rows of the tables.
        unsafe {
            gather::launch_unchecked(
                &out.client,
                spread(self.count * self.width),
                CubeDim::new_1d(256),
                buffers(tables.iter().cloned()),
                self.words.clone().into_buffer_arg(),
                out.clone().into_buffer_arg(),
                tables.iter().map(|table| table.meta.shape()[0]).collect(),
                self.count * self.width,
                self.width,
            );
        }
        (out, ())
    }

    fn backward(&self, _: &[CubeTensor], (): (), gradient: CubeTensor, into: Vec<Option<Slope>>) {
        let mut listed = 0;
        for ((slope, &count), &whole) in into.into_iter().zip(&self.listed).zip(&self.whole) {
            let first = listed;
            listed += count;
            let Some(Slope { tensor, add }) = slope else { continue };
            let all = tensor.meta.shape().num_elements();
            // SAFETY: as above.
            unsafe {
                if !add && !whole {
                    clear::launch_unchecked(
                        &gradient.client,
                        spread(all),
                        CubeDim::new_1d(256),
                        tensor.clone().into_buffer_arg(),
                        all,
                    );
                }
                scatter::launch_unchecked(
                    &gradient.client,
                    spread(count * self.width),
                    CubeDim::new_1d(256),
                    gradient.clone().into_buffer_arg(),
                    self.words.clone().into_buffer_arg(),
                    tensor.into_buffer_arg(),
                    self.count,
                    first,
                    count * self.width,
                    self.width,
                    add || !whole,
                );
            }
        }
    }
}

#[cube(launch_unchecked)]
fn gather(
    tables: &Sequence<Box<[f32]>>,
    words: &[u32],
    out: &mut [f32],
    rows: &Sequence<usize>,
    all: usize,
    width: usize,
) {
    for at in range_stepped(ABSOLUTE_POS, all, CUBE_COUNT * 256) {
        let row = words[at / width] as usize;
        let mut start = 0usize;
        #[unroll]
        for table in 0..tables.len() {
            let end = start + rows[table];
            if row >= start && row < end {
                out[at] = tables[table][(row - start) * width + at % width];
            }
            start = end;
        }
    }
}

#[cube(launch_unchecked)]
fn clear(out: &mut [f32], all: usize) {
    for at in range_stepped(ABSOLUTE_POS, all, CUBE_COUNT * 256) {
        out[at] = 0.0;
    }
}

/// For the rows from the `first` listed on.
#[cube(launch_unchecked)]
#[allow(clippy::too_many_arguments)]
fn scatter(
    gradient: &[f32],
    words: &[u32],
    out: &mut [f32],
    count: usize,
    first: usize,
    all: usize,
    width: usize,
    #[comptime] add: bool,
) {
    for at in range_stepped(ABSOLUTE_POS, all, CUBE_COUNT * 256) {
        let (which, column) = (first + at / width, at % width);
        let ends = 2 * count + 2 * which;
        let mut reader = 0usize;
        if which > 0 {
            reader = words[ends - 1] as usize;
        }
        let place = words[ends] as usize * width + column;
        let mut sum = 0.0f32;
        if comptime!(add) {
            sum = out[place];
        }
        for each in reader..words[ends + 1] as usize {
            sum += gradient[words[count + each] as usize * width + column];
        }
        out[place] = sum;
    }
}
