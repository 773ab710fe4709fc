//! An experiment as a file: TOML that a person writes, the command line runs and the page reads and offers for
//! download. What it does not say is as the page's default experiment has it.

use crate::data::tasks::Task;
use crate::data::user::ColumnChoice;
use crate::spec::{Method, MethodKind, Precision, TrainConfig};
use serde_json::{Map, Value};
use std::fmt::Write;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The version of the file's meaning.
pub const FILE_VERSION: u64 = 1;
/// Seeds of one experiment, at most.
const MOST_SEEDS: u64 = 1000;

/// An experiment whose bases and data are not looked up yet.
#[derive(Clone, Debug, PartialEq)]
pub struct ExperimentFile {
    /// Base models by name.
    pub bases: Vec<String>,
    pub data: FileData,
    /// Tokens of an example, at most; `None` leaves it to the data.
    pub sequence: Option<usize>,
    /// Each method with the training settings it runs under. Their sequence is the file's.
    pub methods: Vec<(Method, TrainConfig)>,
    /// Distinct training examples.
    pub sizes: Vec<usize>,
    pub seeds: u64,
}

/// What is learned from.
#[derive(Clone, Debug, PartialEq)]
pub enum FileData {
    /// One of the lab's tasks, by id.
    Task(String),
    /// Files of one's own, by paths from where the experiment file lies.
    Own { files: Vec<String>, columns: Option<ColumnChoice>, skip_bad_lines: bool },
}

/// What is wrong with an experiment file, and on which line.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("line {line}: {reason}")]
pub struct ExperimentError {
    pub line: usize,
    pub reason: String,
}

const FIELDS: [&str; 9] = ["version", "bases", "task", "data", "sequence", "sizes", "seeds", "train", "methods"];
const DATA_FIELDS: [&str; 3] = ["files", "columns", "skip_bad_lines"];

impl ExperimentFile {
    /// Reads the file's text.
    ///
    /// # Errors
    /// Names the line, and what may stand there.
    pub fn read(text: &str) -> Result<Self, ExperimentError> {
        let table = DeTable::parse(text).map_err(|error| ExperimentError {
            line: line(text, error.span().map_or(0, |span| span.start)),
            reason: error.message().to_owned(),
        })?;
        let file = Table { text, at: 0, table: table.get_ref() };
        file.knows(&FIELDS)?;
        let version = file.need("version")?;
        if version.whole()? as u64 != FILE_VERSION {
            return Err(version.wrong(format!("this lab reads version {FILE_VERSION}")));
        }
        let data = match (file.get("task"), file.get("data")) {
            (Some(task), None) => FileData::Task(task.task()?),
            (None, Some(data)) => data.table()?.own_data()?,
            (Some(_), Some(data)) => return Err(data.wrong("task and data exclude each other: leave one out")),
            (None, None) => {
                return Err(file.wrong("it names no data: write task = \"translation\", or a table [data] with files"));
            }
        };
        let train = file.get("train").map(Field::table).transpose()?;
        let mut methods = Vec::new();
        for method in file.need("methods")?.list()? {
            methods.extend(method.table()?.methods(train.as_ref())?);
        }
        if methods.is_empty() {
            return Err(file.need("methods")?.wrong("it is empty: write at least one [[methods]]"));
        }
        let sequence = file.get("sequence").map(|field| field.at_least(2)).transpose()?;
        for (_, train) in &mut methods {
            train.sequence = sequence.unwrap_or(train.sequence);
        }
        let bases = file.need("bases")?;
        let sizes = file.need("sizes")?;
        let seeds = file.get("seeds").map_or(Ok(1), |field| Ok(field.at_least(1)? as u64))?;
        if seeds > MOST_SEEDS {
            return Err(file.need("seeds")?.wrong(format!("more than {MOST_SEEDS} seeds are too many")));
        }
        Ok(ExperimentFile {
            bases: bases.some(bases.list()?)?.iter().map(Field::text).collect::<Result<_, _>>()?,
            data,
            sequence,
            methods,
            sizes: sizes.some(sizes.list()?)?.iter().map(|size| size.at_least(1)).collect::<Result<_, _>>()?,
            seeds,
        })
    }

    /// Writes a file that [`ExperimentFile::read`] reads as the same experiment; settings that are the method's own are
    /// left out.
    pub fn to_toml(&self) -> String {
        let mut text =
            format!("# A Tunelab experiment. Run it: lab sweep FILE --out RESULTS.jsonl\nversion = {FILE_VERSION}\n");
        let mut put = |name: &str, value: String| writeln!(text, "{name} = {value}").expect("a string takes all");
        // A JSON text is one of TOML too.
        let quoted = |text: &str| Value::from(text).to_string();
        let list = |items: Vec<String>| format!("[{}]", items.join(", "));
        put("bases", list(self.bases.iter().map(|base| quoted(base)).collect()));
        if let FileData::Task(id) = &self.data {
            put("task", quoted(id));
        }
        if let Some(sequence) = self.sequence {
            put("sequence", sequence.to_string());
        }
        put("sizes", list(self.sizes.iter().map(usize::to_string).collect()));
        put("seeds", self.seeds.to_string());
        if let FileData::Own { files, columns, skip_bad_lines } = &self.data {
            put("\n[data]\nfiles", list(files.iter().map(|file| quoted(file)).collect()));
            if let Some(columns) = columns {
                put("columns", quoted(&columns.to_string()));
            }
            if *skip_bad_lines {
                put("skip_bad_lines", "true".into());
            }
        }
        for (method, train) in &self.methods {
            let kind = method.kind();
            put("\n[[methods]]\nmethod", quoted(kind.id()));
            if !method.base_precision().is_f32() {
                put("base_precision", quoted(method.base_precision().id()));
            }
            let defaults = kind.method().tuning().settings();
            for (setting, default) in method.tuning().settings().into_iter().zip(defaults) {
                if setting.value != default.value {
                    put(setting.id, quoted(&setting.value));
                }
            }
            let default = fields(&TrainConfig::default_for(kind));
            for (name, value) in fields(train).iter().filter(|(name, value)| default.get(*name) != Some(*value)) {
                put(name, value.to_string());
            }
        }
        text
    }
}

/// The training settings that a file may have, by name.
fn fields(train: &TrainConfig) -> Map<String, Value> {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(train) else { unreachable!("settings are plain fields") };
    // One for all methods, in a place of its own.
    fields.remove("sequence");
    fields
}

/// The line on which the byte `at` stands.
fn line(text: &str, at: usize) -> usize {
    1 + text.as_bytes()[..at.min(text.len())].iter().filter(|&&byte| byte == b'\n').count()
}

struct Table<'a> {
    text: &'a str,
    /// The byte where it begins.
    at: usize,
    table: &'a DeTable<'a>,
}

/// A value with its name and place.
#[derive(Clone, Copy)]
struct Field<'a> {
    text: &'a str,
    name: &'a str,
    at: usize,
    value: &'a DeValue<'a>,
}

impl<'a> Table<'a> {
    fn wrong(&self, reason: impl Into<String>) -> ExperimentError {
        ExperimentError { line: line(self.text, self.at), reason: reason.into() }
    }

    fn fields(&self) -> impl Iterator<Item = Field<'a>> {
        let text = self.text;
        self.table.iter().map(move |(key, value)| Field {
            text,
            name: key.get_ref(),
            at: key.span().start,
            value: value.get_ref(),
        })
    }

    fn get(&self, name: &str) -> Option<Field<'a>> {
        self.fields().find(|field| field.name == name)
    }

    fn need(&self, name: &str) -> Result<Field<'a>, ExperimentError> {
        self.get(name).ok_or_else(|| self.wrong(format!("{name} is missing")))
    }

    /// Refuses what has no meaning here, the first in the file.
    fn knows(&self, names: &[&str]) -> Result<(), ExperimentError> {
        let unknown = self.fields().filter(|field| !names.contains(&field.name)).min_by_key(|field| field.at);
        unknown.map_or(Ok(()), |field| {
            let reason = format!("“{}” is not known here; known are {}", field.name, names.join(", "));
            Err(ExperimentError { line: line(self.text, field.at), reason })
        })
    }

    fn own_data(&self) -> Result<FileData, ExperimentError> {
        self.knows(&DATA_FIELDS)?;
        let files = self.need("files")?;
        let columns = self.get("columns").map(|field| {
            let choice = field.text()?.parse::<ColumnChoice>();
            choice.map_err(|error| field.wrong(error.to_string()))
        });
        let skip = self
            .get("skip_bad_lines")
            .map(|field| field.value.as_bool().ok_or_else(|| field.wrong("it is true or false")));
        Ok(FileData::Own {
            files: files.some(files.list()?)?.iter().map(Field::text).collect::<Result<_, _>>()?,
            columns: columns.transpose()?,
            skip_bad_lines: skip.transpose()?.unwrap_or(false),
        })
    }

    /// One method: for each of its rates and precisions. `all` are settings for every method.
    fn methods(&self, all: Option<&Table>) -> Result<Vec<(Method, TrainConfig)>, ExperimentError> {
        let named = self.need("method")?;
        let kind: MethodKind = named.text()?.parse().map_err(|error| named.wrong(format!("{error}")))?;
        let mut method = kind.method();
        let default = fields(&TrainConfig::default_for(kind));
        let settings: Vec<&str> = method.tuning().settings().iter().map(|setting| setting.id).collect();
        let trains: Vec<&str> = default.keys().map(String::as_str).collect();
        self.knows(&[&["method", "base_precision"], &settings[..], &trains].concat())?;
        if let Some(all) = all {
            all.knows(&trains)?;
        }
        let given: Vec<Field> = self.fields().filter(|field| settings.contains(&field.name)).collect();
        if let Some(tuning) = method.tuning_mut() {
            for field in &given {
                tuning.set(field.name, &field.plain()?).map_err(|rule| field.wrong(rule))?;
            }
            tuning.complete(&|id| given.iter().any(|field| field.name == id));
        }
        method.check().map_err(|error| self.wrong(error.to_string()))?;
        let mut trains = vec![TrainConfig::default_for(kind)];
        for field in all.iter().flat_map(|all| all.fields()).chain(self.fields()) {
            if default.contains_key(field.name) {
                let values = match field.value {
                    DeValue::Array(_) if field.name == "learning_rate" => field.some(field.list()?)?,
                    _ => vec![field],
                };
                let each = trains.iter().flat_map(|train| values.iter().map(move |value| value.set(train)));
                trains = each.collect::<Result<_, _>>()?;
                // The same rate twice is one.
                trains.dedup();
            }
        }
        let precisions = match self.get("base_precision") {
            None => vec![None],
            Some(field) if field.value.is_array() => field.some(field.list()?)?.into_iter().map(Some).collect(),
            Some(field) => vec![Some(field)],
        };
        let mut methods = Vec::new();
        for precision in precisions {
            let on = match precision {
                None => method.clone(),
                Some(field) => {
                    let precision: Precision =
                        field.text()?.parse().map_err(|error| field.wrong(format!("{error}")))?;
                    method.clone().on(precision).map_err(|error| field.wrong(error.to_string()))?
                }
            };
            methods.extend(trains.iter().map(|train| (on.clone(), train.clone())));
        }
        Ok(methods)
    }
}

impl<'a> Field<'a> {
    fn wrong(&self, reason: impl Into<String>) -> ExperimentError {
        ExperimentError { line: line(self.text, self.at), reason: format!("{}: {}", self.name, reason.into()) }
    }

    fn table(self) -> Result<Table<'a>, ExperimentError> {
        let table = self.value.as_table().ok_or_else(|| self.wrong("it is a table"))?;
        Ok(Table { text: self.text, at: self.at, table })
    }

    /// The values of a list, each with its place.
    fn list(&self) -> Result<Vec<Field<'a>>, ExperimentError> {
        let list = self.value.as_array().ok_or_else(|| self.wrong("it is a list: write […]"))?;
        let item = |item: &'a Spanned<DeValue<'a>>| Field { at: item.span().start, value: item.get_ref(), ..*self };
        Ok(list.iter().map(item).collect())
    }

    fn some(&self, list: Vec<Field<'a>>) -> Result<Vec<Field<'a>>, ExperimentError> {
        if list.is_empty() { Err(self.wrong("the list is empty")) } else { Ok(list) }
    }

    fn text(&self) -> Result<String, ExperimentError> {
        self.value.as_str().map(str::to_owned).ok_or_else(|| self.wrong("it is a text: write it in quotes"))
    }

    fn task(&self) -> Result<String, ExperimentError> {
        let id = self.text()?;
        let known = || Task::ALL.map(Task::id).join(", ");
        Task::from_id(&id).ok_or_else(|| self.wrong(format!("no task is called “{id}”; the tasks are {}", known())))?;
        Ok(id)
    }

    fn whole(&self) -> Result<i64, ExperimentError> {
        let number = self.value.as_integer().and_then(|i| i64::from_str_radix(i.as_str(), i.radix()).ok());
        number.ok_or_else(|| self.wrong("it is a whole number"))
    }

    fn at_least(&self, least: usize) -> Result<usize, ExperimentError> {
        let number = usize::try_from(self.whole()?).ok().filter(|number| *number >= least);
        number.ok_or_else(|| self.wrong(format!("it must be at least {least}")))
    }

    fn json(&self) -> Result<Value, ExperimentError> {
        Ok(match self.value {
            DeValue::String(text) => text.as_ref().into(),
            DeValue::Integer(_) => self.whole()?.into(),
            DeValue::Float(number) => number.as_str().parse::<f64>().map_err(|_| self.wrong("it is a number"))?.into(),
            DeValue::Boolean(flag) => (*flag).into(),
            _ => return Err(self.wrong("it is a number, a text, true or false")),
        })
    }

    /// As the command line gives a setting; a list's values are parted by commas.
    fn plain(&self) -> Result<String, ExperimentError> {
        let of = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match self.value {
            DeValue::Array(_) => {
                Ok(self.list()?.iter().map(|item| Ok(of(item.json()?))).collect::<Result<Vec<_>, _>>()?.join(","))
            }
            _ => Ok(of(self.json()?)),
        }
    }

    /// `train` with this field's value.
    fn set(&self, train: &TrainConfig) -> Result<TrainConfig, ExperimentError> {
        let Ok(Value::Object(mut all)) = serde_json::to_value(train) else { unreachable!("settings are plain fields") };
        all.insert(self.name.to_owned(), self.json()?);
        let train: TrainConfig = serde_json::from_value(Value::Object(all)).map_err(|e| self.wrong(e.to_string()))?;
        train.check().map_err(|error| self.wrong(error.rule))?;
        Ok(train)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"version = 1
bases = ["story-50k", "story-110k"]
task = "translation"
sizes = [16, 64]
seeds = 2
[train]
max_steps = 40
[[methods]]
method = "full"
[[methods]]
method = "lora"
rank = 4
targets = ["query", "value"]
learning_rate = [1e-3, 0.005]
base_precision = ["f32", "nf4"]
"#;

    #[test]
    fn a_file_is_read_with_its_defaults_and_lists() {
        let file = ExperimentFile::read(WHOLE).unwrap();
        assert_eq!((file.bases.len(), file.sizes.clone(), file.seeds), (2, vec![16, 64], 2));
        assert!(file.methods.iter().all(|(_, train)| train.max_steps == 40 && train.sequence == TrainConfig::SEQUENCE));
        let each: Vec<_> =
            file.methods.iter().map(|(m, t)| (m.kind().id(), m.base_precision().id(), t.learning_rate)).collect();
        let lora = |held, rate| ("lora", held, rate);
        assert_eq!(
            each,
            [("full", "f32", 1e-3), lora("f32", 1e-3), lora("f32", 5e-3), lora("nf4", 1e-3), lora("nf4", 5e-3)]
        );
        let Method::Lora(lora) = &file.methods[1].0 else { panic!("{file:?}") };
        assert_eq!(
            (lora.rank, lora.alpha, lora.targets.len()),
            (4, 8.0, 2),
            "alpha follows the rank, as on the command line"
        );
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let own = r#"version = 1
bases = ["a"]
sequence = 128
sizes = [8]
[data]
files = ["a \"b\".jsonl", "c.csv"]
columns = "prompt=q,completion=a"
skip_bad_lines = true
[[methods]]
method = "prompt"
virtual = 4
schedule = "Linear"
"#;
        for text in [WHOLE, own] {
            let file = ExperimentFile::read(text).unwrap();
            assert_eq!(ExperimentFile::read(&file.to_toml()).as_ref(), Ok(&file), "{}", file.to_toml());
        }
        assert_eq!(ExperimentFile::read(own).unwrap().sequence, Some(128));
    }

    #[test]
    fn an_error_names_the_line_and_what_is_allowed() {
        let cases = [
            ("version = 1", "version = 2", 1, "version: this lab reads version 1"),
            ("version = 1\n", "", 1, "version is missing"),
            ("seeds = 2", "seeds = 0", 5, "seeds: it must be at least 1"),
            ("seeds = 2", "seed = 2", 5, "“seed” is not known here; known are version, bases, task"),
            ("translation", "translatoin", 3, "the tasks are headlines"),
            ("rank = 4", "rang = 4", 12, "“rang” is not known here; known are method, base_precision, rank, alpha"),
            ("rank = 4", "rank = \"x\"", 12, "rank: it is a whole number"),
            ("rank = 4", "rank = 0", 10, "rank is 0: it must be at least 1"),
            ("\"full\"", "\"fill\"", 9, "the methods are full, lora"),
            ("\"nf4\"", "\"nf3\"", 15, "nf3"),
            ("method = \"full\"", "method = \"full\"\nbase_precision = \"nf4\"", 10, "use LoRA or prompt tuning"),
            ("max_steps = 40", "max_steps = 0", 7, "max_steps: it must be at least 1"),
            ("max_steps = 40", "max_steps = 1.5", 7, "max_steps: invalid type"),
            ("max_steps = 40", "steps = 40", 7, "“steps” is not known here; known are accumulate, batch_size"),
            ("0.005]", "-1]", 14, "learning_rate: it must be above 0"),
            ("0.005]", "]", 0, ""),
            ("[16, 64]", "[]", 4, "sizes: the list is empty"),
            ("[16, 64]", "16", 4, "sizes: it is a list"),
            ("[16, 64]", "[16, 64", 5, "array"),
            ("task = \"translation\"\n", "", 1, "it names no data"),
        ];
        for (old, new, line, reason) in cases {
            let text = WHOLE.replacen(old, new, 1);
            assert_ne!(text, WHOLE, "{old}");
            match ExperimentFile::read(&text) {
                Ok(_) => assert_eq!(line, 0, "{text}"),
                Err(error) => assert!(error.line == line && error.reason.contains(reason), "{old} → {new}: {error}"),
            }
        }
    }
}
