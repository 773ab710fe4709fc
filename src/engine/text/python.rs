//! What Jinja's templates take from Python: methods of texts, and how values are printed. What is not here is
//! `minijinja_contrib`'s.

use minijinja::value::{Kwargs, Rest, Tuple, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};
use minijinja_contrib::pycompat;

/// Values within values: below what the stack of a browser's worker holds.
const DEPTH: usize = 100;

/// A method that a value does not have of itself.
pub fn method(state: &mut State, value: &Value, name: &str, arguments: &[Value]) -> Result<Value, Error> {
    let own = match (value.as_str(), value.kind()) {
        (Some(text), _) => text_method(state, text, name, arguments)?,
        (None, ValueKind::Seq) if name == "index" => Some(index_in(value, arguments)?),
        (None, ValueKind::Seq | ValueKind::Map) if name == "copy" => Some(value.clone()),
        _ => None,
    };
    own.map_or_else(|| pycompat::unknown_method_callback(state, value, name, arguments), Ok)
}

fn text_method(state: &State, text: &str, name: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    let strings = |parts: Vec<&str>| parts.into_iter().map(Value::from).collect::<Value>();
    let given = Given::new(arguments)?;
    let value = match name {
        "split" | "rsplit" => {
            let (separator, most) = (given.text(0, "sep")?, given.whole(1, "maxsplit")?);
            let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
            match separator.as_deref() {
                Some("") => return Err(refused("empty separator")),
                Some(separator) if name == "split" => strings(text.splitn(most.saturating_add(1), separator).collect()),
                Some(separator) => {
                    let mut parts: Vec<&str> = text.rsplitn(most.saturating_add(1), separator).collect();
                    parts.reverse();
                    strings(parts)
                }
                None if name == "split" => strings(words(text, most)),
                None => strings(last_words(text, most)),
            }
        }
        "splitlines" => strings(lines(text, given.flag(0, "keepends")?)),
        "partition" | "rpartition" => {
            let separator = given.needed(0)?;
            if separator.is_empty() {
                return Err(refused("empty separator"));
            }
            let cut = if name == "partition" { text.split_once(&*separator) } else { text.rsplit_once(&*separator) };
            let parts = match cut {
                Some((before, after)) => [before, &*separator, after],
                None if name == "partition" => [text, "", ""],
                None => ["", "", text],
            };
            Value::from(Tuple::from(parts.map(Value::from)))
        }
        "removeprefix" => Value::from(text.strip_prefix(&*given.needed(0)?).unwrap_or(text)),
        "removesuffix" => Value::from(text.strip_suffix(&*given.needed(0)?).unwrap_or(text)),
        "strip" | "lstrip" | "rstrip" => {
            let set = given.text(0, "")?;
            let strip = |c: char| set.as_deref().map_or_else(|| is_space(c), |set| set.contains(c));
            Value::from(match name {
                "strip" => text.trim_matches(strip),
                "lstrip" => text.trim_start_matches(strip),
                _ => text.trim_end_matches(strip),
            })
        }
        "find" | "rfind" | "index" | "rindex" | "count" => {
            let wanted = given.needed(0)?;
            let Some((start, part)) = given.part(text)? else {
                return match name {
                    "index" | "rindex" => Err(refused("substring not found")),
                    "count" => Ok(Some(0.into())),
                    _ => Ok(Some((-1).into())),
                };
            };
            if name == "count" {
                return Ok(Some(part.matches(&*wanted).count().into()));
            }
            let found = if name.starts_with('r') { part.rfind(&*wanted) } else { part.find(&*wanted) };
            match found {
                Some(at) => Value::from(start + part[..at].chars().count()),
                None if name.ends_with("index") => return Err(refused("substring not found")),
                None => Value::from(-1),
            }
        }
        "startswith" | "endswith" if arguments.len() > 1 => {
            let wanted = arguments[0].clone();
            let Some((_, part)) = given.part(text)? else { return Ok(Some(false.into())) };
            let fits = |wanted: &Value| match wanted.as_str() {
                Some(wanted) if name == "startswith" => part.starts_with(wanted),
                Some(wanted) => part.ends_with(wanted),
                None => false,
            };
            match wanted.as_str() {
                Some(_) => fits(&wanted).into(),
                None => wanted.try_iter()?.any(|wanted| fits(&wanted)).into(),
            }
        }
        "center" | "ljust" | "rjust" => {
            let width = given.whole(0, "width")?.ok_or_else(|| refused("a width is missing"))?;
            let fill = given.text(1, "fillchar")?.unwrap_or_else(|| " ".into());
            let missing = missing(state, text, width)?;
            let left = match name {
                "ljust" => 0,
                "rjust" => missing,
                // As CPython: the odd one goes left of an odd width.
                _ => missing / 2 + (missing & width as usize & 1),
            };
            Value::from(format!("{}{text}{}", fill.repeat(left), fill.repeat(missing - left)))
        }
        "zfill" => {
            let width = given.whole(0, "width")?.ok_or_else(|| refused("a width is missing"))?;
            let sign = text.len() - text.strip_prefix(['+', '-']).unwrap_or(text).len();
            let zeros = "0".repeat(missing(state, text, width)?);
            Value::from(format!("{}{zeros}{}", &text[..sign], &text[sign..]))
        }
        "title" => Value::from(title(text)),
        "swapcase" => Value::from(text.chars().map(swapped).collect::<String>()),
        "casefold" => Value::from(text.to_lowercase().replace('ß', "ss").replace('ς', "σ")),
        "expandtabs" => {
            let size = given.whole(0, "tabsize")?.unwrap_or(8).clamp(0, 64) as usize;
            Value::from(expanded(text, size))
        }
        _ => return Ok(None),
    };
    Ok(Some(value))
}

/// A method's arguments, by place or by name.
struct Given {
    places: Vec<Value>,
    names: Kwargs,
}

impl Given {
    fn new(arguments: &[Value]) -> Result<Self, Error> {
        let (Rest(places), names): (Rest<Value>, Kwargs) = from_args(arguments)?;
        Ok(Given { places, names })
    }

    fn value(&self, place: usize, name: &str) -> Result<Option<Value>, Error> {
        let named: Option<Value> = if name.is_empty() { None } else { self.names.get(name)? };
        self.names.assert_all_used().ok();
        Ok(self.places.get(place).cloned().or(named).filter(|value| !value.is_none()))
    }

    fn text(&self, place: usize, name: &str) -> Result<Option<String>, Error> {
        let text = |value: Value| match value.as_str() {
            Some(text) => Ok(text.to_string()),
            None => Err(refused(&format!("a string is needed, not {}", value.kind()))),
        };
        self.value(place, name)?.map(text).transpose()
    }

    fn needed(&self, place: usize) -> Result<String, Error> {
        self.text(place, "")?.ok_or_else(|| refused("an argument is missing"))
    }

    fn whole(&self, place: usize, name: &str) -> Result<Option<i64>, Error> {
        self.value(place, name)?.map(i64::try_from).transpose()
    }

    fn flag(&self, place: usize, name: &str) -> Result<bool, Error> {
        Ok(self.value(place, name)?.is_some_and(|value| value.is_true()))
    }

    /// The part of the text from the second argument to the third, in characters, and where it starts; none where it starts
    /// beyond the end.
    fn part<'a>(&self, text: &'a str) -> Result<Option<(usize, &'a str)>, Error> {
        let count = text.chars().count() as i64;
        let place = |at: i64| if at < 0 { (at + count).max(0) } else { at };
        let start = place(self.whole(1, "")?.unwrap_or(0));
        let end = place(self.whole(2, "")?.unwrap_or(count)).min(count);
        if start > count || start > end {
            return Ok(None);
        }
        let byte = |at: i64| text.char_indices().nth(at as usize).map_or(text.len(), |(byte, _)| byte);
        Ok(Some((start as usize, &text[byte(start)..byte(end)])))
    }
}

/// Characters that lack to a width, paid for before they are made.
fn missing(state: &State, text: &str, width: i64) -> Result<usize, Error> {
    let missing = usize::try_from(width).unwrap_or(0).saturating_sub(text.chars().count());
    state.consume_fuel(missing as u64 / 16)?;
    Ok(missing)
}

fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// `split()`: words, and after `most` cuts what is left.
fn words(text: &str, most: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while !rest.is_empty() && parts.len() < most {
        let Some((word, after)) = rest.split_once(is_space) else { break };
        parts.push(word);
        rest = after.trim_start_matches(is_space);
    }
    parts.extend((!rest.is_empty()).then_some(rest));
    parts
}

/// `rsplit()`.
fn last_words(text: &str, most: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim_end_matches(is_space);
    while !rest.is_empty() && parts.len() < most {
        let Some((before, word)) = rest.rsplit_once(is_space) else { break };
        parts.push(word);
        rest = before.trim_end_matches(is_space);
    }
    parts.extend((!rest.is_empty()).then_some(rest));
    parts.reverse();
    parts
}

/// Lines by all that Python takes for a line's end.
fn lines(text: &str, ends_kept: bool) -> Vec<&str> {
    const ENDS: [char; 10] = ['\n', '\r', '\x0b', '\x0c', '\x1c', '\x1d', '\x1e', '\u{85}', '\u{2028}', '\u{2029}'];
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(ENDS) {
        let end = if rest[at..].starts_with("\r\n") { 2 } else { rest[at..].chars().next().map_or(1, char::len_utf8) };
        lines.push(&rest[..if ends_kept { at + end } else { at }]);
        rest = &rest[at + end..];
    }
    lines.extend((!rest.is_empty()).then_some(rest));
    lines
}

fn title(text: &str) -> String {
    let mut titled = String::new();
    let mut in_word = false;
    for c in text.chars() {
        if in_word {
            titled.extend(c.to_lowercase())
        } else {
            titled.extend(c.to_uppercase())
        }
        in_word = c.is_lowercase() || c.is_uppercase();
    }
    titled
}

fn swapped(c: char) -> String {
    if c.is_uppercase() { c.to_lowercase().collect() } else { c.to_uppercase().collect() }
}

fn expanded(text: &str, size: usize) -> String {
    let mut expanded = String::new();
    let mut column = 0;
    for c in text.chars() {
        match c {
            '\t' if size == 0 => {}
            '\t' => {
                let spaces = size - column % size;
                expanded.push_str(&" ".repeat(spaces));
                column += spaces;
            }
            c => {
                expanded.push(c);
                column = if c == '\n' || c == '\r' { 0 } else { column + 1 };
            }
        }
    }
    expanded
}

fn index_in(list: &Value, arguments: &[Value]) -> Result<Value, Error> {
    let (wanted,): (Value,) = from_args(arguments)?;
    let place = list.try_iter()?.position(|item| item == wanted);
    place.map(Value::from).ok_or_else(|| refused("it is not in the list"))
}

/// The number, where it is no whole one.
pub fn float(value: &Value) -> Option<f64> {
    let float = value.is_number() && value.kind() == ValueKind::Number && !value.is_integer();
    float.then(|| f64::try_from(value.clone()).ok()).flatten()
}

/// A float as Python writes it: with an exponent from 1e16 on and below 1e-4.
pub fn float_text(number: f64) -> String {
    if !number.is_finite() {
        return if number.is_nan() {
            "nan"
        } else if number > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .into();
    }
    let shortest = format!("{number:e}");
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => format!("{number:?}"),
    }
}

/// A value as Python's `str` writes it.
pub fn text(state: &State, value: &Value) -> Result<String, Error> {
    match (value.as_str(), value.kind()) {
        (Some(text), _) => Ok(text.to_string()),
        (None, ValueKind::Undefined) => Ok(String::new()),
        (None, _) => representation(state, value, 0),
    }
}

/// A value as Python's `repr` writes it.
pub fn representation(state: &State, value: &Value, level: usize) -> Result<String, Error> {
    charge(state, level)?;
    if let Some(number) = float(value) {
        return Ok(float_text(number));
    }
    let inner = |value: &Value| representation(state, value, level + 1);
    match value.kind() {
        ValueKind::Seq => {
            let items: Vec<String> = value.try_iter()?.map(|item| inner(&item)).collect::<Result<_, _>>()?;
            Ok(match value.is_tuple() {
                true if items.len() == 1 => format!("({},)", items[0]),
                true => format!("({})", items.join(", ")),
                false => format!("[{}]", items.join(", ")),
            })
        }
        ValueKind::Map => {
            let pair = |key: Value| Ok(format!("{}: {}", inner(&key)?, inner(&value.get_item(&key)?)?));
            let pairs: Vec<String> = value.try_iter()?.map(pair).collect::<Result<_, Error>>()?;
            Ok(format!("{{{}}}", pairs.join(", ")))
        }
        ValueKind::String => Ok(format!("{value:?}")),
        _ => Ok(value.to_string()),
    }
}

/// Pays for a value within others, so that those that hold each other many times over end.
pub fn charge(state: &State, level: usize) -> Result<(), Error> {
    if level > DEPTH {
        return Err(refused("values lie too deep in each other"));
    }
    state.consume_fuel(1)
}

fn refused(problem: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem.to_string())
}
