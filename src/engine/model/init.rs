//! Initial values, as the parameter table says. A tensor's follow from the seed and its name alone.

use super::{ModelError, WeightSource};
use crate::seed::Seed;
use crate::spec::{Initial, ParameterSpec};

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
                let mut draw = self.0.derive(name, 0).draw();
                (0..count).map(|_| (bound * (2.0 * draw.unit() - 1.0)) as f32).collect()
            }
            Initial::FromEmbedding => return Err(ModelError::Missing { name: name.clone() }),
        })
    }
}

/// `count` normal numbers that follow from seed and purpose.
pub(crate) fn normal(seed: Seed, purpose: &str, count: usize, deviation: f64) -> Vec<f32> {
    let mut draw = seed.derive(purpose, 0).draw();
    let values = std::iter::repeat_with(|| draw.normals(deviation)).flatten();
    values.take(count).map(|value| value as f32).collect()
}
