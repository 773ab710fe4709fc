//! How a frozen base's weights are held in memory: QLoRA's idea (Dettmers et al. 2023), that adapters and prompts can be
//! trained in f32 on top of weights that are held in less.
//!
//! What is held in less are the matrices of the linear layers, the embedding and the head. Norms, biases, learned
//! positions and everything trained stay f32, and so does all arithmetic.

use super::{ParameterSpec, SpecError};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Weights of a row that share a scale.
pub const BLOCK: usize = 64;

/// How a frozen base's weights are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// As trained.
    #[default]
    F32,
    /// Half-precision numbers: 11 bits each.
    F16,
    /// Whole numbers from −127 to 127 times the block's largest size, 8.25 bits a weight.
    Int8,
    /// Sixteen levels that are equally likely in a normal distribution ("NF4", Dettmers et al. 2023), 4.25 bits.
    Nf4,
}

impl Precision {
    /// From the most bits to the fewest.
    pub const ALL: [Precision; 4] = [Precision::F32, Precision::F16, Precision::Int8, Precision::Nf4];

    /// The name in specs and on the command line.
    pub fn id(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::F16 => "f16",
            Precision::Int8 => "int8",
            Precision::Nf4 => "nf4",
        }
    }

    /// "4-bit", for people.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "32-bit",
            Precision::F16 => "16-bit",
            Precision::Int8 => "8-bit",
            Precision::Nf4 => "4-bit",
        }
    }

    /// Whether weights are as they were trained.
    pub fn is_f32(&self) -> bool {
        *self == Precision::F32
    }

    /// How a parameter is held where the base is held in `self`.
    pub fn of(self, parameter: &ParameterSpec) -> Precision {
        // Precisions are ordered from the widest.
        self.min(parameter.lowest_precision)
    }

    /// Bytes of a matrix `[rows, columns]` held so.
    pub fn bytes(self, [rows, columns]: [usize; 2]) -> u64 {
        let scales = 2 * columns.div_ceil(BLOCK);
        let row = match self {
            Precision::F32 => 4 * columns,
            Precision::F16 => 2 * columns,
            Precision::Int8 => columns + scales,
            Precision::Nf4 => columns.div_ceil(2) + scales,
        };
        rows as u64 * row as u64
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Precision {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let found = Precision::ALL.into_iter().find(|precision| precision.id() == text);
        found.ok_or_else(|| SpecError {
            field: "base precision",
            value: text.into(),
            rule: "it is one of f32, f16, int8, nf4",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::ModelConfig;

    #[test]
    fn names_are_read_as_written() {
        for precision in Precision::ALL {
            assert_eq!(precision.id().parse(), Ok(precision));
            assert_eq!(serde_json::to_string(&precision).unwrap(), format!("\"{precision}\""));
        }
        assert!("int4".parse::<Precision>().unwrap_err().to_string().contains("nf4"));
    }

    #[test]
    fn bytes_count_codes_and_scales() {
        let bytes = Precision::ALL.map(|precision| precision.bytes([3, 65]));
        assert_eq!(bytes, [3 * 260, 3 * 130, 3 * (65 + 4), 3 * (33 + 4)]);
        let config = ModelConfig::ladder(512, 64, 64, 2);
        assert_eq!(config.bytes(Precision::F32), 4 * config.parameters().total);
    }
}
