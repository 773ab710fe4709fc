//! NF4 (Dettmers et al. 2023, "QLoRA", section 3): sixteen levels at the quantiles of a normal distribution, scaled to
//! [−1, 1] with an exact zero, times the block's largest size.

use super::TooWide;
use super::f16::decode;
use crate::spec::BLOCK;

/// As bitsandbytes publishes them.
pub(super) const LEVELS: [f32; 16] = [
    -1.0,
    -0.696_192_8,
    -0.525_073_05,
    -0.394_917_5,
    -0.284_441_38,
    -0.184_773_43,
    -0.091_050_036,
    0.0,
    0.079_580_3,
    0.160_930_2,
    0.246_112_3,
    0.337_915_24,
    0.440_709_83,
    0.562_617,
    0.722_956_84,
    1.0,
];

/// Two zeros.
pub(super) const ZEROS: u8 = 0x77;

/// The two levels of every byte: one look-up for both.
static PAIRS: [[f32; 2]; 256] = {
    let mut pairs = [[0.0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [LEVELS[byte >> 4], LEVELS[byte & 15]];
        byte += 1;
    }
    pairs
};

/// The nearest level's number: how many midpoints between levels lie below.
fn code(value: f32) -> u8 {
    LEVELS.windows(2).map(|pair| u8::from(value > 0.5 * (pair[0] + pair[1]))).sum()
}

pub(super) fn pack(codes: &mut [u8], scales: &mut [u16], values: &[f32]) -> Result<(), TooWide> {
    for ((codes, values), scale) in codes.chunks_mut(BLOCK / 2).zip(values.chunks(BLOCK)).zip(scales) {
        let (largest, bits) = super::scale(values)?;
        *scale = bits;
        let inverse = if largest > 0.0 { 1.0 / largest } else { 0.0 };
        for (byte, pair) in codes.iter_mut().zip(values.chunks(2)) {
            let second = pair.get(1).copied().unwrap_or(0.0);
            *byte = code(pair[0] * inverse) << 4 | code(second * inverse);
        }
    }
    Ok(())
}

pub(super) fn unpack(codes: &[u8], scales: &[u16], out: &mut [f32]) {
    for ((out, codes), scale) in out.chunks_mut(BLOCK).zip(codes.chunks(BLOCK / 2)).zip(scales) {
        let scale = decode(*scale);
        let (pairs, rest) = out.as_chunks_mut::<2>();
        for (pair, byte) in pairs.iter_mut().zip(codes) {
            let levels = PAIRS[usize::from(*byte)];
            *pair = [levels[0] * scale, levels[1] * scale];
        }
        if let ([last], Some(byte)) = (rest, codes.get(pairs.len())) {
            *last = PAIRS[usize::from(*byte)][0] * scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tests/golden/nf4.json`, made by `tests/golden/nf4.py` with numpy.
    #[derive(serde::Deserialize)]
    struct Golden {
        /// The levels in bitsandbytes, and from the quantiles of the normal distribution.
        published: [f32; 16],
        quantiles: [f32; 16],
        shape: [usize; 2],
        values: Vec<f32>,
        /// Packed as bitsandbytes packs them.
        codes: Vec<u8>,
        scales: Vec<u16>,
        back: Vec<f32>,
    }

    fn golden() -> Golden {
        serde_json::from_str(include_str!("../../../../tests/golden/nf4.json")).expect("the golden file")
    }

    #[test]
    fn levels_are_those_published_at_the_quantiles_of_the_paper() {
        let golden = golden();
        assert_eq!(LEVELS, golden.published);
        for (ours, theirs) in LEVELS.iter().zip(golden.quantiles) {
            assert!((ours - theirs).abs() < 1e-6, "{ours} and {theirs}");
        }
    }

    #[test]
    fn codes_scales_and_values_are_those_of_numpy() {
        let golden = golden();
        let [rows, columns] = golden.shape;
        let mut packed = super::super::Packed::zeros(crate::spec::Precision::Nf4, golden.shape).expect("less than f32");
        packed.fill(0..rows, 0..columns, &golden.values).expect("in range");
        let super::super::Codes::Nf4(codes, scales) = &packed.codes else { panic!("NF4") };
        assert_eq!((codes, scales), (&golden.codes, &golden.scales));
        let mut back = Vec::new();
        packed.unpack(0..rows, 0..columns, &mut back);
        assert_eq!(back, golden.back);
    }

    #[test]
    fn a_level_is_its_own_nearest() {
        for (number, level) in LEVELS.iter().enumerate() {
            assert_eq!(usize::from(code(*level)), number);
        }
        assert_eq!((code(-3.0), code(3.0), code(0.0)), (0, 15, 7));
    }
}
