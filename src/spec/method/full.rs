//! Full fine-tuning: every weight of the base is trained.

use super::{MethodInfo, MethodResult, TuningMethod};
use crate::spec::{ModelConfig, ParameterSpec};

/// Every weight of the base is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Full;

const INFO: MethodInfo = MethodInfo {
    id: "full",
    name: "full fine-tuning",
    title: "Full fine-tuning",
    sentence: "Trains every weight. Strongest with much data",
    citation: None,
    learning_rate: 1e-3,
    from_base: true,
    result: MethodResult::Model,
};

impl TuningMethod for Full {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }

    fn trained(&self, config: &ModelConfig) -> Vec<ParameterSpec> {
        config.parameter_table()
    }
}
