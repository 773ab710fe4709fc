//! A frozen matrix stored in less than f32: as half-precision numbers, or as whole numbers and 4-bit codes with a scale
//! for every [`BLOCK`] weights of a row. It is filled as its values come and read a tile at a time, so that it never
//! stands as f32 as a whole, neither while loading nor in a product.
//!
//! Scales are half-precision numbers, and codes are chosen for the scale as it is stored. That makes 4.25 bits a
//! weight in NF4; the paper's double quantization (scales in 8 bits with a scale of their own) would make 4.13, 3%
//! less, and is left out.

mod f16;
mod int8;
mod nf4;
mod tensors;

pub use tensors::PackedTensors;

use crate::spec::{BLOCK, Precision};
use std::ops::Range;

/// `[rows, columns]`, a row after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Packed {
    shape: [usize; 2],
    codes: Codes,
}

#[derive(Clone, Debug, PartialEq)]
enum Codes {
    F16(Vec<u16>),
    /// Scales as bits of half-precision numbers.
    Int8(Vec<i8>, Vec<u16>),
    /// Two codes a byte, the first in the high half as in bitsandbytes.
    Nf4(Vec<u8>, Vec<u16>),
}

/// A number that sixteen bits cannot hold, as a weight or as the scale of its block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TooWide(pub f32);

impl Packed {
    /// Zeros of this shape; `None` where `precision` is f32, which is a plain tensor's.
    pub fn zeros(precision: Precision, shape: [usize; 2]) -> Option<Self> {
        let [rows, columns] = shape;
        let scales = || vec![0; rows * columns.div_ceil(BLOCK)];
        let codes = match precision {
            Precision::F32 => return None,
            Precision::F16 => Codes::F16(vec![0; rows * columns]),
            Precision::Int8 => Codes::Int8(vec![0; rows * columns], scales()),
            Precision::Nf4 => Codes::Nf4(vec![nf4::ZEROS; rows * columns.div_ceil(2)], scales()),
        };
        Some(Packed { shape, codes })
    }

    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// Bytes of codes and scales.
    pub fn bytes(&self) -> u64 {
        let bytes = match &self.codes {
            Codes::F16(codes) => 2 * codes.len(),
            Codes::Int8(codes, scales) => codes.len() + 2 * scales.len(),
            Codes::Nf4(codes, scales) => codes.len() + 2 * scales.len(),
        };
        bytes as u64
    }

    /// Blocks of a row, and the first block of a row's columns from `column` on.
    fn block(&self, row: usize, column: usize) -> usize {
        row * self.shape[1].div_ceil(BLOCK) + column / BLOCK
    }

    /// Whether a part of these rows and columns holds whole blocks.
    pub fn is_part(&self, rows: &Range<usize>, columns: &Range<usize>) -> bool {
        let whole = |at: usize| at == self.shape[1] || at.is_multiple_of(BLOCK);
        rows.start <= rows.end
            && rows.end <= self.shape[0]
            && columns.start <= columns.end
            && columns.end <= self.shape[1]
            && whole(columns.start)
            && whole(columns.end)
    }

    /// Packs the values of a [part](Self::is_part), row-major.
    pub fn fill(&mut self, rows: Range<usize>, columns: Range<usize>, values: &[f32]) -> Result<(), TooWide> {
        let (width, all) = (columns.len(), self.shape[1]);
        if width == 0 {
            return Ok(());
        }
        for (row, values) in rows.zip(values.chunks_exact(width)) {
            let (at, block) = (row * all + columns.start, self.block(row, columns.start));
            let blocks = width.div_ceil(BLOCK);
            match &mut self.codes {
                Codes::F16(codes) => f16::pack(&mut codes[at..at + width], values)?,
                Codes::Int8(codes, scales) => {
                    int8::pack(&mut codes[at..at + width], &mut scales[block..block + blocks], values)?;
                }
                Codes::Nf4(codes, scales) => {
                    let at = row * all.div_ceil(2) + columns.start / 2;
                    let codes = &mut codes[at..at + width.div_ceil(2)];
                    nf4::pack(codes, &mut scales[block..block + blocks], values)?;
                }
            }
        }
        Ok(())
    }

    /// The values of these rows and columns, row-major; the first column is a multiple of [`BLOCK`].
    pub fn unpack(&self, rows: Range<usize>, columns: Range<usize>, out: &mut Vec<f32>) {
        let (width, all) = (columns.len(), self.shape[1]);
        // The numbers that are there stay until they are written over: all of them are.
        out.resize(rows.len() * width, 0.0);
        if width == 0 {
            return;
        }
        for (row, out) in rows.zip(out.chunks_exact_mut(width)) {
            let (at, block) = (row * all + columns.start, self.block(row, columns.start));
            match &self.codes {
                Codes::F16(codes) => f16::unpack(&codes[at..at + width], out),
                Codes::Int8(codes, scales) => int8::unpack(&codes[at..at + width], &scales[block..], out),
                Codes::Nf4(codes, scales) => {
                    nf4::unpack(&codes[row * all.div_ceil(2) + columns.start / 2..], &scales[block..], out);
                }
            }
        }
    }
}

/// The largest size of a block's numbers as it is stored, and as bits.
fn scale(block: &[f32]) -> Result<(f32, u16), TooWide> {
    let largest = block.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    let bits = f16::encode(largest)?;
    Ok((f16::decode(bits), bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packed(precision: Precision, shape: [usize; 2], values: &[f32]) -> Packed {
        let mut packed = Packed::zeros(precision, shape).expect("less than f32");
        packed.fill(0..shape[0], 0..shape[1], values).expect("in range");
        packed
    }

    fn all(packed: &Packed) -> Vec<f32> {
        let mut out = Vec::new();
        packed.unpack(0..packed.shape[0], 0..packed.shape[1], &mut out);
        out
    }

    proptest! {
        #[test]
        fn what_comes_back_is_as_near_as_the_codes_allow(
            rows in 1usize..4,
            columns in 1usize..200,
            magnitude in -3i32..4,
            seed in 0u32..1000,
        ) {
            let scale = 10f32.powi(magnitude);
            let values: Vec<f32> =
                (0..rows * columns).map(|i| scale * ((i as f32 + seed as f32) * 1.37).sin().powi(3)).collect();
            for precision in [Precision::F16, Precision::Int8, Precision::Nf4] {
                let packed = packed(precision, [rows, columns], &values);
                prop_assert_eq!(packed.bytes(), precision.bytes([rows, columns]));
                let back = all(&packed);
                for (row, back) in values.chunks(columns).zip(back.chunks(columns)) {
                    for (block, back) in row.chunks(BLOCK).zip(back.chunks(BLOCK)) {
                        let largest = block.iter().fold(0.0f32, |m, v| m.max(v.abs()));
                        for (value, back) in block.iter().zip(back) {
                            // Half a unit of 11 bits; half a step of 254; half the widest gap between two levels,
                            // 0.304; the scale's own rounding beside them.
                            let bound = match precision {
                                Precision::F16 => value.abs() / 2048.0 + 3e-8,
                                Precision::Int8 => largest * (0.5 / 127.0 + 1.0 / 2048.0) + 1e-7,
                                _ => largest * (0.152 + 1.0 / 2048.0) + 1e-7,
                            };
                            prop_assert!((value - back).abs() <= bound, "{precision}: {value} came back as {back}");
                        }
                    }
                }
            }
        }

        #[test]
        fn parts_make_the_whole_and_tiles_are_its_parts(
            rows in 1usize..9,
            columns in 1usize..300,
            cut_row in 0usize..9,
            cut_block in 0usize..5,
        ) {
            let (cut_row, cut) = (cut_row.min(rows), (cut_block * BLOCK).min(columns));
            let values: Vec<f32> = (0..rows * columns).map(|i| (i as f32 * 0.7).sin()).collect();
            for precision in [Precision::F16, Precision::Int8, Precision::Nf4] {
                let whole = packed(precision, [rows, columns], &values);
                let back = all(&whole);
                let mut parts = Packed::zeros(precision, [rows, columns]).expect("less than f32");
                for (r, c) in [(0..cut_row, 0..cut), (0..cut_row, cut..columns), (cut_row..rows, 0..columns)] {
                    prop_assert!(parts.is_part(&r, &c));
                    let tile = |of: &[f32]| -> Vec<f32> {
                        r.clone().flat_map(|row| of[row * columns..][c.clone()].to_vec()).collect()
                    };
                    parts.fill(r.clone(), c.clone(), &tile(&values)).expect("in range");
                    let mut unpacked = vec![7.0; 3];
                    whole.unpack(r.clone(), c.clone(), &mut unpacked);
                    prop_assert_eq!(unpacked, tile(&back));
                }
                prop_assert_eq!(parts, whole);
            }
        }
    }

    #[test]
    fn parts_that_split_a_block_are_none() {
        let packed = Packed::zeros(Precision::Nf4, [4, 100]).expect("less than f32");
        assert!(packed.is_part(&(0..4), &(64..100)) && packed.is_part(&(1..2), &(0..64)));
        assert!(!packed.is_part(&(0..4), &(0..65)) && !packed.is_part(&(0..4), &(1..100)));
        assert!(!packed.is_part(&(0..5), &(0..100)) && !packed.is_part(&(0..4), &(0..128)));
    }

    #[test]
    fn numbers_beyond_sixteen_bits_are_named() {
        for precision in [Precision::F16, Precision::Int8, Precision::Nf4] {
            let mut packed = Packed::zeros(precision, [1, 2]).expect("less than f32");
            assert_eq!(packed.fill(0..1, 0..2, &[0.5, -70_000.0]).map_err(|e| e.0.abs()), Err(70_000.0), "{precision}");
        }
        assert_eq!(Packed::zeros(Precision::F32, [1, 2]), None);
    }
}
