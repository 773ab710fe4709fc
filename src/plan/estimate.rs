//! What a run needs before anything is loaded: memory and arithmetic from the shapes alone. Estimates, not
//! promises: memory counts what must be held at the widest moment of a training step, in f32.

use crate::spec::{Activation, Method, ModelConfig, ParameterSpec, Position, TrainConfig};

const F32_BYTES: u64 = 4;

/// What a run is expected to need.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The base's weights as they are held.
    pub weights_bytes: u64,
    /// Gradients, Adam's two moments and the best weights so far, of what is trained.
    pub trained_bytes: u64,
    /// What the backward pass of one batch needs again, logits and attention scores included.
    pub activation_bytes: u64,
    /// Floating-point operations of one optimizer step.
    pub step_flops: f64,
}

/// A run that does not fit, and what would.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "this run needs about {} of memory and {} are free: {advice}",
    gigabytes(*needed),
    gigabytes(*available)
)]
pub struct TooLarge {
    pub needed: u64,
    pub available: u64,
    pub advice: String,
}

impl Estimate {
    /// What a run of this model with this method takes.
    pub fn of(config: &ModelConfig, method: &Method, train: &TrainConfig) -> Estimate {
        let parameters = config.parameters();
        let trained = trained_parameters(config, method);
        let length = (train.sequence + method.tuning().virtual_tokens()) as u64;
        let tokens = train.batch_size as u64 * length;

        let (d, ff) = (config.d_model as u64, config.d_ff as u64);
        let (q, kv) = ((config.heads * config.head_dim) as u64, (config.kv_heads * config.head_dim) as u64);
        let matrices = if config.activation == Activation::SwiGlu { 3 } else { 2 };
        // Per token and layer: the two norms' inputs and outputs, query, key and value before and after rotation, the
        // attention's output, the feed-forward's inner products and their activation, and two residual sums.
        let per_token = 6 * d + 2 * (q + 2 * kv) + q + matrices * ff;
        // Scores and their softmax.
        let scores = 2 * config.heads as u64 * length;
        let blocks = config.layers as u64 * tokens * (per_token + scores);
        // Logits, their log-softmax and its gradient; of target positions and prompt alike.
        let logits = 3 * tokens * config.vocab_size as u64;

        let head = d * config.vocab_size as u64;
        let forward = 2 * (parameters.non_embedding + head) + 4 * config.layers as u64 * q * length;
        Estimate {
            weights_bytes: config.bytes(method.base_precision()),
            trained_bytes: F32_BYTES * 4 * trained,
            activation_bytes: F32_BYTES * (blocks + logits),
            step_flops: passes(method) * (forward * tokens * train.accumulate as u64) as f64,
        }
    }

    /// All of it together.
    pub fn bytes(&self) -> u64 {
        self.weights_bytes + self.trained_bytes + self.activation_bytes
    }

    /// Refuses a run that `available` bytes cannot hold, with what would help most.
    pub fn check(&self, available: u64) -> Result<(), TooLarge> {
        let needed = self.bytes();
        if needed <= available {
            return Ok(());
        }
        let advice = if self.weights_bytes > available {
            "the base's weights alone do not fit: let a frozen base rest in 8 or 4 bits, or choose a smaller base"
        } else if self.activation_bytes > self.trained_bytes {
            "use a smaller batch or a shorter sequence"
        } else {
            "use LoRA or prompt tuning, which train few numbers, or a smaller base"
        };
        Err(TooLarge { needed, available, advice: advice.into() })
    }

    /// Time of `steps` steps on a device that does `flops_per_second`, as measured there.
    pub fn seconds(&self, steps: usize, flops_per_second: f64) -> f64 {
        steps as f64 * self.step_flops / flops_per_second
    }
}

/// Forward passes that a training step's pass is worth: the gradient of the activations costs as much again, that of the
/// weights once more.
pub fn passes(method: &Method) -> f64 {
    if method.kind().freezes_base() { 2.0 } else { 3.0 }
}

/// The longest sequence of a run within the base's context whose estimate fits into `available` bytes; where the system
/// does not say what is free, the context's.
pub fn longest_sequence(config: &ModelConfig, method: &Method, train: &TrainConfig, available: Option<u64>) -> usize {
    let learned = if config.position == Position::Learned { method.tuning().virtual_tokens() } else { 0 };
    let context = config.context.saturating_sub(learned).max(2);
    let fits = |sequence: usize| {
        let train = TrainConfig { sequence, ..train.clone() };
        available.is_none_or(|available| Estimate::of(config, method, &train).bytes() <= available)
    };
    // What is needed grows with the sequence: the first that does not fit, by halving.
    let (mut fit, mut not) = (2, context + 1);
    while not - fit > 1 {
        let middle = fit.midpoint(not);
        if fits(middle) { fit = middle } else { not = middle }
    }
    fit
}

/// How many numbers a method trains on a model of this config.
pub fn trained_parameters(config: &ModelConfig, method: &Method) -> u64 {
    method.trained(config).iter().map(ParameterSpec::elements).sum()
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::MethodKind;

    fn of(config: &ModelConfig, kind: MethodKind) -> Estimate {
        Estimate::of(config, &kind.method(), &TrainConfig::default_for(kind))
    }

    #[test]
    fn full_tuning_holds_five_times_its_weights_and_lora_little_more_than_one() {
        let config = ModelConfig::ladder(50_257, 1024, 768, 12);
        let (full, lora) = (of(&config, MethodKind::Full), of(&config, MethodKind::Lora));
        assert_eq!(full.trained_bytes, 4 * full.weights_bytes);
        assert!(lora.trained_bytes < full.trained_bytes / 10);
        assert_eq!(lora.weights_bytes, full.weights_bytes);
        assert!((lora.step_flops * 3.0 - full.step_flops * 2.0).abs() < 1.0);
    }

    #[test]
    fn a_run_that_does_not_fit_says_what_would() {
        let config = ModelConfig::ladder(50_257, 1024, 768, 12);
        let full = of(&config, MethodKind::Full);
        assert!(full.check(full.bytes()).is_ok());
        let advice = |estimate: Estimate, available| estimate.check(available).unwrap_err().advice;
        assert!(advice(full, full.bytes() - 1).contains("LoRA"));
        assert!(advice(full, full.weights_bytes - 1).contains("smaller base"));
        let lora = of(&config, MethodKind::Lora);
        assert!(advice(lora, lora.bytes() - 1).contains("smaller batch"));
        let message = full.check(1_000_000_000).unwrap_err().to_string();
        assert!(message.contains("1.0 GB are free"), "{message}");
    }

    #[test]
    fn the_longest_sequence_is_what_context_and_memory_hold() {
        let config = ModelConfig::ladder(50_257, 1024, 768, 12);
        let (method, train) = (MethodKind::Lora.method(), TrainConfig::default_for(MethodKind::Lora));
        let longest = |available| longest_sequence(&config, &method, &train, available);
        assert_eq!((longest(None), longest(Some(u64::MAX)), longest(Some(0))), (1024, 1024, 2));
        let needed = |sequence| Estimate::of(&config, &method, &TrainConfig { sequence, ..train.clone() }).bytes();
        assert_eq!((longest(Some(needed(300))), longest(Some(needed(300) - 1))), (300, 299));
        let learned = ModelConfig { position: Position::Learned, ..config.clone() };
        let prompt = MethodKind::Prompt.method();
        let room = 1024 - prompt.tuning().virtual_tokens();
        assert_eq!(longest_sequence(&learned, &prompt, &train, None), room);
    }

    #[test]
    fn a_training_step_of_gpt2_takes_six_operations_a_parameter_and_token() {
        let config = ModelConfig::ladder(50_257, 1024, 768, 12);
        let full = of(&config, MethodKind::Full);
        let per_token = full.step_flops / (8.0 * 64.0);
        let rule = 6.0 * config.parameters().total as f64;
        assert!((per_token / rule - 1.0).abs() < 0.05, "{per_token} against {rule}");
    }
}
