//! What is kept of runs and models: versioned JSON, the only serialised results.

mod data;
mod model_card;
mod run;

pub use data::{DataReport, Divided, FieldRole, FieldUse, LeftOut, Lengths, Reading, ShownExample};
pub use model_card::{ModelCard, Origin, Pretraining};
pub use run::{
    Begun, CurvePoint, EvalPoint, Evaluation, Measured, Provenance, RECORD_VERSION, RecordError, RunRecord, Sampled,
};
