//! The same matrix on another device: codes are stored there as whole tensors of 32-bit words and are unpacked by burn's own
//! operations each time the matrix is used. It is correct everywhere burn runs. What it saves is memory between uses: a
//! training step on a GPU holds the unpacked matrices until its backward pass is through.

use super::{Codes, Packed, f16, nf4};
use crate::spec::BLOCK;
use burn::Tensor;
use burn::tensor::{Device, Int, TensorData};

#[derive(Clone, Debug)]
pub struct PackedTensors {
    columns: usize,
    bytes: u64,
    kind: Kind,
    /// `[rows, words]`, each of several codes, the first in the lowest bits.
    words: Tensor<2, Int>,
    /// `[rows, blocks]`; `[rows, 0]` would be no tensor, so none for half-precision numbers.
    scales: Option<Tensor<2>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    F16,
    Int8,
    Nf4,
}

impl Kind {
    fn bits(self) -> usize {
        match self {
            Kind::F16 => 16,
            Kind::Int8 => 8,
            Kind::Nf4 => 4,
        }
    }
}

impl PackedTensors {
    pub fn new(packed: &Packed, device: &Device) -> Self {
        let [rows, columns] = packed.shape;
        let half_bytes = |codes: &[u8]| -> Vec<u32> {
            let row = |row: &[u8]| row.iter().flat_map(|byte| [u32::from(byte >> 4), u32::from(byte & 15)]).collect();
            codes
                .chunks(columns.div_ceil(2))
                .flat_map(|bytes| {
                    let mut row: Vec<u32> = row(bytes);
                    row.truncate(columns);
                    row
                })
                .collect()
        };
        let (kind, codes, scales): (_, Vec<u32>, _) = match &packed.codes {
            Codes::F16(codes) => (Kind::F16, codes.iter().map(|code| u32::from(*code)).collect(), None),
            // From 1 to 255: unsigned codes need no sign when they are taken apart.
            Codes::Int8(codes, scales) => {
                (Kind::Int8, codes.iter().map(|code| (i32::from(*code) + 128) as u32).collect(), Some(scales))
            }
            Codes::Nf4(codes, scales) => (Kind::Nf4, half_bytes(codes), Some(scales)),
        };
        let (bits, per_word) = (kind.bits(), 32 / kind.bits());
        let word = |codes: &[u32]| codes.iter().rev().fold(0u32, |word, code| word << bits | code) as i32;
        let width = columns.div_ceil(per_word);
        let words: Vec<i32> = codes.chunks(columns).flat_map(|row| row.chunks(per_word).map(word)).collect();
        let scales = scales.map(|scales| {
            let values: Vec<f32> = scales.iter().map(|bits| f16::decode(*bits)).collect();
            Tensor::from_data(TensorData::new(values, [rows, columns.div_ceil(BLOCK)]), device)
        });
        let words = Tensor::from_data(TensorData::new(words, [rows, width]), device);
        let scale_bytes = scales.as_ref().map_or(0, |scales: &Tensor<2>| 4 * scales.shape().num_elements());
        let bytes = (4 * rows * width + scale_bytes) as u64;
        PackedTensors { columns, bytes, kind, words, scales }
    }

    pub fn shape(&self) -> [usize; 2] {
        [self.words.dims()[0], self.columns]
    }

    pub fn device(&self) -> Device {
        self.words.device()
    }

    /// Bytes on the device.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// These rows alone.
    pub fn rows(&self, rows: Tensor<1, Int>) -> PackedTensors {
        PackedTensors {
            words: self.words.clone().select(0, rows.clone()),
            scales: self.scales.clone().map(|scales| scales.select(0, rows)),
            ..*self
        }
    }

    /// The values, `[rows, columns]`.
    pub fn dense(&self) -> Tensor<2> {
        let [rows, width] = self.words.dims();
        let (bits, columns) = (self.kind.bits(), self.columns);
        let per_word = 32 / bits;
        // A shift to the right may fill in ones from the sign: the mask takes them away.
        let mask = (1i64 << bits) - 1;
        let codes: Vec<Tensor<2, Int>> = (0..per_word)
            .map(|at| {
                let words = self.words.clone();
                let shifted = if at == 0 { words } else { words.bitwise_right_shift_scalar((at * bits) as i64) };
                shifted.bitwise_and_scalar(mask)
            })
            .collect();
        let codes = Tensor::stack::<3>(codes, 2).reshape([rows, width * per_word]).narrow(1, 0, columns);
        let values = match self.kind {
            Kind::F16 => halves(codes),
            Kind::Int8 => codes.float().sub_scalar(128.0),
            Kind::Nf4 => look_up(&nf4::LEVELS, codes),
        };
        let Some(scales) = &self.scales else { return values };
        let blocks = scales.dims()[1];
        let scales = scales.clone().unsqueeze_dim::<3>(2).expand([rows, blocks, BLOCK]);
        let scales = scales.reshape([rows, blocks * BLOCK]).narrow(1, 0, columns);
        if self.kind == Kind::Int8 { values * scales.div_scalar(127.0) } else { values * scales }
    }
}

/// `table[code]` for every code.
fn look_up(table: &[f32], codes: Tensor<2, Int>) -> Tensor<2> {
    let shape = codes.dims();
    let table = Tensor::<1>::from_floats(table, &codes.device());
    table.select(0, codes.reshape([-1])).reshape(shape)
}

/// Half-precision numbers from their bits: sign and exponent give a power of two, the last ten bits a fraction.
fn halves(bits: Tensor<2, Int>) -> Tensor<2> {
    let fraction = bits.clone().bitwise_and_scalar(0x3ff_i64).float().div_scalar(1024.0);
    let above = bits.bitwise_right_shift_scalar(10_i64);
    let exponent = |above: u32| (above & 31) as i32;
    let size = |above: u32| {
        let power = 2f32.powi(exponent(above).max(1) - 15);
        if above < 32 { power } else { -power }
    };
    let powers: Vec<f32> = (0..64).map(size).collect();
    let whole: Vec<f32> = (0..64).map(|above| if exponent(above) == 0 { 0.0 } else { 1.0 }).collect();
    (fraction + look_up(&whole, above.clone())) * look_up(&powers, above)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Precision;

    #[test]
    fn the_device_unpacks_what_the_host_does() {
        let device = Device::flex();
        for precision in [Precision::F16, Precision::Int8, Precision::Nf4] {
            for shape in [[3, 65], [5, 64], [2, 7], [1, 200]] {
                let count = shape[0] * shape[1];
                // Down to half-precision's subnormal numbers.
                let values: Vec<f32> =
                    (0..count).map(|i| (i as f32 * 0.9).sin() * 10f32.powi(-(i as i32 % 8))).collect();
                let mut packed = Packed::zeros(precision, shape).expect("less than f32");
                packed.fill(0..shape[0], 0..shape[1], &values).expect("in range");
                let mut host = Vec::new();
                packed.unpack(0..shape[0], 0..shape[1], &mut host);
                let on_device = PackedTensors::new(&packed, &device);
                assert_eq!(on_device.shape(), shape);
                let dense: Vec<f32> = on_device.dense().into_data().try_into_vec().expect("floats");
                assert_eq!(dense, host, "{precision}, {shape:?}");
                let last = Tensor::from_data(TensorData::new(vec![shape[0] as i32 - 1], [1]), &device);
                let row: Vec<f32> = on_device.rows(last).dense().into_data().try_into_vec().expect("floats");
                assert_eq!(row, host[count - shape[1]..], "{precision}, {shape:?}");
            }
        }
    }
}
