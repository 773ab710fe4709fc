//! Holds the table of imports: a module of one layer names no module of a layer below it, and pure code names no
//! clock, file, browser or burn.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers, from pure to page, as in `lib.rs`.
const LAYERS: [&[&str]; 4] = [
    &["seed", "spec", "record", "metrics", "data", "hub", "laws", "plan", "protocol"],
    &["engine"],
    &["platform", "cli"],
    &["ui"],
];

/// What each layer may not name.
const FORBIDDEN: [&[&str]; 4] = [
    &["burn::", "web_sys", "js_sys", "wasm_bindgen", "leptos", "std::fs", "SystemTime", "Instant::now", "rand::rng("],
    &["web_sys", "js_sys", "wasm_bindgen", "leptos", "std::fs", "SystemTime", "rand::rng("],
    &["leptos"],
    &["burn::", "crate::engine"],
];

fn sources(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a readable folder") {
            sources(&entry.expect("a readable entry").path(), found);
        }
    } else if path.extension().is_some_and(|e| e == "rs") {
        found.push(path.to_path_buf());
    }
}

/// Code lines outside comments and, from `#[cfg(test)]` on, outside tests.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(number, line)| (number + 1, line.split(" //").next().unwrap_or(line)))
}

#[test]
fn imports_only_point_up() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut read = 0;
    for (layer, modules) in LAYERS.iter().enumerate() {
        for module in *modules {
            let mut files = Vec::new();
            for path in [src.join(module), src.join(format!("{module}.rs"))] {
                if path.exists() {
                    sources(&path, &mut files);
                }
            }
            for file in files {
                read += 1;
                let text = fs::read_to_string(&file).expect("UTF-8 source");
                for (number, line) in code(&text) {
                    let below = LAYERS[layer + 1..].iter().flat_map(|l| l.iter()).map(|m| format!("crate::{m}"));
                    let forbidden = FORBIDDEN[layer].iter().map(|s| s.to_string()).chain(below);
                    for name in forbidden.filter(|name| line.contains(name.as_str())) {
                        wrong.push(format!("{}:{number} names {name}", file.display()));
                    }
                }
            }
        }
    }
    assert!(read > 10, "only {read} files were read: the table names modules that moved");
    assert!(wrong.is_empty(), "imports against the layers:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_has_a_layer() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("lib.rs");
    for module in lib.lines().filter_map(|line| line.strip_prefix("pub mod ")).map(|m| m.trim_end_matches(';')) {
        assert!(LAYERS.iter().any(|layer| layer.contains(&module)), "{module} is in no layer: add it to the table");
    }
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
