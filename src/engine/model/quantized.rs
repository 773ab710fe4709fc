//! A source whose weights are rounded as a base stored in less than f32 has them: what is written from it is the model
//! that adapters were trained on.

use super::parameter::{ModelError, WeightSource};
use crate::engine::ops::Packed;
use crate::spec::{ParameterSpec, Precision};

pub struct QuantizedWeights<'a, S> {
    pub source: &'a mut S,
    pub precision: Precision,
}

impl<S: WeightSource> WeightSource for QuantizedWeights<'_, S> {
    fn tensor(&mut self, parameter: &ParameterSpec) -> Result<Vec<f32>, ModelError> {
        let mut values = self.source.tensor(parameter)?;
        let precision = self.precision.of(parameter);
        if let Some([rows, columns]) = parameter.matrix()
            && let Some(mut packed) = Packed::zeros(precision, [rows, columns])
        {
            let wide = |value: f32| ModelError::TooWide { name: parameter.name.clone(), value, precision };
            packed.fill(0..rows, 0..columns, &values).map_err(|error| wide(error.0))?;
            packed.unpack(0..rows, 0..columns, &mut values);
        }
        Ok(values)
    }
}
