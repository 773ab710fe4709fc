//! `lab sweep` on a real base, in seconds: what it writes survives a kill at any moment, and a second call goes on.
#![cfg(feature = "native")]

use std::fs;
use std::io::Write;
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

/// Lines that were written to their end.
fn lines(out: &Path) -> usize {
    fs::read(out).map_or(0, |bytes| bytes.iter().filter(|&&byte| byte == b'\n').count())
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
        // Killed as soon as there is a further record, wherever it is by then.
        while lines(&broken) < wanted {
            assert!(child.try_wait().unwrap().is_none_or(|status| status.success()), "the sweep failed by itself");
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(lines(&broken) >= wanted);
    }
    assert!(run(&broken, "16,32,48", &[]).status.success());
    assert_eq!(by_id(&broken), by_id(&whole));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn any_number_of_workers_makes_the_same_records() {
    let folder = scratch("threads");
    let outs = ["1", "3", "8"].map(|threads| {
        let out = folder.join(threads);
        assert!(run(&out, "16,32", &["--workers", threads]).status.success());
        out
    });
    let [one, three, eight] = outs.map(|out| by_id(&out));
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
    for garbage in [&b"not json"[..], b"[{}]", b"\xff\xfe", half] {
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

fn lab(arguments: &[&str]) -> Command {
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
    lab.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments);
    lab
}

/// By id: in which order several workers end is not theirs to choose.
fn by_id(out: &Path) -> Vec<RunRecord> {
    let mut records = records(out);
    records.sort_by(|a, b| a.id.cmp(&b.id));
    let before = records.len();
    records.dedup_by(|a, b| a.id == b.id);
    assert_eq!(records.len(), before, "a run stands twice");
    records
}

/// A small experiment on data of its own beside it; five runs that take a moment.
fn experiment(folder: &Path) -> PathBuf {
    let lines = (0..40).map(|i| format!("{{\"prompt\": \"after {i}\", \"completion\": \"{}\"}}\n", i + 1));
    fs::write(folder.join("next.jsonl"), lines.collect::<String>()).unwrap();
    let file = folder.join("experiment.toml");
    let text = "version = 1\nbases = [\"story-50k\"]\nsizes = [2, 4, 8, 16, 1000]\n[data]\nfiles = [\"next.jsonl\"]\n\
                [train]\nmax_steps = 2\n[[methods]]\nmethod = \"lora\"\nrank = 2\n";
    fs::write(&file, text).unwrap();
    file
}

#[test]
fn a_file_of_an_experiment_is_planned_swept_and_trained_cell_by_cell_alike() {
    let folder = scratch("file");
    let file = experiment(&folder);
    let (file, out) = (file.to_str().unwrap(), folder.join("out.jsonl"));
    let output = lab(&["sweep", file, "--out", out.to_str().unwrap()]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let swept = by_id(&out);
    let mut sizes: Vec<usize> = swept.iter().map(|record| record.spec.data.examples).collect();
    sizes.sort_unstable();
    assert!(sizes.len() == 5 && sizes[..4] == [2, 4, 8, 16] && sizes[4] < 40, "{sizes:?}");
    assert!(said.contains(&format!("The sizes end at {}", sizes[4])), "{said}");
    assert!(swept.iter().all(|record| !record.data.reading.fields.is_empty()), "what was read stands in the record");

    let specs = lab(&["plan", file, "--specs"]).output().unwrap().stdout;
    let mut cell = lab(&["cell", "--experiment", file]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    cell.stdin.take().unwrap().write_all(&specs).unwrap();
    let output = cell.wait_with_output().unwrap();
    assert!(output.status.success());
    let cells = folder.join("cells.jsonl");
    fs::write(&cells, &output.stdout).unwrap();
    assert_eq!(by_id(&cells), swept);
    // All is done: nothing is left to plan.
    let left = lab(&["plan", file, "--specs", "--out", out.to_str().unwrap()]).output().unwrap();
    assert!(left.status.success() && left.stdout.is_empty());
    let plan = lab(&["plan", file]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&plan.stdout).lines().count(), 5, "a line a cell");
    assert!(String::from_utf8_lossy(&plan.stderr).contains("5 of 5 cells to train"));

    let script = lab(&["plan", file, "--slurm", "--chunk", "2", "--out", folder.join("new.jsonl").to_str().unwrap()]);
    let script = { script }.output().unwrap().stdout;
    assert!(String::from_utf8_lossy(&script).contains("--array=0-2"), "{}", String::from_utf8_lossy(&script));
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(&script).unwrap();
    assert!(bash.wait().unwrap().success(), "it is no script");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_cell_says_by_its_exit_code_whether_another_try_is_worth_it() {
    let folder = scratch("cell");
    let file = experiment(&folder);
    let file = file.to_str().unwrap();
    let spec = String::from_utf8(lab(&["plan", file, "--specs"]).output().unwrap().stdout).unwrap();
    let spec = spec.lines().next().unwrap();
    let code = |arguments: &[&str], line: &str| {
        let mut cell =
            lab(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        cell.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
        cell.wait().unwrap().code()
    };
    assert_eq!(code(&["cell", "--experiment", file], spec), Some(0));
    assert_eq!(code(&["cell", "--experiment", file], "{}"), Some(2));
    assert_eq!(code(&["cell", "--experiment", file], &spec.replace("\"batch_size\":8", "\"batch_size\":0")), Some(2));
    assert_eq!(code(&["cell"], spec), Some(2), "its data were not named");
    let nowhere = ["cell", "--experiment", file, "--models", folder.to_str().unwrap()];
    assert_eq!(code(&nowhere, spec), Some(75), "the bases may come back");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn killed_at_random_moments_it_comes_to_the_same_records() {
    /// As many as the time of a test allows; each start, training and write is hit.
    const KILLS: u64 = 60;
    let folder = scratch("kills");
    let file = experiment(&folder);
    let file = file.to_str().unwrap();
    let (whole, broken) = (folder.join("whole.jsonl"), folder.join("broken.jsonl"));
    assert!(lab(&["sweep", file, "--out", whole.to_str().unwrap()]).output().unwrap().status.success());
    let mut draw = tunelab::seed::Seed(15).draw();
    let mut most = 0;
    for _ in 0..KILLS {
        let mut child = lab(&["sweep", file, "--out", broken.to_str().unwrap()]).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(draw.index(120) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(lines(&broken) >= most, "a finished record is gone");
        most = lines(&broken);
        if most == 5 {
            // Done: from the start, cut somewhere within the last line.
            let bytes = fs::read(&broken).unwrap();
            fs::write(&broken, &bytes[..draw.index(bytes.len())]).unwrap();
            most = 0;
        }
    }
    assert!(lab(&["sweep", file, "--out", broken.to_str().unwrap()]).output().unwrap().status.success());
    assert_eq!(by_id(&broken), by_id(&whole));
    fs::remove_dir_all(folder).unwrap();
}
