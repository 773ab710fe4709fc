//! IEEE 754 half-precision numbers: five bits of exponent, eleven of precision.

use super::TooWide;
use half::f16;

pub(super) fn encode(value: f32) -> Result<u16, TooWide> {
    let half = f16::from_f32(value);
    if half.is_finite() { Ok(half.to_bits()) } else { Err(TooWide(value)) }
}

/// Finite numbers only, without branches, so that the compiler can use vector instructions in wasm as well. The bits
/// moved into a single-precision number have the wrong bias, which a power of two repairs, subnormals included.
#[inline(always)]
pub(super) fn decode(bits: u16) -> f32 {
    const REBIAS: f32 = f32::from_bits((127 + 127 - 15) << 23);
    let bits = u32::from(bits);
    let size = f32::from_bits((bits & 0x7fff) << 13) * REBIAS;
    f32::from_bits(size.to_bits() | (bits & 0x8000) << 16)
}

pub(super) fn pack(codes: &mut [u16], values: &[f32]) -> Result<(), TooWide> {
    for (code, value) in codes.iter_mut().zip(values) {
        *code = encode(*value)?;
    }
    Ok(())
}

pub(super) fn unpack(codes: &[u16], out: &mut [f32]) {
    out.iter_mut().zip(codes).for_each(|(out, code)| *out = decode(*code));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_half_is_decoded_exactly() {
        let halves = (0..=u16::MAX).filter(|bits| f16::from_bits(*bits).is_finite());
        for bits in halves {
            assert_eq!(decode(bits).to_bits(), f16::from_bits(bits).to_f32().to_bits(), "{bits:#06x}");
        }
    }
}
