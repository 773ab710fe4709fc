//! Holds the order of modules: a line names only lines above it, and pure code no clock, file, global randomness,
//! browser or burn. Each guard is shown what it must find.

mod docs;
mod paths;

use paths::{Found, Named};
use std::fs;
use std::path::{Path, PathBuf};

type Paths = &'static [&'static str];

const BURN: Paths = &["burn", "burn_cubecl", "burn_flex", "burn_wgpu", "cubecl", "wgpu"];
const WEB: Paths = &["web_sys", "js_sys", "wasm_bindgen", "wasm_bindgen_futures", "serde_wasm_bindgen", "gloo"];
const PAGE: Paths = &["leptos"];
const IO: Paths = &["std::fs", "std::net", "std::env::var", "std::env::args", "std::process", "std::io::stdin"];
const CLOCK: Paths = &["std::time::SystemTime", "std::time::Instant", "chrono::Local", "chrono::Utc"];
const CHANCE: Paths = &["rand::rng", "rand::random", "rand::rngs::OsRng", "rand::rngs::ThreadRng", "getrandom"];
/// What the page may not name, though it stands above it.
const FAR: Paths = &["crate::engine", "crate::cli"];

const PURE: &[Paths] = &[BURN, WEB, PAGE, IO, CLOCK, CHANCE];
const ENGINE: &[Paths] = &[WEB, PAGE, IO, CLOCK, CHANCE];
const EDGE: &[Paths] = &[PAGE, CHANCE];
const BROWSER: &[Paths] = &[PAGE, IO, CHANCE];
const UI: &[Paths] = &[BURN, IO, CHANCE, FAR];
const STATE: &[Paths] = &[BURN, WEB, PAGE, IO, CLOCK, CHANCE, FAR];

/// The lines, from the first to read to the last, each with what it may not name.
const LINES: &[(&str, &[Paths])] = &[
    ("seed", PURE),
    ("spec", PURE),
    ("record", PURE),
    ("data", PURE),
    ("metrics", PURE),
    ("laws", PURE),
    ("plan", PURE),
    ("hub", PURE),
    ("job", PURE),
    ("engine::ops", ENGINE),
    ("engine::model", ENGINE),
    ("engine::text", ENGINE),
    ("engine::formats", ENGINE),
    ("engine::adapt", ENGINE),
    ("engine::train", ENGINE),
    ("engine", ENGINE),
    ("platform::storage", BROWSER),
    ("platform::browser", BROWSER),
    ("platform::native", EDGE),
    ("platform", EDGE),
    ("cli", EDGE),
    ("ui::charts", UI),
    ("ui::state", STATE),
    ("ui", UI),
];

/// Names against the order that still stand, each to go: from, to.
const STANDING: &[(&str, &str)] = &[("crate::engine::model::parameter", "crate::engine::formats::WeightsError")];

/// The line of a path from the crate's root: the longest name that it begins with.
fn line_of(path: &[String]) -> Option<usize> {
    let inside = path[1..].join("::");
    let within = |line: &str| inside == line || inside.starts_with(&format!("{line}::"));
    (0..LINES.len()).filter(|&line| within(LINES[line].0)).max_by_key(|&line| LINES[line].0.len())
}

/// Why this may not be named, if so.
fn fault(Named { module, path, line }: &Named) -> Option<String> {
    let says = |why: String| Some(format!("{} line {line} names {}: {why}", module.join("::"), path.join("::")));
    // Names of lints, in attributes.
    if ["clippy", "rustdoc"].contains(&path[0].as_str()) {
        return None;
    }
    if module.len() == 1 {
        return says("lib.rs declares modules and imports nothing".into());
    }
    let Some(own) = line_of(module) else { return says("this module is in no line of the table: add it".into()) };
    // `std::time::*` brings a clock as much as its name does.
    let glob = path.last().is_some_and(|last| last == "*");
    let whole = path.iter().filter(|name| *name != "*").cloned().collect::<Vec<_>>();
    for forbidden in LINES[own].1.iter().flat_map(|paths| paths.iter()) {
        let parts: Vec<&str> = forbidden.split("::").collect();
        let common = parts.iter().zip(&whole).take_while(|(a, b)| a == b).count();
        if common == parts.len() || glob && common == whole.len() {
            return says(format!("{} may not name {forbidden}", LINES[own].0));
        }
    }
    if whole[0] != "crate" {
        return None;
    }
    if whole.len() == 1 {
        return says("an import of the whole crate hides what is used".into());
    }
    match line_of(&whole) {
        None if module.starts_with(&whole) => None,
        None => says("it is in no line of the table: add it".into()),
        Some(line) if line > own && !module.starts_with(&whole) => {
            says(format!("{} stands below {}", LINES[line].0, LINES[own].0))
        }
        Some(_) => None,
    }
}

fn module(name: &str) -> Vec<String> {
    name.split("::").map(String::from).collect()
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The file of a module.
fn file(module: &[String]) -> PathBuf {
    let base = module[1..].iter().fold(src(), |path, name| path.join(name));
    match module.len() {
        1 => src().join("lib.rs"),
        _ if base.with_extension("rs").exists() => base.with_extension("rs"),
        _ => base.join("mod.rs"),
    }
}

/// Every module of the crate, by its file: also those that a macro declares. Programs, which use the crate from outside,
/// are left out.
fn modules() -> Vec<Vec<String>> {
    let mut files = Vec::new();
    rust_files(&src(), &mut files);
    let names = files.iter().map(|path| path.strip_prefix(src()).unwrap().with_extension(""));
    let mut modules: Vec<Vec<String>> = names
        .map(|path| path.iter().map(|part| part.to_string_lossy().into_owned()).collect::<Vec<_>>())
        .filter(|path| path[0] != "bin")
        .map(|path| path.into_iter().filter(|part| part != "mod" && part != "lib"))
        .map(|path| ["crate".to_string()].into_iter().chain(path).collect())
        .collect();
    modules.sort();
    modules
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// What the crate names outside tests.
fn named() -> Vec<Named> {
    let read = |module: Vec<String>| {
        let found = paths::read(&fs::read_to_string(file(&module)).unwrap(), &module).unwrap();
        (module, found)
    };
    let mut sources: Vec<(Vec<String>, Found)> = modules().into_iter().map(read).collect();
    let children = sources.iter().flat_map(|(_, found)| found.children.clone());
    let tests: Vec<Vec<String>> = children.filter(|(_, only_tests)| *only_tests).map(|(module, _)| module).collect();
    sources.retain(|(module, _)| !tests.iter().any(|tests| module.starts_with(tests)));
    assert!(sources.len() > 100, "only {} files were read", sources.len());
    sources.into_iter().flat_map(|(_, found)| found.named).collect()
}

#[test]
fn imports_only_point_up() {
    for (line, _) in LINES {
        let own = module(&format!("crate::{line}"));
        assert!(file(&own).exists(), "the table names {line}, which is not there");
    }
    let named = named();
    let wrong = named.iter().filter_map(|named| Some((named, fault(named)?)));
    let standing = |named: &Named| (named.module.join("::"), named.path.join("::"));
    let known = |pair: &(String, String)| STANDING.contains(&(pair.0.as_str(), pair.1.as_str()));
    let (old, wrong): (Vec<_>, Vec<_>) = wrong.partition(|(named, _)| known(&standing(named)));
    for pair in STANDING {
        let stands = old.iter().any(|(named, _)| standing(named) == (pair.0.into(), pair.1.into()));
        assert!(stands, "{pair:?} stands no more: take it out of STANDING");
    }
    let wrong: Vec<String> = wrong.into_iter().map(|(_, why)| why).collect();
    assert!(wrong.is_empty(), "{} names against the order:\n{}", wrong.len(), wrong.join("\n"));
}

/// What is wrong in `source`, were it the file of `in_module`.
fn faults(in_module: &str, source: &str) -> Vec<String> {
    paths::read(source, &module(in_module)).unwrap().named.iter().filter_map(fault).collect()
}

#[test]
fn forbidden_names_are_found_however_they_are_written() {
    let planted = [
        ("crate::data::corpus", "use crate::engine::ops::X;"),
        ("crate::data::corpus", "use crate::{spec::RunSpec, engine::{model::Decoder, ops}};"),
        ("crate::data::corpus", "use super::super::engine::model;"),
        ("crate::data::corpus", "use {crate::engine};"),
        ("crate::data", "pub use super::engine as elsewhere;"),
        ("crate::data", "use crate as root; fn f() { root::engine::train::start() }"),
        ("crate::data", "use super::*;"),
        ("crate::data", "fn f() -> Vec<crate::engine::model::Decoder> { todo!() }"),
        ("crate::data", "fn f() { vec![crate::engine::model::decoder()]; }"),
        ("crate::data", "macro_rules! m { () => { $crate::engine::model::decoder() } }"),
        ("crate::data", "mod inner { fn f() { super::super::engine::model::decoder() } }"),
        ("crate::data", "#[derive(crate::engine::Derive)] struct X;"),
        ("crate::data", "#[cfg(test)] mod tests { } use crate::engine::ops::X;"),
        ("crate::data", "#[cfg(test)] use crate::spec::{A, B}; use crate::engine::ops::X;"),
        ("crate::data", "#[cfg(test)] const A: [u8; 1] = { [1] }; use crate::engine::ops::X;"),
        ("crate::data", "#[cfg(test)] #[allow(unused)] fn f() -> A { A { a: 1 } } use crate::engine::ops::X;"),
        ("crate::data", "#[cfg(not(test))] use crate::engine::ops::X;"),
        ("crate::data", "#[cfg(any(test, feature = \"engine\"))] use crate::engine::ops::X;"),
        ("crate::spec", "use crate::data::Splits;"),
        ("crate::spec", "use crate::unlisted::X;"),
        ("crate::unlisted", "use crate::spec::RunSpec;"),
        ("crate", "pub use engine::ops::X;"),
        ("crate::laws", "use std::time::{Duration, Instant};"),
        ("crate::laws", "use std::time; fn f() { time::Instant::now(); }"),
        ("crate::laws", "use std::time::*;"),
        ("crate::laws", "use std::{self as s}; fn f() { s::fs::read(\"x\"); }"),
        ("crate::laws", "use std as s; fn f() { s::fs::read(\"x\"); }"),
        ("crate::laws", "fn f() { ::std::fs::read(\"x\"); }"),
        ("crate::laws", "fn f() { return ::std::fs::read(\"x\"); }"),
        ("crate::laws", "extern crate burn as b; use b::tensor::Tensor;"),
        ("crate::laws", "fn f() { match x { _ => ::std::fs::read(\"x\") } }"),
        ("crate::laws", "struct S { #[cfg(test)] a: u8, b: burn::Tensor }"),
        ("crate::laws", "#[cfg(test)] unsafe extern \"C\" { fn a(); } use burn::Tensor;"),
        ("crate::laws", "fn f() -> f64 { rand::random() }"),
        ("crate::laws", "use rand as r; fn f() { let g = r::rng(); }"),
        ("crate::laws", "fn f() { for i in 0..burn::tensor::SIZE {} }"),
        ("crate::engine::ops", "use crate::engine::train::Session;"),
        ("crate::engine::ops", "use super::train::Session;"),
        ("crate::engine::ops", "use web_sys::console;"),
        ("crate::engine", "mod ops; use leptos::prelude::*;"),
        ("crate::platform::browser", "use leptos::prelude::*;"),
        ("crate::ui::views", "use burn::Tensor;"),
        ("crate::ui::state", "use web_sys::Element;"),
        ("crate::ui::state", "use super::views::App;"),
        ("crate::ui::views", "use crate::engine::model::Decoder;"),
        ("crate::ui", "fn f() { view! { <p>{crate::engine::version()}</p> } }"),
        ("crate::ui", "fn f() { format!(\"{}\", crate::{engine::version}()) }"),
    ];
    for (at, source) in planted {
        assert!(!faults(at, source).is_empty(), "in {at} not found: {source}");
    }
}

#[test]
fn allowed_names_are_not_found() {
    let allowed = [
        ("crate::data", "use crate::{seed::Seed, spec::RunSpec}; use super::spec; use std::time::Duration;"),
        ("crate::data", "#[cfg(test)] mod tests { use crate::engine::ops::X; use std::fs; }"),
        ("crate::data", "#[cfg(all(test, feature = \"engine\"))] mod tests { use crate::engine::ops::X; }"),
        ("crate::data", "#[cfg(test)] mod tests; mod split; use split::Split; use self::split::Side;"),
        ("crate::data", "#[test] fn f() { std::fs::read(\"x\"); }"),
        ("crate::data", "// use crate::engine;\n/// [`crate::engine`]\nconst A: &str = \"crate::engine::ops\";"),
        ("crate::data", "mod burn { pub fn f() {} } fn g() { burn::f() }"),
        ("crate::data", "fn f(x: X) { x.burn::<u8>(); 'burn: loop { break 'burn } }"),
        ("crate::engine::train", "use super::{model::Decoder, ops}; use burn::Tensor; use crate::record::RunRecord;"),
        ("crate::engine", "pub mod ops; pub use ops::X;"),
        ("crate", "#![warn(clippy::unwrap_used)] pub mod spec;"),
        ("crate::cli", "use crate::engine::train::Session; use std::fs;"),
        ("crate::ui", "use crate::job::Backend; use leptos::prelude::*;"),
    ];
    for (at, source) in allowed {
        assert_eq!(faults(at, source), Vec::<String>::new(), "in {at}: {source}");
    }
    let files = paths::read("#[cfg(test)] mod tests; mod split;", &module("crate::data")).unwrap().children;
    assert_eq!(files, [(module("crate::data::tests"), true), (module("crate::data::split"), false)]);
}

#[test]
fn the_pure_layer_says_what_its_items_are() {
    let mut silent = Vec::new();
    let pure = LINES.iter().filter(|(_, forbids)| *forbids == PURE);
    let mut waiting: Vec<Vec<String>> = pure.map(|(line, _)| module(&format!("crate::{line}"))).collect();
    while let Some(module) = waiting.pop() {
        let text = fs::read_to_string(file(&module)).unwrap();
        let children = paths::read(&text, &module).unwrap().children.into_iter();
        let shown = docs::shown(&text);
        waiting.extend(children.map(|(child, _)| child).filter(|child| shown.contains(child.last().unwrap())));
        let items = docs::undocumented(&text).into_iter();
        silent.extend(items.map(|(line, name)| format!("{}:{line} {name}", file(&module).display())));
    }
    silent.sort();
    assert!(silent.is_empty(), "{} public items without a doc comment:\n{}", silent.len(), silent.join("\n"));
}

#[test]
fn items_without_docs_are_found() {
    let silent = |source| docs::undocumented(source).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
    assert_eq!(silent("pub fn a() {} /// Says.\npub fn b() {} pub const fn c() {}"), ["a", "c"]);
    assert_eq!(silent("#[derive(Clone)] pub struct S { pub field: u8 } impl S { pub fn new() {} }"), ["S", "new"]);
    assert_eq!(silent("/// One.\npub const A: u8 = 1; pub const B: u8 = 2;"), ["B"]);
    assert_eq!(silent("/// One.\npub enum E { A, B } pub(crate) fn f() {} fn g() {} pub mod m;"), [""; 0]);
    assert_eq!(silent("#[cfg(test)] mod tests { pub fn f() {} } pub type T = u8;"), ["T"]);
    assert_eq!(docs::shown("mod a; pub mod b; pub use c::C; use d::D;"), ["b", "c"].map(String::from).into());
}

#[test]
fn without_features_no_burn_no_web() {
    let tree = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--no-default-features", "-e", "normal", "--prefix", "none", "-f", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo tree runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8_lossy(&tree.stdout);
    assert!(tree.contains("serde"), "cargo tree listed nothing");
    for heavy in ["burn", "leptos", "web-sys", "wasm-bindgen", "tokenizers"] {
        assert!(!tree.lines().any(|line| line.starts_with(heavy)), "the pure part pulls {heavy}:\n{tree}");
    }
}
