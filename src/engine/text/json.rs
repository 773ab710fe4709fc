//! JSON as Python's `json.dumps` writes it, with the options that transformers gives a template's `tojson`.

use super::python;
use minijinja::value::{Kwargs, Rest, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};
use std::fmt::Write;

struct Style {
    ensure_ascii: bool,
    /// What a level is indented by; all stands on one line where there is none.
    indent: Option<String>,
    separators: [String; 2],
    sort_keys: bool,
}

/// `tojson(ensure_ascii=False, indent=None, separators=None, sort_keys=False)`.
pub fn tojson(state: &mut State, value: Value, positional: Rest<Value>, named: Kwargs) -> Result<String, Error> {
    let argument = |place: usize, name: &str| -> Result<Option<Value>, Error> {
        let named: Option<Value> = named.get(name)?;
        Ok(positional.get(place).cloned().or(named).filter(|value| !value.is_none() && !value.is_undefined()))
    };
    let flag = |value: Option<Value>| value.is_some_and(|value| value.is_true());
    let indent = match argument(1, "indent")? {
        None => None,
        Some(indent) => Some(match indent.as_str() {
            Some(text) => text.to_string(),
            None => " ".repeat(i64::try_from(indent)?.clamp(0, 64) as usize),
        }),
    };
    let separators = match argument(2, "separators")? {
        None => [if indent.is_some() { "," } else { ", " }.to_string(), ": ".to_string()],
        Some(pair) => {
            let pair: Vec<String> = pair.try_iter()?.map(|text| text.to_string()).collect();
            pair.try_into().map_err(|_| refused("tojson takes two separators"))?
        }
    };
    let (ensure_ascii, sort_keys) = (flag(argument(0, "ensure_ascii")?), flag(argument(3, "sort_keys")?));
    named.assert_all_used()?;
    let mut json = String::new();
    Style { ensure_ascii, indent, separators, sort_keys }.write(state, &value, 0, &mut json)?;
    Ok(json)
}

impl Style {
    fn write(&self, state: &State, value: &Value, level: usize, json: &mut String) -> Result<(), Error> {
        python::charge(state, level)?;
        match value.kind() {
            ValueKind::None => json.push_str("null"),
            ValueKind::Bool => json.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => json.push_str(&number(value)),
            ValueKind::String => self.text(value.as_str().unwrap_or_default(), json),
            ValueKind::Seq | ValueKind::Iterable => {
                let items: Vec<Value> = value.try_iter()?.collect();
                self.enclose(['[', ']'], items, level, json, |item, json| self.write(state, item, level + 1, json))?;
            }
            ValueKind::Map => {
                let pair = |key: Value| Ok((self.key(&key)?, value.get_item(&key)?));
                let mut pairs: Vec<(String, Value)> = value.try_iter()?.map(pair).collect::<Result<_, Error>>()?;
                if self.sort_keys {
                    pairs.sort_by(|a, b| a.0.cmp(&b.0));
                }
                self.enclose(['{', '}'], pairs, level, json, |(key, value), json| {
                    self.text(key, json);
                    json.push_str(&self.separators[1]);
                    self.write(state, value, level + 1, json)
                })?;
            }
            kind => return Err(refused(&format!("a value of type {kind} is no JSON"))),
        }
        Ok(())
    }

    fn enclose<T>(
        &self,
        [open, close]: [char; 2],
        items: Vec<T>,
        level: usize,
        json: &mut String,
        mut write: impl FnMut(&T, &mut String) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let line = |level: usize, json: &mut String| {
            if let Some(indent) = &self.indent {
                json.push('\n');
                json.push_str(&indent.repeat(level));
            }
        };
        json.push(open);
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                json.push_str(&self.separators[0]);
            }
            line(level + 1, json);
            write(item, json)?;
        }
        if !items.is_empty() {
            line(level, json);
        }
        json.push(close);
        Ok(())
    }

    /// A key as a text, as Python makes one of numbers and constants.
    fn key(&self, key: &Value) -> Result<String, Error> {
        match key.kind() {
            ValueKind::String => Ok(key.to_string()),
            ValueKind::None => Ok("null".into()),
            ValueKind::Bool => Ok(if key.is_true() { "true" } else { "false" }.into()),
            ValueKind::Number => Ok(number(key)),
            kind => Err(refused(&format!("a key of type {kind} is no JSON"))),
        }
    }

    fn text(&self, text: &str, json: &mut String) {
        json.push('"');
        for c in text.chars() {
            match c {
                '"' => json.push_str("\\\""),
                '\\' => json.push_str("\\\\"),
                '\n' => json.push_str("\\n"),
                '\r' => json.push_str("\\r"),
                '\t' => json.push_str("\\t"),
                '\u{8}' => json.push_str("\\b"),
                '\u{c}' => json.push_str("\\f"),
                c if c < ' ' || self.ensure_ascii && !(' '..='~').contains(&c) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        // Writing to a text cannot fail.
                        let _ = write!(json, "\\u{unit:04x}");
                    }
                }
                c => json.push(c),
            }
        }
        json.push('"');
    }
}

fn number(value: &Value) -> String {
    match python::float(value) {
        Some(number) if number.is_nan() => "NaN".into(),
        Some(number) if number.is_infinite() => if number > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        Some(number) => python::float_text(number),
        None => value.to_string(),
    }
}

fn refused(problem: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem.to_string())
}
