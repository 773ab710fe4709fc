//! Conversations: each answer of the assistant is an example, prompted by all that was said before it. Reads messages
//! with role and content, and the older ones with from and value; what is marked as not to be learned is context.

use super::value::Value;
use crate::data::{Example, Message, plain_chat};
use std::collections::BTreeSet;

const ROLES: [&str; 3] = ["role", "from", "speaker"];
const CONTENTS: [&str; 4] = ["content", "value", "text", "parts"];
/// What says whether a turn is learned (OpenAI's `weight`, axolotl's `train`, swift's `loss`).
const MARKS: [&str; 4] = ["weight", "train", "loss", "trainable"];

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
            let marks = "are context and not learned, as their weight or train says";
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
    let turn = |value: &Value| ROLES.iter().any(|role| value.get(role).is_some_and(|role| role.as_text().is_some()));
    value.as_list().is_some_and(|list| !list.is_empty() && list.iter().all(turn))
}

/// The turns of a list.
pub(super) fn turns(list: &[Value], seen: &mut Seen) -> Result<Vec<Turn>, String> {
    let turn =
        |(at, value): (usize, &Value)| turn(value, seen).map_err(|reason| format!("message {} {reason}", at + 1));
    list.iter().enumerate().map(turn).collect()
}

fn turn(value: &Value, seen: &mut Seen) -> Result<Turn, String> {
    let role = value.first(&ROLES).and_then(Value::as_text).ok_or("has no role")?.trim().to_lowercase();
    let role = match role.as_str() {
        "assistant" | "gpt" | "model" | "bot" | "chatgpt" | "chatbot" | "ai" => "assistant",
        "human" => "user",
        other => other,
    };
    let known = |name: &str| ROLES.contains(&name) || CONTENTS.contains(&name) || MARKS.contains(&name);
    let fields = value.as_object().into_iter().flatten();
    let spare = fields.filter(|(name, value)| !known(name) && name != "tool_calls" && *value != Value::Null);
    seen.unused.extend(spare.map(|(name, _)| name.clone()));
    let text = value.first(&CONTENTS).map(content).transpose()?.unwrap_or_default();
    let calls = value.get("tool_calls").and_then(Value::as_list).unwrap_or_default();
    let learned = role == "assistant" && is_learned(value)? && !text.trim().is_empty();
    if text.trim().is_empty() && !calls.is_empty() {
        seen.tool_calls += 1;
        let lines: Vec<String> = calls.iter().map(call).collect();
        return Ok(Turn { message: Message::new(role, lines.join("\n")), learned: false });
    }
    if !calls.is_empty() {
        seen.unused.insert("tool_calls".to_owned());
    }
    if value.first(&CONTENTS).is_none() {
        return Err("has no text content".to_owned());
    }
    seen.marked += usize::from(role == "assistant" && !is_learned(value)?);
    Ok(Turn { message: Message::new(role, text), learned })
}

/// What the turn's marks say; none of them says yes.
fn is_learned(turn: &Value) -> Result<bool, String> {
    let mut learned = true;
    for mark in MARKS {
        learned &= match turn.get(mark) {
            None | Some(Value::Null | Value::Bool(true)) => true,
            Some(Value::Bool(false)) => false,
            Some(Value::Number(number)) if number.as_f64() == Some(0.0) => false,
            Some(Value::Number(number)) if number.as_f64() == Some(1.0) => true,
            Some(other) => {
                let value = other.scalar().unwrap_or_else(|| other.kind().to_owned());
                return Err(format!("has {mark} {value}: an answer is learned or not, with 1 or 0"));
            }
        };
    }
    Ok(learned)
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
