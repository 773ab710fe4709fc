//! Full fine-tuning, and its counterpart from scratch: every weight is trained.

use super::{AdaptError, Trainable};
use crate::engine::model::{Decoder, InitialWeights, Parameter, WeightSource};
use crate::seed::Seed;
use crate::spec::{Full, Scratch};

impl Trainable for Full {
    fn fresh(&self, base: &Decoder, _text: &[u32], _seed: Seed) -> Result<Decoder, AdaptError> {
        match base.precision() {
            precision if precision.is_f32() => Ok(base.clone()),
            precision => Err(AdaptError::Frozen { precision }),
        }
    }

    fn install(&self, base: &Decoder, mut source: &mut dyn WeightSource) -> Result<Decoder, AdaptError> {
        Ok(Decoder::load(base.config(), &mut source, base.device())?)
    }

    fn visit(&self, model: &mut Decoder, visit: &mut dyn FnMut(String, Parameter<'_>)) {
        model.visit(&mut |name, parameter| visit(name, parameter));
    }

    fn weigh(&self, _model: &mut Decoder, weight: f64) -> Result<(), AdaptError> {
        if weight == 1.0 { Ok(()) } else { Err(AdaptError::Unweighted { noun: "full model" }) }
    }
}

impl Trainable for Scratch {
    /// The base's shape with fresh weights.
    fn fresh(&self, base: &Decoder, _text: &[u32], seed: Seed) -> Result<Decoder, AdaptError> {
        self.install(base, &mut InitialWeights(seed.derive("weights", 0)))
    }

    fn install(&self, base: &Decoder, source: &mut dyn WeightSource) -> Result<Decoder, AdaptError> {
        Full.install(base, source)
    }

    fn visit(&self, model: &mut Decoder, visit: &mut dyn FnMut(String, Parameter<'_>)) {
        Full.visit(model, visit);
    }

    fn weigh(&self, model: &mut Decoder, weight: f64) -> Result<(), AdaptError> {
        Full.weigh(model, weight)
    }
}
