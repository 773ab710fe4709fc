//! Conversations: each answer of the assistant is an example, prompted by all that was said before it. Reads messages
//! with role and content, and the older ones with from and value; what is marked as not to be learned is context.

use super::names;
use super::table::yes;
use super::value::Value;
use crate::data::{Example, Message, plain_chat};
use std::collections::BTreeSet;

const ROLES: [&str; 3] = ["role", "from", "speaker"];
const CONTENTS: [&str; 4] = ["content", "value", "text", "parts"];
/// What says that a turn is learned (OpenAI's `weight`, axolotl's `train` and `training`, swift's `loss`).
const MARKS: [&str; 8] = ["weight", "train", "training", "loss", "trainable", "learn", "is_train", "train_on"];
/// What says that a turn is not learned: it is masked.
const MASKS: [&str; 3] = ["mask", "masked", "ignore"];
/// Parts of names that marks of another meaning may have.
const MARKING: [&str; 8] = ["mask", "train", "loss", "learn", "label", "weight", "ignore", "skip"];
/// Pairs of what is said and what is answered, as one object.
const PAIRS: [(&str, &str); 6] = [
    ("input", "output"),
    ("human", "assistant"),
    ("user", "assistant"),
    ("human", "gpt"),
    ("prompt", "response"),
    ("question", "answer"),
];

/// One turn, and whether it may be learned.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Turn {
    pub message: Message,
    pub learned: bool,
}

/// What the turns held beside text that was learned.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Answers that are marked as not to be learned.
    marked: usize,
    tool_calls: usize,
    unused: BTreeSet<String>,
}

impl Seen {
    /// A sentence each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.marked > 0 {
            let marks = "are context and not learned, as their weight, train or mask says";
            notes.push(format!("Answers marked so {marks}: {}.", self.marked));
        }
        if self.tool_calls > 0 {
            let calls = self.tool_calls;
            notes.push(format!("Calls of tools without text are written as JSON and not learned: {calls}."));
        }
        if !self.unused.is_empty() {
            let fields = self.unused.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            notes.push(format!("Not used in messages: {fields}."));
        }
        notes
    }
}

/// Whether it is a list of turns.
pub(super) fn is_messages(value: &Value) -> bool {
    value.as_list().is_some_and(|list| !list.is_empty() && list.iter().all(|turn| role(turn).is_some()))
}

/// Who speaks; LangChain's messages have it as their type.
fn role(turn: &Value) -> Option<&str> {
    let speaker = |kind: &&str| matches!(*kind, "human" | "ai" | "system" | "tool" | "function");
    let kind = || turn.get("type").and_then(Value::as_text).filter(speaker);
    turn.first(&ROLES).and_then(Value::as_text).or_else(kind)
}

/// The field's own words for who speaks.
fn spoken_as(role: &str) -> String {
    match role.trim().to_lowercase().as_str() {
        "assistant" | "gpt" | "model" | "bot" | "chatgpt" | "chatbot" | "ai" => "assistant".to_owned(),
        "human" | "prompter" => "user".to_owned(),
        other => other.to_owned(),
    }
}

/// Whether a turn is what the user says.
pub(super) fn is_asking(turn: &Value) -> bool {
    role(turn).is_some_and(|role| spoken_as(role) == "user")
}

/// A conversation that is held otherwise than as a list of turns, as such: a single turn that answers, lists of roles and
/// of contents, or pairs of what is said and answered. All else stays as it is.
pub(super) fn as_turns(value: Value, name: &str) -> Value {
    let speaks = |value: &Value| {
        role(value).is_some_and(|role| matches!(spoken_as(role).as_str(), "assistant" | "user"))
            && value.first(&CONTENTS).is_some()
    };
    if names::is_answer(name) && speaks(&value) {
        return Value::List(vec![value]);
    }
    if !names::is_one_of(name, &names::CHATS) {
        return value;
    }
    let turns = match &value {
        Value::Object(_) => turns_of_lists(&value),
        Value::List(pairs) if !is_messages(&value) => pairs.iter().map(turns_of_pair).collect::<Option<Vec<_>>>(),
        _ => None,
    };
    turns.filter(|turns| !turns.is_empty()).map_or(value, |turns| Value::List(turns.into_iter().flatten().collect()))
}

fn said(role: &Value, content: &Value) -> Value {
    Value::Object(vec![("role".to_owned(), role.clone()), ("content".to_owned(), content.clone())])
}

/// `{"from": […], "value": […]}`: a list a field.
fn turns_of_lists(value: &Value) -> Option<Vec<Vec<Value>>> {
    let roles = value.first(&ROLES)?.as_list()?;
    let contents = value.first(&CONTENTS)?.as_list().filter(|contents| contents.len() == roles.len())?;
    Some(roles.iter().zip(contents).map(|(role, content)| vec![said(role, content)]).collect())
}

fn turns_of_pair(pair: &Value) -> Option<Vec<Value>> {
    let (asked, answer) = PAIRS.iter().find_map(|(asked, answer)| Some((pair.get(asked)?, pair.get(answer)?)))?;
    let role = |role: &str| Value::Text(role.to_owned());
    let system = pair.first(&names::SYSTEMS).map(|system| said(&role("system"), system));
    let turns = [said(&role("user"), asked), said(&role("assistant"), answer)];
    Some(system.into_iter().chain(turns).collect())
}

/// What turns may look like, where a conversation's are otherwise.
pub(super) fn unread(column: &str, value: &Value) -> String {
    let found = match value.as_list().and_then(<[Value]>::first) {
        Some(Value::Object(fields)) => {
            format!("its first has {}", fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "))
        }
        Some(other) => format!("its first is {}", other.kind()),
        None => "it is empty".to_owned(),
    };
    format!(
        "“{column}” holds no turns that the lab reads ({found}): a turn has role and content, from and value, type (human, \
         ai) and content, or is a pair of input and output, human and assistant, prompt and response"
    )
}

/// The turns of a list.
pub(super) fn turns(list: &[Value], seen: &mut Seen) -> Result<Vec<Turn>, String> {
    let turn =
        |(at, value): (usize, &Value)| turn(value, seen).map_err(|reason| format!("message {} {reason}", at + 1));
    list.iter().enumerate().map(turn).collect()
}

fn turn(value: &Value, seen: &mut Seen) -> Result<Turn, String> {
    let role = spoken_as(role(value).ok_or("has no role")?);
    // LangChain keeps the content under data.
    let holder = value.get("data").filter(|data| data.first(&CONTENTS).is_some()).unwrap_or(value);
    let is_type = |name: &str| name == "type" && value.first(&ROLES).is_none() || name == "data" && holder != value;
    let known =
        |name: &str| [&ROLES[..], &CONTENTS, &MARKS, &MASKS].iter().any(|list| list.contains(&name)) || is_type(name);
    let fields = value.as_object().into_iter().flatten();
    let calling = |name: &str| matches!(name, "tool_calls" | "function_call");
    let spare: Vec<_> =
        fields.filter(|(name, value)| !known(name) && !calling(name) && *value != Value::Null).collect();
    if let Some((mark, _)) = spare.iter().find(|(name, value)| role == "assistant" && may_mark(name, value)) {
        return Err(format!(
            "has “{mark}”, which may say whether an answer is learned, and the lab does not know how: call it train (true \
             for what is learned) or leave it out"
        ));
    }
    seen.unused.extend(spare.into_iter().map(|(name, _)| name.clone()));
    let text = holder.first(&CONTENTS).map(content).transpose()?.unwrap_or_default();
    // OpenAI's older function_call is one call.
    let one = value.get("function_call").filter(|call| **call != Value::Null).map(std::slice::from_ref);
    let calls = value.get("tool_calls").and_then(Value::as_list).or(one).unwrap_or_default();
    let learned = role == "assistant" && is_learned(value)? && !text.trim().is_empty();
    if text.trim().is_empty() && !calls.is_empty() {
        seen.tool_calls += 1;
        let lines: Vec<String> = calls.iter().map(call).collect();
        return Ok(Turn { message: Message::new(&role, lines.join("\n")), learned: false });
    }
    if !calls.is_empty() {
        seen.unused.insert("tool_calls".to_owned());
    }
    if holder.first(&CONTENTS).is_none() {
        return Err("has no text content".to_owned());
    }
    seen.marked += usize::from(role == "assistant" && !is_learned(value)?);
    Ok(Turn { message: Message::new(&role, text), learned })
}

/// What the turn's marks say; none of them says yes.
fn is_learned(turn: &Value) -> Result<bool, String> {
    let mut learned = true;
    let marks = MARKS.iter().map(|mark| (mark, true)).chain(MASKS.iter().map(|mask| (mask, false)));
    for (mark, says) in marks {
        let Some(value) = turn.get(mark).filter(|value| **value != Value::Null) else { continue };
        let scalar = || value.scalar().unwrap_or_else(|| value.kind().to_owned());
        let said =
            yes(value).ok_or_else(|| format!("has {mark} {}: an answer is learned or not, with 1 or 0", scalar()))?;
        // A loss mask of numbers is 1 where a token counts, a mask that is true hides it.
        if !says && !matches!(value, Value::Bool(_)) {
            return Err(format!(
                "has {mark} {}, which may hide an answer or choose it: call it train (1 or 0)",
                scalar()
            ));
        }
        learned &= said == says;
    }
    Ok(learned)
}

/// Whether it looks like a mark of what is learned that has another name.
fn may_mark(name: &str, value: &Value) -> bool {
    let name = name.to_lowercase();
    yes(value).is_some() && MARKING.iter().any(|part| name.contains(part))
}

/// A text, or the text parts of a list of parts.
fn content(value: &Value) -> Result<String, String> {
    let part = |part: &Value| match (part, part.get("text").and_then(Value::as_text)) {
        (Value::Text(text), _) => Ok(text.clone()),
        (_, Some(text)) => Ok(text.to_owned()),
        (other, None) => {
            let kind = other.get("type").and_then(Value::as_text).unwrap_or("part");
            Err(format!("holds a part of the type “{kind}”, and the lab learns from text only"))
        }
    };
    match value {
        Value::List(parts) => parts.iter().map(part).collect(),
        Value::Object(_) => part(value),
        other => other.scalar().ok_or_else(|| "has no text content".to_owned()),
    }
}

/// A call as a line of JSON: the function's name and arguments.
fn call(value: &Value) -> String {
    let call = value.get("function").unwrap_or(value);
    serde_json::to_string(call).unwrap_or_default()
}

/// The examples of a conversation: its answers that are learned, of the turns from `first` on; with `last_only`, the last.
pub(super) fn examples(turns: Vec<Turn>, first: usize, last_only: bool) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut said: Vec<Message> = Vec::new();
    let last = turns.iter().rposition(|turn| turn.learned);
    for (at, Turn { message, learned }) in turns.into_iter().enumerate() {
        if learned && at >= first && (!last_only || Some(at) == last) {
            let prompt = plain_chat(&said, true);
            said.push(message);
            let completion = crate::data::spoken(&said[at].content);
            examples.push(Example { chat: said.clone(), ..Example::new(prompt, completion) });
        } else {
            said.push(message);
        }
    }
    examples
}
