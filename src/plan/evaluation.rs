//! How much of a run goes into evaluations, and how much of the held-out splits they read. With a large model and few
//! steps the whole splits would take longer than the training; then evenly spaced examples stand for each. That follows
//! from spec, base and splits alone, so every device and every resumed run reads the same.

use super::estimate::{Estimate, passes};
use crate::spec::{Method, ModelConfig, TrainConfig};

/// Evaluations of less arithmetic are never cut: some seconds on a CPU.
const FREE_FLOPS: f64 = 1e12;
/// Batches of a split that are read however short the training is.
const FEWEST: usize = 4;

/// Batches of a run's splits, and the work of the run in forward passes of one batch: its own unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evaluations {
    /// Examples read of each split.
    pub dev: usize,
    pub test: usize,
    batch: usize,
    training: usize,
    times: usize,
}

impl Evaluations {
    /// Of a run on so many `examples`, with splits of so many.
    pub fn of(
        config: &ModelConfig,
        method: &Method,
        train: &TrainConfig,
        examples: usize,
        [dev, test]: [usize; 2],
    ) -> Evaluations {
        let steps = train.steps(examples);
        let forwards = train.accumulate * passes(method) as usize;
        let training = steps * forwards;
        let times = train.evaluations(steps);
        let batch = train.batch_size.max(1);
        let whole = Evaluations { dev, test, batch, training, times };
        // The tuned model and the base read the test split.
        let work = whole.dev_work(times) + 2 * whole.test_batches();
        let flops = work as f64 * Estimate::of(config, method, train).step_flops / forwards as f64;
        if work <= training || flops <= FREE_FLOPS {
            return whole;
        }
        let within = |examples: usize, batches: usize| examples.min(batches.max(FEWEST) * batch);
        Evaluations { dev: within(dev, training / 2 / times), test: within(test, training / 4), ..whole }
    }

    /// Batches that cover the test split's examples.
    pub fn test_batches(&self) -> usize {
        self.test.div_ceil(self.batch)
    }

    /// Batches that cover the dev split's examples.
    pub fn dev_batches(&self) -> usize {
        self.dev.div_ceil(self.batch)
    }

    fn dev_work(&self, times: usize) -> usize {
        times * self.dev_batches()
    }

    /// The whole run's; `base`: the base is tested too.
    pub fn work(&self, base: bool) -> usize {
        self.training + self.dev_work(self.times) + (1 + usize::from(base)) * self.test_batches()
    }

    /// What is done of it after `step` of `steps` and `evaluated` dev evaluations, before the test.
    pub fn done(&self, step: usize, steps: usize, evaluated: usize) -> usize {
        self.training * step / steps.max(1) + self.dev_work(evaluated)
    }
}

/// Evenly spaced, `count` of them.
pub fn sample<T>(mut examples: Vec<T>, count: usize) -> Vec<T> {
    let all = examples.len();
    if count >= all {
        return examples;
    }
    let mut at = 0;
    // Example i is the first of the sample whose place i·all/count it reaches.
    examples.retain(|_| {
        at += 1;
        at * count / all > (at - 1) * count / all
    });
    examples
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::MethodKind;

    fn of(width: usize, steps: usize) -> Evaluations {
        let config = ModelConfig::ladder(50_257, 1024, width, 12);
        let train = TrainConfig { max_steps: steps, ..TrainConfig::default_for(MethodKind::Lora) };
        Evaluations::of(&config, &MethodKind::Lora.method(), &train, 4096, [128, 256])
    }

    #[test]
    fn evaluations_outlast_no_training_but_of_a_few_seconds() {
        for (steps, examples) in [(6, [48, 32]), (100, [128, 256]), (40, [128, 160])] {
            let found = of(768, steps);
            assert_eq!([found.dev, found.test], examples, "{steps} steps");
            let evaluated = found.work(true) - 2 * steps;
            assert!(evaluated <= (2 * steps).max(4 * FEWEST), "{steps} steps, {evaluated} passes of evaluations");
        }
        assert_eq!([of(8, 6).dev, of(8, 6).test], [128, 256], "what is free is read whole");
    }

    #[test]
    fn the_work_done_grows_to_the_whole() {
        let found = of(768, 100);
        let times = TrainConfig::default_for(MethodKind::Lora).evaluations(100);
        assert_eq!(found.done(0, 100, 0), 0);
        assert_eq!(found.done(100, 100, times) + found.test_batches(), found.work(false));
    }

    #[test]
    fn a_sample_is_spread_evenly() {
        assert_eq!(sample((1..=10).collect(), 5), [2, 4, 6, 8, 10]);
        assert_eq!(sample((0..3).collect::<Vec<_>>(), 7), [0, 1, 2]);
        for (all, count) in [(256, 32), (7, 3), (100, 99)] {
            assert_eq!(sample((0..all).collect(), count).len(), count);
        }
    }
}
