//! A law is one file and one line: no law is named outside its own file and the list in `src/laws/forms/mod.rs`, beside the
//! declaration of the file.

use std::fs;
use std::path::{Path, PathBuf};
use tunelab::laws::Law;

const LIST: &str = "src/laws/forms/mod.rs";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file under `folder`, by its path from the root.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The lines of a file with their numbers, without its test modules: those end, as formatted, at the next brace that
/// stands first in its line.
fn code(text: &str) -> Vec<(usize, &str)> {
    let mut kept = Vec::new();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        if line == "#[cfg(test)]" && lines.peek().is_some_and(|(_, next)| next.starts_with("mod ")) {
            lines.by_ref().find(|(_, line)| *line == "}");
        } else {
            kept.push((number + 1, line));
        }
    }
    kept
}

/// Whether a line of code names the law: its variant, its file, or its name as text.
fn names(line: &str, law: Law, file: &str) -> bool {
    let line = line.split("//").next().unwrap();
    let word = |text: &str, before: &str| {
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let starts = |head: &str| !head.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let whole = format!("{before}{text}");
        line.match_indices(&whole).any(|(at, _)| starts(&line[..at]) && ends(&line[at + whole.len()..]))
    };
    word(&format!("{law:?}"), "Law::") || word(&format!("{file}::"), "") || line.contains(&format!("\"{law}\""))
}

/// "file:line" of every place where a law is named and should not be.
fn named_elsewhere(sources: &[(String, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for law in Law::ALL {
        let file = law.name().replace('-', "_");
        let own = format!("src/laws/forms/{file}.rs");
        let registration = format!("    {file}::{law:?},");
        for (name, text) in sources.iter().filter(|(name, _)| *name != own) {
            for (number, line) in code(text) {
                if names(line, law, &file) && !(name == LIST && line == registration) {
                    found.push(format!("{name}:{number} names {law}: {}", line.trim()));
                }
            }
        }
    }
    found
}

#[test]
fn a_law_is_named_in_its_file_and_once_in_the_list() {
    let mut all = Vec::new();
    sources(&root().join("src"), &mut all);
    let found = named_elsewhere(&all);
    assert!(found.is_empty(), "{}", found.join("\n"));
    let list = &all.iter().find(|(name, _)| name == LIST).unwrap().1;
    for law in Law::ALL {
        let line = format!("    {}::{law:?},", law.name().replace('-', "_"));
        assert_eq!(list.lines().filter(|other| **other == line).count(), 1, "{line}");
    }
    // What the guard must catch, planted; and what it must let pass.
    for (line, caught) in [
        ("    let law = if steep { Law::Power } else { law };", true),
        ("use crate::laws::forms::power_constant::{self};", true),
        ("    if name == \"rectified\" {", true),
        ("    // Law::Power would do", false),
        ("    Law::PowerOfTwo", false),
        ("    manpower::count()", false),
    ] {
        let planted = [("src/planted.rs".to_string(), format!("fn x() {{\n{line}\n}}\n"))];
        assert_eq!(!named_elsewhere(&planted).is_empty(), caught, "{line}");
        let tested = [("src/planted.rs".to_string(), format!("#[cfg(test)]\nmod tests {{\n{line}\n}}\n"))];
        assert_eq!(named_elsewhere(&tested), Vec::<String>::new());
    }
    // Code that follows a test module is read.
    let after = "#[cfg(test)]\nmod tests {\n}\nfn x() {\n    Law::Power\n}\n".to_string();
    assert_eq!(named_elsewhere(&[("src/planted.rs".to_string(), after)]).len(), 1);
}
