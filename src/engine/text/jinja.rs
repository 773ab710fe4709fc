//! A template of transformers' Jinja in minijinja's: tags that only transformers knows, the operator `%` on texts, and the
//! filters that minijinja lacks.

use super::{json, python};
use minijinja::value::{Kwargs, Rest, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State};

/// What `%` becomes: a function, for minijinja's operator is for numbers alone.
const MODULO: &str = "__modulo";

/// Gives an environment what templates may use.
pub fn extend(environment: &mut Environment<'static>) {
    environment.set_unknown_method_callback(python::method);
    environment.set_formatter(|out: &mut Output, state: &mut State, value: &Value| {
        out.write_str(&python::text(state, value)?).map_err(|_| Error::from(ErrorKind::WriteFailure))
    });
    environment.add_function(MODULO, modulo);
    environment.add_filter("tojson", json::tojson);
    environment.add_filter("string", |state: &mut State, value: Value| python::text(state, &value));
    environment.add_filter("escape", escape);
    environment.add_filter("e", escape);
    environment.add_filter("truncate", truncate);
    environment.add_filter("center", |state: &mut State, text: Value, width: Option<i64>| {
        python::method(state, &text, "center", &[width.unwrap_or(80).into()])
    });
    environment.add_filter("wordcount", |text: String| {
        text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).count()
    });
    environment.add_filter("striptags", minijinja_contrib::filters::striptags);
    environment.add_filter("filesizeformat", minijinja_contrib::filters::filesizeformat);
}

/// A text for HTML, with the entities that Python's Jinja writes.
fn escape(state: &mut State, value: Value) -> Result<Value, Error> {
    if value.is_safe() {
        return Ok(value);
    }
    let mut escaped = python::text(state, &value)?;
    for (character, entity) in [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('\'', "&#39;"), ('"', "&#34;")] {
        escaped = escaped.replace(character, entity);
    }
    Ok(Value::from_safe_string(escaped))
}

/// Jinja's `truncate(length=255, killwords=False, end='...', leeway=5)`.
fn truncate(text: String, places: Rest<Value>, names: Kwargs) -> Result<String, Error> {
    let argument = |place: usize, name: &str| -> Result<Option<Value>, Error> {
        let named: Option<Value> = names.get(name)?;
        Ok(places.get(place).cloned().or(named).filter(|value| !value.is_none()))
    };
    let number = |value: Option<Value>, default: usize| value.map_or(Ok(default), usize::try_from);
    let length = number(argument(0, "length")?, 255)?;
    let whole_words = !argument(1, "killwords")?.is_some_and(|value| value.is_true());
    let end = argument(2, "end")?.map_or("...".to_string(), |end| end.to_string());
    let leeway = number(argument(3, "leeway")?, 5)?;
    names.assert_all_used()?;
    let kept = length.checked_sub(end.chars().count()).ok_or_else(|| {
        Error::new(ErrorKind::InvalidOperation, format!("expected length >= {}, got {length}", end.chars().count()))
    })?;
    if text.chars().count() <= length.saturating_add(leeway) {
        return Ok(text);
    }
    let start: String = text.chars().take(kept).collect();
    let start = if whole_words { start.rsplit_once(' ').map_or(&*start, |(words, _)| words) } else { &start };
    Ok(format!("{start}{end}"))
}

/// Python's `%`: a text is a format for what stands right of it.
fn modulo(state: &mut State, left: Value, right: Value) -> Result<Value, Error> {
    let wrong = || Error::new(ErrorKind::InvalidOperation, format!("{} % {}", left.kind(), right.kind()));
    if let Some(format) = left.as_str() {
        let values: Vec<Value> = if right.is_tuple() { right.try_iter()?.collect() } else { vec![right] };
        let (format, values) = as_printf(state, format, values)?;
        return state.apply_filter("format", &[&[format.into()], &values[..]].concat());
    }
    if python::float(&left).is_none() && python::float(&right).is_none() {
        let (a, b) =
            (i128::try_from(left.clone()).map_err(|_| wrong())?, i128::try_from(right.clone()).map_err(|_| wrong())?);
        let remainder = a.checked_rem(b).ok_or_else(wrong)?;
        return Ok(Value::from(if remainder != 0 && (remainder < 0) != (b < 0) { remainder + b } else { remainder }));
    }
    let (a, b) =
        (f64::try_from(left.clone()).map_err(|_| wrong())?, f64::try_from(right.clone()).map_err(|_| wrong())?);
    if b == 0.0 {
        return Err(wrong());
    }
    let remainder = a % b;
    Ok(Value::from(if remainder != 0.0 && (remainder < 0.0) != (b < 0.0) { remainder + b } else { remainder }))
}

/// A format and its values with what minijinja's filter does not know of Python's: `%r`, `%d` of a float, and how `%s` writes
/// a value.
fn as_printf(state: &State, format: &str, mut values: Vec<Value>) -> Result<(String, Vec<Value>), Error> {
    let mut plain = String::with_capacity(format.len());
    let mut next = 0;
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        let after = &rest[at + 1..];
        // A named value lies in a map.
        let Some(length) = after.find(|c: char| !"#0- +.*0123456789".contains(c)).filter(|_| !after.starts_with('('))
        else {
            break;
        };
        let end = length + after[length..].chars().next().map_or(0, char::len_utf8);
        let conversion = &after[length..end];
        next += after[..length].matches('*').count();
        let written = match (conversion, values.get_mut(next)) {
            ("r" | "a", Some(value)) => {
                *value = python::representation(state, value, 0)?.into();
                "s"
            }
            ("s", Some(value)) => {
                *value = python::text(state, value)?.into();
                "s"
            }
            ("d" | "i" | "u", Some(value)) => {
                if let Some(number) = python::float(value) {
                    *value = Value::from(number.trunc() as i128);
                }
                "d"
            }
            (other, _) => other,
        };
        next += usize::from(conversion != "%");
        plain.push_str(&rest[..at + 1 + length]);
        plain.push_str(written);
        rest = &after[end..];
    }
    let named = matches!(values.as_slice(), [only] if only.kind() == ValueKind::Map);
    if !rest.contains('%') && next < values.len() && !named {
        return Err(Error::new(ErrorKind::InvalidOperation, "not all arguments converted during string formatting"));
    }
    Ok((plain + rest, values))
}

/// The template for minijinja. `{% generation %}` … `{% endgeneration %}`, by which transformers finds the assistant's words,
/// becomes a block that is always taken; its control of white space stays.
///
/// # Errors
/// A tag of more than [`MOST_TOKENS`] or a template of more than [`MOST_BRANCHES`], on which minijinja would run out of
/// stack.
pub fn translated(source: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(source.len());
    let mut rest = source;
    let (mut raw, mut branches) = (false, 0);
    let opens = |rest: &str, at: usize| rest[at + 1..].starts_with(['{', '%', '#']);
    while let Some((at, _)) = rest.match_indices('{').find(|(at, _)| opens(rest, *at)) {
        let (before, tag) = rest.split_at(at);
        plain.push_str(before);
        let end = match &tag[..2] {
            "{#" => tag.find("#}").map(|end| end + 2),
            _ if raw => Some(2),
            open => tag_end(tag, if open == "{{" { "}}" } else { "%}" }),
        };
        // What never ends is minijinja's to say.
        let Some(end) = end.or_else(|| raw.then_some(2)) else {
            rest = tag;
            break;
        };
        if raw || tag.starts_with("{#") {
            let word =
                tag.strip_prefix("{%").map_or("", |tag| tag.trim_start_matches(['-', '+', ' ', '\t', '\r', '\n']));
            raw &= !word.starts_with("endraw");
            plain.push_str(&tag[..end]);
        } else {
            let body = &tag[2..end - 2];
            let length = tokens(body).filter(|(_, token)| !token.trim().is_empty()).count();
            if length > MOST_TOKENS {
                return Err(format!("one of its expressions has {length} parts, more than {MOST_TOKENS}"));
            }
            let word = body.trim_matches(|c: char| c.is_whitespace() || c == '-' || c == '+');
            raw = tag.starts_with("{%") && word == "raw";
            branches += usize::from(tag.starts_with("{%") && word.starts_with("elif"));
            if branches > MOST_BRANCHES {
                return Err(format!("it has more than {MOST_BRANCHES} branches"));
            }
            let body = match word {
                "generation" if tag.starts_with("{%") => body.replace(word, " if true "),
                "endgeneration" if tag.starts_with("{%") => body.replace(word, " endif "),
                _ => without_modulo(body, tag.starts_with("{%")),
            };
            plain.push_str(&tag[..2]);
            plain.push_str(&body);
            plain.push_str(&tag[end - 2..end]);
        }
        rest = &tag[end..];
    }
    Ok(plain + rest)
}

/// Names, texts and operators of one tag: published templates stay below 200, and minijinja calls itself once for each
/// operator of a chain, without an end to it.
const MOST_TOKENS: usize = 1000;

/// `elif`s of a template, each of which lies within the one before.
const MOST_BRANCHES: usize = 200;

/// The tokens of a part of a tag, white space included, each with where it begins.
fn tokens(part: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let (at, rest) = (next, &part[next..]);
        next += if rest.is_empty() { 0 } else { token_length(rest) };
        (next > at).then(|| (at, &part[at..next]))
    })
}

/// Where a tag ends, outside of texts and brackets.
fn tag_end(tag: &str, close: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, token) in tokens(&tag[2..]) {
        if depth == 0 && tag[2 + at..].starts_with(close) {
            return Some(2 + at + close.len());
        }
        match token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Bytes of the token that a part of a tag begins with: a text, a word or number, an operator, white space.
fn token_length(rest: &str) -> usize {
    let first = rest.chars().next().unwrap_or(' ');
    let of_word = |c: char| c.is_alphanumeric() || c == '_';
    match first {
        '\'' | '"' => {
            let mut escaped = false;
            let close = rest.char_indices().skip(1).find(|&(_, c)| {
                let closes = c == first && !escaped;
                escaped = c == '\\' && !escaped;
                closes
            });
            close.map_or(rest.len(), |(at, _)| at + 1)
        }
        c if of_word(c) => rest.find(|c: char| !of_word(c)).unwrap_or(rest.len()),
        c if c.is_whitespace() => rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len()),
        c => ["**", "//", "==", "!=", "<=", ">="]
            .iter()
            .find(|op| rest.starts_with(*op))
            .map_or(c.len_utf8(), |op| op.len()),
    }
}

/// Operators in one tag that are translated: more than any template has, few enough for a hostile one.
const MOST: usize = 20;

/// An expression with every `a % b` made `__modulo(a, b)`.
fn without_modulo(body: &str, statement: bool) -> String {
    let mut body = body.to_string();
    for _ in 0..MOST {
        let Some(changed) = first_modulo(&body, statement) else { break };
        body = changed;
    }
    body
}

/// The same for the first of them.
fn first_modulo(body: &str, statement: bool) -> Option<String> {
    // White space counts for nothing, and its control is no operator.
    let is_control =
        |at: usize, token: &str| ["-", "+"].contains(&token) && (at == 0 || at + token.len() == body.len());
    let tokens: Vec<(usize, &str)> =
        tokens(body).filter(|&(at, token)| !token.trim().is_empty() && !is_control(at, token)).collect();
    let operator = tokens.iter().position(|(_, token)| *token == "%")?;
    let first = left_operand(&tokens, operator, statement);
    let last = right_operand(&tokens, operator)?;
    if first == operator {
        return None;
    }
    let text = |from: usize, to: usize| &body[tokens[from].0..tokens[to].0 + tokens[to].1.len()];
    let (left, right) = (text(first, operator - 1), text(operator + 1, last));
    let (before, after) = (&body[..tokens[first].0], &body[tokens[last].0 + tokens[last].1.len()..]);
    Some(format!("{before}{MODULO}({left}, {right}){after}"))
}

const KEYWORDS: [&str; 7] = ["and", "or", "not", "in", "is", "if", "else"];
/// What binds less than `%`, and what separates expressions.
const WEAKER: [&str; 11] = ["~", "==", "!=", "<", ">", "<=", ">=", "=", ",", ":", ";"];

/// Whether an operand may end with this token.
fn ends_operand(token: &str) -> bool {
    let word = token.starts_with(|c: char| c.is_alphanumeric() || "_'\"".contains(c));
    word && !KEYWORDS.contains(&token) || [")", "]", "}"].contains(&token)
}

/// The first token of what stands left of the operator, products before it included.
fn left_operand(tokens: &[(usize, &str)], operator: usize, statement: bool) -> usize {
    let mut depth = 0;
    let mut first = operator;
    while first > 0 {
        let token = tokens[first - 1].1;
        match token {
            ")" | "]" | "}" => depth += 1,
            "(" | "[" | "{" if depth == 0 => break,
            "(" | "[" | "{" => depth -= 1,
            _ if depth > 0 => {}
            "+" | "-" if first >= 2 && ends_operand(tokens[first - 2].1) => break,
            _ if WEAKER.contains(&token) || KEYWORDS.contains(&token) || statement && first == 1 => break,
            _ => {}
        }
        first -= 1;
    }
    first
}

/// The last token of what stands right of it: signs, a value, and what is done to it; none where that is missing.
fn right_operand(tokens: &[(usize, &str)], operator: usize) -> Option<usize> {
    let mut at = operator + 1;
    loop {
        while ["+", "-"].contains(&tokens.get(at)?.1) {
            at += 1;
        }
        at = close_of(tokens, at)?;
        loop {
            match tokens.get(at + 1).map(|(_, token)| *token) {
                Some("." | "|") => at = close_of(tokens, at + 2)?,
                Some("(" | "[") => at = close_of(tokens, at + 1)?,
                _ => break,
            }
        }
        match tokens.get(at + 1) {
            Some((_, "**")) => at += 2,
            _ => return Some(at),
        }
    }
}

/// The token itself, or where the bracket that it opens is closed.
fn close_of(tokens: &[(usize, &str)], open: usize) -> Option<usize> {
    let mut depth = 0;
    for (at, (_, token)) in tokens.iter().enumerate().skip(open) {
        match *token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}
