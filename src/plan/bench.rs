//! Fixed work for timing, so that devices, builds and other libraries can be held side by side.

use crate::spec::ModelConfig;
use serde::{Deserialize, Serialize};

/// A model and a batch; every position is a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BenchSize {
    /// 0.11M parameters, 128 tokens a step: d = 64, 2 layers, 4 heads, context 64, batch 2, vocabulary 96.
    Small,
    /// 0.81M parameters, 512 tokens a step: d = 128, 4 layers, 4 heads, context 64, batch 8, vocabulary 96.
    Medium,
}

/// What a benchmark measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchTiming {
    pub parameters: u64,
    pub tokens_per_step: usize,
    /// The median step, in milliseconds. Where a device works ahead, steps are timed from one reading of the loss to
    /// the next.
    pub ms_per_step: f64,
    /// Training loss of the last step, to compare devices.
    pub last_nats_per_token: f64,
}

impl BenchSize {
    /// From small to large.
    pub const ALL: [BenchSize; 2] = [BenchSize::Small, BenchSize::Medium];

    /// The model that is timed.
    pub fn config(self) -> ModelConfig {
        match self {
            BenchSize::Small => ModelConfig::ladder(96, 64, 64, 2),
            BenchSize::Medium => ModelConfig::ladder(96, 64, 128, 4),
        }
    }

    /// Sequences a step.
    pub fn batch(self) -> usize {
        match self {
            BenchSize::Small => 2,
            BenchSize::Medium => 8,
        }
    }
}

impl BenchTiming {
    /// Of the median step.
    pub fn tokens_per_second(&self) -> f64 {
        self.tokens_per_step as f64 * 1000.0 / self.ms_per_step
    }
}
