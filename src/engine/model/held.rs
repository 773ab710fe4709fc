//! A source whose weights are rounded as a base held in less than f32 has them: what is written from it is the model
//! that adapters were trained on.

use super::parameter::{ModelError, WeightSource};
use crate::engine::ops::packed::Packed;
use crate::spec::Precision;

pub struct AsHeld<'a, S> {
    pub source: &'a mut S,
    pub precision: Precision,
}

impl<S: WeightSource> WeightSource for AsHeld<'_, S> {
    fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let mut values = self.source.tensor(name, shape)?;
        let precision = self.precision.of(name);
        if let &[rows, columns] = shape
            && let Some(mut packed) = Packed::zeros(precision, [rows, columns])
        {
            let wide = |value: f32| ModelError::TooWide { name: name.into(), value, precision };
            packed.fill(0..rows, 0..columns, &values).map_err(|error| wide(error.0))?;
            packed.unpack(0..rows, 0..columns, &mut values);
        }
        Ok(values)
    }
}
