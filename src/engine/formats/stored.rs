//! Where a parameter lies in a family's files. Families differ in names, in whether a linear weight is stored
//! `[out, in]` (PyTorch's Linear) or `[in, out]` (GPT-2's Conv1D), and in whether query, key and value share one
//! matrix; a [`StoredTensor`] says all three, and serves reading and writing alike.

use crate::spec::Term;
use std::ops::Range;

/// What a family's files call one of the decoder's modules, and how they store it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredModule {
    pub name: String,
    /// Whether its weight is stored `[out, in]`.
    pub transposed: bool,
    /// Set where the module holds several of ours.
    pub fused: Option<Fused>,
}

/// A parameter's tensor in the file, and how it lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTensor {
    pub name: String,
    /// Whether a weight is stored `[out, in]`; else it lies as ours, as vectors and tables do.
    pub transposed: bool,
    /// Set where the tensor holds several of our parameters.
    pub fused: Option<Fused>,
}

/// Our parameter is one of `parts` interleaved in `groups` along the output: output `o` of part `p` lies at
/// `(o / width · parts + p) · width + o % width`, where `width` is our outputs divided by `groups`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fused {
    pub part: usize,
    pub parts: usize,
    /// 1 for GPT-2 (`q | k | v`), the number of heads for GPT-NeoX (`q₀ k₀ v₀ q₁ k₁ v₁ …`).
    pub groups: usize,
}

impl StoredModule {
    /// A norm, a table, or a linear layer that lies as ours.
    pub fn plain(name: impl Into<String>) -> Self {
        StoredModule { name: name.into(), transposed: false, fused: None }
    }

    /// PyTorch's linear layer.
    pub fn linear(name: impl Into<String>) -> Self {
        StoredModule { name: name.into(), transposed: true, fused: None }
    }

    /// The part `part` of query, key and value, interleaved in `groups`.
    pub fn part(self, part: usize, groups: usize) -> Self {
        StoredModule { fused: Some(Fused { part, parts: 3, groups }), ..self }
    }

    pub fn tensor(&self, term: Term) -> StoredTensor {
        let name = format!("{}.{}", self.name, term.name());
        StoredTensor { name, transposed: self.transposed && term == Term::Weight, fused: self.fused }
    }
}

impl StoredTensor {
    /// The stored tensor's shape, for our parameter's `shape`.
    pub fn stored_shape(&self, shape: &[usize]) -> Vec<usize> {
        let parts = self.fused.map_or(1, |fused| fused.parts);
        let mut stored = shape.to_vec();
        if let Some(output) = stored.last_mut() {
            *output *= parts;
        }
        if self.transposed {
            stored.reverse();
        }
        stored
    }

    /// Whether the stored numbers are ours, in our order.
    pub fn lies_as_ours(&self) -> bool {
        !self.transposed && self.fused.is_none()
    }

    /// Our parameter of `shape` out of the stored tensor, whose length is that of [`Self::stored_shape`].
    pub fn read(&self, shape: &[usize], stored: Vec<f32>) -> Vec<f32> {
        if self.lies_as_ours() {
            return stored;
        }
        let mut ours = vec![0.0; shape.iter().product()];
        self.read_rows(shape, 0..self.rows(shape), &stored, &mut ours);
        ours
    }

    /// Takes what stored rows `rows` hold of our parameter into `ours`; `stored` are those rows' numbers.
    pub fn read_rows(&self, shape: &[usize], rows: Range<usize>, stored: &[f32], ours: &mut [f32]) {
        self.each(shape, rows, |here, there| ours[here] = stored[there]);
    }

    /// Puts our parameter into the stored tensor, leaving the other parts of a fused one.
    pub fn write(&self, shape: &[usize], ours: &[f32], stored: &mut [f32]) {
        self.each(shape, 0..self.rows(shape), |here, there| stored[there] = ours[here]);
    }

    /// The stored rows that hold our columns of a transposed weight with `outputs` columns in all, in order.
    pub fn stored_lines(&self, columns: Range<usize>, outputs: usize) -> Vec<Range<usize>> {
        let mut lines: Vec<Range<usize>> = Vec::new();
        for output in columns {
            let line = self.fused.map_or(output, |fused| fused.column(output, outputs));
            match lines.last_mut().filter(|lines| lines.end == line) {
                Some(lines) => lines.end += 1,
                None => lines.push(line..line + 1),
            }
        }
        lines
    }

    /// Rows of the stored tensor; a vector is one.
    pub fn rows(&self, shape: &[usize]) -> usize {
        if shape.len() > 1 { self.stored_shape(shape)[0] } else { 1 }
    }

    /// Calls `visit(index in ours, index in the rows)` for every element of ours that stored `rows` hold.
    fn each(&self, shape: &[usize], rows: Range<usize>, mut visit: impl FnMut(usize, usize)) {
        let outputs = shape.last().copied().unwrap_or(1);
        let inputs = shape.iter().rev().skip(1).product::<usize>();
        let stored_outputs = outputs * self.fused.map_or(1, |fused| fused.parts);
        let column = |output| self.fused.map_or(output, |fused| fused.column(output, outputs));
        match self.transposed {
            false => {
                for row in rows.clone() {
                    let start = (row - rows.start) * stored_outputs;
                    (0..outputs).for_each(|output| visit(row * outputs + output, start + column(output)));
                }
            }
            // In bands, so that a transposition walks neither side with long strides only.
            true => {
                const BAND: usize = 64;
                for band in (0..inputs).step_by(BAND) {
                    for (output, column) in (0..outputs).map(|output| (output, column(output))) {
                        if rows.contains(&column) {
                            let start = (column - rows.start) * inputs;
                            (band..(band + BAND).min(inputs))
                                .for_each(|input| visit(input * outputs + output, start + input));
                        }
                    }
                }
            }
        }
    }
}

impl Fused {
    fn column(&self, output: usize, outputs: usize) -> usize {
        let width = (outputs / self.groups).max(1);
        (output / width * self.parts + self.part) * width + output % width
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Our parameter of `shape`, read from the stored tensor `step` rows at a time.
    fn read(tensor: &StoredTensor, shape: &[usize], stored: &[f32], step: usize) -> Vec<f32> {
        let rows = tensor.rows(shape);
        let width = stored.len() / rows;
        let mut ours = vec![f32::NAN; shape.iter().product()];
        for first in (0..rows).step_by(step) {
            let rows = first..rows.min(first + step);
            tensor.read_rows(shape, rows.clone(), &stored[rows.start * width..rows.end * width], &mut ours);
        }
        ours
    }

    #[test]
    fn a_transposed_weight_comes_back() {
        let weight = StoredModule::linear("layer").tensor(Term::Weight);
        assert_eq!(weight.name, "layer.weight");
        assert_eq!(weight.stored_shape(&[2, 3]), [3, 2]);
        // Stored [out 3, in 2]; ours [in 2, out 3].
        assert_eq!(read(&weight, &[2, 3], &[0., 1., 10., 11., 20., 21.], 1), [0., 10., 20., 1., 11., 21.]);
    }

    #[test]
    fn parts_of_a_fused_bias_interleave_by_head() {
        // Two heads of width 2: q0 k0 v0 q1 k1 v1.
        let stored: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let key = StoredModule::linear("qkv").part(1, 2).tensor(Term::Bias);
        assert_eq!(key.stored_shape(&[4]), [12]);
        assert_eq!(read(&key, &[4], &stored, 1), [2., 3., 8., 9.]);
        let value = StoredModule::linear("qkv").part(2, 1).tensor(Term::Bias);
        assert_eq!(read(&value, &[4], &stored, 1), [8., 9., 10., 11.]);
    }

    #[test]
    fn writing_all_parts_and_reading_them_in_any_pieces_is_the_identity() {
        let shape = [5, 4];
        for (transposed, groups) in [(false, 1), (true, 1), (false, 2), (true, 2)] {
            let module = StoredModule { transposed, ..StoredModule::plain("qkv") };
            let tensor = |part| module.clone().part(part, groups).tensor(Term::Weight);
            let mut stored = vec![f32::NAN; 60];
            let ours = |part: usize| (0..20).map(|i| (100 * part + i) as f32).collect::<Vec<_>>();
            for part in 0..3 {
                tensor(part).write(&shape, &ours(part), &mut stored);
            }
            for (part, step) in (0..3).flat_map(|part| [1, 2, 5, 12].map(|step| (part, step))) {
                assert_eq!(read(&tensor(part), &shape, &stored, step), ours(part));
            }
            assert_eq!(tensor(1).read(&shape, stored), ours(1));
        }
    }
}
