//! What is kept of runs and models: versioned JSON, the only serialised results.

mod model_card;
mod run;

pub use model_card::{ModelCard, Origin, Pretraining};
pub use run::{CurvePoint, EvalPoint, Evaluation, Provenance, RECORD_VERSION, RecordError, RunRecord};
