//! The fold's part for what is asked of a worker beside training: completions, downloads, adapters.

use crate::protocol::{AdapterCard, Command, Context, Event, ModelRef, Sampling};
use crate::ui::state::*;

/// What one model made, or makes, of a text or conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    pub model: ModelRef,
    /// What it was given as the model reads it, and whether that is its own chat template; none until it began.
    pub reading: Option<(String, bool)>,
    pub text: String,
    pub tokens: usize,
    pub tokens_per_second: f64,
    pub done: bool,
    pub problem: Option<String>,
    pub(super) worker: WorkerId,
}

#[cfg(test)]
impl Completion {
    pub fn of(model: ModelRef, text: &str) -> Self {
        let text = text.to_string();
        Completion {
            model,
            reading: None,
            text,
            tokens: 1,
            tokens_per_second: 1.0,
            done: true,
            problem: None,
            worker: 0,
        }
    }
}

/// What is being done, other than completions.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    Export { model: ModelRef, merged: bool },
    Adapter(String),
}

#[derive(Clone, Debug, Default)]
pub struct Asks {
    last: u32,
    pub completions: Vec<(u32, Completion)>,
    /// With the worker that does it.
    under_way: Vec<(u32, WorkerId, Asked)>,
    /// Adapters kept in the browser, as the worker last told.
    pub adapters: Vec<AdapterCard>,
    /// Why the last adapter was refused.
    pub adapter_problem: Option<String>,
}

impl Asks {
    pub fn completion(&self, model: &ModelRef) -> Option<&Completion> {
        self.completions.iter().rev().map(|(_, completion)| completion).find(|completion| completion.model == *model)
    }

    pub fn is_completing(&self) -> bool {
        self.completions.iter().any(|(_, completion)| !completion.done)
    }

    pub fn is_under_way(&self, asked: &Asked) -> bool {
        self.under_way.iter().any(|(_, _, each)| each == asked)
    }

    pub fn is_adding(&self) -> bool {
        self.under_way.iter().any(|(_, _, asked)| matches!(asked, Asked::Adapter(_)))
    }

    fn done(&mut self, request: u32) -> Option<Asked> {
        let at = self.under_way.iter().position(|(each, ..)| *each == request)?;
        Some(self.under_way.remove(at).2)
    }

    fn completion_mut(&mut self, request: u32) -> Option<&mut Completion> {
        self.completions.iter_mut().find(|(each, _)| *each == request).map(|(_, completion)| completion)
    }
}

impl State {
    /// `beside`: what other models made stays.
    pub(super) fn complete(
        &mut self,
        asks: Vec<(ModelRef, Context)>,
        settings: Sampling,
        beside: bool,
        orders: &mut Vec<Order>,
    ) {
        self.cancel_completions(orders);
        self.asks.completions.retain(|(_, c)| beside && !asks.iter().any(|(model, _)| *model == c.model));
        if asks.is_empty() {
            return;
        }
        let Some(worker) = self.helper() else { return self.say(Level::Warning, NOT_READY) };
        for (model, context) in asks {
            self.asks.last += 1;
            let request = self.asks.last;
            orders.push(Order::Send(worker, Command::Generate { request, model: model.clone(), context, settings }));
            let completion = Completion {
                model,
                reading: None,
                text: String::new(),
                tokens: 0,
                tokens_per_second: 0.0,
                done: false,
                problem: None,
                worker,
            };
            self.asks.completions.push((request, completion));
        }
    }

    pub(super) fn cancel_completions(&mut self, orders: &mut Vec<Order>) {
        for (request, completion) in self.asks.completions.iter_mut().filter(|(_, c)| !c.done) {
            completion.done = true;
            orders.push(Order::Send(completion.worker, Command::CancelGenerate { request: *request }));
        }
    }

    pub(super) fn export(&mut self, model: ModelRef, merged: bool, orders: &mut Vec<Order>) {
        let Some(worker) = self.helper() else { return self.say(Level::Warning, NOT_READY) };
        let request = self.ask(worker, Asked::Export { model: model.clone(), merged });
        orders.push(Order::Send(worker, Command::Export { request, model, merged }));
    }

    pub(super) fn add_adapter(&mut self, name: String, base: String, orders: &mut Vec<Order>) {
        let Some(worker) = self.helper() else { return self.say(Level::Warning, NOT_READY) };
        self.asks.adapter_problem = None;
        let request = self.ask(worker, Asked::Adapter(name.clone()));
        orders.push(Order::Send(worker, Command::AddAdapter { request, name, base }));
    }

    /// Sends a command that needs no answer of its own to a worker that is ready.
    pub(super) fn tell(&mut self, command: Command, orders: &mut Vec<Order>) {
        match self.helper() {
            Some(worker) => orders.push(Order::Send(worker, command)),
            None => self.say(Level::Warning, NOT_READY),
        }
    }

    fn ask(&mut self, worker: WorkerId, asked: Asked) -> u32 {
        self.asks.last += 1;
        self.asks.under_way.push((self.asks.last, worker, asked));
        self.asks.last
    }

    /// Takes in an answer.
    pub(super) fn answered(&mut self, event: Event, orders: &mut Vec<Order>) {
        match event {
            Event::Reading { request, text, templated } => {
                if let Some(completion) = self.asks.completion_mut(request) {
                    completion.reading = Some((text, templated));
                }
            }
            Event::Generated { request, text, tokens, tokens_per_second, done } => {
                if let Some(completion) = self.asks.completion_mut(request) {
                    (completion.text, completion.tokens) = (text, tokens);
                    completion.tokens_per_second = tokens_per_second;
                    completion.done |= done;
                }
            }
            Event::Refused { request, reason } => match self.asks.done(request) {
                Some(Asked::Adapter(name)) => {
                    self.asks.adapter_problem = Some(format!("“{name}” was not added: {reason}."));
                }
                Some(Asked::Export { .. }) => self.say(Level::Warning, format!("That could not be done: {reason}.")),
                None => {
                    if let Some(completion) = self.asks.completion_mut(request) {
                        completion.done = true;
                        completion.problem = Some(reason);
                    }
                }
            },
            Event::Exported { request, file } => {
                self.asks.done(request);
                orders.push(Order::Download(file));
            }
            Event::Adapters(adapters) => {
                self.asks.under_way.retain(|(_, _, asked)| !matches!(asked, Asked::Adapter(_)));
                self.asks.adapters = adapters;
            }
            _ => {}
        }
    }

    /// A worker ended: what it was asked for is not coming.
    pub(super) fn asks_died(&mut self, worker: WorkerId) {
        for (_, completion) in self.asks.completions.iter_mut().filter(|(_, c)| c.worker == worker && !c.done) {
            completion.done = true;
            completion.problem = Some("the worker ended before it was done; ask again.".into());
        }
        let lost: Vec<_> = self.asks.under_way.extract_if(.., |(_, by, _)| *by == worker).collect();
        for (_, _, asked) in lost {
            match asked {
                Asked::Adapter(name) => {
                    self.asks.adapter_problem = Some(format!("“{name}” was not added: the worker ended. Try again."));
                }
                Asked::Export { .. } => {
                    self.say(Level::Warning, "The worker ended while it prepared a download; ask again.");
                }
            }
        }
    }

    /// Whether a worker can answer.
    pub fn is_ready(&self) -> bool {
        self.helper().is_some()
    }

    /// A worker for small requests: an idle one if there is one.
    fn helper(&self) -> Option<WorkerId> {
        let ready = || self.workers.iter().filter(|(_, worker)| worker.doing != Doing::Starting);
        ready().find(|(_, worker)| worker.doing == Doing::Idle).or_else(|| ready().next()).map(|(&id, _)| id)
    }
}

const NOT_READY: &str = "No worker is ready yet; try again in a moment.";
