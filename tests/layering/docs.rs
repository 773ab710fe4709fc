//! Lists the public items of a source that say nothing of themselves: functions, types, traits and constants. Fields and
//! variants speak by their names.

use super::paths::{after_attribute, attribute, ident, only_in_tests, punct};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::HashSet;

const ITEMS: [&str; 8] = ["fn", "struct", "enum", "trait", "const", "static", "type", "union"];

/// The line and the name of each public item without a doc comment.
pub fn undocumented(source: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    items(source.parse().expect("Rust source"), &mut found);
    found
}

/// The modules that a source shows to others: declared `pub`, or some of whose items it re-exports.
pub fn shown(source: &str) -> HashSet<String> {
    let tokens: Vec<TokenTree> = source.parse::<TokenStream>().expect("Rust source").into_iter().collect();
    let names = (0..tokens.len()).filter(|&at| ident(&tokens, at).is_some_and(|word| word == "pub"));
    names
        .filter(|&at| ident(&tokens, at + 1).is_some_and(|word| word == "mod" || word == "use"))
        .filter_map(|at| ident(&tokens, at + 2))
        .collect()
}

fn items(tokens: TokenStream, found: &mut Vec<(usize, String)>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let (mut at, mut documented, mut tests) = (0, false, false);
    while at < tokens.len() {
        match (attribute(&tokens, at).filter(|_| punct(&tokens, at, '#')), &tokens[at]) {
            (Some(inside), _) => {
                documented |= inside.to_string().starts_with("doc");
                tests |= only_in_tests(&inside);
                at = after_attribute(&tokens, at);
                continue;
            }
            (None, TokenTree::Ident(word)) if word == "pub" => {
                // `pub(crate)` is not for readers of the crate's documentation; `pub const fn` is a function.
                let item = (at + 1..at + 4).take_while(|&at| ident(&tokens, at).is_some());
                let item = item.filter(|&at| ident(&tokens, at).is_some_and(|word| ITEMS.contains(&&*word))).last();
                if let Some(name) = item.and_then(|at| ident(&tokens, at + 1)).filter(|_| !documented && !tests) {
                    found.push((word.span().start().line, name));
                }
            }
            (None, TokenTree::Group(group)) if !tests => items(group.stream(), found),
            _ => {}
        }
        // An item's attributes hold until its body or its end.
        let ends = matches!(&tokens[at], TokenTree::Group(g) if g.delimiter() == Delimiter::Brace)
            || punct(&tokens, at, ';')
            || punct(&tokens, at, ',');
        if ends {
            (documented, tests) = (false, false);
        }
        at += 1;
    }
}
