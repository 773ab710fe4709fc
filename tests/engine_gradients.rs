//! Derivatives: those written by hand against burn's, and both against finite differences.
#![cfg(feature = "engine")]

mod engine_models;

use burn::Tensor;
use burn::tensor::Device;
use engine_models::{families, fresh, run_data, spec};
use tunelab::data::Batch;
use tunelab::engine::adapt;
use tunelab::engine::model::{Decoder, Tensors};
use tunelab::engine::ops::Composed;
use tunelab::engine::train::sum_nats;
use tunelab::seed::Seed;
use tunelab::spec::{Lora, Method, MethodKind, ModelConfig, Precision, Prompt, PromptInit};

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("floats")
}

/// A model of the config's shape, held in `precision`, whose blocks speak as loudly as a trained model's.
fn lively(config: &ModelConfig, precision: Precision) -> Decoder {
    let mut tensors: Tensors = pollster::block_on(fresh(config).export()).expect("export");
    for (name, tensor) in &mut tensors {
        for (i, value) in tensor.values.iter_mut().enumerate() {
            // Norms and biases leave their plain start, too, lest a derivative hide behind a one or a zero.
            let shift = if tensor.shape.len() == 1 { 0.1 * ((i * 7 + name.len()) as f32).sin() } else { 0.0 };
            *value = *value * if tensor.shape.len() == 2 { 8.0 } else { 1.0 } + shift;
        }
    }
    Decoder::load_as(precision, config, &mut &tensors, &Device::flex()).expect("load")
}

fn batch(method: &Method) -> Batch {
    run_data(&spec(method.clone(), 4), 4).train.batch(0)
}

fn methods() -> Vec<Method> {
    let lora = Lora { rank: 3, alpha: 5.0, ..Lora::default() };
    let prompt = Prompt { virtual_tokens: 5, init: PromptInit::Random, ..Prompt::default() };
    vec![Method::Full, Method::Lora(lora), Method::Prompt(prompt)]
}

/// The model ready for `method`, its trained values moved off their start (B is zero there).
fn adapted(base: &Decoder, method: &Method) -> Decoder {
    let mut model = adapt::fresh(base, method, &[], Seed(3)).expect("adapt");
    adapt::visit(&mut model, method, &mut |name, mut parameter| {
        if name.ends_with("lora_b") {
            let wave: Vec<f32> = (0..parameter.elements()).map(|i| 0.2 * (i as f32 * 1.7).sin()).collect();
            parameter.set_flat(Tensor::from_floats(wave.as_slice(), &Device::flex()));
        }
    });
    model.ensure_positions(40).expect("positions");
    model
}

/// The loss, and each trained tensor's gradient.
fn gradients(model: &Decoder, method: &Method, batch: &Batch) -> (f32, Vec<(String, Vec<f32>)>) {
    let mut model = model.clone();
    adapt::visit(&mut model, method, &mut |_, mut parameter| parameter.track());
    let loss = sum_nats(&model, batch, None).expect("a loss");
    let mut found = loss.backward();
    let mut all = Vec::new();
    adapt::visit(&mut model, method, &mut |name, mut parameter| {
        all.push((name, numbers(parameter.take_gradient(&mut found).expect("a gradient"))));
    });
    (numbers(loss.inner())[0], all)
}

#[test]
fn operations_on_slices_agree_with_composed_ones() {
    for (family, config) in families() {
        let base = lively(&config, Precision::F32);
        for method in methods() {
            let model = adapted(&base, &method);
            let batch = batch(&method);
            let (loss, ours) = gradients(&model, &method, &batch);
            let (wanted, theirs) = gradients(&model.clone().with_ops(&Composed), &method, &batch);
            let kind = method.kind();
            assert!((loss - wanted).abs() < 2e-6 * wanted, "{family}, {kind}: loss {loss}, composed {wanted}");
            let total = theirs.iter().flat_map(|(_, row)| row).map(|g| g * g).sum::<f32>().sqrt();
            for ((name, ours), (_, theirs)) in ours.iter().zip(&theirs) {
                let size = theirs.iter().map(|g| g * g).sum::<f32>().sqrt();
                let apart = ours.iter().zip(theirs).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
                // A key's bias moves all scores of a query alike: its gradient is rounding and nothing else.
                assert!(apart < 1e-5 * size + 1e-7 * total, "{family}, {kind}, {name}: {apart:e} of {size:e} apart");
            }
        }
    }
}

#[test]
fn gradients_are_the_slopes_of_the_loss() {
    // Along a random direction of all trained numbers: the difference of two losses, in f32, so to a per mille.
    let cases = families().into_iter().flat_map(|family| Precision::ALL.map(|precision| (family.clone(), precision)));
    for ((family, config), precision) in cases {
        let base = lively(&config, precision);
        for method in methods().into_iter().filter_map(|method| method.on(precision).ok()) {
            let model = adapted(&base, &method);
            let batch = batch(&method);
            let (_, gradients) = gradients(&model, &method, &batch);
            let total = gradients.iter().flat_map(|(_, row)| row).map(|g| g * g).sum::<f32>().sqrt();
            let mut checked = 0;
            for (which, (name, gradient)) in gradients.iter().enumerate() {
                let size = gradient.iter().map(|g| g * g).sum::<f32>().sqrt();
                if size < 1e-3 * total {
                    continue; // Below what a difference of two f32 losses can show.
                }
                checked += 1;
                // Mostly along the gradient, where the loss moves most, partly across it.
                let direction: Vec<f32> =
                    gradient.iter().enumerate().map(|(i, g)| g / size + 0.02 * (i as f32 * 0.37).cos()).collect();
                let slope: f64 = gradient.iter().zip(&direction).map(|(g, d)| f64::from(g * d)).sum();
                let loss_at = |step: f32| {
                    let mut moved = model.clone();
                    let mut index = 0;
                    adapt::visit(&mut moved, &method, &mut |_, mut parameter| {
                        if index == which {
                            let by: Vec<f32> = direction.iter().map(|d| d * step).collect();
                            let values = parameter.flat() + Tensor::from_floats(by.as_slice(), &Device::flex());
                            parameter.set_flat(values);
                        }
                        index += 1;
                    });
                    f64::from(numbers(sum_nats(&moved, &batch, None).expect("a loss"))[0])
                };
                let h = 1e-2f32.min(0.05 / size);
                let measured = (loss_at(h) - loss_at(-h)) / f64::from(2.0 * h);
                let error = (measured - slope).abs() / slope.abs();
                let kind = method.kind();
                assert!(error < 2e-2, "{family}, {precision}, {kind}, {name}: slope {slope}, measured {measured}");
            }
            let kind = method.kind();
            assert!(2 * checked >= gradients.len(), "{family}, {precision}, {kind}: only {checked} were checked");
        }
    }
}

#[test]
fn a_frozen_base_has_no_gradient() {
    for (family, config) in families() {
        let base = lively(&config, Precision::F32);
        for method in methods().into_iter().filter(|method| method.kind() != MethodKind::Full) {
            let mut model = adapted(&base, &method);
            adapt::visit(&mut model, &method, &mut |_, mut parameter| parameter.track());
            let loss = sum_nats(&model, &batch(&method), None).expect("a loss");
            let mut found = loss.backward();
            model.visit(&mut |name, mut parameter| {
                assert!(parameter.take_gradient(&mut found).is_none(), "{family}, {}: {name}", method.kind());
            });
        }
    }
}
