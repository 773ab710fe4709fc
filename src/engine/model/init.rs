//! Fresh weights: normal with standard deviation 0.02, the projections into the residual stream scaled down by
//! the square root of how often it is added to (Radford et al. 2019); norms start at one, biases at zero.

use super::{ModelError, WeightSource};
use crate::seed::Seed;
use crate::spec::ModelConfig;
use rand::Rng;

/// A source of fresh weights. A tensor's values follow from the seed and its name alone.
#[derive(Clone, Debug)]
pub struct Fresh {
    seed: Seed,
    layers: usize,
}

impl Fresh {
    pub fn new(config: &ModelConfig, seed: Seed) -> Self {
        Fresh { seed, layers: config.layers }
    }
}

impl WeightSource for Fresh {
    fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let count = shape.iter().product();
        if name.ends_with(".bias") {
            return Ok(vec![0.0; count]);
        }
        if shape.len() == 1 {
            return Ok(vec![1.0; count]);
        }
        let into_residual = name.ends_with("attention.out.weight") || name.ends_with("mlp.down.weight");
        let deviation = if into_residual { 0.02 / (2.0 * self.layers as f64).sqrt() } else { 0.02 };
        Ok(normal(self.seed, name, count, deviation))
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
