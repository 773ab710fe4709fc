//! The recipes of CONTRIBUTING.md, followed: a method, a model family and a task are named in their own files, in the
//! list that registers them, and nowhere else.

use std::fs;
use std::path::{Path, PathBuf};

/// Where a thing may be named: its own files, and the lists.
struct Recipe {
    /// Names that only this thing has in code.
    names: &'static [&'static str],
    own: &'static [&'static str],
    registered: &'static [&'static str],
    /// Other files, each with the reason.
    also: &'static [(&'static str, &'static str)],
}

const METHOD_LISTS: &[&str] = &["spec/method/mod.rs", "spec/mod.rs", "engine/adapt/mod.rs"];

const RECIPES: &[Recipe] = &[
    Recipe {
        names: &["Lora"],
        own: &["spec/method/lora.rs", "engine/adapt/lora.rs"],
        registered: METHOD_LISTS,
        also: &[],
    },
    Recipe {
        names: &["Method::Prompt", "MethodKind::Prompt", "PromptInit"],
        own: &["spec/method/prompt.rs", "engine/adapt/prompt.rs"],
        registered: METHOD_LISTS,
        also: &[],
    },
    Recipe {
        names: &["Method::Full", "MethodKind::Full"],
        own: &["spec/method/full.rs", "engine/adapt/full.rs"],
        registered: METHOD_LISTS,
        also: &[("platform/browser/worker/models.rs", "a device's speed is measured on the method that computes all")],
    },
    Recipe {
        names: &["Method::Scratch", "MethodKind::Scratch"],
        own: &["spec/method/scratch.rs", "engine/adapt/full.rs"],
        registered: METHOD_LISTS,
        also: &[("engine/train/pretrain.rs", "pretraining is a run from scratch")],
    },
    Recipe {
        names: &["gpt_neox", "GPT_NEOX"],
        own: &["engine/formats/families/gpt_neox.rs"],
        registered: &["engine/formats/families/mod.rs"],
        also: &[],
    },
    Recipe {
        names: &["qwen", "QWEN2", "QWEN3"],
        own: &["engine/formats/families/qwen.rs"],
        registered: &["engine/formats/families/mod.rs"],
        also: &[],
    },
    Recipe {
        names: &["weather::", "tasks::weather", "mod weather"],
        own: &["data/tasks/weather.rs"],
        registered: &["data/tasks/mod.rs"],
        also: &[],
    },
    Recipe {
        names: &["translation::", "tasks::translation", "mod translation"],
        own: &["data/tasks/translation.rs"],
        registered: &["data/tasks/mod.rs"],
        also: &[],
    },
];

impl Recipe {
    /// The line of `text` that names the thing, where one does that is neither comment nor test.
    fn named_in<'a>(&self, text: &'a str) -> Option<&'a str> {
        let code = text.split("#[cfg(test)]\nmod ").next()?;
        let mut code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let names = |line: &str, name: &str| {
            line.match_indices(name).any(|(at, _)| {
                let (before, after) = (&line[..at], &line[at + name.len()..]);
                !before.ends_with(is_word) && (name.ends_with(':') || !after.starts_with(is_word))
            })
        };
        code.find(|line| self.names.iter().any(|name| names(line, name)))
    }

    /// Files of `sources` that name the thing and may not.
    fn strays<'a>(&self, sources: &'a [(String, String)]) -> Vec<(&'a str, &'a str)> {
        let also = self.also.iter().map(|(file, _)| file);
        let allowed: Vec<&&str> = self.own.iter().chain(self.registered).chain(also).collect();
        let named = sources.iter().filter(|(file, _)| !allowed.iter().any(|allowed| **allowed == file));
        named.filter_map(|(file, text)| Some((file.as_str(), self.named_in(text)?))).collect()
    }
}

fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(folder).expect("a path below").to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(&path).expect("UTF-8 source")));
            }
        }
    }
    found
}

fn src() -> Vec<(String, String)> {
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

#[test]
fn a_thing_is_named_in_its_file_and_its_list_only() {
    let sources = src();
    for recipe in RECIPES {
        let strays = recipe.strays(&sources);
        assert!(strays.is_empty(), "{:?} is named in {strays:?}", recipe.names);
        for file in recipe.own.iter().chain(recipe.registered).chain(recipe.also.iter().map(|(file, _)| file)) {
            assert!(sources.iter().any(|(name, _)| name == file), "{file} is gone: mend the recipe");
        }
    }
}

#[test]
fn a_stray_name_is_found() {
    for recipe in RECIPES {
        for name in recipe.names {
            let planted = |line: String| recipe.strays(&[("ui/planted.rs".into(), line)]).len();
            assert_eq!(planted(format!("    match it {{ {name} => 1 }}")), 1, "{name}");
            assert_eq!(planted(format!("    // {name} in a comment")), 0);
            assert_eq!(planted(format!("#[cfg(test)]\nmod tests {{\n{name}\n}}")), 0);
            assert_eq!(planted(format!("    a{name}")), 0, "a{name}");
        }
    }
}
