//! Training: it learns, it leaves the base alone, and the same spec gives the same bits.
#![cfg(feature = "engine")]

mod engine_models;

use burn::tensor::Device;
use engine_models::{LEARNED, UNTRAINED, families, fresh, overfit, run_data, spec};
use pollster::block_on;
use tunelab::engine::adapt::{self, lora};
use tunelab::engine::model::{Decoder, Tensors};
use tunelab::engine::train::{Outcome, Progress, RunData, Session, TrainError, bench};
use tunelab::plan::bench::BenchSize;
use tunelab::record::{Provenance, Sampled};
use tunelab::spec::{Lora, Method, MethodKind, ModelConfig, Prompt, RunSpec, Schedule, TrainConfig};

fn provenance() -> Provenance {
    Provenance { device: "test".into(), lab: "test".into(), date: "2026-01-01".into() }
}

/// Every step's loss, and the results.
fn train(mut session: Session) -> (Vec<f64>, Outcome) {
    let mut losses = Vec::new();
    loop {
        match block_on(session.advance()).expect("a step") {
            Progress::Stepped { nats_per_token, .. } => losses.extend(nats_per_token),
            Progress::Finished => break,
            _ => {}
        }
    }
    (losses, block_on(session.finish(1.0, provenance())).expect("results"))
}

fn exported(model: &Decoder) -> Tensors {
    block_on(model.export()).expect("export")
}

fn methods() -> [Method; 4] {
    MethodKind::ALL.map(MethodKind::method)
}

#[test]
fn each_method_overfits_one_batch() {
    for kind in MethodKind::ALL {
        let (first, last) = block_on(overfit(kind, &Device::flex()));
        assert!(first > UNTRAINED && last < LEARNED, "{kind}: from {first} to {last}");
    }
}

#[test]
fn adapters_and_prompts_leave_the_base_alone() {
    for method in [Method::Lora(Lora::default()), Method::Prompt(Prompt::default())] {
        for (name, config) in families() {
            let base = fresh(&config);
            let before = exported(&base);
            let spec = spec(method.clone(), 8);
            let session = Session::new(&base, &spec, run_data(&spec, 8)).expect("a session");
            assert_eq!(before, exported(session.model()), "{name}: before training");
            let (_, outcome) = train(session);
            assert_eq!(before, exported(&base), "{name}: after training");
            assert!(outcome.tensors.keys().all(|key| !before.contains_key(key)), "{name}: only the adapter is kept");
            let tuned = adapt::install(&base, &spec.method, &mut &outcome.tensors).expect("install");
            assert_eq!(before, exported(&tuned), "{name}: beneath the adapter");
        }
    }
}

#[test]
fn an_untrained_adapter_changes_no_logit() {
    for (name, config) in families() {
        let base = fresh(&config);
        let spec = spec(Method::Lora(Lora::default()), 4);
        let session = Session::new(&base, &spec, run_data(&spec, 4)).expect("a session");
        assert_eq!(logits(&base), logits(session.model()), "{name}");
    }
}

fn logits(model: &Decoder) -> Vec<f32> {
    let ids: Vec<u32> = (0..24).map(|i| i * 11 % 50).collect();
    let hidden = model.hidden(model.ids(&ids).expect("ids"), 2, None);
    model.logits(hidden).into_data().try_into_vec().expect("floats")
}

#[test]
fn merging_changes_no_logit_and_unmerging_restores_the_base() {
    for rslora in [false, true] {
        for (name, config) in families() {
            let base = fresh(&config);
            let settings = Lora { rank: 3, rslora, ..Lora::default() };
            let spec = spec(Method::Lora(settings.clone()), 8);
            let (_, outcome) = train(Session::new(&base, &spec, run_data(&spec, 8)).expect("a session"));
            let tuned = adapt::install(&base, &spec.method, &mut &outcome.tensors).expect("install");
            let merged = lora::merge(&tuned);
            let moved = logits(&base).iter().zip(logits(&tuned)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(moved > 1e-3, "{name}: training moved the logits by {moved} only");
            for (a, b) in logits(&tuned).iter().zip(logits(&merged)) {
                assert!((a - b).abs() < 2e-5, "{name}: {a} and merged {b}");
            }
            let restored = lora::unmerge(&merged, &settings, &outcome.tensors).expect("unmerge");
            for (a, b) in logits(&base).iter().zip(logits(&restored)) {
                assert!((a - b).abs() < 2e-5, "{name}: {a} and restored {b}");
            }
        }
    }
}

#[test]
fn the_same_spec_gives_the_same_bits_also_when_killed_at_every_step() {
    let (_, config) = families().remove(0);
    let base = fresh(&config);
    let dropout = Method::Lora(Lora { dropout: 0.2, ..Lora::default() });
    for method in methods().into_iter().chain([dropout]) {
        let mut spec = spec(method, 12);
        spec.train = TrainConfig { max_steps: 9, eval_every: 4, accumulate: 2, ..spec.train };
        let start = || Session::new(&base, &spec, run_data(&spec, 12)).expect("a session");
        let (losses, outcome) = train(start());
        let (again, _) = train(start());
        assert_eq!(losses, again, "{}: run twice", spec.method.kind());

        let mut session = start();
        let mut killed = Vec::new();
        loop {
            let progress = block_on(session.advance()).expect("a step");
            if let Progress::Stepped { nats_per_token, .. } = progress {
                killed.extend(nats_per_token);
            }
            // Within an evaluation the checkpoint begins it again, so kill between its parts only.
            if progress == Progress::Finished {
                break;
            }
            if !matches!(progress, Progress::Evaluating { tokens: 1.. }) {
                let bytes = block_on(session.checkpoint()).expect("a checkpoint");
                session = Session::resume(&base, &spec, run_data(&spec, 12), &bytes).expect("resumed");
            }
        }
        assert_eq!(losses, killed, "{}: killed and resumed", spec.method.kind());
        let resumed = block_on(session.finish(1.0, provenance())).expect("results");
        assert_eq!(outcome.tensors, resumed.tensors, "{}: trained tensors", spec.method.kind());
        assert_eq!(outcome.record, resumed.record, "{}: record", spec.method.kind());
    }
}

#[test]
fn the_share_of_the_work_done_grows_to_the_whole_evaluations_included() {
    let (_, config) = families().remove(0);
    let base = fresh(&config);
    for method in methods() {
        let spec = spec(method, 12);
        let mut session = Session::new(&base, &spec, run_data(&spec, 12)).expect("a session");
        let (mut shares, mut evaluating) = (vec![session.share()], 0);
        while block_on(session.advance()).expect("a step") != Progress::Finished {
            shares.push(session.share());
            evaluating += usize::from(session.evaluating().is_some_and(|(_, batch, of)| batch > 0 && batch <= of));
        }
        assert!(shares[0] == 0.0 && session.share() == 1.0, "{shares:?}");
        assert!(
            shares.windows(2).all(|pair| pair[0] <= pair[1]) && shares.iter().all(|&share| share <= 1.0),
            "{shares:?}"
        );
        // Two batches of a split: twice on dev, then the test of tuned model and base.
        assert_eq!(evaluating, 8, "{shares:?}");
    }
}

#[test]
fn a_large_model_of_few_steps_is_tested_on_a_sample_that_is_stated() {
    let config = ModelConfig::ladder(50_257, 64, 256, 2);
    let base = fresh(&config);
    let mut spec = spec(Method::Full, 12);
    spec.train = TrainConfig { max_steps: 6, batch_size: 8, sequence: 64, ..spec.train };
    let data = |spec: &RunSpec| {
        let RunData { dev, test, .. } = run_data(spec, 12);
        let (dev, test) = (dev.iter().cycle().take(128).cloned(), test.iter().cycle().take(256).cloned());
        RunData { dev: dev.collect(), test: test.collect(), ..run_data(spec, 12) }
    };
    let sampled = |spec: &RunSpec| Session::new(&base, spec, data(spec)).expect("a session").sampled();
    assert_eq!(sampled(&spec), Some(Sampled { dev: (72, 128), test: (32, 256) }));
    spec.train.max_steps = 100;
    assert_eq!(sampled(&spec), None, "what the training outlasts is read whole");
}

#[test]
fn accumulated_micro_batches_make_the_step_of_one_large_batch() {
    let (_, config) = families().remove(0);
    let base = fresh(&config);
    let mut large = spec(Method::Full, 16);
    large.train = TrainConfig { max_steps: 4, batch_size: 8, accumulate: 1, clip_norm: 0.1, ..large.train };
    let mut small = large.clone();
    small.train = TrainConfig { batch_size: 2, accumulate: 4, ..large.train.clone() };
    let (one, _) = train(Session::new(&base, &large, run_data(&large, 16)).expect("a session"));
    let (four, _) = train(Session::new(&base, &small, run_data(&small, 16)).expect("a session"));
    for (a, b) in one.iter().zip(&four) {
        assert!((a - b).abs() < 1e-5, "{a} in one batch, {b} in four");
    }
}

#[test]
fn the_best_dev_weights_are_kept_and_patience_ends_the_run() {
    let (_, config) = families().remove(0);
    let base = fresh(&config);
    let mut spec = spec(Method::Full, 4);
    // Overfits four examples at once: dev can only rise after the first evaluations.
    spec.train = TrainConfig {
        max_steps: 100,
        learning_rate: 2e-2,
        eval_every: 5,
        patience: 2,
        schedule: Schedule::Constant,
        ..spec.train
    };
    let (_, outcome) = train(Session::new(&base, &spec, run_data(&spec, 4)).expect("a session"));
    let record = outcome.record;
    let best = record.dev.iter().min_by(|a, b| a.evaluation.nats_per_token.total_cmp(&b.evaluation.nats_per_token));
    assert_eq!(record.best_step, best.expect("a dev point").step);
    assert_eq!(record.steps, record.best_step + 2 * 5, "two evaluations after the best");
    assert!(record.steps < 100);
}

#[test]
fn a_rate_too_high_says_so() {
    let (_, config) = families().remove(1);
    let base = fresh(&config);
    let mut spec = spec(Method::Full, 4);
    spec.train = TrainConfig { learning_rate: 1e30, clip_norm: 0.0, warmup: 0.0, max_steps: 50, ..spec.train };
    let mut session = Session::new(&base, &spec, run_data(&spec, 4)).expect("a session");
    let error = loop {
        match block_on(session.advance()) {
            Ok(Progress::Finished) => panic!("a rate of 1e30 cannot work"),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, TrainError::Diverged { rate, .. } if rate > 1e28), "{error}");
}

#[test]
fn a_checkpoint_of_another_run_or_a_cut_one_is_refused() {
    let (_, config) = families().remove(0);
    let base = fresh(&config);
    let spec = spec(Method::Prompt(Prompt::default()), 4);
    let mut session = Session::new(&base, &spec, run_data(&spec, 4)).expect("a session");
    let bytes = block_on(session.checkpoint()).expect("a checkpoint");
    let mut other = spec.clone();
    other.seed.0 += 1;
    let error = |spec, bytes: &[u8]| Session::resume(&base, spec, run_data(spec, 4), bytes).unwrap_err().to_string();
    assert!(error(&other, &bytes).contains("is of run"), "{}", error(&other, &bytes));
    for length in [0, 7, 100, bytes.len() - 1] {
        assert!(error(&spec, &bytes[..length]).contains("damaged"), "cut to {length}");
    }
}

#[test]
fn the_benchmark_times_the_steps_of_a_run() {
    let clock = std::time::Instant::now();
    let now = || clock.elapsed().as_secs_f64() * 1e3;
    for method in MethodKind::ALL {
        let device = Device::flex();
        let timing = block_on(bench::bench(BenchSize::Small, method, [1, 3], &device, now)).expect("a timing");
        let size = BenchSize::Small;
        let session = bench::session(&size.config(), size.batch(), method, 4, &device).expect("a session");
        let (losses, _) = train(session);
        assert_eq!(Some(&timing.last_nats_per_token), losses.last(), "{method}: the same four steps");
        assert!(timing.ms_per_step > 0.0, "{method}: {timing:?}");
    }
}
