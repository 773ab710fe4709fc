//! Completions: models go on from texts or conversations. Those asked for together take turns, token by token, so
//! that they are read side by side; each one's speed counts its own turns only.

use super::lab::{Lab, LoadedBase, WorkerError};
use super::post::post;
use super::talk::milliseconds;
use super::{Inbox, Message};
use crate::data::{Tokenizer, plain_chat};
use crate::engine::model::{Continuation, Generator};
use crate::protocol::{Command, Context, Event, ModelRef, Sampling};
use std::rc::Rc;

/// A completion under way.
struct Completing {
    request: u32,
    base: Rc<LoadedBase>,
    generator: Generator,
    said: Continuation,
    most: usize,
    /// Milliseconds of its own turns after the prompt was read.
    spent: f64,
}

impl Lab {
    /// Does the completion that `first` asks for, and every other that comes meanwhile, to the end.
    pub(super) async fn generate(&mut self, first: Command, inbox: &mut Inbox) {
        let mut under_way = Vec::new();
        let mut asked = vec![first];
        loop {
            for command in asked.drain(..) {
                let Command::Generate { request, model, context, settings } = command else { continue };
                match self.begin(request, &model, context, settings).await {
                    Ok(completing) => under_way.push(completing),
                    Err(error) => post(&Event::Refused { request, reason: error.to_string() }),
                }
            }
            let mut going = Vec::new();
            for mut completing in under_way {
                match completing.turn().await {
                    Ok(true) => going.push(completing),
                    Ok(false) => {}
                    Err(error) => post(&Event::Refused { request: completing.request, reason: error.to_string() }),
                }
            }
            under_way = going;
            self.turn.give().await;
            let mut others: Vec<Message> = Vec::new();
            while let Some(message) = inbox.arrived() {
                match message {
                    (generate @ Command::Generate { .. }, _) => asked.push(generate),
                    (Command::CancelGenerate { request: named }, _) => {
                        asked.retain(|ask| !matches!(ask, Command::Generate { request, .. } if *request == named));
                        under_way.retain(|completing: &Completing| completing.request != named);
                    }
                    other => others.push(other),
                }
            }
            inbox.waiting.extend(others);
            if under_way.is_empty() && asked.is_empty() {
                return;
            }
        }
    }

    async fn begin(
        &mut self,
        request: u32,
        model: &ModelRef,
        context: Context,
        settings: Sampling,
    ) -> Result<Completing, WorkerError> {
        let (model, base) = self.model(model).await?;
        let (text, templated) = match context {
            Context::Text(text) => (text, false),
            Context::Chat(messages) => match base.tokenizer.chat_at(&messages, true, local_seconds())? {
                Some(text) => (text, true),
                None => (plain_chat(&messages, true), false),
            },
        };
        let mut ids = base.tokenizer.encode(&text)?;
        if ids.is_empty() {
            ids.push(base.tokenizer.end_of_text());
        }
        post(&Event::Reading { request, text, templated });
        let generator = Generator::start(&model, &ids, settings).await?;
        let said = Continuation::of(ids, &base.tokenizer)?;
        Ok(Completing { request, base, generator, said, most: settings.max_tokens, spent: 0.0 })
    }
}

impl Completing {
    /// One token; false once the text is over.
    async fn turn(&mut self) -> Result<bool, WorkerError> {
        let begun = milliseconds();
        let token = match self.said.tokens() < self.most {
            true => self.generator.next().await?.filter(|token| !self.base.tokenizer.ends(*token)),
            false => None,
        };
        if let Some(token) = token {
            self.said.push(token);
            self.spent += milliseconds() - begun;
        }
        let tokens = self.said.tokens();
        let tokens_per_second = if self.spent > 0.0 { 1000.0 * tokens as f64 / self.spent } else { 0.0 };
        let text = self.said.text(&self.base.tokenizer)?;
        let done = token.is_none();
        post(&Event::Generated { request: self.request, text, tokens, tokens_per_second, done });
        Ok(!done)
    }
}

/// Seconds since 1970 by the clock on the visitor's wall: chat templates may tell the model the date.
fn local_seconds() -> i64 {
    let now = js_sys::Date::new_0();
    (now.get_time() / 1000.0 - 60.0 * now.get_timezone_offset()) as i64
}
