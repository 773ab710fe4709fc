//! `lab sweep` on a real base, in seconds: what it writes survives a kill at any moment, and a second call goes on.
#![cfg(feature = "native")]

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use tunelab::record::RunRecord;

fn scratch(test: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tunelab-sweep-{test}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn sweep(out: &Path, sizes: &str, more: &[&str]) -> Command {
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/www/models");
    lab.args(["sweep", "--models", models, "--base", "story-50k", "--task", "weather", "--methods", "lora,prompt"]);
    lab.args(["--seeds", "1", "--steps", "3", "--sizes", sizes, "--out"]).arg(out).args(more);
    lab
}

fn run(out: &Path, sizes: &str, more: &[&str]) -> Output {
    sweep(out, sizes, more).output().unwrap()
}

/// The records of a file, without what says when and how fast they were made.
fn records(out: &Path) -> Vec<RunRecord> {
    let mut records = RunRecord::list_from_json(&fs::read_to_string(out).unwrap()).unwrap();
    for record in &mut records {
        (record.wall_seconds, record.made.date) = (0.0, String::new());
    }
    records
}

#[test]
fn killed_at_any_moment_it_loses_no_record_and_comes_to_the_same() {
    let folder = scratch("kill");
    let (whole, broken) = (folder.join("whole.json"), folder.join("broken.json"));
    let output = run(&whole, "16,32,48", &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(records(&whole).len(), 6);

    for wanted in 1..=3 {
        let mut child = sweep(&broken, "16,32,48", &[]).stderr(Stdio::null()).spawn().unwrap();
        let mut first = None;
        // Killed as soon as there is a further record, wherever it is by then.
        while fs::read(&broken).map_or(0, |_| records(&broken).len()) < wanted {
            assert!(child.try_wait().unwrap().is_none_or(|status| status.success()), "the sweep failed by itself");
            if first.is_none() {
                first = File::open(&broken).ok();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(records(&broken).len() >= wanted);
        // Whoever opened the file before reads the old one whole: it is not written into.
        if let Some(mut before) = first {
            let mut text = String::new();
            before.read_to_string(&mut text).unwrap();
            assert!(RunRecord::list_from_json(&text).unwrap().len() < records(&broken).len());
        }
    }
    assert!(run(&broken, "16,32,48", &[]).status.success());
    assert_eq!(records(&broken), records(&whole));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn any_number_of_threads_makes_the_same_records() {
    let folder = scratch("threads");
    let outs = ["1", "3", "8"].map(|threads| {
        let out = folder.join(threads);
        assert!(run(&out, "16,32", &["--threads", threads]).status.success());
        out
    });
    let [one, three, eight] = outs.map(|out| records(&out));
    assert_eq!(one.len(), 4);
    assert_eq!(three, one);
    assert_eq!(eight, one);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_it_cannot_read_it_refuses_and_leaves() {
    let folder = scratch("refused");
    let out = folder.join("records.json");
    let half = &fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/www/precomputed.json")).unwrap()[..1000];
    for garbage in [&b""[..], b"not json", b"[{}]", b"\xff\xfe", half] {
        fs::write(&out, garbage).unwrap();
        let output = run(&out, "16", &[]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains("move it away"), "{error}");
        assert_eq!(fs::read(&out).unwrap(), garbage, "the file is untouched");
    }
    let output = run(&folder, "16", &[]);
    assert!(!output.status.success(), "a folder is no file of records");
    let output = run(&folder.join("no/such.json"), "16", &[]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no such folder"), "before anything is trained");
    fs::remove_dir_all(folder).unwrap();
}
