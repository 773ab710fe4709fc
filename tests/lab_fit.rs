//! What `lab fit` says and how it exits where there is little or nothing to fit, and what it says of a forecast.
#![cfg(feature = "native")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A file of points of its own for each test.
fn file(test: &str, bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("tunelab-fit-{test}-{}", std::process::id()));
    fs::write(&path, bytes).unwrap();
    path
}

fn command(path: &PathBuf, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.arg("fit").arg(path).args(["--x", "d", "--y", "loss"]).args(more);
    command
}

/// Exit code, standard output, standard error.
fn fitted(test: &str, bytes: &[u8], more: &[&str]) -> (i32, String, String) {
    let path = file(test, bytes);
    let Output { status, stdout, stderr } = command(&path, more).output().unwrap();
    fs::remove_file(path).unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Losses at 64, 128, 256 …
fn curve(losses: impl IntoIterator<Item = f64>) -> String {
    let rows = losses.into_iter().zip(0..).map(|(loss, i)| format!("{},{loss}\n", 64u64 << i));
    "d,loss\n".to_string() + &rows.collect::<String>()
}

/// Seven sizes of a power law with 1% noise.
fn usual() -> String {
    curve((0..7).map(|i| 5.0 * 64f64.powf(-0.2) * 0.87f64.powi(i) * (1.0 + 0.01 * (2.4 * f64::from(i)).sin())))
}

fn warnings(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.trim().strip_prefix("! ")).collect()
}

#[test]
fn nothing_fitted_exits_with_2_and_one_sentence_says_why() {
    let one_size = "d,loss\n512,2.4\n512,2.2\n512,2.1\n512,2.0\n";
    let cases = [
        ("one-size", one_size.to_string(), "all points have one amount of data: no exponent from one size; add sizes"),
        ("flat", curve([2.5; 7]), "the loss is the same at every size: there is nothing to fit"),
        (
            "rising",
            curve((0..7).map(|i| 2.0 * 1.05f64.powi(i))),
            "the loss rises by 34% from the smallest to the largest size, and the laws are of falling losses: check the \
             columns, the learning rate and when training stops",
        ),
        ("no-points", "d,loss\n0,2.5\n".to_string(), "no point left to fit"),
    ];
    for (name, text, sentence) in cases {
        for law in ["auto", "power-constant"] {
            let (code, said, _) = fitted(name, text.as_bytes(), &["--law", law]);
            assert_eq!(code, 2, "{name}: {said}");
            assert_eq!(warnings(&said).last(), Some(&sentence), "{name}: {said}");
            assert!(said.contains("not enough signal") && !said.contains("β ="), "{name}: {said}");
        }
        assert_eq!(fitted(name, text.as_bytes(), &["--json"]).0, 2, "{name}");
    }
}

#[test]
fn a_usual_curve_exits_with_0() {
    let (code, said, errors) = fitted("usual", usual().as_bytes(), &[]);
    assert_eq!((code, errors.as_str()), (0, ""), "{said}");
    assert!(said.contains("β ="), "{said}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let path = file("pipe", usual().as_bytes());
    let mut child = command(&path, &["--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    fs::remove_file(path).unwrap();
    assert!(status.success() && stderr.is_empty(), "{status}: {}", String::from_utf8_lossy(&stderr));
}

#[test]
fn no_draws_give_no_intervals_and_say_so() {
    let (code, said, _) = fitted("draws", usual().as_bytes(), &["--law", "power", "--draws", "0", "--holdout", "1"]);
    let sentence = "no intervals: they need 20 bootstrap refits or more, and 0 were asked for";
    assert!(code == 0 && warnings(&said).contains(&sentence), "{said}");
    assert!(!said.contains('['), "an interval without draws: {said}");
}

#[test]
fn bytes_that_are_no_text_are_named_by_their_line() {
    let (code, _, said) = fitted("bytes", b"d,loss\n64,3.0\n128,\xff2.5\n", &[]);
    assert_eq!(code, 1);
    assert!(said.contains("is not UTF-8 text (line 3, byte 0xFF): save it as \"CSV UTF-8\" or JSON"), "{said}");
}

#[test]
fn a_forecast_says_which_interval_is_which() {
    let (_, said, _) = fitted("forecast", usual().as_bytes(), &["--holdout", "1"]);
    let line = said.lines().find(|line| line.contains("predicted")).unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains("95% for a run [") && line.contains("95% for the law ["), "{line}");
    let (_, said, _) = fitted("ahead", usual().as_bytes(), &[]);
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("forecast at")).collect();
    assert!(lines.len() == 2 && lines[0].contains("at 8192: ") && lines[1].contains("at 16384: "), "{said}");
    assert!(lines.iter().all(|line| line.contains("95% for a run [") && line.contains("95% for the law [")), "{said}");
}
