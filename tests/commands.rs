//! Commands that the documents name are understood, and the quick ones run as written.
#![cfg(feature = "native")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every `./lab …` of a document, in a fence or between backquotes, which may run over a line's end.
fn commands(text: &str) -> Vec<String> {
    let words = |command: &str| command.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    for (at, part) in text.split("```").enumerate() {
        let fenced = at % 2 == 1;
        let pieces: Vec<&str> =
            if fenced { part.lines().collect() } else { part.split('`').skip(1).step_by(2).collect() };
        found.extend(pieces.into_iter().filter(|piece| piece.trim().starts_with("./lab ")).map(words));
    }
    found
}

/// A command's words, quoted ones whole.
fn words(command: &str) -> Vec<String> {
    let parts = command.split('"').enumerate();
    parts
        .flat_map(|(at, part)| match at % 2 {
            1 => vec![part.to_string()],
            _ => part.split_whitespace().map(String::from).collect(),
        })
        .skip(1)
        .collect()
}

fn documents() -> Vec<(PathBuf, String)> {
    let mut files: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"].map(|file| root().join(file)).into();
    files.extend(fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    files.retain(|file| file.extension().is_some_and(|e| e == "md"));
    files.into_iter().map(|file| (file.clone(), fs::read_to_string(&file).unwrap())).collect()
}

fn help(of: &[&str]) -> String {
    let output = match of {
        [] => Command::new("bash").arg(root().join("lab")).arg("--help").output(),
        verb => Command::new(env!("CARGO_BIN_EXE_lab")).args(verb).arg("--help").output(),
    };
    let output = output.unwrap();
    assert!(output.status.success(), "{of:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Why `./lab` would not understand this, if so: verbs and options stand in the help.
fn misunderstood(command: &str) -> Option<String> {
    let words = words(command);
    let script = help(&[]);
    let verb = words.first()?.as_str();
    if verb.starts_with("--") || verb == "VERB" {
        return None;
    }
    let Some(line) = script.lines().find(|line| line.split_whitespace().next() == Some(verb)) else {
        return Some(format!("{command}: no such verb"));
    };
    let own = ["serve", "build", "test", "bench", "deny"].contains(&verb);
    let known = if own { line.to_string() + "--help" } else { help(&[verb]) };
    let options = words.iter().filter(|word| word.starts_with("--"));
    let listed: Vec<&str> = known.split(|c: char| !c.is_alphanumeric() && c != '-').collect();
    let unknown: Vec<_> = options.filter(|option| !listed.contains(&option.as_str())).collect();
    (!unknown.is_empty()).then(|| format!("{command}: no option {unknown:?}"))
}

#[test]
fn the_script_knows_every_verb_of_the_program() {
    let (script, program) = (help(&[]), Command::new(env!("CARGO_BIN_EXE_lab")).arg("--help").output().unwrap());
    let program = String::from_utf8(program.stdout).unwrap();
    let verbs = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("  ") && !line.trim_start().starts_with('-'));
        lines.filter_map(|line| line.split_whitespace().next().map(String::from)).collect()
    };
    let listed = verbs(&script);
    let missing: Vec<_> = verbs(&program).into_iter().filter(|verb| verb != "help" && !listed.contains(verb)).collect();
    assert!(missing.is_empty(), "./lab --help does not list {missing:?}");
    assert!(verbs(&program).len() > 5, "{program}");
}

#[test]
fn every_command_of_the_documents_is_understood() {
    let mut seen = 0;
    for (file, text) in documents() {
        for command in commands(&text) {
            seen += 1;
            assert_eq!(misunderstood(&command), None, "{}", file.display());
        }
    }
    assert!(seen >= 10, "only {seen} commands were found");
    for wrong in ["./lab dance", "./lab fit --sideways", "./lab test --pyton"] {
        assert!(misunderstood(wrong).is_some(), "{wrong}");
    }
    assert_eq!(commands("a `./lab fit\nX` b\n```\n./lab serve\nls\n```\n`ls`"), ["./lab fit X", "./lab serve"]);
}

fn run(words: &[String]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lab")).args(words).current_dir(root()).output().unwrap()
}

/// The README's commands on files, with a base model for DIR and files of the test's own.
#[test]
fn quick_commands_run_as_written() {
    let scratch = std::env::temp_dir().join(format!("tunelab-commands-{}", std::process::id()));
    fs::create_dir_all(&scratch).unwrap();
    let place = |name: &str| scratch.join(name).to_string_lossy().into_owned();
    let lines: Vec<String> =
        (0..24).map(|n| format!("{{\"prompt\": \"Say {n}:\", \"completion\": \" {n} it is\"}}")).collect();
    fs::write(place("data.jsonl"), lines.join("\n")).unwrap();
    let stand_in = |word: String| match word.as_str() {
        "DIR" => "www/models/story-50k".into(),
        "FILE" => place("data.jsonl"),
        "OUT" => place("out"),
        _ => word,
    };
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let mut ran = Vec::new();
    for command in commands(&text) {
        let words: Vec<String> = words(&command).into_iter().map(stand_in).collect();
        if words.len() < 2 || !["finetune", "generate", "logits", "fit"].contains(&words[0].as_str()) {
            continue;
        }
        let output = run(&words);
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(words[0] == "finetune" || !output.stdout.is_empty(), "{command} says nothing");
        ran.push(words[0].clone());
    }
    ran.sort();
    assert_eq!(ran, ["finetune", "fit", "generate", "logits"]);
    fs::remove_dir_all(scratch).unwrap();
}
