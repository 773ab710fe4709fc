//! The base's shape with fresh weights: the comparison that the law of transfer needs.

use super::{MethodInfo, MethodResult, TuningMethod};
use crate::spec::{ModelConfig, ParameterSpec};

/// Fresh weights in the base's shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scratch;

const INFO: MethodInfo = MethodInfo {
    id: "scratch",
    name: "from scratch",
    title: "From scratch",
    sentence: "The same model from random weights: shows what pretraining was worth",
    citation: None,
    learning_rate: 6e-3,
    from_base: false,
    result: MethodResult::Model,
};

impl TuningMethod for Scratch {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }

    fn trained(&self, config: &ModelConfig) -> Vec<ParameterSpec> {
        config.parameter_table()
    }
}
