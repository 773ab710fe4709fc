//! Which columns hold what: by the names that fine-tuning data usually has, or as the visitor chose.

use super::names::{self, find};
use super::table::Table;
use super::value::Value;
use super::{ColumnChoice, UserError};
use crate::record::{FieldRole, FieldUse};

/// A part of a record: a column, and the path within its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub column: usize,
    pub path: Option<String>,
}

/// What a record's columns are read as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Roles {
    pub system: Option<Part>,
    pub history: Option<Part>,
    /// What the answer follows from, in the order of reading.
    pub asked: Vec<Part>,
    pub learned: Part,
    /// Whether it is the better of two answers: of a conversation the last answer alone.
    pub preferred: bool,
    /// Says whether the answer is wanted.
    pub wanted: Option<Part>,
    /// What was hard to guess.
    pub note: Option<String>,
}

/// Says that there are several columns to join.
const JOIN: char = '+';

impl Part {
    fn column(column: usize) -> Part {
        Part { column, path: None }
    }

    /// Its value in a row.
    pub fn of<'a>(&self, row: &'a [Option<Value>]) -> Option<&'a Value> {
        let value = row.get(self.column)?.as_ref()?;
        self.path.as_ref().map_or(Some(value), |path| value.at(path))
    }
}

impl Roles {
    /// As the visitor chose.
    pub fn chosen(table: &Table, file: &str, choice: &ColumnChoice) -> Result<Roles, UserError> {
        let part = |name: &str| {
            table.part(name.trim()).ok_or_else(|| UserError::NoColumn {
                file: file.to_owned(),
                asked: name.to_owned(),
                columns: table.columns.join(", "),
            })
        };
        let learned = part(&choice.completion)?;
        let asked: Vec<Part> = match choice.prompt.as_deref() {
            None => Vec::new(),
            Some(name) if table.part(name.trim()).is_some() => vec![part(name)?],
            Some(names) => names.split(JOIN).map(part).collect::<Result<_, _>>()?,
        };
        // What belongs to them by name comes along: an instruction's input, a conversation's system prompt.
        let guessed = Roles::of(table, asked.first().map(|part| part.column), learned.column);
        let system = guessed.system.filter(|_| asked.is_empty());
        let asked = if asked.len() == 1 && asked[0].path.is_none() { guessed.asked } else { asked };
        let preferred = names::is_one_of(&table.columns[learned.column], &names::CHOSEN);
        Ok(Roles { system, asked, learned, preferred, history: None, wanted: None, note: None })
    }

    /// By the columns' names; a hard guess is noted. None where no column holds text.
    pub fn guessed(table: &Table) -> Option<Roles> {
        let columns = &table.columns;
        let usable = |at: usize| !table.numbers_rows(at) && !names::is_rejected(&columns[at]);
        let named = |names: &[&str], not: Option<usize>| find(columns, names, |at| usable(at) && Some(at) != not);
        if let Some(chosen) = named(&names::CHOSEN, None) {
            let prompt = named(&names::PROMPTS, Some(chosen));
            return Some(Roles { preferred: true, ..Roles::of(table, prompt, chosen) });
        }
        let text = named(&names::TEXTS, None);
        // A title is the task where there is nothing else to learn.
        let title = || named(&names::TITLES, None).filter(|_| text.is_none());
        let completion = named(&names::COMPLETIONS, None).or_else(title);
        let is_chat = |at: usize| usable(at) && table.is_chat(at);
        let any_chat = || (0..columns.len()).find(|&at| completion.is_none() && is_chat(at));
        if let Some(chat) = find(columns, &names::CHATS, is_chat).or_else(any_chat) {
            return Some(Roles::of(table, None, chat));
        }
        let texts = |not| (0..columns.len()).filter(move |&at| Some(at) != not && usable(at) && table.holds_text(at));
        if let Some(completion) = completion {
            return Some(match named(&names::PROMPTS, Some(completion)) {
                Some(prompt) => Roles::of(table, Some(prompt), completion),
                None => Roles::noted(table, texts(Some(completion)).collect(), completion),
            });
        }
        if text.is_some() {
            return text.map(|text| Roles::of(table, None, text));
        }
        let prompt = named(&names::PROMPTS, None);
        match texts(None).collect::<Vec<_>>()[..] {
            [] => None,
            [one] => Some(Roles::of(table, None, one)),
            [first, second] if prompt == Some(first) => Some(Roles::of(table, prompt, second)),
            [first, second] if prompt == Some(second) => Some(Roles::of(table, prompt, first)),
            [first, second] => Some(Roles::noted(table, vec![first], second)),
            _ => {
                let wordiest = texts(None).max_by_key(|&at| table.bytes(at))?;
                Some(Roles::noted(table, Vec::new(), wordiest))
            }
        }
    }

    /// A column to learn, with its prompt and all that belongs to them by name.
    fn of(table: &Table, prompt: Option<usize>, learned: usize) -> Roles {
        let columns = &table.columns;
        let free = |at: usize| {
            at != learned && Some(at) != prompt && !table.numbers_rows(at) && !names::is_rejected(&columns[at])
        };
        let named = |names: &[&str]| find(columns, names, free).map(Part::column);
        let mut asked: Vec<usize> = prompt.into_iter().collect();
        if let Some(prompt) = prompt.filter(|&at| !table.is_chat(at)) {
            let is = |at: usize, list: &[&str]| names::is_one_of(&columns[at], list);
            let instructs = is(prompt, &["instruction", "instructions"]);
            let spoken_of = |at: usize| is(at, &names::CONTEXTS) || instructs && is(at, &names::INSTRUCTED);
            asked.extend((0..columns.len()).filter(|&at| free(at) && spoken_of(at) && table.holds_text(at)));
            // What the file has before a question is read before it; an instruction comes first.
            if !is(prompt, &names::LEADING) {
                asked.sort_unstable();
            }
        }
        let wanted = find(columns, &names::WANTED, |at| free(at) && table.is_yes_or_no(at));
        let converses = prompt.is_some() || table.is_chat(learned);
        Roles {
            system: converses.then(|| named(&names::SYSTEMS)).flatten(),
            history: prompt.and_then(|_| named(&names::HISTORIES)),
            asked: asked.into_iter().map(Part::column).collect(),
            learned: Part::column(learned),
            preferred: false,
            wanted: wanted.filter(|_| prompt.is_some()).map(Part::column),
            note: None,
        }
    }

    /// A guess, which is said.
    fn noted(table: &Table, asked: Vec<usize>, learned: usize) -> Roles {
        let names: Vec<String> = asked.iter().map(|&at| format!("“{}”", table.columns[at])).collect();
        let prompt = if names.is_empty() { "no prompt".into() } else { names.join(" and ") + " as the prompt" };
        let text = &table.columns[learned];
        let note = format!("Took {prompt} and “{text}” as the text to learn; choose other columns if that is wrong.");
        let asked = asked.into_iter().map(Part::column).collect();
        Roles { asked, note: Some(note), ..Roles::of(table, None, learned) }
    }

    /// Every column with its role.
    pub fn fields(&self, table: &Table) -> Vec<FieldUse> {
        let is = |part: &Option<Part>, at: usize| part.as_ref().is_some_and(|part| part.column == at);
        let role = |at: usize| match at {
            _ if self.learned.column == at && table.is_chat(at) => FieldRole::Messages,
            _ if self.learned.column == at && self.asked.is_empty() => FieldRole::Text,
            _ if self.learned.column == at => FieldRole::Completion,
            _ if self.asked.iter().any(|part| part.column == at) => FieldRole::Prompt,
            _ if is(&self.system, at) => FieldRole::System,
            _ if is(&self.history, at) => FieldRole::History,
            _ if is(&self.wanted, at) => FieldRole::Wanted,
            _ if names::is_rejected(&table.columns[at]) => FieldRole::Rejected,
            _ => FieldRole::Unused,
        };
        let name = |at: usize| table.columns[at].clone();
        (0..table.columns.len()).map(|at| FieldUse { name: name(at), role: role(at) }).collect()
    }

    /// The choice that reads the same.
    pub fn choice(&self, table: &Table) -> ColumnChoice {
        let name = |part: &Part| match &part.path {
            Some(path) => format!("{}.{path}", table.columns[part.column]),
            None => table.columns[part.column].clone(),
        };
        let prompt: Vec<String> = self.asked.iter().map(name).collect();
        let prompt = (!prompt.is_empty()).then(|| prompt.join(&JOIN.to_string()));
        ColumnChoice { prompt, completion: name(&self.learned) }
    }
}
