//! The interval for a run, held against runs that the fit did not see: sixty published fine-tuning curves, of which the
//! first five to twelve sizes are fitted and the losses at twice and four times the largest predicted. Skips visibly
//! where the points are not at hand.

// Features change no law: once, without them, is enough.
#![cfg(not(any(feature = "engine", feature = "ui")))]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use tunelab::laws::{Options, Point, fit};

/// By dataset and model, without the loss before tuning.
fn curves() -> Option<Vec<Vec<Point>>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/laws/finetune_curves.csv");
    let Ok(text) = fs::read_to_string(&path) else {
        // Past the test harness, which keeps what a passing test prints to itself.
        let _ = writeln!(std::io::stderr(), "SKIPPED: {} is not there", path.display());
        return None;
    };
    let mut curves: BTreeMap<(String, String), Vec<Point>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let [dataset, model, _, _, d, loss] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        if d != "0" {
            let point = Point::new(dataset, d.parse().unwrap(), loss.parse().unwrap());
            curves.entry((dataset.into(), model.into())).or_default().push(point);
        }
    }
    Some(curves.into_values().collect())
}

#[test]
fn a_runs_interval_holds_the_next_sizes() {
    let Some(curves) = curves() else { return };
    println!("| sizes | at 2×: run | law | at 4×: run | law |\n| --- | --- | --- | --- | --- |");
    let mut failures = Vec::new();
    // By dataset and factor: held by the run's interval, and how many.
    let mut by_dataset: BTreeMap<String, [[usize; 2]; 2]> = BTreeMap::new();
    for sizes in 5..=12 {
        let mut cells = Vec::new();
        // By factor: held by the run's interval, by the law's band, and how many.
        let mut held = [[0usize; 3]; 2];
        for curve in &curves {
            // Windows from the smallest size, and from the fourth: curves bend at different places.
            for window in [0, 3].into_iter().filter_map(|from| curve.get(from..).filter(|rest| rest.len() > sizes)) {
                let report = fit(&window[..sizes], &Options { draws: 200, ..Options::default() });
                let fit = report.groups[0].fit.as_ref().unwrap();
                for (ahead, held) in window[sizes..].iter().zip(&mut held) {
                    let law = fit.predict(ahead.d, None).unwrap();
                    held[0] += usize::from(fit.predict_run(ahead.d, None, None).unwrap().contains(ahead.loss));
                    held[1] += usize::from(law.lo <= ahead.loss && ahead.loss <= law.hi);
                    held[2] += 1;
                }
                for (ahead, held) in window[sizes..].iter().zip(by_dataset.entry(curve[0].group.clone()).or_default()) {
                    held[0] += usize::from(fit.predict_run(ahead.d, None, None).unwrap().contains(ahead.loss));
                    held[1] += 1;
                }
            }
        }
        for (held, factor) in held.iter().zip([2, 4]) {
            let [run, law] = [held[0], held[1]].map(|count| 100.0 * count as f64 / held[2] as f64);
            if !(88.0..=98.5).contains(&run) {
                failures.push(format!("{sizes} sizes, {factor}×: {run:.1}% of {}", held[2]));
            }
            cells.push(format!("{run:.0}% | {law:.0}%"));
        }
        println!("| {sizes} | {} |", cells.join(" | "));
    }
    for (dataset, held) in by_dataset {
        let [twice, four] = held.map(|[held, of]| 100.0 * held as f64 / of as f64);
        println!("{dataset}: {twice:.0}% at 2×, {four:.0}% at 4×");
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
