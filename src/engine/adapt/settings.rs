//! An `adapter_config.json`: every field of it is honoured, or changes nothing, or is refused by its name. Patterns for
//! modules are matched as PEFT matches them.

use super::peft::SETTINGS;
use crate::engine::formats::{JsonFields, WeightsError};
use fancy_regex::Regex;
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// The way out for what only PEFT computes.
pub const MERGE: &str = "merge it into its base with peft (merge_and_unload, then save_pretrained) and open that model";

/// Fields of any adapter that say how it was made or is looked up.
const INERT: [&str; 7] =
    ["peft_type", "peft_version", "task_type", "inference_mode", "base_model_name_or_path", "revision", "auto_mapping"];

/// The settings of an adapter.
pub struct Settings<'a> {
    pub fields: JsonFields<'a>,
    /// The file, for what depends on the order in it.
    bytes: &'a [u8],
}

impl<'a> Settings<'a> {
    pub fn new(json: &'a Value, bytes: &'a [u8]) -> Result<Self, WeightsError> {
        Ok(Settings { fields: JsonFields::new(SETTINGS, json)?, bytes })
    }

    /// Refuses every field that is set and not among the `known`.
    pub fn only(&self, known: &[&str]) -> Result<(), WeightsError> {
        let stranger = self.fields.keys().find(|field| {
            !INERT.contains(field) && !known.contains(field) && self.fields.get(field).is_some_and(is_set)
        });
        match stranger {
            None => Ok(()),
            Some(field) => {
                let value = self.fields.get(field).unwrap_or(&Value::Null);
                Err(self.fields.wrong(field, format!("{value}: this lab does not compute that"), MERGE))
            }
        }
    }
}

/// Whether a value asks for anything: PEFT writes null, false or nothing for what is off.
fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(on) => *on,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// Numbers for modules by the first pattern that fits: `rank_pattern`, `alpha_pattern`.
pub struct Patterns(Vec<(Regex, f64)>);

impl Patterns {
    pub fn read(settings: &Settings, field: &'static str) -> Result<Self, WeightsError> {
        let Some(object) = settings.fields.object(field)? else { return Ok(Patterns(Vec::new())) };
        let mut keys: Vec<&str> = object.keys().collect();
        let order = keys_in_order(settings.bytes, field);
        keys.sort_by_key(|key| order.iter().position(|other| other == key));
        let read = |key: &str| {
            let regex = Regex::new(&format!(r"^(.*\.)?({key})$"));
            let regex = regex.map_err(|error| unreadable(&settings.fields, field, key, &error.to_string()))?;
            Ok((regex, object.number_or(key, 0.0)?))
        };
        Ok(Patterns(keys.into_iter().map(read).collect::<Result<_, WeightsError>>()?))
    }

    /// The number for a module; none where no pattern fits.
    pub fn get(&self, module: &str) -> Option<f64> {
        self.0.iter().find(|(regex, _)| fits(regex, module)).map(|(_, number)| *number)
    }
}

/// Which modules an adapter is for: `target_modules`, but not `exclude_modules`, in `layers_to_transform`.
pub struct Targets {
    named: Names,
    excluded: Names,
    layers: Option<Vec<u64>>,
    /// What finds a module's layer number.
    layer: Vec<Regex>,
}

/// Modules by a pattern for the whole name, or by the ends of names.
enum Names {
    Any,
    Pattern(Regex),
    Ends(Vec<String>),
}

impl Targets {
    pub fn read(fields: &JsonFields) -> Result<Self, WeightsError> {
        let named = Names::read(fields, "target_modules")?.unwrap_or(Names::Any);
        let excluded = Names::read(fields, "exclude_modules")?.unwrap_or(Names::Ends(Vec::new()));
        const LAYERS: &str = "layers_to_transform";
        let number = |value: &Value| {
            value.as_u64().ok_or_else(|| fields.wrong(LAYERS, value, "it must be a layer's number or a list of them"))
        };
        let layers = match fields.get(LAYERS) {
            None => None,
            Some(Value::Array(list)) => Some(list.iter().map(number).collect::<Result<Vec<_>, _>>()?),
            Some(value) => Some(vec![number(value)?]),
        };
        let patterns = texts(fields, "layers_pattern")?.filter(|patterns| !patterns.is_empty());
        let patterns = match patterns {
            None => vec![r"^.*?\.[^.]*\.(?P<idx>\d+)\.".to_string()],
            Some(patterns) => patterns.iter().map(|p| format!(r"^(?:|.*?\.){p}\.(?P<idx>\d+)\.")).collect(),
        };
        let layer = |pattern: String| {
            Regex::new(&pattern).map_err(|error| unreadable(fields, "layers_pattern", &pattern, &error.to_string()))
        };
        let layer = patterns.into_iter().map(layer).collect::<Result<_, _>>()?;
        Ok(Targets { named, excluded, layers: layers.filter(|layers| !layers.is_empty()), layer })
    }

    /// Whether the adapter is for the module.
    pub fn has(&self, module: &str) -> bool {
        self.named.has(module) && !self.excluded.has(module) && self.in_layers(module)
    }

    fn in_layers(&self, module: &str) -> bool {
        // Layers are chosen among modules that are named by their ends.
        let (Some(layers), Names::Ends(_)) = (&self.layers, &self.named) else { return true };
        let number = self.layer.iter().find_map(|regex| regex.captures(module).ok().flatten());
        let number = number.and_then(|found| found.name("idx")?.as_str().parse().ok());
        number.is_some_and(|number| layers.contains(&number))
    }
}

impl Names {
    fn read(fields: &JsonFields, field: &'static str) -> Result<Option<Self>, WeightsError> {
        match fields.get(field) {
            Some(Value::String(text)) if text.eq_ignore_ascii_case("all-linear") => Ok(Some(Names::Any)),
            Some(Value::String(pattern)) => match Regex::new(&format!("^(?:{pattern})$")) {
                Ok(regex) => Ok(Some(Names::Pattern(regex))),
                Err(error) => Err(unreadable(fields, field, pattern, &error.to_string())),
            },
            _ => Ok(texts(fields, field)?.map(Names::Ends)),
        }
    }

    fn has(&self, module: &str) -> bool {
        match self {
            Names::Any => true,
            Names::Pattern(regex) => fits(regex, module),
            Names::Ends(ends) => ends
                .iter()
                .any(|end| module.strip_suffix(end.as_str()).is_some_and(|s| s.is_empty() || s.ends_with('.'))),
        }
    }
}

/// A text or a list of texts.
fn texts(fields: &JsonFields, field: &'static str) -> Result<Option<Vec<String>>, WeightsError> {
    let wrong = |value: &Value| fields.wrong(field, value, "it must be a text or a list of texts");
    match fields.get(field) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(vec![text.clone()])),
        Some(Value::Array(list)) => {
            let text = |value: &Value| value.as_str().map(str::to_string).ok_or_else(|| wrong(value));
            list.iter().map(text).collect::<Result<_, _>>().map(Some)
        }
        Some(value) => Err(wrong(value)),
    }
}

/// A pattern that would search without end fits nothing.
fn fits(regex: &Regex, module: &str) -> bool {
    regex.is_match(module).unwrap_or(false)
}

fn unreadable(fields: &JsonFields, field: &str, pattern: &str, error: &str) -> WeightsError {
    fields.wrong(field, format!("{pattern} is no pattern ({error})"), MERGE)
}

/// The keys of the object `field` of a JSON object, in the order of the file; empty where there is none.
fn keys_in_order(json: &[u8], field: &'static str) -> Vec<String> {
    struct Keys(Vec<String>);
    impl<'de> Deserialize<'de> for Keys {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Collect;
            impl<'de> Visitor<'de> for Collect {
                type Value = Keys;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                    let mut keys = Vec::new();
                    while let Some((key, IgnoredAny)) = map.next_entry()? {
                        keys.push(key);
                    }
                    Ok(Keys(keys))
                }
            }
            deserializer.deserialize_map(Collect)
        }
    }
    struct Field(&'static str);
    impl<'de> Visitor<'de> for Field {
        type Value = Keys;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
            let mut found = Keys(Vec::new());
            while let Some(key) = map.next_key::<String>()? {
                if key == self.0 {
                    found = map.next_value()?;
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(found)
        }
    }
    let mut read = serde_json::Deserializer::from_slice(json);
    serde::Deserializer::deserialize_map(&mut read, Field(field)).map_or_else(|_| Vec::new(), |keys| keys.0)
}
