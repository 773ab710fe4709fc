//! Completions: models go on from texts or conversations. Those asked for together take turns, token by token, so
//! that they are read side by side; each one's speed counts its own turns only.

use super::engine::{Engine, LoadedBase, WorkerError};
use super::jobs::milliseconds;
use super::post::{finish, say};
use super::{Inbox, Message};
use crate::data::{Tokenizer, plain_chat};
use crate::engine::model::{Continuation, Generator};
use crate::job::{Command, Context, Job, JobEvent, JobId, ModelRef, Output, Partial, Sampling};
use std::rc::Rc;

/// What is asked for: with which model to go on from what, and how.
pub(super) type Request = (JobId, ModelRef, Context, Sampling);

/// A completion under way.
struct Completing {
    id: JobId,
    base: Rc<LoadedBase>,
    generator: Generator,
    said: Continuation,
    most: usize,
    /// Milliseconds of its own turns after the prompt was read.
    spent: f64,
}

impl Engine {
    /// Does the completion that `first` asks for, and every other that comes meanwhile, to the end.
    pub(super) async fn generate(&mut self, first: Request, inbox: &mut Inbox) {
        let mut under_way: Vec<Completing> = Vec::new();
        let mut asked = vec![first];
        loop {
            for request in asked.drain(..) {
                let id = request.0;
                match self.begin(request).await {
                    Ok(completing) => under_way.push(completing),
                    Err(error) => finish(id, Err(error)),
                }
            }
            let mut going = Vec::new();
            for mut completing in under_way {
                match completing.turn().await {
                    Ok(true) => going.push(completing),
                    Ok(false) => finish(completing.id, Ok::<_, String>(Output::Generated)),
                    Err(error) => finish(completing.id, Err(error)),
                }
            }
            under_way = going;
            self.turn.give().await;
            let mut others: Vec<Message> = Vec::new();
            while let Some(message) = inbox.arrived() {
                match message {
                    (Command::Start { id, job: Job::Generate { model, context, settings } }, _) => {
                        asked.push((id, model, context, settings));
                    }
                    (Command::Stop(id), files) => {
                        let before = asked.len() + under_way.len();
                        asked.retain(|request| request.0 != id);
                        under_way.retain(|completing| completing.id != id);
                        match asked.len() + under_way.len() < before {
                            true => say(id, JobEvent::Stopped),
                            // A cell's that waits for this, or of a job that has not begun.
                            false => others.push((Command::Stop(id), files)),
                        }
                    }
                    other => others.push(other),
                }
            }
            inbox.unheard.extend(others);
            if under_way.is_empty() && asked.is_empty() {
                return;
            }
        }
    }

    async fn begin(&mut self, (id, model, context, settings): Request) -> Result<Completing, WorkerError> {
        self.job = id;
        let (model, base) = self.model(&model).await?;
        let (text, templated) = match context {
            Context::Text(text) => (text, false),
            Context::Chat(messages) => match base.tokenizer.chat_at(&messages, true, local_seconds())? {
                Some(text) => (text, true),
                None => (plain_chat(&messages, true), false),
            },
        };
        let ids = base.tokenizer.opened(&text, templated)?;
        say(id, JobEvent::Partial(Partial::Reading { text, templated }));
        let generator = Generator::start(&model, &ids, settings).await?;
        let said = Continuation::of(ids, &base.tokenizer)?;
        Ok(Completing { id, base, generator, said, most: settings.max_tokens, spent: 0.0 })
    }
}

impl Completing {
    /// One token; false once the text is over.
    async fn turn(&mut self) -> Result<bool, WorkerError> {
        let begun = milliseconds();
        let token = match self.said.tokens() < self.most {
            true => self.generator.next().await?.filter(|token| !self.base.tokenizer.stops(*token)),
            false => None,
        };
        if let Some(token) = token {
            self.said.push(token);
            self.spent += milliseconds() - begun;
        }
        let tokens = self.said.tokens();
        let tokens_per_second = if self.spent > 0.0 { 1000.0 * tokens as f64 / self.spent } else { 0.0 };
        let text = self.said.text(&self.base.tokenizer)?;
        say(self.id, JobEvent::Partial(Partial::Generated { text, tokens, tokens_per_second }));
        Ok(token.is_some())
    }
}

/// Seconds since 1970 by the clock on the visitor's wall: chat templates may tell the model the date.
fn local_seconds() -> i64 {
    let now = js_sys::Date::new_0();
    (now.get_time() / 1000.0 - 60.0 * now.get_timezone_offset()) as i64
}
