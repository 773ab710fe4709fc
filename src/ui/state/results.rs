//! From finished runs to what is plotted and fitted: series of runs that differ only in data and seed.

use super::settings::Horizontal;
use super::shelf::comparable;
use crate::laws::Point;
use crate::record::ModelCard;
use crate::record::{RunRecord, Sampled};
use crate::spec::{Base, Method, MethodKind, RunSpec, Source, TrainConfig};
use crate::ui::charts::palette::method_name;
use crate::ui::state::State;
use std::collections::{BTreeMap, BTreeSet};

/// Runs of one base, method and training setting on one source: the points of one curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// What its runs are found by: the same for the same method and settings, on whatever base.
    pub key: String,
    /// What it is called beside the other groups; shown, never looked up.
    pub name: String,
    pub method: Method,
    pub train: TrainConfig,
    pub runs: Vec<Run>,
    /// Mean loss of the base before tuning, over its runs' tests. None for training from scratch.
    pub before: Option<f64>,
}

/// What a plot needs of a finished run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub id: String,
    pub examples: usize,
    pub tokens: u64,
    pub seed: u64,
    pub nats_per_token: f64,
    pub bits_per_byte: f64,
    pub token_accuracy: f64,
    pub steps: usize,
    pub wall_seconds: f64,
    pub trained_parameters: u64,
    pub device: String,
    pub date: String,
    pub precomputed: bool,
    /// What it was tested on, where that is a sample.
    pub sampled: Option<Sampled>,
}

impl Group {
    pub fn kind(&self) -> MethodKind {
        self.method.kind()
    }
}

impl Run {
    fn of(record: &RunRecord, precomputed: bool) -> Run {
        Run {
            id: record.id.0.clone(),
            examples: record.spec.data.examples,
            tokens: record.unique_tokens,
            seed: record.spec.seed.0,
            nats_per_token: record.test.nats_per_token,
            bits_per_byte: record.test.bits_per_byte,
            token_accuracy: record.test.token_accuracy,
            steps: record.steps,
            wall_seconds: record.wall_seconds,
            trained_parameters: record.trained_parameters,
            device: record.made.device.clone(),
            date: record.made.date.clone(),
            precomputed,
            sampled: record.sampled,
        }
    }

    pub fn amount(&self, horizontal: Horizontal) -> f64 {
        match horizontal {
            Horizontal::Examples => self.examples as f64,
            Horizontal::Tokens => self.tokens as f64,
        }
    }
}

/// The groups of one base on one source, in the methods' order.
pub fn groups(state: &State, base: &Base, source: &Source) -> Vec<Group> {
    let mut found: Vec<(&Method, &TrainConfig, Vec<&RunRecord>)> = Vec::new();
    for record in state.records() {
        let RunSpec { base: its, method, data, train, .. } = &record.spec;
        if its != base || data.source != *source {
            continue;
        }
        match found.iter_mut().find(|(m, t, _)| *m == method && *t == train) {
            Some((_, _, records)) => records.push(record),
            None => found.push((method, train, vec![record])),
        }
    }
    found.sort_by_key(|(method, _, _)| method.kind());
    let names = called(found.iter().map(|&(method, train, _)| (method, train)));
    let groups = found.into_iter().zip(names).map(|((method, train, records), name)| {
        let before = records.iter().map(|record| record.base_test.nats_per_token).sum::<f64>() / records.len() as f64;
        Group {
            key: key(method, train),
            name,
            method: method.clone(),
            train: train.clone(),
            runs: records.iter().map(|record| Run::of(record, state.is_precomputed(&record.id))).collect(),
            before: method.kind().info().from_base.then_some(before),
        }
    });
    groups.collect()
}

fn key(method: &Method, train: &TrainConfig) -> String {
    serde_json::to_string(&(method, train)).expect("settings have only plain fields")
}

/// What variants are called beside one another, in the methods' order: by their method where it has no other variant, else
/// by their settings too, and by number.
fn called<'a>(variants: impl Iterator<Item = (&'a Method, &'a TrainConfig)>) -> Vec<String> {
    let variants: Vec<_> = variants.collect();
    let of_kind = |among: &[(&Method, &TrainConfig)], kind| among.iter().filter(|(m, _)| m.kind() == kind).count();
    let each = variants.iter().enumerate().map(|(index, (method, train))| {
        let name = method_name(method.kind());
        match (of_kind(&variants, method.kind()), of_kind(&variants[..index], method.kind())) {
            (1, _) => name.to_string(),
            (_, 0) => format!("{name} ({})", detail(method, train)),
            (_, earlier) => format!("{name} ({}; {})", detail(method, train), earlier + 1),
        }
    });
    each.collect()
}

/// What groups are called, by key; groups of several bases together.
pub fn names(groups: &[Group]) -> BTreeMap<String, String> {
    let mut distinct: Vec<&Group> = Vec::new();
    for group in groups {
        if !distinct.iter().any(|other| other.key == group.key) {
            distinct.push(group);
        }
    }
    distinct.sort_by_key(|group| group.kind());
    let names = called(distinct.iter().map(|group| (&group.method, &group.train)));
    distinct.iter().map(|group| group.key.clone()).zip(names).collect()
}

/// The groups' runs as points of a fit.
pub fn points(groups: &[Group], horizontal: Horizontal) -> Vec<Point> {
    let each = groups.iter().flat_map(|group| {
        group.runs.iter().map(|run| {
            Point::new(&group.key, run.amount(horizontal), run.nats_per_token).of_run(format!("seed {}", run.seed + 1))
        })
    });
    each.collect()
}

/// Base models that have runs on the chosen source.
pub fn bases(state: &State) -> usize {
    let source = state.source();
    let records = state.records().filter(|record| Some(&record.spec.data.source) == source.as_ref());
    records.map(|record| &record.spec.base.name).collect::<BTreeSet<_>>().len()
}

/// What base models that are fitted together differ in, besides data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joint {
    Size,
    Pretraining,
    /// Each of the two varied alone.
    Both,
}

impl Joint {
    pub const ALL: [Joint; 3] = [Joint::Size, Joint::Pretraining, Joint::Both];
}

/// Runs of one of the chosen bases, that which most others differ from in one factor alone, and of those others, on the
/// chosen source: points of a joint law, one group a method. Losses per token over another vocabulary, or of another
/// family, are no part of it.
pub fn joint_points(state: &State, joint: Joint, horizontal: Horizontal) -> Vec<Point> {
    let chosen = state.settings.chosen(state.cards());
    let tokens = |card: &ModelCard| card.pretraining.as_ref().map(|made| made.tokens);
    let size = |card: &ModelCard| card.config.parameters().non_embedding;
    let beside = |card: &ModelCard| {
        let others = chosen.iter().filter(|other| comparable(card, other));
        others
            .map(|other| usize::from(tokens(card) == tokens(other)) + usize::from(size(card) == size(other)))
            .sum::<usize>()
    };
    // The first of those with the most.
    let pivot = chosen.iter().rev().max_by_key(|card| beside(card));
    let (Some(source), Some(&chosen)) = (state.source(), pivot) else { return Vec::new() };
    let mut points = Vec::new();
    for card in state.cards().iter().filter(|card| comparable(card, chosen)) {
        let base = Base { name: card.name.clone(), sha256: card.sha256.clone() };
        let own = self::points(&groups(state, &base, &source), horizontal);
        let mut add = |factor: &str, n: u64| {
            let factor = (joint == Joint::Both).then(|| factor.to_string());
            points.extend(own.iter().map(|point| Point { n: Some(n as f64), factor: factor.clone(), ..point.clone() }));
        };
        if joint != Joint::Pretraining && tokens(card) == tokens(chosen) {
            add("model size", size(card));
        }
        if let Some(tokens) = tokens(card).filter(|_| joint != Joint::Size && size(card) == size(chosen)) {
            add("pretraining tokens", tokens);
        }
    }
    points
}

/// Every group on the chosen source, of whatever base: what joint points are called.
pub fn groups_of_all(state: &State) -> Vec<Group> {
    let Some(source) = state.source() else { return Vec::new() };
    let bases = state.cards().iter().map(|card| Base { name: card.name.clone(), sha256: card.sha256.clone() });
    bases.flat_map(|base| groups(state, &base, &source)).collect()
}

fn detail(method: &Method, train: &TrainConfig) -> String {
    let settings = method.tuning().size().map_or_else(String::new, |size| format!("{size}, "));
    let precision = method.base_precision();
    let base = if precision.is_f32() { String::new() } else { format!("{} base, ", precision.name()) };
    format!("{settings}{base}rate {}", train.learning_rate)
}

/// 1234567 → "1.23 M".
pub fn count(number: u64) -> String {
    let scaled = |divisor: f64, unit: &str| {
        let value = number as f64 / divisor;
        let decimals = if value >= 100.0 {
            0
        } else if value >= 10.0 {
            1
        } else {
            2
        };
        format!("{value:.decimals$} {unit}")
    };
    match number {
        0..=9_999 => number.to_string(),
        10_000..=999_999 => scaled(1e3, "k"),
        1_000_000..=999_999_999 => scaled(1e6, "M"),
        _ => scaled(1e9, "G"),
    }
}

/// Bytes for people: "1.4 MB".
pub fn bytes(number: u64) -> String {
    match number {
        0..=999 => format!("{number} B"),
        1_000..=999_999 => format!("{:.0} kB", number as f64 / 1e3),
        1_000_000..=999_999_999 => format!("{:.1} MB", number as f64 / 1e6),
        _ => format!("{:.2} GB", number as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (number, text) in [(950, "950"), (110_000, "110 k"), (1_234_567, "1.23 M"), (124_439_808, "124 M")] {
            assert_eq!(count(number), text);
        }
        assert_eq!(bytes(1_400_000), "1.4 MB");
    }
}
