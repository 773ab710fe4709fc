//! Initial values, as the parameter table says. A tensor's follow from the seed and its name alone.

use super::{ModelError, WeightSource};
use crate::seed::Seed;
use crate::spec::{Initial, ParameterSpec};
use rand::Rng;

/// A source of initial values.
#[derive(Clone, Copy, Debug)]
pub struct InitialWeights(pub Seed);

impl WeightSource for InitialWeights {
    fn tensor(&mut self, parameter: &ParameterSpec) -> Result<Vec<f32>, ModelError> {
        let (name, count) = (&parameter.name, parameter.elements() as usize);
        Ok(match parameter.initial {
            Initial::Zeros => vec![0.0; count],
            Initial::Ones => vec![1.0; count],
            Initial::Normal { deviation } => normal(self.0, name, count, deviation),
            Initial::Uniform { bound } => {
                let mut rng = self.0.derive(name, 0).rng();
                (0..count).map(|_| (bound * (2.0 * rng.random::<f64>() - 1.0)) as f32).collect()
            }
            Initial::FromEmbedding => return Err(ModelError::Missing { name: name.clone() }),
        })
    }
}

/// `count` normal numbers that follow from seed and purpose, by Box and Muller's transform.
pub(crate) fn normal(seed: Seed, purpose: &str, count: usize, deviation: f64) -> Vec<f32> {
    let mut rng = seed.derive(purpose, 0).rng();
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * rng.random::<f64>()).sin_cos();
        values.push((deviation * radius * cos) as f32);
        values.push((deviation * radius * sin) as f32);
    }
    values.truncate(count);
    values
}
