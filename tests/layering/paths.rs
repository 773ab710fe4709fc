//! Reads Rust source as tokens and lists every path that it names outside tests, from the crate's root or from an outer
//! crate's: imports (grouped, renamed, with `*`), paths in code, in attributes and in macros' bodies, `self` and `super`
//! resolved. Deliberately absent: types. What a method or a macro of another module names, that module answers for.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{HashMap, HashSet};

/// A path that a module names: `["crate", "engine", "ops"]`, `["std", "fs", "*"]`.
#[derive(Debug)]
pub struct Named {
    pub module: Vec<String>,
    pub path: Vec<String>,
    pub line: usize,
}

/// What was found in a file.
#[derive(Default, Debug)]
pub struct Found {
    pub named: Vec<Named>,
    /// Modules that stand in files of their own, and whether only tests compile them.
    pub children: Vec<(Vec<String>, bool)>,
}

/// Reads the source of `module` (`["crate", "data"]`).
pub fn read(source: &str, module: &[String]) -> Result<Found, String> {
    let tokens: TokenStream = source.parse().map_err(|error| format!("{module:?} is no Rust source: {error}"))?;
    let mut found = Found::default();
    scope(tokens, module, &mut found);
    Ok(found)
}

/// A module's own items: its paths are resolved by its own imports.
fn scope(tokens: TokenStream, module: &[String], found: &mut Found) {
    let mut reader =
        Reader { module, declared: HashSet::new(), aliases: HashMap::new(), raw: Vec::new(), inner: Vec::new(), found };
    reader.tokens(tokens, &[]);
    let Reader { declared, aliases, raw, inner, .. } = reader;
    for (path, line) in raw {
        let path = resolve(path, module, &declared, &aliases, 8);
        found.named.push(Named { module: module.to_vec(), path, line });
    }
    for (name, body) in inner {
        scope(body, &[module, &[name]].concat(), found);
    }
}

/// From the crate's root, or from an outer crate's name.
fn resolve(
    mut path: Vec<String>,
    module: &[String],
    declared: &HashSet<String>,
    aliases: &HashMap<String, Vec<String>>,
    depth: usize,
) -> Vec<String> {
    let mut here = module.to_vec();
    match path[0].as_str() {
        "crate" => path,
        "self" | "super" => {
            let up = path.iter().take_while(|name| matches!(name.as_str(), "self" | "super")).count();
            here.truncate(here.len() - path[..up].iter().filter(|name| *name == "super").count());
            [here, path.split_off(up)].concat()
        }
        first => match aliases.get(first).filter(|target| depth > 0 && target[0] != first) {
            Some(target) => {
                let target = resolve(target.clone(), module, declared, aliases, depth - 1);
                [target, path.split_off(1)].concat()
            }
            None if declared.contains(first) => [here, path].concat(),
            None => path,
        },
    }
}

struct Reader<'a> {
    module: &'a [String],
    /// Modules declared here.
    declared: HashSet<String>,
    /// What imports call things here.
    aliases: HashMap<String, Vec<String>>,
    /// Paths as written, with their lines.
    raw: Vec<(Vec<String>, usize)>,
    /// Modules written out here.
    inner: Vec<(String, TokenStream)>,
    found: &'a mut Found,
}

impl Reader<'_> {
    /// `prefix` is what stands before a group of imports; paths there count from one name on.
    fn tokens(&mut self, tokens: TokenStream, prefix: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        let mut importing = !prefix.is_empty();
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    let Some(attribute) = attribute(&tokens, at) else {
                        at += 1;
                        continue;
                    };
                    if only_in_tests(&attribute) {
                        at = after_item(&tokens, at, |name| self.found.children.push((self.child(name), true)));
                        continue;
                    }
                    self.tokens(attribute, &[]);
                    at = after_attribute(&tokens, at);
                }
                TokenTree::Ident(word) if word == "mod" && ident(&tokens, at + 1).is_some() => {
                    let name = ident(&tokens, at + 1).unwrap_or_default();
                    self.declared.insert(name.clone());
                    match tokens.get(at + 2) {
                        Some(TokenTree::Group(body)) => self.inner.push((name, body.stream())),
                        _ => self.found.children.push((self.child(&name), false)),
                    }
                    at += 3;
                }
                TokenTree::Ident(word) if word == "use" => {
                    importing = true;
                    at += 1;
                }
                TokenTree::Ident(word) if word == "extern" && ident(&tokens, at + 1).as_deref() == Some("crate") => {
                    importing = true;
                    at += 2;
                }
                TokenTree::Punct(punct) if punct.as_char() == ';' => {
                    importing = !prefix.is_empty();
                    at += 1;
                }
                TokenTree::Group(group) => {
                    // `use {a::b, c};`, and the bodies of functions and macros.
                    let grouped = importing && group.delimiter() == Delimiter::Brace;
                    self.tokens(group.stream(), if grouped { &NOTHING } else { &[] });
                    at += 1;
                }
                TokenTree::Ident(word) if begins(&tokens, at) && !KEYWORDS.contains(&&*word.to_string()) => {
                    at = self.path(&tokens, at, prefix, importing)
                }
                TokenTree::Punct(punct) if punct.as_char() == '*' && importing => {
                    let line = punct.span().start().line;
                    self.raw.push((join(prefix, &["*".into()]), line));
                    at += 1;
                }
                _ => at += 1,
            }
        }
    }

    /// The path that begins at `at`; gives the index behind it.
    fn path(&mut self, tokens: &[TokenTree], mut at: usize, prefix: &[String], importing: bool) -> usize {
        let line = tokens[at].span().start().line;
        let mut names = vec![ident(tokens, at).unwrap_or_default()];
        at += 1;
        while colons(tokens, at) {
            match tokens.get(at + 2) {
                Some(TokenTree::Ident(name)) => names.push(name.to_string()),
                Some(TokenTree::Punct(star)) if star.as_char() == '*' => names.push("*".into()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    self.tokens(group.stream(), &join(prefix, &names));
                    return at + 3;
                }
                _ => break,
            }
            at += 3;
        }
        if !importing && names.len() == 1 {
            return at;
        }
        let mut path = join(prefix, &names);
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let mut called = path.last().cloned().unwrap_or_default();
        if importing && ident(tokens, at).as_deref() == Some("as") {
            called = ident(tokens, at + 1).unwrap_or_default();
            at += 2;
        }
        if importing && called != "_" {
            self.aliases.insert(called, path.clone());
        }
        self.raw.push((path, line));
        at
    }

    fn child(&self, name: &str) -> Vec<String> {
        join(self.module, &[name.into()])
    }
}

/// The prefix of `use {…}`: no name, but an import.
static NOTHING: [String; 1] = [String::new()];

fn join(prefix: &[String], names: &[String]) -> Vec<String> {
    prefix.iter().chain(names).filter(|name| !name.is_empty()).cloned().collect()
}

pub fn ident(tokens: &[TokenTree], at: usize) -> Option<String> {
    match tokens.get(at)? {
        TokenTree::Ident(name) => Some(name.to_string().trim_start_matches("r#").into()),
        _ => None,
    }
}

pub fn punct(tokens: &[TokenTree], at: usize, wanted: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn colons(tokens: &[TokenTree], at: usize) -> bool {
    punct(tokens, at, ':') && punct(tokens, at + 1, ':')
}

/// Whether a path may begin here: not behind another's `::` (but `::std` does), a field's or method's dot, a quote.
fn begins(tokens: &[TokenTree], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back);
    let behind = |back: usize, wanted| before(back).is_some_and(|at| punct(tokens, at, wanted));
    if behind(1, ':') && behind(2, ':') {
        let continues = before(3).is_some_and(|at| ident(tokens, at).is_some_and(|word| !KEYWORDS.contains(&&*word)));
        return !continues;
    }
    // `a..b` is a range, `a.b` a field.
    !behind(1, '\'') && (!behind(1, '.') || behind(2, '.'))
}

/// Words that begin no path, and that one from an outer crate's root may follow.
const KEYWORDS: [&str; 14] =
    ["use", "as", "in", "return", "match", "if", "while", "else", "for", "dyn", "impl", "mut", "ref", "move"];

/// The inside of the attribute at `at`, `#[…]` or `#![…]`.
pub fn attribute(tokens: &[TokenTree], at: usize) -> Option<TokenStream> {
    match tokens.get(if punct(tokens, at + 1, '!') { at + 2 } else { at + 1 })? {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => Some(group.stream()),
        _ => None,
    }
}

pub fn after_attribute(tokens: &[TokenTree], at: usize) -> usize {
    at + if punct(tokens, at + 1, '!') { 3 } else { 2 }
}

/// `#[test]`, `#[cfg(test)]` and `#[cfg(all(.., test, ..))]`; under `any` or `not` the code is compiled without tests too.
pub fn only_in_tests(attribute: &TokenStream) -> bool {
    let tokens: Vec<TokenTree> = attribute.clone().into_iter().collect();
    match (ident(&tokens, 0).as_deref(), tokens.get(1)) {
        (Some("test"), None) => true,
        (Some("cfg" | "all"), Some(TokenTree::Group(group))) => {
            let all: Vec<TokenTree> = group.stream().into_iter().collect();
            all.split(|token| matches!(token, TokenTree::Punct(p) if p.as_char() == ','))
                .any(|part| only_in_tests(&part.iter().cloned().collect()))
        }
        _ => false,
    }
}

/// Behind the item whose first attribute is at `at`: its body, its `;`, or the `,` behind a field, variant or arm. `file`
/// hears of a module in a file of its own.
fn after_item(tokens: &[TokenTree], mut at: usize, mut file: impl FnMut(&str)) -> usize {
    while punct(tokens, at, '#') && attribute(tokens, at).is_some() {
        at = after_attribute(tokens, at);
    }
    let mut words = (at..tokens.len()).filter_map(|at| ident(tokens, at)).filter(|word| word != "pub");
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let constant = first == "const" && !["fn", "unsafe", "async", "extern"].contains(&&*second);
    let to_semicolon = constant || ["use", "type", "static", "let"].contains(&&*first);
    let item = to_semicolon || ITEMS.contains(&&*first);
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ';' => {
                if first == "mod" {
                    file(&second);
                }
                return at;
            }
            TokenTree::Punct(punct) if punct.as_char() == ',' && !item => return at,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && !to_semicolon => return at,
            _ => {}
        }
    }
    at
}

/// Words that begin an item with a body.
const ITEMS: [&str; 11] =
    ["fn", "mod", "impl", "trait", "struct", "enum", "union", "const", "unsafe", "async", "extern"];
