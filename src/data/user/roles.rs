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
pub(super) const JOIN: char = '+';

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
                columns: table.columns.clone(),
            })
        };
        let learned = part(&choice.completion)?;
        let asked: Vec<Part> = match choice.prompt.as_deref() {
            None => Vec::new(),
            Some(name) if table.part(name.trim()).is_some() => vec![part(name)?],
            Some(names) => names.split(JOIN).map(part).collect::<Result<_, _>>()?,
        };
        // The prompt is what was named and nothing else. What a choice has no word for holds as it would without it:
        // earlier turns, a conversation's system prompt, and a label that says that an answer is not wanted.
        let guessed = Roles::of(table, asked.first().map(|part| part.column), learned.column);
        let beside = |part: Option<Part>| part.filter(|part| !asked.contains(part));
        let speaks = |part: &Part| part.path.is_none() && table.is_chat(part.column);
        let system = beside(guessed.system).filter(|_| speaks(&learned) || asked.iter().any(speaks));
        let (history, wanted) = (beside(guessed.history), beside(guessed.wanted));
        let preferred = names::is_one_of(&table.columns[learned.column], &names::CHOSEN);
        Ok(Roles { system, history, wanted, asked, learned, preferred, note: None })
    }

    /// By the columns' names; a hard guess is noted, one among several refused. None where no column holds text.
    pub fn guessed(table: &Table, file: &str) -> Result<Option<Roles>, UserError> {
        let columns = &table.columns;
        let usable = |at: usize| !table.numbers_rows(at) && !names::is_rejected(&columns[at]);
        let named = |names: &[&str], not: Option<usize>| find(columns, names, |at| usable(at) && Some(at) != not);
        let is_chat = |at: usize| usable(at) && table.is_chat(at);
        let some = |roles: Roles| Ok(Some(roles));
        if let Some(chosen) = named(&names::CHOSEN, None) {
            let talk = || find(columns, &names::CHATS, |at| at != chosen && is_chat(at));
            let prompt = named(&names::PROMPTS, Some(chosen)).or_else(talk);
            return some(Roles { preferred: true, ..Roles::of(table, prompt, chosen) });
        }
        let text = named(&names::TEXTS, None);
        // A title is the task where there is nothing else to learn.
        let title = || named(&names::TITLES, None).filter(|_| text.is_none());
        let completion = named(&names::COMPLETIONS, None).or_else(title);
        let any_chat = || (0..columns.len()).find(|&at| completion.is_none() && is_chat(at));
        if let Some(chat) = find(columns, &names::CHATS, is_chat).or_else(any_chat) {
            let answer = completion.filter(|&at| at != chat && table.awaits_answer(chat));
            return some(answer.map_or_else(|| Roles::of(table, None, chat), |at| Roles::of(table, Some(chat), at)));
        }
        if let Some(completion) = completion {
            return some(Roles::answering(table, completion, |not| {
                find(columns, &names::PROMPTS, |at| usable(at) && at != completion && Some(at) != not)
            }));
        }
        if let Some(text) = text {
            // A text that repeats its prompt is learned as a whole.
            let apart = |at: &usize| !table.stands_in(*at, text, |whole, part| whole.starts_with(part));
            return match named(&names::QUESTIONS, Some(text)) {
                Some(question) => Err(unclear(table, file, question, &[text])),
                None => some(Roles::of(table, named(&names::LEADING, Some(text)).filter(apart), text)),
            };
        }
        // A conversation whose turns are not read is refused by its name, and nothing else is learned instead.
        if let Some(odd) = find(columns, &names::CHATS, |at| usable(at) && table.is_list(at)) {
            return some(Roles::of(table, None, odd));
        }
        let texts: Vec<usize> = (0..columns.len()).filter(|&at| usable(at) && table.holds_text(at)).collect();
        let prompt = named(&names::PROMPTS, None).or_else(|| named(&names::HISTORIES, None));
        match (&texts[..], prompt) {
            ([], _) => Ok(None),
            (&[one], _) => some(Roles::of(table, None, one)),
            (&[first, second], Some(prompt)) if prompt == first => some(Roles::of(table, Some(prompt), second)),
            (&[first, second], Some(prompt)) if prompt == second => some(Roles::of(table, Some(prompt), first)),
            (&[first, second], _) => some(Roles::noted(table, vec![first], second)),
            (_, Some(prompt)) => {
                let beside = [&names::CONTEXTS[..], &names::SYSTEMS, &names::HISTORIES, &names::TITLES].concat();
                let may =
                    |at: &usize| *at != prompt && !names::is_one_of(&columns[*at], &beside) && table.holds_words(*at);
                match texts.into_iter().filter(may).collect::<Vec<_>>()[..] {
                    [one] => some(Roles::of(table, Some(prompt), one)),
                    ref candidates => Err(unclear(table, file, prompt, candidates)),
                }
            }
            (texts, None) => {
                let wordiest = texts.iter().copied().max_by_key(|&at| table.bytes(at));
                Ok(wordiest.map(|wordiest| Roles::noted(table, Vec::new(), wordiest)))
            }
        }
    }

    /// A known answer with what it answers, of the columns that `prompts` gives one after another. One that holds its
    /// answer too is not read where there is another.
    fn answering(table: &Table, completion: usize, prompts: impl Fn(Option<usize>) -> Option<usize>) -> Roles {
        let columns = &table.columns;
        let Some(prompt) = prompts(None) else {
            let holds =
                |at: usize| table.stands_in(completion, at, |whole, part| part.len() > 8 && whole.contains(part));
            let may = |at: &usize| {
                let usable = !table.numbers_rows(*at) && !names::is_rejected(&columns[*at]);
                *at != completion && usable && table.holds_text(*at) && !holds(*at)
            };
            return Roles::noted(table, (0..columns.len()).filter(may).collect(), completion);
        };
        let at_its_end = |whole: &str, part: &str| whole.ends_with(part) || whole.starts_with(part);
        if !table.stands_in(completion, prompt, at_its_end) {
            return Roles::of(table, Some(prompt), completion);
        }
        let said = format!("In nearly all records “{}” holds “{}” too", columns[prompt], columns[completion]);
        let other = prompts(Some(prompt)).filter(|&at| table.stands_in(at, prompt, |whole, part| whole.contains(part)));
        let note = match other {
            Some(at) => format!("{said}: “{}” is read as the prompt instead.", columns[at]),
            None => format!("{said}; choose other columns if the model should not read the answer."),
        };
        let roles = Roles::of(table, other.or(Some(prompt)), completion);
        let asked = roles.asked.into_iter().filter(|part| other.is_none() || part.column != prompt).collect();
        Roles { asked, note: Some(note), ..roles }
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
            wanted: wanted.filter(|_| converses).map(Part::column),
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
        let whole = self.learned.path.is_none();
        let role = |at: usize| match at {
            _ if self.learned.column == at && whole && table.is_chat(at) => FieldRole::Messages,
            _ if self.learned.column == at && self.asked.is_empty() => FieldRole::Text,
            _ if self.learned.column == at => FieldRole::Completion,
            _ if self.asked.iter().any(|part| part.column == at) => FieldRole::Prompt,
            _ if is(&self.system, at) => FieldRole::System,
            _ if is(&self.history, at) => FieldRole::History,
            _ if is(&self.wanted, at) => FieldRole::Wanted,
            _ if names::is_rejected(&table.columns[at]) => FieldRole::Rejected,
            _ => FieldRole::Unused,
        };
        // Of a column of which parts are read, these stand for it.
        let part = |part: &Part, role: FieldRole| FieldUse { name: table.name(part), role };
        let learned = if self.asked.is_empty() { FieldRole::Text } else { FieldRole::Completion };
        let parts = |at: usize| -> Vec<FieldUse> {
            let prompts = self.asked.iter().map(|asked| (asked, FieldRole::Prompt));
            let used = prompts.chain([(&self.learned, learned)]).filter(|(part, _)| part.column == at);
            used.map(|(used, role)| part(used, role)).collect()
        };
        let of = |at: usize| match parts(at) {
            parts if parts.len() > 1 => parts,
            _ => vec![FieldUse { name: table.columns[at].clone(), role: role(at) }],
        };
        (0..table.columns.len()).flat_map(of).collect()
    }

    /// Every part that is read.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        let beside = [&self.system, &self.history, &self.wanted].into_iter().flatten();
        self.asked.iter().chain([&self.learned]).chain(beside)
    }

    /// The choice that reads the same.
    pub fn choice(&self, table: &Table) -> ColumnChoice {
        let speaks = self.asked.iter().chain([&self.learned]).any(|part| table.is_chat(part.column));
        // What stands before a question that is text is read as its lines.
        let before = [&self.system, &self.history].into_iter().flatten().filter(|_| !speaks && !self.asked.is_empty());
        let prompt: Vec<String> = before.chain(&self.asked).map(|part| table.name(part)).collect();
        let prompt = (!prompt.is_empty()).then(|| prompt.join(&JOIN.to_string()));
        ColumnChoice { prompt, completion: table.name(&self.learned) }
    }
}

fn unclear(table: &Table, file: &str, prompt: usize, candidates: &[usize]) -> UserError {
    let names: Vec<&str> = candidates.iter().map(|&at| table.columns[at].as_str()).collect();
    let candidates =
        if names.is_empty() { "none of the columns is known by its name".into() } else { names.join(", ") };
    let (file, prompt) = (file.to_owned(), table.columns[prompt].clone());
    UserError::Unclear { file, prompt, candidates, columns: table.columns.clone() }
}
