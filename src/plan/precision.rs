//! What it costs in loss to hold a base in less than f32: the base's own test loss so held, beside that in f32 on the
//! same test. Read off finished runs, each of which has measured its base.

use crate::record::RunRecord;
use crate::spec::{Precision, Source};
use std::collections::BTreeMap;

/// What holding a base in fewer bits costs in loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    pub base: String,
    pub source: Source,
    pub precision: Precision,
    /// The base's loss so held, less its loss in f32.
    pub nats_per_token: f64,
    pub in_f32: f64,
}

/// One for each base, source and precision that has been run beside f32.
pub fn costs(records: &[&RunRecord]) -> Vec<Cost> {
    // A longer sequence cuts fewer examples short: another test.
    let test = |record: &RunRecord| {
        let (base, source) = (record.spec.base.clone(), record.spec.data.source.clone());
        (base, source, record.spec.train.sequence)
    };
    let mut costs: BTreeMap<String, Cost> = BTreeMap::new();
    for record in records {
        let precision = record.spec.method.base_precision();
        let plain = |other: &&&RunRecord| other.spec.method.base_precision().is_f32() && test(other) == test(record);
        if precision.is_f32() {
            continue;
        }
        let Some(plain) = records.iter().find(plain) else { continue };
        let (base, source, sequence) = test(record);
        let in_f32 = plain.base_test.nats_per_token;
        costs.insert(
            format!("{} {source:?} {precision:?} {sequence}", base.name),
            Cost {
                base: base.name,
                source,
                precision,
                nats_per_token: record.base_test.nats_per_token - in_f32,
                in_f32,
            },
        );
    }
    costs.into_values().collect()
}
