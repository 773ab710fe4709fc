//! Rows to examples: each by its roles, with what keeps a row from being one.

use super::chat::{self, Seen, Turn};
use super::json;
use super::malformed::Malformed;
use super::names;
use super::roles::{Part, Roles};
use super::table::{Row, Table, is_printed, yes};
use super::value::Value;
use crate::data::{Example, Message, plain_chat};
use crate::record::LeftOut;
use std::collections::BTreeSet;

/// The examples of a table, and what was decided on the way.
#[derive(Default)]
pub(super) struct Made {
    pub examples: Vec<Example>,
    pub left_out: Vec<LeftOut>,
    pub notes: Vec<String>,
}

/// What a row gives.
enum Outcome {
    Examples(Vec<Example>),
    /// There is nothing to learn in it.
    Nothing(&'static str),
}

/// Counters over a file's rows.
#[derive(Default)]
struct Counts {
    seen: Seen,
    without_prompt: usize,
    several: usize,
    /// Answers that end with white space.
    trimmed: usize,
}

/// The rows as examples. Those that cannot be are added to the malformed.
pub(super) fn examples(table: &Table, roles: &Roles, malformed: &mut Malformed) -> Made {
    let mut made = Made::default();
    let mut counts = Counts::default();
    let learned = &table.columns[roles.learned.column];
    let printed: Vec<&Part> = roles.parts().filter(|part| prints(table, roles, part)).collect();
    for row in &table.rows {
        let example = readable(table, roles, row, &printed).and_then(|()| example(table, roles, row, &mut counts));
        match example {
            Ok(Outcome::Examples(examples)) => made.examples.extend(examples),
            Ok(Outcome::Nothing(reason)) => match made.left_out.iter_mut().find(|left| left.reason == reason) {
                Some(left) => left.count += 1,
                None => made.left_out.push(LeftOut { count: 1, reason: reason.to_owned() }),
            },
            Err(reason) => malformed.add(row.at, || reason),
        }
    }
    made.notes.extend(roles.note.clone());
    made.notes.extend(counts.seen.notes());
    if counts.several > 0 {
        made.notes
            .push(format!("“{learned}” lists several answers in {} records: the first is learned.", counts.several));
    }
    if counts.trimmed > 0 {
        let answers = counts.trimmed;
        made.notes.push(format!("White space after an answer is not learned, the end of text is: {answers}."));
    }
    if counts.without_prompt > 0 {
        let records = counts.without_prompt;
        made.notes.push(format!("Records without a prompt, learned as text from their first token on: {records}."));
    }
    made
}

/// Whether a part's texts are lists or objects as Python prints them, which no one means to be learned. A format that
/// knows more than text would have held them as such, so that there an answer may be code.
fn prints(table: &Table, roles: &Roles, part: &Part) -> bool {
    let stands = names::stands(&table.columns[part.column]);
    let meant = stands && !(table.text_only && *part == roles.learned);
    part.path.is_none() && !meant && table.is_printed(part.column)
}

/// Refuses a row of which a part that is read cannot be.
fn readable(table: &Table, roles: &Roles, row: &Row, printed: &[&Part]) -> Result<(), String> {
    let reads = |column: &str| {
        let rest = |part: &Part| table.columns[part.column].strip_prefix(column);
        roles.parts().filter_map(rest).any(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if let Some(broken) = row.broken.iter().find(|broken| reads(&broken.column)) {
        return Err(broken.reason.clone());
    }
    for part in printed {
        let text = part.of(&row.cells).and_then(Value::as_text).filter(|text| is_printed(text));
        let kind = text.map(|text| if text.trim_start().starts_with('{') { "an object" } else { "a list" });
        if let Some(kind) = kind {
            let column = &table.columns[part.column];
            return Err(format!("“{column}” holds {kind} as Python prints it: write it as JSON (json.dumps)"));
        }
    }
    Ok(())
}

/// Refuses a record that has no answer where the others have theirs, but one elsewhere.
fn of_another_shape(table: &Table, roles: &Roles, row: &Row) -> Result<(), String> {
    let has = |at: usize| row.cells.get(at).is_some_and(Option::is_some);
    let asked = roles.asked.iter().any(|part| has(part.column));
    let answers = |at: &usize| {
        let name = table.columns[*at].as_str();
        let list = [&names::COMPLETIONS[..], &names::CHATS, &names::CHOSEN].concat();
        has(*at) && roles.parts().all(|part| part.column != *at) && names::is_one_of(name, &list)
    };
    match (0..table.columns.len()).find(answers).filter(|_| !asked) {
        None => Ok(()),
        Some(at) => {
            let (missing, found) = (&table.columns[roles.learned.column], &table.columns[at]);
            Err(format!("has no “{missing}” as other records have, but “{found}”: give each kind as a file of its own"))
        }
    }
}

fn example(table: &Table, roles: &Roles, row: &Row, counts: &mut Counts) -> Result<Outcome, String> {
    if roles.wanted.as_ref().and_then(|part| part.of(&row.cells)).and_then(yes) == Some(false) {
        return Ok(Outcome::Nothing("their label says that the answer is not wanted"));
    }
    let name = |part: &Part| table.columns[part.column].as_str();
    let nothing = Ok(Outcome::Nothing("nothing to learn in them"));
    let Some(learned) = roles.learned.of(&row.cells) else {
        of_another_shape(table, roles, row)?;
        return nothing;
    };
    let value = |part: &Option<Part>| part.as_ref().and_then(|part| part.of(&row.cells));
    let asked: Vec<&Value> = roles.asked.iter().filter_map(|part| part.of(&row.cells)).collect();
    let speaks = asked.iter().any(|value| chat::is_messages(value));
    if speaks || chat::is_messages(learned) {
        return conversation(roles, [value(&roles.system), value(&roles.history)], &asked, learned, counts);
    }
    if let Some(examples) = segments(learned) {
        return Ok(if examples.is_empty() {
            Outcome::Nothing("nothing to learn in them")
        } else {
            Outcome::Examples(examples)
        });
    }
    let is_chat = names::is_one_of(name(&roles.learned), &names::CHATS) && roles.learned.path.is_none();
    let text = match learned {
        Value::List(list) if is_chat && !list.is_empty() => return Err(chat::unread(name(&roles.learned), learned)),
        Value::List(_) => {
            let texts = texts(learned).ok_or_else(|| refused(name(&roles.learned), learned))?;
            if texts.len() > 1 && !names::is_one_of(name(&roles.learned), &names::ANSWERS) {
                return Err(refused(name(&roles.learned), learned));
            }
            counts.several += usize::from(texts.len() > 1);
            texts.into_iter().next().unwrap_or_default()
        }
        other => other.scalar().ok_or_else(|| refused(name(&roles.learned), learned))?,
    };
    if is_chat && text.trim_start().starts_with("[{") {
        let why = json::value(&text).err().unwrap_or_else(|| "no turns".to_owned());
        return Err(format!("“{}” is no list of messages: {why}", name(&roles.learned)));
    }
    // Where it ends the end of text is learned, which no line break need say.
    let whole = text;
    let text = whole.trim_end();
    if text.is_empty() {
        return nothing;
    }
    counts.trimmed += usize::from(text.len() < whole.len());
    if let Some((prompt, answer)) = transcript(text).filter(|_| roles.preferred && asked.is_empty()) {
        return Ok(Outcome::Examples(vec![Example::new(prompt, answer)]));
    }
    let mut lines: Vec<String> = Vec::new();
    if let Some(system) = value(&roles.system) {
        lines.push(joined(system).ok_or_else(|| refused("system", system))?);
    }
    if let Some(history) = value(&roles.history) {
        lines.push(said_before(history, &mut counts.seen)?);
    }
    for part in &roles.asked {
        if let Some(value) = part.of(&row.cells) {
            lines.push(match names::is_one_of(name(part), &names::HISTORIES) {
                true => said_before(value, &mut counts.seen)?,
                false => joined(value).ok_or_else(|| refused(name(part), value))?,
            });
        }
    }
    Ok(Outcome::Examples(vec![match prompt(&lines) {
        Some(prompt) => Example::new(prompt, text),
        None => {
            counts.without_prompt += usize::from(!roles.asked.is_empty());
            Example::text(text)
        }
    }]))
}

/// What is asked, part by part. White space at its begin and end is as in the file; where it ends with none, a line break
/// tells the model where the prompt ends.
fn prompt(parts: &[String]) -> Option<String> {
    let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.trim().is_empty()).collect();
    let (last, before) = parts.split_last()?;
    let mut prompt = String::new();
    for part in before {
        prompt += if prompt.is_empty() { part } else { part.trim_start_matches(['\n', '\r']) }.trim_end();
        prompt.push('\n');
    }
    prompt += if prompt.is_empty() { last } else { last.trim_start_matches(['\n', '\r']) };
    if !prompt.ends_with(char::is_whitespace) {
        prompt.push('\n');
    }
    Some(prompt)
}

/// axolotl's segments of text, each of them learned or not: an example of each that is, after all before it.
fn segments(value: &Value) -> Option<Vec<Example>> {
    let segment = |value: &Value| match (value.get("label")?, value.get("text")?) {
        (Value::Bool(learned), Value::Text(text)) => Some((*learned, text.clone())),
        _ => None,
    };
    let list = value.as_list().filter(|list| !list.is_empty())?;
    let segments = list.iter().map(segment).collect::<Option<Vec<_>>>()?;
    let (mut examples, mut before) = (Vec::new(), String::new());
    for (learned, text) in segments {
        if learned && !text.trim().is_empty() {
            examples.push(Example::new(before.as_str(), text.as_str()));
        }
        before += &text;
    }
    Some(examples)
}

/// An example of each answer that is learned: of the learned part's turns, which may begin with those of the prompt.
fn conversation(
    roles: &Roles,
    [system, history]: [Option<&Value>; 2],
    asked: &[&Value],
    learned: &Value,
    counts: &mut Counts,
) -> Result<Outcome, String> {
    let seen = &mut counts.seen;
    let context = |role: &str, text: String| Turn { message: Message::new(role, text), learned: false };
    let mut turns: Vec<Turn> = Vec::new();
    for value in asked {
        match value.as_list().filter(|_| chat::is_messages(value)) {
            Some(list) => turns.extend(chat::turns(list, seen)?),
            None => turns.extend(joined(value).map(|text| context("user", text))),
        }
    }
    let answers = match learned.as_list().filter(|_| chat::is_messages(learned)) {
        Some(list) => chat::turns(list, seen)?,
        None => {
            let text = joined(learned).ok_or_else(|| refused("the answer", learned))?;
            let learned = !text.trim().is_empty();
            vec![Turn { message: Message::new("assistant", text), learned }]
        }
    };
    let same = |(a, b): (&Turn, &Turn)| a.message.content.trim() == b.message.content.trim();
    let users = |turns: &[Turn]| turns.iter().filter(|turn| turn.message.role == "user").count();
    let repeats = answers.len() > turns.len() && turns.iter().zip(&answers).all(same);
    // The whole conversation may stand beside its prompt: only what answers it is learned.
    let whole = repeats || roles.preferred && users(&turns) > 0 && users(&answers) > 0;
    let first = if whole && !repeats { 0 } else { turns.len() };
    if whole {
        turns.clear();
    }
    turns.extend(answers);
    let earlier = history.map_or(Ok(Vec::new()), |history| earlier(history, seen))?;
    let first = first + earlier.len();
    turns.splice(0..0, earlier);
    finish(roles, system, turns, first)
}

/// Earlier turns of a conversation, which are not learned: messages, or pairs of question and answer.
fn earlier(history: &Value, seen: &mut Seen) -> Result<Vec<Turn>, String> {
    if history.scalar().is_some_and(|text| text.trim().is_empty()) {
        return Ok(Vec::new());
    }
    let pairs =
        || format!("“history” is {}, and beside a conversation a list of messages or of pairs is read", history.kind());
    let list = history.as_list().ok_or_else(pairs)?;
    if chat::is_messages(history) {
        let unlearned = |turn: Turn| Turn { learned: false, ..turn };
        return Ok(chat::turns(list, seen)?.into_iter().map(unlearned).collect());
    }
    let turn = |role: &str, text: &Value| -> Result<Turn, String> {
        let text = text.scalar().ok_or_else(|| refused("history", history))?;
        Ok(Turn { message: Message::new(role, text), learned: false })
    };
    let pair = |pair: &Value| -> Result<[Turn; 2], String> {
        match pair.as_list() {
            Some([asked, answer]) => Ok([turn("user", asked)?, turn("assistant", answer)?]),
            _ => Err(refused("history", history)),
        }
    };
    Ok(list.iter().map(pair).collect::<Result<Vec<_>, String>>()?.into_iter().flatten().collect())
}

fn finish(roles: &Roles, system: Option<&Value>, mut turns: Vec<Turn>, mut first: usize) -> Result<Outcome, String> {
    let system = system.and_then(joined).filter(|text| !text.trim().is_empty());
    let roles_found: BTreeSet<&str> = turns.iter().map(|turn| turn.message.role.as_str()).collect();
    let roles_found = roles_found.into_iter().collect::<Vec<_>>().join(", ");
    let has_system = turns.first().is_some_and(|turn| turn.message.role == "system");
    if let Some(system) = system.filter(|system| !has_system || turns[0].message.content.trim() != system.trim()) {
        turns.insert(0, Turn { message: Message::new("system", system), learned: false });
        first += 1;
    }
    let answers = turns.iter().any(|turn| turn.message.role == "assistant");
    match chat::examples(turns, first, roles.preferred) {
        examples if !examples.is_empty() => Ok(Outcome::Examples(examples)),
        _ if answers => Ok(Outcome::Nothing("no answer in them is to be learned")),
        _ => Err(format!(
            "no message of the assistant to learn from: the roles are {roles_found}, and an answer's is assistant, gpt, model, \
             bot or ai"
        )),
    }
}

/// A scalar's text, or the lines of a list of texts.
fn joined(value: &Value) -> Option<String> {
    let lines = || value.as_list()?.iter().map(joined).collect::<Option<Vec<_>>>();
    let held = || value.first(&["text", "content", "value"])?.scalar();
    value.scalar().or_else(|| Some(lines()?.join("\n"))).or_else(held)
}

/// The texts of a list of texts, or of objects that hold one each.
fn texts(value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| value.scalar().or_else(|| value.first(&["text", "content", "value"])?.scalar());
    value.as_list()?.iter().map(text).collect()
}

/// Earlier turns as lines: pairs of question and answer, or messages.
fn said_before(history: &Value, seen: &mut Seen) -> Result<String, String> {
    if let Some(list) = history.as_list().filter(|_| chat::is_messages(history)) {
        let messages: Vec<Message> = chat::turns(list, seen)?.into_iter().map(|turn| turn.message).collect();
        return Ok(plain_chat(&messages, false));
    }
    let pairs = |list: &[Value]| list.iter().map(joined).collect::<Option<Vec<String>>>();
    let lines = history.as_list().and_then(pairs).map(|lines| lines.join("\n"));
    history.scalar().or(lines).ok_or_else(|| refused("history", history))
}

/// A conversation as one text, as Anthropic's preference data have it: what stands before the last answer, and it.
fn transcript(text: &str) -> Option<(&str, &str)> {
    const TURN: &str = "\n\nAssistant:";
    let at = text.rfind(TURN).filter(|_| text.trim_start().starts_with("Human:"))? + TURN.len();
    Some((&text[..at], &text[at..])).filter(|(_, answer)| !answer.trim().is_empty())
}

fn refused(column: &str, value: &Value) -> String {
    let part = match value {
        Value::List(values) if values.first().is_some_and(|first| first.as_object().is_some()) => {
            let first = values.first().and_then(Value::as_object).and_then(|fields| fields.first());
            first.map_or_else(|| format!("{column}.0"), |(name, _)| format!("{column}.0.{name}"))
        }
        Value::Object(fields) => fields.first().map_or_else(String::new, |(name, _)| format!("{column}.{name}")),
        _ => format!("{column}.0"),
    };
    format!("“{column}” is {}, not text: name the part to read, such as “{part}”", value.kind())
}
