//! A model's tensors seen from outside: named, of rank one or two, exchanged as plain numbers.

use crate::engine::ops::{Ops, Packed, Weight};
use crate::spec::{ModelConfig, ParameterSpec, Precision, Role, SpecError, Term};
use burn::Tensor;
use burn::tensor::{Device, TensorData, Transaction};
use std::collections::BTreeMap;
use std::ops::Range;

/// Gives a model's tensors; called once for each that the model needs.
pub trait WeightSource {
    /// The values of `parameter`, row-major, exactly of its shape.
    fn tensor(&mut self, parameter: &ParameterSpec) -> Result<Vec<f32>, ModelError>;

    /// A matrix in parts that together are all of it, so that a large one need never be in memory as f32. Columns of a
    /// part begin at multiples of [`BLOCK`](crate::spec::BLOCK) and end at one or at the last.
    fn parts(
        &mut self,
        parameter: &ParameterSpec,
        [rows, columns]: [usize; 2],
        take: &mut dyn FnMut(Part) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let values = self.tensor(parameter)?;
        take(Part { rows: 0..rows, columns: 0..columns, values })
    }
}

/// Some rows and columns of a matrix, row-major.
#[derive(Clone, Debug)]
pub struct Part {
    pub rows: Range<usize>,
    pub columns: Range<usize>,
    pub values: Vec<f32>,
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
    Weights(#[from] crate::engine::formats::WeightsError),
    #[error(
        "{positions} positions do not fit the {context} that this model has learned: \
         shorten the sequence or use fewer virtual tokens"
    )]
    TooLong { positions: usize, context: usize },
    #[error("token {id} is outside the model's vocabulary of {vocab_size}: is this the tokenizer of another model?")]
    Token { id: u32, vocab_size: usize },
    #[error("tensor {name} holds {value}, beyond what {precision} can: keep the base in f32")]
    TooWide { name: String, value: f32, precision: Precision },
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

impl Weight {
    /// Visits a whole matrix; a packed one is no parameter that could be changed.
    pub(crate) fn visit(&mut self, role: Role, visit: &mut impl FnMut(String, Parameter<'_>)) {
        if let Weight::Whole(tensor) = self {
            visit(role.name(Term::Weight), Parameter::Matrix(tensor));
        }
    }
}

impl<S: WeightSource + ?Sized> WeightSource for &mut S {
    fn tensor(&mut self, parameter: &ParameterSpec) -> Result<Vec<f32>, ModelError> {
        (**self).tensor(parameter)
    }

    fn parts(
        &mut self,
        parameter: &ParameterSpec,
        shape: [usize; 2],
        take: &mut dyn FnMut(Part) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        (**self).parts(parameter, shape, take)
    }
}

impl WeightSource for &Tensors {
    fn tensor(&mut self, parameter: &ParameterSpec) -> Result<Vec<f32>, ModelError> {
        let ParameterSpec { name, shape, .. } = parameter;
        let found = self.get(name).ok_or_else(|| ModelError::Missing { name: name.clone() })?;
        if found.shape != *shape {
            return Err(ModelError::Shape { name: name.clone(), wanted: shape.clone(), found: found.shape.clone() });
        }
        Ok(found.values.clone())
    }
}

/// Asks a source for a model's tensors, checks them and puts them on the device.
pub(crate) struct Loader<'a, S> {
    pub config: &'a ModelConfig,
    pub source: &'a mut S,
    pub ops: &'static dyn Ops,
    pub device: &'a Device,
    /// How weights that may be quantized are held.
    pub precision: Precision,
}

impl<S: WeightSource> Loader<'_, S> {
    pub fn vector(&mut self, role: Role, term: Term) -> Result<Tensor<1>, ModelError> {
        Ok(Tensor::from_data(self.checked(&self.config.parameter(role, term))?, self.device))
    }

    /// A module's bias, where the model has one.
    pub fn bias(&mut self, role: Role) -> Result<Option<Tensor<1>>, ModelError> {
        let has = self.config.has(role, Term::Bias);
        has.then(|| self.vector(role, Term::Bias)).transpose()
    }

    pub fn matrix(&mut self, role: Role) -> Result<Tensor<2>, ModelError> {
        Ok(Tensor::from_data(self.checked(&self.config.parameter(role, Term::Weight))?, self.device))
    }

    /// A matrix that may be quantized. Then it is packed part by part.
    pub fn weight(&mut self, role: Role) -> Result<Weight, ModelError> {
        let parameter = self.config.parameter(role, Term::Weight);
        let name = || parameter.name.clone();
        let precision = self.precision.of(&parameter);
        let Some((mut packed, [rows, columns])) =
            parameter.matrix().and_then(|shape| Packed::zeros(precision, shape).zip(Some(shape)))
        else {
            return Ok(Weight::Whole(self.matrix(role)?));
        };
        let mut missing = rows * columns;
        let wrong = |found| ModelError::Shape { name: name(), wanted: vec![rows, columns], found: vec![found] };
        self.source.parts(&parameter, [rows, columns], &mut |Part { rows, columns, values }| {
            let count = values.len();
            if !packed.is_part(&rows, &columns) || count != rows.len() * columns.len() || count > missing {
                return Err(wrong(count));
            }
            finite(&parameter.name, &values)?;
            missing -= count;
            let wide = |value: f32| ModelError::TooWide { name: name(), value, precision };
            packed.fill(rows, columns, &values).map_err(|error| wide(error.0))
        })?;
        if missing > 0 {
            return Err(wrong(rows * columns - missing));
        }
        Ok(self.ops.packed_weight(packed, self.device))
    }

    fn checked(&mut self, parameter: &ParameterSpec) -> Result<TensorData, ModelError> {
        let ParameterSpec { name, shape, .. } = parameter;
        let values = self.source.tensor(parameter)?;
        if values.len() != shape.iter().product::<usize>() {
            return Err(ModelError::Shape { name: name.clone(), wanted: shape.clone(), found: vec![values.len()] });
        }
        finite(name, &values)?;
        Ok(TensorData::new(values, shape.clone()))
    }
}

fn finite(name: &str, values: &[f32]) -> Result<(), ModelError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(ModelError::NotFinite { name: name.into(), index, value: values[index] }),
        None => Ok(()),
    }
}

/// Reads several rows of numbers from the device in one transaction, each of the length it has there.
pub(crate) async fn read(tensors: Vec<Tensor<1>>) -> Result<Vec<Vec<f32>>, ModelError> {
    let lengths: Vec<usize> = tensors.iter().map(|tensor| tensor.dims()[0]).collect();
    let transaction = tensors.into_iter().fold(Transaction::default(), |all, tensor| all.register(tensor));
    let data = transaction.execute_async().await.map_err(|error| ModelError::Device(error.to_string()))?;
    let rows = data.into_iter().map(|values| values.try_into_vec::<f32>());
    let rows = rows.collect::<Result<Vec<_>, _>>().map_err(|error| ModelError::Device(error.to_string()))?;
    if !rows.iter().map(Vec::len).eq(lengths.iter().copied()) {
        let found: Vec<usize> = rows.iter().map(Vec::len).collect();
        return Err(ModelError::Device(format!("asked for rows of {lengths:?} numbers, it gave {found:?}")));
    }
    Ok(rows)
}

/// The same for rows that are known by their place.
pub(crate) async fn read_each<const N: usize>(tensors: [Tensor<1>; N]) -> Result<[Vec<f32>; N], ModelError> {
    let rows: Vec<Vec<f32>> = read(tensors.into()).await?;
    Ok(rows.try_into().expect("`read` gives a row for each tensor"))
}
