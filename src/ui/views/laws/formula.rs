//! A law's formula as it is printed: what follows `^` raised, what follows `_` lowered.

use leptos::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Line,
    Raised,
    Lowered,
}

/// Pieces of a formula with their place. A script is one word, or what stands in brackets.
fn pieces(formula: &str) -> Vec<(Place, String)> {
    let mut pieces: Vec<(Place, String)> = Vec::new();
    let mut rest = formula;
    while !rest.is_empty() {
        let (place, length, skip) = match rest.chars().next() {
            Some('^') => (Place::Raised, script(&rest[1..], |c| c.is_alphanumeric() || "−-′*".contains(c)), 1),
            Some('_') => (Place::Lowered, script(&rest[1..], char::is_alphanumeric), 1),
            _ => (Place::Line, rest.find(['^', '_']).unwrap_or(rest.len()), 0),
        };
        let text = &rest[skip..skip + length];
        let bare = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).filter(|_| place != Place::Line);
        pieces.push((place, bare.unwrap_or(text).to_string()));
        rest = &rest[skip + length..];
    }
    pieces
}

/// Bytes of the script at the start of `text`.
fn script(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    match text.starts_with('(') {
        true => text.find(')').map_or(text.len(), |end| end + 1),
        false => text.find(|c| !belongs(c)).unwrap_or(text.len()),
    }
}

#[component]
pub fn Formula(text: &'static str) -> impl IntoView {
    let shown = pieces(text).into_iter().map(|(place, text)| match place {
        Place::Line => text.into_any(),
        Place::Raised => view! { <sup>{text}</sup> }.into_any(),
        Place::Lowered => view! { <sub>{text}</sub> }.into_any(),
    });
    view! { <span class="formula">{shown.collect_view()}</span> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_end_with_their_word_or_bracket() {
        let line = |text: &str| (Place::Line, text.to_string());
        let up = |text: &str| (Place::Raised, text.to_string());
        let down = |text: &str| (Place::Lowered, text.to_string());
        assert_eq!(pieces("L = B·D^−β + E"), [line("L = B·D"), up("−β"), line(" + E")]);
        assert_eq!(pieces("B/(D_l + D^β)"), [line("B/(D"), down("l"), line(" + D"), up("β"), line(")")]);
        assert_eq!(pieces("(1 − e^(−R/R*))"), [line("(1 − e"), up("−R/R*"), line(")")]);
        assert_eq!(pieces("A_f·X_f^−α_f"), [line("A"), down("f"), line("·X"), down("f"), up("−α"), down("f")]);
        assert_eq!(pieces("x^"), [line("x"), up("")]);
    }
}
