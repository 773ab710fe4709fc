//! Chat templates: how a model wants a conversation written. Jinja, with what transformers adds to it: Python's
//! methods and printing, `raise_exception`, `strftime_now`, JSON as Python writes it, and marks around the assistant's
//! words, which are passed over.
//!
//! A template comes with a model from anywhere, so it runs on fuel: steps and memory are bounded.

use super::jinja;
use crate::data::Message;
use chrono::{DateTime, format::StrftimeItems};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, ErrorKind, context};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Steps, and 64 bytes of text each: about a hundred times what a long conversation takes.
const FUEL: u64 = 2_000_000;
/// Nested calls: below what the stack of a browser's worker holds.
const DEPTH: usize = 100;
const NAME: &str = "chat_template";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    #[error("the model's chat template cannot be read ({0}): complete plain text instead")]
    Broken(String),
    #[error("the model's chat template refuses this conversation: {0}")]
    Refused(String),
    #[error("the model's chat template never ends or makes far too much text: complete plain text instead")]
    Endless,
    #[error("the model's chat template fails on this conversation ({0}): complete plain text instead")]
    Failed(String),
}

/// A model's chat template.
#[derive(Clone, Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    /// `bos_token`, `eos_token` and the others, by name.
    tokens: BTreeMap<String, String>,
}

impl ChatTemplate {
    pub fn read(source: &str, tokens: BTreeMap<String, String>) -> Result<Self, ChatError> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| ChatError::Broken(error.to_string()))?);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(DEPTH);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        jinja::extend(&mut environment);
        environment.add_function("raise_exception", |text: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, REFUSED).with_source(Refusal(text)))
        });
        environment
            .add_template_owned(NAME, jinja::translated(source).map_err(ChatError::Broken)?)
            .map_err(|error| ChatError::Broken(error.to_string()))?;
        Ok(ChatTemplate { environment, tokens })
    }

    /// The conversation as the model reads it. `answer`: up to where the assistant's next turn begins. `now`: seconds
    /// since 1970 in local time, for templates that tell the model the date.
    pub fn render(&self, messages: &[Message], answer: bool, now: i64) -> Result<String, ChatError> {
        let tokens = self.tokens.iter().map(|(name, token)| (name.clone(), Value::from(token.as_str())));
        let conversation = context! {
            messages => Value::from(Serde(messages)),
            add_generation_prompt => answer,
            tools => (),
            documents => (),
            strftime_now => Value::from_function(move |format: String| strftime(now, &format)),
        };
        let all = context! { ..conversation, ..Value::from_pairs(tokens) };
        let template = self.environment.get_template(NAME).map_err(|error| ChatError::Broken(error.to_string()))?;
        template.render(all).map_err(said)
    }
}

const REFUSED: &str = "raised";

/// What a template said by `raise_exception`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refusal(String);

fn said(error: Error) -> ChatError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        if let Some(Refusal(text)) = error.downcast_ref() {
            return ChatError::Refused(text.clone());
        }
        if error.downcast_ref::<Error>().is_some_and(|error| error.kind() == ErrorKind::OutOfFuel) {
            return ChatError::Endless;
        }
        cause = error.source();
    }
    ChatError::Failed(error.to_string())
}

fn strftime(now: i64, format: &str) -> Result<String, Error> {
    let wrong = || Error::new(ErrorKind::InvalidOperation, format!("strftime_now cannot write “{format}”"));
    let time = DateTime::from_timestamp(now, 0).ok_or_else(wrong)?;
    let mut text = String::new();
    write!(text, "{}", time.format_with_items(StrftimeItems::new(format))).map_err(|_| wrong())?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str) -> Result<String, ChatError> {
        let tokens = [("eos_token".to_string(), "</s>".to_string())].into();
        let chat = [Message::new("user", "a<b> 'c'"), Message::new("assistant", "yes")];
        ChatTemplate::read(source, tokens)?.render(&chat, true, 1_721_952_000)
    }

    #[test]
    fn what_transformers_offers_is_there() {
        for (source, expected) in [
            ("{{ messages[0].content.split('<')[0] ~ eos_token }}", "a</s>"),
            ("{{ strftime_now('%d %b %Y') }}", "26 Jul 2024"),
            ("{{ messages[0] | tojson }}", r#"{"role": "user", "content": "a<b> 'c'"}"#),
            ("{% if tools is none and pad_token is not defined %}x{% endif %}", "x"),
            (
                "{% for m in messages %}{%- generation -%} {{ m.role }} {%- endgeneration %}{% endfor %}",
                "userassistant",
            ),
            (
                "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}\n{{ m['role'] }}{% endfor %}",
                "assistant",
            ),
            ("{{ messages[1:][0].get('content', '').upper() }}", "YES"),
        ] {
            assert_eq!(render(source).as_deref(), Ok(expected), "{source}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_template_gives_a_text_or_an_error(
            parts in proptest::collection::vec("(\\{\\{|\\}\\}|\\{%-?|-?%\\}|for m in messages|endfor|if|endif|generation|endgeneration|m\\.content|[a-z'~|.(){}% \n]{0,6})", 0..12)
        ) {
            let _ = render(&parts.join(" "));
        }
    }

    #[test]
    fn bad_templates_say_what_they_are() {
        assert!(matches!(render("{% for m in %}"), Err(ChatError::Broken(_))));
        assert!(matches!(render("{{ strftime_now('%Q') }}"), Err(ChatError::Failed(_))));
        assert!(matches!(render("{{ messages[0].nothing.more }}"), Err(ChatError::Failed(_))));
        assert_eq!(
            render("{{ raise_exception('roles must alternate') }}"),
            Err(ChatError::Refused("roles must alternate".into()))
        );
        for endless in [
            "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
            "{% set s = namespace(x='ab') %}{% for i in range(99) %}{% set s.x = s.x ~ s.x %}{% endfor %}",
            "{{ 'ab' * 90000000 * 2 }}",
            "{% set s = namespace(x=[1]) %}{% for i in range(40) %}{% set s.x = [s.x, s.x] %}{% endfor %}{{ s.x }}",
            "{% set s = namespace(x=[1]) %}{% for i in range(40) %}{% set s.x = [s.x, s.x] %}{% endfor %}{{ s.x | tojson }}",
            "{% set s = namespace(x=1) %}{% for i in range(400) %}{% set s.x = [s.x] %}{% endfor %}{{ s.x }}",
            "{{ '%999999999d' % 1 }}",
            "{{ 'a'.center(999999999) }}",
        ] {
            assert!(matches!(render(endless), Err(ChatError::Endless | ChatError::Failed(_))), "{endless}");
        }
        // What would call itself once for each part is refused, however it is written.
        let sum = format!("{{{{ {} }}}}", vec!["1"; 5000].join(" + "));
        let filters = format!("{{{{ 1{} }}}}", "|string".repeat(5000));
        let branches = format!("{{% if x %}}{}{{% endif %}}", "{% elif x %}".repeat(5000));
        for source in [sum, filters, branches] {
            assert!(matches!(render(&source), Err(ChatError::Broken(_))), "{:?}", render(&source));
        }
        let deep = "{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}";
        assert!(matches!(render(deep), Err(ChatError::Failed(_) | ChatError::Endless)), "{:?}", render(deep));
    }
}
