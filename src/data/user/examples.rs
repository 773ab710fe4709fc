//! Rows to examples: each by its roles, with what keeps a row from being one.

use super::chat::{self, Seen, Turn};
use super::malformed::Malformed;
use super::names;
use super::roles::{Part, Roles};
use super::table::{Row, Table, yes};
use super::value::Value;
use crate::data::{Example, Message, plain_chat};
use crate::record::LeftOut;

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
}

/// The rows as examples. Those that cannot be are added to the malformed.
pub(super) fn examples(table: &Table, roles: &Roles, malformed: &mut Malformed) -> Made {
    let mut made = Made::default();
    let mut counts = Counts::default();
    let learned = &table.columns[roles.learned.column];
    for row in &table.rows {
        match example(table, roles, row, &mut counts) {
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
    if counts.without_prompt > 0 {
        let records = counts.without_prompt;
        made.notes.push(format!("Records without a prompt, learned as text from their first token on: {records}."));
    }
    made
}

fn example(table: &Table, roles: &Roles, row: &Row, counts: &mut Counts) -> Result<Outcome, String> {
    if roles.wanted.as_ref().and_then(|part| part.of(&row.cells)).and_then(yes) == Some(false) {
        return Ok(Outcome::Nothing("their label says that the answer is not wanted"));
    }
    let name = |part: &Part| table.columns[part.column].as_str();
    let nothing = Ok(Outcome::Nothing("nothing to learn in them"));
    let Some(learned) = roles.learned.of(&row.cells) else { return nothing };
    let value = |part: &Option<Part>| part.as_ref().and_then(|part| part.of(&row.cells));
    let asked: Vec<&Value> = roles.asked.iter().filter_map(|part| part.of(&row.cells)).collect();
    let speaks = asked.iter().any(|value| chat::is_messages(value));
    if speaks || chat::is_messages(learned) {
        return conversation(roles, value(&roles.system), &asked, learned, counts);
    }
    let text = match learned {
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
    if text.contains("[{'") && names::is_one_of(name(&roles.learned), &names::CHATS) {
        let column = name(&roles.learned);
        return Err(format!("“{column}” holds a list as Python prints it: write it as JSON (json.dumps)"));
    }
    let text = text.trim_end();
    if text.trim().is_empty() {
        return nothing;
    }
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
            lines.push(joined(value).ok_or_else(|| refused(name(part), value))?);
        }
    }
    let kept = lines.iter().map(|line| line.trim_end()).map(|line| line.trim_start_matches(['\n', '\r']));
    let lines: Vec<&str> = kept.filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        counts.without_prompt += usize::from(!roles.asked.is_empty());
        return Ok(Outcome::Examples(vec![Example::text(text)]));
    }
    // The line break tells the model where the prompt ends.
    Ok(Outcome::Examples(vec![Example::new(lines.join("\n") + "\n", text)]))
}

/// An example of each answer that is learned: of the learned part's turns, which may begin with those of the prompt.
fn conversation(
    roles: &Roles,
    system: Option<&Value>,
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
    finish(roles, system, turns, first)
}

fn finish(roles: &Roles, system: Option<&Value>, mut turns: Vec<Turn>, mut first: usize) -> Result<Outcome, String> {
    let system = system.and_then(joined).filter(|text| !text.trim().is_empty());
    let has_system = turns.first().is_some_and(|turn| turn.message.role == "system");
    if let Some(system) = system.filter(|system| !has_system || turns[0].message.content.trim() != system.trim()) {
        turns.insert(0, Turn { message: Message::new("system", system), learned: false });
        first += 1;
    }
    let answers = turns.iter().any(|turn| turn.message.role == "assistant");
    match chat::examples(turns, first, roles.preferred) {
        examples if !examples.is_empty() => Ok(Outcome::Examples(examples)),
        _ if answers => Ok(Outcome::Nothing("no answer in them is to be learned")),
        _ => Err("no message of the assistant to learn from".to_owned()),
    }
}

/// A scalar's text, or the lines of a list of texts.
fn joined(value: &Value) -> Option<String> {
    value.scalar().or_else(|| Some(texts(value)?.join("\n")))
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
