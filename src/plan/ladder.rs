//! The ladder: base models of several sizes, and one size at several pretraining budgets, all from one committed
//! spec, so that anyone can make them again.

use crate::seed::Seed;
use crate::spec::{ModelConfig, SpecError};
use serde::{Deserialize, Serialize};

/// `www/models/ladder.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ladder {
    pub corpus: Seed,
    /// Tokens of the vocabulary that all models share, end-of-text included.
    pub vocab_size: usize,
    /// Corpus documents that the tokenizer is trained on.
    pub tokenizer_documents: usize,
    /// Positions a model is pretrained on.
    pub context: usize,
    /// Windows of `context` tokens in a step.
    pub batch_size: usize,
    /// Corpus tokens that dev and test losses are measured on.
    pub held_out_tokens: usize,
    pub models: Vec<Rung>,
}

/// One model to pretrain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    pub name: String,
    pub d_model: usize,
    pub layers: usize,
    /// Tokens read, each once.
    pub tokens: u64,
    pub learning_rate: f64,
    pub seed: Seed,
}

#[derive(Debug, thiserror::Error)]
pub enum LadderError {
    #[error("the ladder's spec cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("ladder model {name}: {problem}")]
    Rung { name: String, problem: SpecError },
    #[error("two models of the ladder are called {0}: give each its own name")]
    Twice(String),
}

impl Ladder {
    pub fn read(json: &str) -> Result<Self, LadderError> {
        let ladder: Ladder = serde_json::from_str(json)?;
        for (index, rung) in ladder.models.iter().enumerate() {
            let problem = |problem| LadderError::Rung { name: rung.name.clone(), problem };
            ladder.config(rung).check().map_err(problem)?;
            if ladder.models[..index].iter().any(|other| other.name == rung.name) {
                return Err(LadderError::Twice(rung.name.clone()));
            }
        }
        Ok(ladder)
    }

    pub fn config(&self, rung: &Rung) -> ModelConfig {
        ModelConfig::ladder(self.vocab_size, self.context, rung.d_model, rung.layers)
    }

    pub fn steps(&self, rung: &Rung) -> usize {
        (rung.tokens as usize / (self.batch_size * self.context)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_ladder_is_sound_and_spans_a_factor_of_twenty() {
        let ladder = Ladder::read(include_str!("../../www/models/ladder.json")).unwrap();
        let sizes: Vec<u64> = ladder.models.iter().map(|rung| ladder.config(rung).parameters().total).collect();
        let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
        assert!(most / least >= 20, "{sizes:?}");
        let mut budgets: Vec<(usize, usize)> = ladder.models.iter().map(|r| (r.d_model, r.layers)).collect();
        budgets.sort_unstable();
        assert!(budgets.windows(4).any(|four| four[0] == four[3]), "one size has four pretraining budgets");
    }

    #[test]
    fn a_bad_ladder_names_its_model() {
        let text = include_str!("../../www/models/ladder.json").replacen("\"layers\": ", "\"layers\": 0", 1);
        let error = Ladder::read(&text.replacen(": 0", ": 0.", 0)).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("ladder") && (error.contains("layers") || error.contains("invalid")), "{error}");
    }
}
