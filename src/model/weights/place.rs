//! Where one of our parameters lies in a family's files. Families differ in names, in whether a linear weight is
//! stored `[out, in]` (PyTorch's Linear) or `[in, out]` (GPT-2's Conv1D), and in whether query, key and value share
//! one matrix; a [`Place`] says all three, and serves reading and writing alike.

use std::ops::Range;

/// A parameter's tensor in the file, and how it lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub tensor: String,
    pub layout: Layout,
    /// Set where the tensor holds several of our parameters.
    pub fused: Option<Fused>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// As ours: a vector, a table, or a weight `[in, out]`.
    Same,
    /// A weight stored `[out, in]`.
    Transposed,
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

impl Place {
    pub fn same(tensor: impl Into<String>) -> Self {
        Place { tensor: tensor.into(), layout: Layout::Same, fused: None }
    }

    pub fn transposed(tensor: impl Into<String>) -> Self {
        Place { tensor: tensor.into(), layout: Layout::Transposed, fused: None }
    }

    pub fn part(self, part: usize, groups: usize) -> Self {
        Place { fused: Some(Fused { part, parts: 3, groups }), ..self }
    }

    /// The stored tensor's shape, for our parameter's `shape`.
    pub fn stored_shape(&self, shape: &[usize]) -> Vec<usize> {
        let parts = self.fused.map_or(1, |fused| fused.parts);
        let mut stored = shape.to_vec();
        if let Some(output) = stored.last_mut() {
            *output *= parts;
        }
        if self.layout == Layout::Transposed {
            stored.reverse();
        }
        stored
    }

    /// Our parameter of `shape` out of the stored tensor, whose length is that of [`Self::stored_shape`].
    pub fn read(&self, shape: &[usize], stored: Vec<f32>) -> Vec<f32> {
        if self.layout == Layout::Same && self.fused.is_none() {
            return stored;
        }
        let mut ours = vec![0.0; shape.iter().product()];
        self.each(shape, |here, there| ours[here] = stored[there]);
        ours
    }

    /// Puts our parameter into the stored tensor, leaving the other parts of a fused one.
    pub fn write(&self, shape: &[usize], ours: &[f32], stored: &mut [f32]) {
        self.each(shape, |here, there| stored[there] = ours[here]);
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

    /// Calls `visit(index in ours, index in the stored tensor)` for every element.
    fn each(&self, shape: &[usize], mut visit: impl FnMut(usize, usize)) {
        let outputs = shape.last().copied().unwrap_or(1);
        let inputs = shape.iter().rev().skip(1).product::<usize>();
        let stored_outputs = outputs * self.fused.map_or(1, |fused| fused.parts);
        // In bands of rows, so that a transposition walks neither side with long strides only.
        const BAND: usize = 64;
        for band in (0..inputs).step_by(BAND) {
            for output in 0..outputs {
                let column = self.fused.map_or(output, |fused| fused.column(output, outputs));
                for input in band..(band + BAND).min(inputs) {
                    let there = match self.layout {
                        Layout::Same => input * stored_outputs + column,
                        Layout::Transposed => column * inputs + input,
                    };
                    visit(input * outputs + output, there);
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

    #[test]
    fn a_transposed_weight_comes_back() {
        let place = Place::transposed("w");
        assert_eq!(place.stored_shape(&[2, 3]), [3, 2]);
        // Stored [out 3, in 2]; ours [in 2, out 3].
        assert_eq!(place.read(&[2, 3], vec![0., 1., 10., 11., 20., 21.]), [0., 10., 20., 1., 11., 21.]);
    }

    #[test]
    fn parts_of_a_fused_bias_interleave_by_head() {
        // Two heads of width 2: q0 k0 v0 q1 k1 v1.
        let stored: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let key = Place::same("qkv.bias").part(1, 2);
        assert_eq!(key.stored_shape(&[4]), [12]);
        assert_eq!(key.read(&[4], stored.clone()), [2., 3., 8., 9.]);
        let value = Place::same("qkv.bias").part(2, 1);
        assert_eq!(value.read(&[4], stored), [8., 9., 10., 11.]);
    }

    #[test]
    fn writing_all_parts_and_reading_them_is_the_identity() {
        let shape = [5, 4];
        for (layout, groups) in [(Layout::Same, 1), (Layout::Transposed, 1), (Layout::Same, 2), (Layout::Transposed, 2)]
        {
            let place = |part| Place { layout, ..Place::same("qkv") }.part(part, groups);
            let mut stored = vec![f32::NAN; 60];
            let ours = |part: usize| (0..20).map(|i| (100 * part + i) as f32).collect::<Vec<_>>();
            for part in 0..3 {
                place(part).write(&shape, &ours(part), &mut stored);
            }
            for part in 0..3 {
                assert_eq!(place(part).read(&shape, stored.clone()), ours(part));
            }
        }
    }
}
