//! Whole numbers from −127 to 127, the block's largest size being 127.

use super::TooWide;
use super::f16::decode;
use crate::spec::BLOCK;

const STEPS: f32 = 127.0;

pub(super) fn pack(codes: &mut [i8], scales: &mut [u16], values: &[f32]) -> Result<(), TooWide> {
    for ((codes, values), scale) in codes.chunks_mut(BLOCK).zip(values.chunks(BLOCK)).zip(scales) {
        let (largest, bits) = super::scale(values)?;
        *scale = bits;
        let per_step = if largest > 0.0 { STEPS / largest } else { 0.0 };
        for (code, value) in codes.iter_mut().zip(values) {
            let steps = value * per_step;
            // To the nearest; the scale's rounding may put the largest a little above 127.
            *code = (steps + 0.5f32.copysign(steps)).clamp(-STEPS, STEPS) as i8;
        }
    }
    Ok(())
}

pub(super) fn unpack(codes: &[i8], scales: &[u16], out: &mut [f32]) {
    for ((out, codes), scale) in out.chunks_mut(BLOCK).zip(codes.chunks(BLOCK)).zip(scales) {
        let step = decode(*scale) / STEPS;
        out.iter_mut().zip(codes).for_each(|(out, code)| *out = f32::from(*code) * step);
    }
}
