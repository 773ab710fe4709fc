//! Conversations: each answer of the assistant is an example, prompted by all that was said before it. Reads
//! `{"messages": [{"role", "content"}]}` and the older `{"conversations": [{"from", "value"}]}`.

use crate::data::{Example, Message, plain_chat};
use serde_json::Value;

pub(super) fn messages(value: &Value) -> Option<&Vec<Value>> {
    ["messages", "conversations"].iter().find_map(|name| value.get(name)?.as_array())
}

/// The examples of one record, or why there are none.
pub(super) fn examples(value: &Value) -> Result<Vec<Example>, String> {
    let messages = messages(value).ok_or("no field “messages”")?;
    let mut examples = Vec::new();
    let mut said: Vec<Message> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let field = |names: [&str; 2]| names.into_iter().find_map(|name| message.get(name));
        let role = field(["role", "from"]).and_then(Value::as_str);
        let role = role.ok_or_else(|| format!("message {} has no role", at + 1))?;
        let content = field(["content", "value"]).and_then(content);
        let content = content.ok_or_else(|| format!("message {} has no text content", at + 1))?;
        let role = match role {
            "assistant" | "gpt" | "model" | "bot" => "assistant",
            "human" => "user",
            other => other,
        };
        let answer = role == "assistant" && !content.trim().is_empty();
        let prompt = if answer { plain_chat(&said, true) } else { String::new() };
        said.push(Message { role: role.into(), content });
        if answer {
            let completion = format!(" {}", said[at].content.trim());
            examples.push(Example { chat: said.clone(), ..Example::new(prompt, completion) });
        }
    }
    if examples.is_empty() { Err("no message of the assistant to learn from".to_owned()) } else { Ok(examples) }
}

/// A text, or the text parts of a list of parts.
fn content(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => Some(parts.iter().filter_map(|part| part.get("text")?.as_str()).collect()),
        _ => None,
    }
}
