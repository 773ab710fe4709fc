//! Full fine-tuning, and its counterpart from scratch: every weight is trained.

use super::AdaptError;
use crate::engine::model::{Decoder, InitialWeights, WeightSource};
use crate::seed::Seed;

/// The base's shape with fresh weights.
pub fn scratch(base: &Decoder, seed: Seed) -> Result<Decoder, AdaptError> {
    install(base, &mut InitialWeights(seed.derive("weights", 0)))
}

pub fn install(base: &Decoder, source: &mut impl WeightSource) -> Result<Decoder, AdaptError> {
    Ok(Decoder::load(base.config(), source, base.device())?)
}
