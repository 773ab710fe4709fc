//! What operations on the host's slices share: one step of the gradient's graph, matrix products, sums and the
//! exponential.

mod gemm;
mod op;
#[cfg(any(target_family = "wasm", test))]
mod panels;

pub(crate) use gemm::{View, add_low_rank, filled, gemm, low_rank};
pub(crate) use op::{SliceOp, change_row, numbers, run};

/// Numbers summed side by side, so that the compiler can use vector instructions in a fixed order.
const LANES: usize = 16;

pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for i in 0..LANES {
            lanes[i] += a[i] * b[i];
        }
    }
    lanes.iter().sum::<f32>() + rest
}

pub(crate) fn sum(a: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let a = a.chunks_exact(LANES);
    let rest: f32 = a.remainder().iter().sum();
    for a in a {
        for i in 0..LANES {
            lanes[i] += a[i];
        }
    }
    lanes.iter().sum::<f32>() + rest
}

pub(crate) fn add(sum: &mut [f32], row: &[f32]) {
    sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
}

// Element by element. Never inlined, and loops instead of iterators' own: else whether the compiler vectorises them hangs on
// what stands around the call.

#[inline(never)]
pub(crate) fn unary(x: &[f32], of: impl Fn(f32) -> f32) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    for (out, &x) in out.iter_mut().zip(x) {
        *out = of(x);
    }
    out
}

#[inline(never)]
pub(crate) fn binary(x: &[f32], y: &[f32], of: impl Fn(f32, f32) -> f32) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
        *out = of(x, y);
    }
    out
}

#[inline(never)]
pub(crate) fn ternary(x: &[f32], y: &[f32], z: &[f32], of: impl Fn(f32, f32, f32) -> f32) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    for (((out, &x), &y), &z) in out.iter_mut().zip(x).zip(y).zip(z) {
        *out = of(x, y, z);
    }
    out
}

/// The sum of rows of `width` numbers.
pub(crate) fn column_sums(rows: &[f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0; width];
    rows.chunks_exact(width).for_each(|row| add(&mut sums, row));
    sums
}

/// e^x to about two units in the last place, without branches or calls: 2^n·p(r) with Cephes' polynomial
/// (Moshier 1989). The same bits on every platform.
pub(crate) fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5·2^23: adding it rounds to a whole number.
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let whole = rounded - ROUND;
    let r = x - whole * 0.693_359_4 + whole * 2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 5e-1;
    let p = p * r * r + r + 1.0;
    // The whole number stands in the low bits of `rounded`: moved to the exponent it is 2^n.
    p * f32::from_bits(rounded.to_bits().wrapping_add(127) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_right_to_a_few_units_in_the_last_place() {
        for i in -8700..8800 {
            let x = i as f32 / 100.0;
            let wanted = (x as f64).exp();
            let error = (exp(x) as f64 - wanted).abs() / wanted;
            assert!(error < 3e-7, "exp({x}) = {} with relative error {error:e}", exp(x));
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1e30) < 1e-37 && exp(f32::NAN).is_nan());
    }

    #[test]
    fn sums_take_every_element_once() {
        let a: Vec<f32> = (0..37).map(|i| i as f32).collect();
        assert_eq!((sum(&a), dot(&a, &a)), (666.0, 16_206.0));
    }
}
