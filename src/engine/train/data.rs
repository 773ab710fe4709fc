//! From a run's splits to what its session reads.

use super::run::RunData;
use crate::data::{Batches, Splits, Tokenizer, TokenizerError, tokenize_all};
use crate::record::{DataReport, Evaluation};
use crate::spec::RunSpec;

impl RunData {
    /// Tokenises `splits` for `spec`. `base_test`: the base's loss on this test split, where it was measured before.
    pub fn of(
        spec: &RunSpec,
        splits: &Splits,
        tokenizer: &dyn Tokenizer,
        base_test: Option<Evaluation>,
    ) -> Result<Self, TokenizerError> {
        let sequence = spec.train.sequence;
        let train = tokenize_all(&splits.train, tokenizer, sequence)?;
        let text = spec.method.tuning().initial_text();
        let prompt_text = text.map(|text| tokenizer.whole(text)).transpose()?.unwrap_or_default();
        let order = spec.seed.derive("order", 0);
        let dev = tokenize_all(&splits.dev, tokenizer, sequence)?;
        let test = tokenize_all(&splits.test, tokenizer, sequence)?;
        let report = DataReport::of(train.iter().chain(&dev).chain(&test), tokenizer, sequence)?;
        Ok(RunData {
            train: Batches::new(train, order, spec.train.batch_size, sequence)
                .ok_or_else(|| TokenizerError("there is no training example".into()))?,
            dev,
            test,
            prompt_text,
            base_test,
            report,
        })
    }
}
