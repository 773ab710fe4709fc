//! The decoder: every family's settings run, and no token sees the future.
#![cfg(feature = "engine")]

mod engine_models;

use burn::Tensor;
use burn::tensor::Device;
use engine_models::{families, fresh};
use pollster::block_on;
use std::collections::BTreeMap;
use tunelab::engine::adapt;
use tunelab::engine::model::{Decoder, Generator};
use tunelab::job::Sampling;
use tunelab::seed::Seed;
use tunelab::spec::{MethodKind, ModelConfig};

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("floats")
}

#[test]
fn the_parameters_are_those_of_the_table() {
    for (name, config) in families() {
        let mut held = BTreeMap::new();
        fresh(&config).visit(&mut |name, parameter| drop(held.insert(name, parameter.shape())));
        let table: BTreeMap<_, _> = config.parameter_table().into_iter().map(|row| (row.name, row.shape)).collect();
        assert_eq!(held, table, "{name}");
        let count: u64 = held.values().map(|shape| shape.iter().product::<usize>() as u64).sum();
        assert_eq!(count, config.parameters().total, "{name}");
    }
}

/// Decay, counts and files go by what a method says that it trains.
#[test]
fn a_method_trains_what_it_says() {
    for (name, config) in families() {
        let base = fresh(&config);
        for method in MethodKind::ALL.map(MethodKind::method) {
            let mut model = adapt::fresh(&base, &method, &[], Seed(1)).expect("a model");
            let mut visited = BTreeMap::new();
            adapt::visit(&mut model, &method, &mut |name, parameter| drop(visited.insert(name, parameter.shape())));
            let said: BTreeMap<_, _> = method.trained(&config).into_iter().map(|row| (row.name, row.shape)).collect();
            assert_eq!(visited, said, "{name}, {}", method.kind());
        }
    }
}

#[test]
fn exported_weights_load_again_bit_for_bit() {
    for (name, config) in families() {
        let first = block_on(fresh(&config).export()).expect("export");
        let again = Decoder::load(&config, &mut &first, &Device::flex()).expect("load");
        assert_eq!(first, block_on(again.export()).expect("export"), "{name}");
    }
}

#[test]
fn no_token_sees_the_future() {
    // The gradient of token 5's logits with respect to the embeddings it read: nothing after 5, everything before.
    // Ids are distinct, so a row of the embedding's gradient is one position's.
    for (name, config) in families() {
        let config = ModelConfig { tied_embeddings: false, ..config };
        let mut model = fresh(&config);
        model.visit(&mut |parameter, mut tensor| {
            if parameter == "embed.weight" {
                tensor.track();
            }
        });
        let ids: Vec<u32> = (10..22).collect();
        let hidden = model.hidden(model.ids(&ids).expect("ids"), 1, None);
        let mut gradients = model.logits(hidden).narrow(0, 5, 1).powi_scalar(2).sum().backward();
        let mut rows = Vec::new();
        model.visit(&mut |parameter, mut tensor| {
            if parameter == "embed.weight" {
                rows = numbers(tensor.take_gradient(&mut gradients).expect("a gradient"));
            }
        });
        for (position, id) in ids.iter().enumerate() {
            let row = &rows[*id as usize * 32..(*id as usize + 1) * 32];
            let touched = row.iter().any(|g| *g != 0.0);
            assert_eq!(touched, position <= 5, "{name}: position {position}");
        }
    }
}

#[test]
fn cached_generation_says_what_the_whole_sequence_says() {
    for (name, config) in families() {
        let model = fresh(&config);
        let prompt: Vec<u32> = (0..19).map(|i| i * 7 % 50).collect();
        let mut generator =
            block_on(Generator::start(&model, &prompt, Sampling { max_tokens: 8, ..Sampling::default() }))
                .expect("start");
        let mut read = prompt.clone();
        for _ in 0..8 {
            let hidden = model.hidden(model.ids(&read).expect("ids"), 1, None);
            let whole = numbers(model.logits(hidden.narrow(0, read.len() - 1, 1)));
            for (cached, whole) in generator.logits().iter().zip(&whole) {
                assert!((cached - whole).abs() < 1e-5, "{name} after {} tokens: {cached} and {whole}", read.len());
            }
            read.push(block_on(generator.next()).expect("next").expect("room"));
        }
    }
}
