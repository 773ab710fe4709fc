//! An experiment: methods × data sizes × seeds on one base and one source, and the order its cells run in.

use crate::seed::Seed;
use crate::spec::{Base, DataSpec, Method, RunSpec, SPEC_VERSION, Source, TrainConfig};
use serde::{Deserialize, Serialize};

/// What an experiment varies, and over which values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    pub bases: Vec<Base>,
    pub source: Source,
    /// Each method with the training settings it runs under.
    pub methods: Vec<(Method, TrainConfig)>,
    /// Distinct training examples.
    pub sizes: Vec<usize>,
    /// How many seeds; each draws its own subset, data order and initial values.
    pub seeds: u64,
}

/// Doubling sizes from `first` to at most `last`.
pub fn doubling(first: usize, last: usize) -> Vec<usize> {
    std::iter::successors(Some(first.max(1)), |size| size.checked_mul(2)).take_while(|&size| size <= last).collect()
}

/// Of these sizes, those of at most `most`; larger ones become it.
pub fn clip(sizes: Vec<usize>, most: usize) -> Vec<usize> {
    let mut sizes: Vec<usize> = sizes.into_iter().map(|size| size.min(most)).collect();
    sizes.dedup();
    sizes
}

impl Experiment {
    /// One cell. Seeds of equal number share subset and data order over methods and bases, so that methods are
    /// compared on the same examples.
    pub fn cell(&self, base: &Base, method: &(Method, TrainConfig), examples: usize, seed: u64) -> RunSpec {
        RunSpec {
            version: SPEC_VERSION,
            base: base.clone(),
            method: method.0.clone(),
            data: DataSpec { source: self.source.clone(), examples, subset: Seed(seed).derive("subset", 0) },
            train: method.1.clone(),
            seed: Seed(seed),
        }
    }

    /// All cells, in running order: the first seed's sizes from small to large, every method at each size, then
    /// the next seed: a rough curve of every method comes first and narrows with time.
    pub fn cells(&self) -> Vec<RunSpec> {
        let mut sizes = self.sizes.clone();
        sizes.sort_unstable();
        sizes.dedup();
        let mut cells = Vec::new();
        for seed in 0..self.seeds {
            for &examples in &sizes {
                for base in &self.bases {
                    for method in &self.methods {
                        cells.push(self.cell(base, method, examples, seed));
                    }
                }
            }
        }
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::MethodKind;

    #[test]
    fn small_sizes_come_first_then_seeds() {
        let methods = [MethodKind::Full, MethodKind::Lora].map(|kind| (kind.method(), TrainConfig::default_for(kind)));
        let experiment = Experiment {
            bases: vec![Base { name: "b".into(), sha256: "0".into() }],
            source: Source::Task("t".into()),
            methods: methods.to_vec(),
            sizes: vec![128, 64, 64],
            seeds: 2,
        };
        let cells = experiment.cells();
        let order: Vec<_> = cells.iter().map(|c| (c.seed.0, c.data.examples, c.method.kind())).collect();
        use MethodKind::{Full, Lora};
        let first = [(0, 64, Full), (0, 64, Lora), (0, 128, Full), (0, 128, Lora), (1, 64, Full)];
        assert_eq!(order[..5], first);
        assert_eq!(cells.len(), 8);
        assert_eq!(cells[0].data.subset, cells[1].data.subset, "methods share a subset");
        assert_ne!(cells[0].data.subset, cells[4].data.subset, "seeds do not");
    }

    #[test]
    fn sizes_double() {
        assert_eq!(doubling(64, 4096), [64, 128, 256, 512, 1024, 2048, 4096]);
        assert_eq!(doubling(0, 3), [1, 2]);
    }
}
