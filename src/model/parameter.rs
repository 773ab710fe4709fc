//! A model's tensors seen from outside: named, of rank one or two, exchanged as plain numbers.

use crate::spec::SpecError;
use burn::Tensor;
use burn::tensor::{Device, TensorData, Transaction};
use std::collections::BTreeMap;

/// Gives tensors by canonical name (see [`crate::model`]); called once for each tensor the model needs.
pub trait WeightSource {
    /// The values of `name`, row-major, exactly `shape`.
    fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError>;
}

/// Named tensors in memory: what a checkpoint, an adapter or an exported model is made of.
pub type Tensors = BTreeMap<String, HostTensor>;

/// Plain numbers with a shape, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error(transparent)]
    Config(#[from] SpecError),
    #[error("the weights have no tensor {name}")]
    Missing { name: String },
    #[error("tensor {name} has shape {found:?}; this model needs {wanted:?}: are these the weights of another model?")]
    Shape { name: String, wanted: Vec<usize>, found: Vec<usize> },
    #[error("tensor {name} holds {value} at element {index}: the weights are damaged")]
    NotFinite { name: String, index: usize, value: f32 },
    #[error(transparent)]
    Weights(#[from] super::weights::WeightsError),
    #[error(
        "{positions} positions do not fit the {context} that this model has learned: \
         shorten the sequence or use fewer virtual tokens"
    )]
    TooLong { positions: usize, context: usize },
    #[error("token {id} is outside the model's vocabulary of {vocab_size}: is this the tokenizer of another model?")]
    Token { id: u32, vocab_size: usize },
    #[error("reading from the device failed: {0}")]
    Device(String),
}

/// One of a model's tensors, to read or to replace.
pub enum Parameter<'a> {
    Vector(&'a mut Tensor<1>),
    Matrix(&'a mut Tensor<2>),
}

impl Parameter<'_> {
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Parameter::Vector(tensor) => tensor.dims().to_vec(),
            Parameter::Matrix(tensor) => tensor.dims().to_vec(),
        }
    }

    pub fn elements(&self) -> usize {
        self.shape().iter().product()
    }

    /// The values in one row, without any gradient's history.
    pub fn flat(&self) -> Tensor<1> {
        match self {
            Parameter::Vector(tensor) => (*tensor).clone().inner(),
            Parameter::Matrix(tensor) => (*tensor).clone().inner().reshape([-1]),
        }
    }

    /// Replaces the values by those of one row, without gradients.
    pub fn set_flat(&mut self, values: Tensor<1>) {
        match self {
            Parameter::Vector(tensor) => **tensor = values,
            Parameter::Matrix(tensor) => {
                let shape = tensor.dims();
                **tensor = values.reshape(shape);
            }
        }
    }

    /// Changes the values in one row. Memory that nothing else shares can be changed in place.
    pub(crate) fn change(&mut self, change: impl FnOnce(Tensor<1>) -> Tensor<1>) {
        match self {
            Parameter::Vector(tensor) => tensor.inplace(|t| change(t.inner())),
            Parameter::Matrix(tensor) => tensor.inplace(|t| {
                let shape = t.dims();
                change(t.inner().reshape([-1])).reshape(shape)
            }),
        }
    }

    /// From here on a gradient of this tensor is kept.
    pub fn track(&mut self) {
        match self {
            Parameter::Vector(tensor) => tensor.inplace(|t| t.inner().autodiff().require_grad()),
            Parameter::Matrix(tensor) => tensor.inplace(|t| t.inner().autodiff().require_grad()),
        }
    }

    /// Takes this tensor's gradient in one row, and ends its tracking.
    pub fn take_gradient(&mut self, gradients: &mut burn::tensor::Gradients) -> Option<Tensor<1>> {
        match self {
            Parameter::Vector(tensor) => {
                let gradient = tensor.grad_remove(gradients);
                tensor.inplace(|t| t.inner());
                gradient
            }
            Parameter::Matrix(tensor) => {
                let gradient = tensor.grad_remove(gradients);
                tensor.inplace(|t| t.inner());
                gradient.map(|g| g.reshape([-1]))
            }
        }
    }
}

impl WeightSource for &Tensors {
    fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let found = self.get(name).ok_or_else(|| ModelError::Missing { name: name.into() })?;
        if found.shape != shape {
            return Err(ModelError::Shape { name: name.into(), wanted: shape.to_vec(), found: found.shape.clone() });
        }
        Ok(found.values.clone())
    }
}

/// Asks a source for tensors, checks them and puts them on the device.
pub(crate) struct Loader<'a, S> {
    pub source: &'a mut S,
    pub device: &'a Device,
}

impl<S: WeightSource> Loader<'_, S> {
    pub fn vector(&mut self, name: &str, length: usize) -> Result<Tensor<1>, ModelError> {
        Ok(Tensor::from_data(self.checked(name, &[length])?, self.device))
    }

    pub fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<Tensor<2>, ModelError> {
        Ok(Tensor::from_data(self.checked(name, &[rows, columns])?, self.device))
    }

    fn checked(&mut self, name: &str, shape: &[usize]) -> Result<TensorData, ModelError> {
        let values = self.source.tensor(name, shape)?;
        if values.len() != shape.iter().product::<usize>() {
            return Err(ModelError::Shape { name: name.into(), wanted: shape.to_vec(), found: vec![values.len()] });
        }
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(ModelError::NotFinite { name: name.into(), index, value: values[index] });
        }
        Ok(TensorData::new(values, shape.to_vec()))
    }
}

/// Reads several rows of numbers from the device in one transaction.
pub(crate) async fn read(tensors: Vec<Tensor<1>>) -> Result<Vec<Vec<f32>>, ModelError> {
    let transaction = tensors.into_iter().fold(Transaction::default(), |all, tensor| all.register(tensor));
    let data = transaction.execute_async().await.map_err(|error| ModelError::Device(error.to_string()))?;
    data.into_iter().map(|values| values.try_into_vec::<f32>().map_err(|e| ModelError::Device(e.to_string()))).collect()
}
