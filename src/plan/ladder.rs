//! The ladder: base models of several sizes, and one size at several pretraining budgets, all from one committed
//! spec, so that anyone can make them again.

use crate::seed::Seed;
use crate::spec::{ModelConfig, SpecError, require};
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

/// Why a ladder cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum LadderError {
    #[error("the ladder's spec cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("the ladder's {0}")]
    Setting(SpecError),
    #[error("ladder model {name}: {problem}")]
    Rung { name: String, problem: SpecError },
    #[error("two models of the ladder are called {0}: give each its own name")]
    Twice(String),
}

impl Ladder {
    /// Reads and checks a ladder's JSON.
    pub fn read(json: &str) -> Result<Self, LadderError> {
        let ladder: Ladder = serde_json::from_str(json)?;
        ladder.check().map_err(LadderError::Setting)?;
        for (index, rung) in ladder.models.iter().enumerate() {
            ladder.check_rung(rung).map_err(|problem| LadderError::Rung { name: rung.name.clone(), problem })?;
            if ladder.models[..index].iter().any(|other| other.name == rung.name) {
                return Err(LadderError::Twice(rung.name.clone()));
            }
        }
        Ok(ladder)
    }

    fn check(&self) -> Result<(), SpecError> {
        let documents = self.tokenizer_documents;
        require(documents >= 1, "tokenizer_documents", documents, "it must be at least 1")?;
        require(self.batch_size >= 1, "batch_size", self.batch_size, "it must be at least 1")?;
        require(self.held_out_tokens >= 1, "held_out_tokens", self.held_out_tokens, "it must be at least 1")
    }

    fn check_rung(&self, rung: &Rung) -> Result<(), SpecError> {
        self.config(rung).check()?;
        require(rung.learning_rate > 0.0, "learning_rate", rung.learning_rate, "it must be above 0")?;
        require(self.steps(rung) >= 1, "tokens", rung.tokens, "a model reads at least one step's tokens")
    }

    /// The shape of one of its models.
    pub fn config(&self, rung: &Rung) -> ModelConfig {
        ModelConfig::ladder(self.vocab_size, self.context, rung.d_model, rung.layers)
    }

    /// Optimizer steps in which a model reads its tokens.
    pub fn steps(&self, rung: &Rung) -> usize {
        rung.tokens as usize / (self.batch_size * self.context)
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

    fn refusal(of: &str, by: &str) -> String {
        let ladder = include_str!("../../www/models/ladder.json");
        assert!(ladder.contains(of), "the committed ladder has no {of}");
        Ladder::read(&ladder.replacen(of, by, 1)).unwrap_err().to_string()
    }

    #[test]
    fn a_bad_ladder_is_refused_by_name_and_rule() {
        assert_eq!(
            refusal(r#""d_model": 64, "layers": 4"#, r#""d_model": 64, "layers": 0"#),
            "ladder model story-230k: layers is 0: it must be at least 1"
        );
        assert_eq!(
            refusal(r#""tokens": 256000"#, r#""tokens": 1023"#),
            "ladder model story-230k-at-256k: tokens is 1023: a model reads at least one step's tokens"
        );
        assert_eq!(
            refusal(r#""learning_rate": 0.006"#, r#""learning_rate": 0"#),
            "ladder model story-50k: learning_rate is 0: it must be above 0"
        );
        assert_eq!(
            refusal(r#""context": 128"#, r#""context": 0"#),
            "ladder model story-50k: context is 0: it must be at least 1"
        );
        assert_eq!(
            refusal(r#""batch_size": 8"#, r#""batch_size": 0"#),
            "the ladder's batch_size is 0: it must be at least 1"
        );
        assert_eq!(
            refusal("story-1.4m", "story-50k"),
            "two models of the ladder are called story-50k: give each its own name"
        );
        for (of, by) in [(r#""layers""#, r#""depth""#), (r#""corpus": 1,"#, r#""corpus": 1, "steps": 9,"#)] {
            let error = refusal(of, by);
            assert!(error.starts_with("the ladder's spec cannot be read: unknown field"), "{error}");
        }
    }
}
