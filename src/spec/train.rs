//! How long and with what steps.

use super::{MethodKind, SpecError, require};
use serde::{Deserialize, Serialize};

/// Evaluations on the dev split in one run, at most: beyond it they would cost more than they tell.
pub const MOST_EVALUATIONS: usize = 20;

/// AdamW (Loshchilov & Hutter 2019) with PyTorch's defaults, clipping by global norm, warmup and decay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Optimizer steps, when neither `max_epochs` nor `patience` ends the run before.
    pub max_steps: usize,
    /// Passes over the training examples, at most.
    pub max_epochs: f64,
    /// Examples in a forward pass.
    pub batch_size: usize,
    /// Forward passes whose gradients make one step.
    pub accumulate: usize,
    /// Tokens of an example, at most; batches are padded to it.
    pub sequence: usize,
    /// The peak learning rate.
    pub learning_rate: f64,
    /// Share of the steps over which the rate rises linearly from 0.
    pub warmup: f64,
    pub schedule: Schedule,
    pub beta1: f64,
    pub beta2: f64,
    pub epsilon: f64,
    /// Decoupled; pulls the matrices of linear layers and of LoRA, not norms, biases, embeddings and prompts.
    pub weight_decay: f64,
    /// Largest global norm of the gradient; 0 turns clipping off.
    pub clip_norm: f64,
    /// Steps between two evaluations on the dev split; more in a run that would have over `MOST_EVALUATIONS`.
    pub eval_every: usize,
    /// Evaluations without a new best dev loss after which the run ends; 0 never ends early.
    pub patience: usize,
}

/// How the rate falls after warmup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Schedule {
    Constant,
    /// Half a cosine, down to a tenth of the peak.
    Cosine,
    /// A line, down to a tenth of the peak.
    Linear,
}

impl TrainConfig {
    /// Tokens of an example at most, unless another number is asked for.
    pub const SEQUENCE: usize = 64;

    /// The settings of the lab's default experiment for one method.
    ///
    /// Each method's rate is the best of those tried with `lab sweep --rates` by the mean of ln(test loss) over two
    /// tasks, translation and headlines, at both ends of the default experiment, 16 and 1024 examples, with story-50k,
    /// one seed (test loss in nats/token; the runner-up behind it). Prompt tuning's two differ by less than seeds do.
    ///
    /// | method | rate | translation 16, 1024 | headlines 16, 1024 | runner-up |
    /// |---|---|---|---|---|
    /// | full | 1e-3 | 4.846, 1.537 | 2.926, 0.971 | 2e-3: 4.770, 1.482; 3.357, 0.920 |
    /// | LoRA, rank 8 | 5e-3 | 5.035, 1.781 | 3.333, 1.078 | 1e-2: 5.259, 1.794; 4.075, 1.085 |
    /// | prompt, 16 tokens | 1e-1 | 6.843, 5.685 | 3.904, 3.487 | 3e-1: 6.705, 5.744; 3.881, 3.507 |
    /// | scratch | 6e-3 | 4.567, 1.651 | 5.470, 0.966 | 1.2e-2: 4.605, 1.640; 4.955, 1.096 |
    pub fn default_for(method: MethodKind) -> Self {
        TrainConfig {
            max_steps: 4096,
            max_epochs: 12.0,
            batch_size: 8,
            accumulate: 1,
            sequence: TrainConfig::SEQUENCE,
            learning_rate: method.info().learning_rate,
            warmup: 0.05,
            schedule: Schedule::Cosine,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.01,
            clip_norm: 1.0,
            eval_every: 25,
            patience: 0,
        }
    }

    /// Steps of a run on `examples` distinct examples.
    pub fn steps(&self, examples: usize) -> usize {
        let per_epoch = examples as f64 / (self.batch_size * self.accumulate) as f64;
        ((per_epoch * self.max_epochs).ceil() as usize).clamp(1, self.max_steps)
    }

    /// Whether the dev split is evaluated after `step` (from 1) of `total`.
    pub fn evaluates(&self, step: usize, total: usize) -> bool {
        step >= total || step.is_multiple_of(self.between_evaluations(total))
    }

    /// How often the dev split is evaluated in `total` steps.
    pub fn evaluations(&self, total: usize) -> usize {
        total.div_ceil(self.between_evaluations(total))
    }

    fn between_evaluations(&self, total: usize) -> usize {
        self.eval_every.max(total.div_ceil(MOST_EVALUATIONS)).max(1)
    }

    /// The rate of step `step` (from 0) of `total`.
    pub fn rate(&self, step: usize, total: usize) -> f64 {
        const FLOOR: f64 = 0.1;
        let warmup = (self.warmup * total as f64).ceil();
        let step = step as f64;
        if step < warmup {
            return self.learning_rate * (step + 1.0) / warmup;
        }
        let span = (total as f64 - warmup).max(1.0);
        let progress = ((step - warmup) / span).min(1.0);
        let decay = match self.schedule {
            Schedule::Constant => 1.0,
            Schedule::Cosine => FLOOR + (1.0 - FLOOR) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
            Schedule::Linear => FLOOR + (1.0 - FLOOR) * (1.0 - progress),
        };
        self.learning_rate * decay
    }

    /// Refuses settings that cannot be trained, naming the field and the rule.
    pub fn check(&self) -> Result<(), SpecError> {
        require(self.max_steps >= 1, "max_steps", self.max_steps, "it must be at least 1")?;
        require(self.max_epochs > 0.0, "max_epochs", self.max_epochs, "it must be above 0")?;
        require(self.batch_size >= 1, "batch_size", self.batch_size, "it must be at least 1")?;
        require(self.accumulate >= 1, "accumulate", self.accumulate, "it must be at least 1")?;
        require(self.sequence >= 2, "sequence", self.sequence, "it must be at least 2")?;
        let rate = self.learning_rate;
        require(rate.is_finite() && rate > 0.0, "learning_rate", rate, "it must be above 0")?;
        require((0.0..=1.0).contains(&self.warmup), "warmup", self.warmup, "it is a share of the steps, 0 to 1")?;
        require((0.0..1.0).contains(&self.beta1), "beta1", self.beta1, "it must lie in [0, 1)")?;
        require((0.0..1.0).contains(&self.beta2), "beta2", self.beta2, "it must lie in [0, 1)")?;
        require(self.epsilon > 0.0, "epsilon", self.epsilon, "it must be above 0")?;
        require(self.weight_decay >= 0.0, "weight_decay", self.weight_decay, "it must not be negative")?;
        require(self.clip_norm >= 0.0, "clip_norm", self.clip_norm, "it must not be negative")?;
        require(self.eval_every >= 1, "eval_every", self.eval_every, "it must be at least 1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_then_falls_to_a_tenth() {
        let config = TrainConfig { learning_rate: 1.0, warmup: 0.1, ..TrainConfig::default_for(MethodKind::Full) };
        assert_eq!(config.rate(0, 100), 0.1);
        assert_eq!(config.rate(9, 100), 1.0);
        assert_eq!(config.rate(10, 100), 1.0);
        assert!((config.rate(100, 100) - 0.1).abs() < 1e-12);
        assert!((1..100).all(|step| config.rate(step, 100) <= 1.0));
    }

    #[test]
    fn evaluations_are_few_and_the_last_step_has_one() {
        let config = TrainConfig { eval_every: 25, ..TrainConfig::default_for(MethodKind::Full) };
        let steps = |total| (1..=total).filter(|&step| config.evaluates(step, total)).collect::<Vec<_>>();
        assert_eq!(steps(60), [25, 50, 60]);
        assert_eq!((steps(4000).len(), steps(4000)[0]), (MOST_EVALUATIONS, 200));
        assert!([1, 24, 25, 26, 60, 499, 4000].iter().all(|&total| config.evaluations(total) == steps(total).len()));
    }

    #[test]
    fn epochs_and_steps_both_end_a_run() {
        let config =
            TrainConfig { max_steps: 50, max_epochs: 2.0, batch_size: 8, ..TrainConfig::default_for(MethodKind::Full) };
        assert_eq!(config.steps(64), 16);
        assert_eq!(config.steps(4096), 50);
        assert_eq!(config.steps(1), 1);
    }
}
