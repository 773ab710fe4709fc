//! Typed access to a `config.json` that says which field is wrong. A null counts as absent, as in transformers.

use crate::engine::formats::WeightsError;
use serde_json::{Map, Value};

pub const CONFIG: &str = "config.json";

/// Larger than any model there is, small enough that products of them do not overflow.
const LARGEST: u64 = 1 << 24;
const MOST_LAYERS: usize = 4096;

pub struct JsonFields<'a> {
    file: &'a str,
    map: &'a Map<String, Value>,
    aliases: Aliases,
}

/// Other names of fields, each with the field's own: transformers' `attribute_map`.
pub type Aliases = &'static [(&'static str, &'static str)];

impl<'a> JsonFields<'a> {
    pub fn new(file: &'a str, value: &'a Value) -> Result<Self, WeightsError> {
        let map = value.as_object();
        let map = map.ok_or_else(|| WeightsError::file(file, "it is not a JSON object", "download it again"))?;
        Ok(JsonFields { file, map, aliases: &[] })
    }

    /// The same fields, also found by these names.
    pub fn with_aliases(self, aliases: Aliases) -> Self {
        JsonFields { aliases, ..self }
    }

    /// The field's value. An alias goes before the field's own name, as in transformers, which reads it later.
    pub fn get(&self, field: &str) -> Option<&'a Value> {
        let aliases = self.aliases.iter().filter(|(_, own)| *own == field).map(|(alias, _)| *alias);
        aliases.chain([field]).find_map(|name| self.map.get(name).filter(|value| !value.is_null()))
    }

    pub fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.map.keys().map(String::as_str)
    }

    /// A whole number of at least 1.
    pub fn count(&self, field: &str) -> Result<usize, WeightsError> {
        self.count_if_set(field)?.ok_or_else(|| self.wrong(field, "it is missing", "this family's config needs it"))
    }

    pub fn count_or(&self, field: &str, default: usize) -> Result<usize, WeightsError> {
        Ok(self.count_if_set(field)?.unwrap_or(default))
    }

    /// Whether the file names the field, be it as null.
    pub fn names(&self, field: &str) -> bool {
        self.map.contains_key(field)
    }

    /// How many layers: so few that a list of them is never a burden.
    pub fn layers(&self, field: &str, default: usize) -> Result<usize, WeightsError> {
        let layers = self.count_or(field, default)?;
        if layers > MOST_LAYERS {
            return Err(self.wrong(field, layers, "this lab reads models of up to 4096 layers"));
        }
        Ok(layers)
    }

    fn count_if_set(&self, field: &str) -> Result<Option<usize>, WeightsError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        match value.as_u64() {
            Some(count @ 1..=LARGEST) => Ok(Some(count as usize)),
            _ => Err(self.wrong(field, value, "it must be a whole number from 1 to 16 million")),
        }
    }

    pub fn number_or(&self, field: &str, default: f64) -> Result<f64, WeightsError> {
        match self.get(field) {
            None => Ok(default),
            Some(value) => value
                .as_f64()
                .filter(|number| number.is_finite())
                .ok_or_else(|| self.wrong(field, value, "it must be a number")),
        }
    }

    pub fn flag_or(&self, field: &str, default: bool) -> Result<bool, WeightsError> {
        match self.get(field) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| self.wrong(field, value, "it must be true or false")),
        }
    }

    pub fn text_or(&self, field: &str, default: &'a str) -> Result<&'a str, WeightsError> {
        match self.get(field) {
            None => Ok(default),
            Some(value) => value.as_str().ok_or_else(|| self.wrong(field, value, "it must be a text")),
        }
    }

    pub fn list(&self, field: &str) -> Result<Option<&'a [Value]>, WeightsError> {
        match self.get(field) {
            None => Ok(None),
            Some(value) => value
                .as_array()
                .map(|list| Some(list.as_slice()))
                .ok_or_else(|| self.wrong(field, value, "it must be a list")),
        }
    }

    /// A nested object; `None` where absent.
    pub fn object(&self, field: &str) -> Result<Option<JsonFields<'a>>, WeightsError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(JsonFields { file: self.file, map, aliases: &[] })),
            Some(value) => Err(self.wrong(field, value, "it must be an object")),
        }
    }

    /// Refuses a setting that the decoder cannot express.
    pub fn refuse(&self, field: &str, wrong: bool) -> Result<(), WeightsError> {
        if !wrong {
            return Ok(());
        }
        let value = self.get(field).cloned().unwrap_or(Value::Null);
        Err(self.wrong(field, value, "this lab cannot compute that variant: choose another model of the family"))
    }

    pub fn wrong(&self, field: &str, problem: impl ToString, remedy: &'static str) -> WeightsError {
        let mut problem = problem.to_string();
        if let Some((cut, _)) = problem.char_indices().nth(100) {
            problem.truncate(cut);
            problem.push('…');
        }
        WeightsError::Field { file: self.file.into(), field: field.into(), problem, remedy }
    }
}
