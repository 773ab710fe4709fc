//! Which examples a run trains on. Sizes are nested: what a smaller one holds, a larger one of the same seed
//! holds too, so that a curve over sizes measures more data and not other data. Another seed is another subset;
//! dev and test stay, so that all runs on a source are measured on the same texts.

use super::draw::Draw;
use super::{Example, Split, SplitError, Splits, Task};
use crate::seed::Seed;
use crate::spec::{DataSpec, Source};

/// Examples of a generated task's dev and test splits.
pub const TASK_DEV: usize = 128;
/// Examples of the test split of every generated task.
pub const TASK_TEST: usize = 256;
/// Draws the dev and test splits of every generated task.
const HELD_OUT: Seed = Seed(0);

impl Splits {
    /// What a run sees. `user` is the loaded data that a [`Source::User`] names: its hash and divided examples.
    pub fn for_run(spec: &DataSpec, user: Option<(&str, &Splits)>) -> Result<Splits, SplitError> {
        match &spec.source {
            Source::Task(id) => {
                let task = Task::from_id(id).ok_or_else(|| SplitError::NoTask(id.clone()))?;
                Ok(Splits::of_task(task, spec.examples, spec.subset))
            }
            Source::User { sha256, .. } => {
                let (loaded, splits) = user.unwrap_or(("none", const { &Splits::EMPTY }));
                if loaded != sha256 {
                    return Err(SplitError::OtherData { asked: sha256.clone(), loaded: loaded.to_owned() });
                }
                splits.subset(spec.examples, spec.subset)
            }
        }
    }

    /// SHA-256 of the data that a run names: of a file's examples all, of a task's those of the run.
    pub fn sha256_for_run(spec: &DataSpec) -> Result<String, SplitError> {
        if let Source::User { sha256, .. } = &spec.source {
            return Ok(sha256.clone());
        }
        let splits = Splits::for_run(spec, None)?;
        Ok(super::sha256(splits.train.iter().chain(&splits.dev).chain(&splits.test)))
    }

    /// `examples` training examples of a generated task, of which there is no end, with its dev and test splits.
    pub fn of_task(task: &Task, examples: usize, subset: Seed) -> Splits {
        Splits {
            train: task.examples(subset, Split::Train).take(examples).collect(),
            dev: task.examples(HELD_OUT, Split::Dev).take(TASK_DEV).collect(),
            test: task.examples(HELD_OUT, Split::Test).take(TASK_TEST).collect(),
        }
    }

    /// The same with `examples` of the training examples only.
    pub fn subset(&self, examples: usize, subset: Seed) -> Result<Splits, SplitError> {
        let available = self.train.len();
        if examples > available {
            return Err(SplitError::TooMany { asked: examples, available });
        }
        let mut order: Vec<&Example> = self.train.iter().collect();
        Draw::new(subset.derive("subset", 0)).shuffle(&mut order);
        let train = order.into_iter().take(examples).cloned().collect();
        Ok(Splits { train, dev: self.dev.clone(), test: self.test.clone() })
    }

    const EMPTY: Splits = Splits { train: Vec::new(), dev: Vec::new(), test: Vec::new() };
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn file(count: usize) -> Splits {
        let examples: Vec<Example> = (0..count).map(|i| Example::text(format!("text {i}"))).collect();
        Splits::divide(&examples).unwrap()
    }

    proptest! {
        #[test]
        fn a_size_holds_the_smaller_ones(a in 0usize..75, b in 0usize..75, seed in any::<u64>()) {
            let (small, large) = (a.min(b), a.max(b));
            let splits = file(100);
            let large = splits.subset(large, Seed(seed)).unwrap();
            let small = splits.subset(small, Seed(seed)).unwrap();
            prop_assert_eq!(&small.train[..], &large.train[..small.train.len()]);
            prop_assert_eq!((small.dev, small.test), (large.dev, large.test));
        }
    }

    #[test]
    fn another_seed_is_another_subset_of_the_same_split() {
        let splits = file(100);
        let [one, two] = [1, 2].map(|seed| splits.subset(20, Seed(seed)).unwrap());
        let [one_set, two_set] = [&one, &two].map(|s| s.train.iter().cloned().collect::<HashSet<_>>());
        assert_ne!(one_set, two_set);
        assert_eq!(one.test, two.test);
        assert_eq!(splits.subset(77, Seed(1)), Err(SplitError::TooMany { asked: 77, available: 76 }));
    }

    #[test]
    fn tasks_nest_too() {
        let [small, large] = [50, 100].map(|n| Splits::of_task(Task::ALL[0], n, Seed(3)));
        assert_eq!(small.train[..], large.train[..50]);
        assert_eq!((small.dev.len(), small.test.len()), (TASK_DEV, TASK_TEST));
        assert_eq!(small.test, Splits::of_task(Task::ALL[0], 1, Seed(4)).test);
    }

    #[test]
    fn a_run_gets_the_data_it_names_or_a_clear_no() {
        let splits = file(100);
        let spec = |source| DataSpec { source, examples: 10, subset: Seed(1) };
        let user = spec(Source::User { name: "mine".into(), sha256: "abc".into() });
        assert_eq!(Splits::for_run(&user, Some(("abc", &splits))).unwrap().train.len(), 10);
        assert!(Splits::for_run(&user, Some(("abd", &splits))).unwrap_err().to_string().contains("Load its file"));
        assert!(Splits::for_run(&user, None).is_err());
        let unknown = Splits::for_run(&spec(Source::Task("chess".into())), None).unwrap_err().to_string();
        assert!(unknown.contains("“chess”") && unknown.contains(Task::ALL[0].id()), "{unknown}");
    }
}
