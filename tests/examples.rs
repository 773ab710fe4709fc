//! What `examples/` shows, works.

#[path = "../examples/custom_task.rs"]
mod custom_task;
#[cfg(feature = "native")]
#[path = "../examples/experiment.rs"]
mod experiment;
#[path = "../examples/fit_csv.rs"]
mod fit_csv;

use tunelab::data::{ByteTokenizer, Splits};

#[test]
fn a_table_of_points_has_a_law_for_each_method() {
    let report = fit_csv::laws_of(include_str!("../examples/points.csv")).unwrap();
    let groups: Vec<_> = report.groups.iter().map(|group| (group.group.as_str(), group.fit.is_some())).collect();
    assert_eq!(groups, [("full", true), ("lora", true), ("prompt", true), ("scratch", true)]);
    assert!(fit_csv::laws_of("a,b\nx,y\n").is_err(), "a table without numbers has no columns to guess");
}

#[test]
fn a_task_of_ones_own_is_divided_and_named_by_its_hash() {
    let data = custom_task::sums(400).unwrap();
    let spec = custom_task::spec(&data, 64);
    spec.check().unwrap();
    let prepared = data.prepare(&ByteTokenizer, spec.train.sequence).unwrap();
    let splits = Splits::for_run(&spec.data, Some((&data.sha256, &prepared.splits))).unwrap();
    assert_eq!(splits.train.len(), 64);
    for example in splits.train.iter().chain(&splits.dev).chain(&splits.test) {
        let numbers: Vec<u32> = example.prompt.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        assert_eq!(example.completion, (numbers[0] + numbers[1]).to_string(), "{example:?}");
    }
    let other = custom_task::sums(401).unwrap();
    assert!(Splits::for_run(&spec.data, Some((&other.sha256, &prepared.splits))).is_err(), "other data, other hash");
}

#[cfg(feature = "native")]
#[test]
fn a_headless_experiment_trains_and_fits() {
    let report = experiment::laws_of(&[8, 16, 32]).unwrap();
    let full = report.group("full").unwrap();
    assert!(full.fit.as_ref().is_some_and(|fit| fit.law.to_string() == "power"), "{report:?}");
    assert!(report.group("lora").is_some());
}
