//! The browser worker: one loop, [`Command`]s in, [`Event`]s out. It holds the models and does one job at a time; while
//! a cell trains it listens between two steps, so that it can pause, stop, or complete a prompt meanwhile.

mod adapters;
mod engine;
mod export;
mod fetch;
mod generate;
mod handles;
mod hub;
mod jobs;
mod models;
mod own_data;
mod post;
mod train;
mod turn;

use crate::job::{Command, Event, Job, JobEvent, JobId, LogLevel, Output, PROTOCOL_VERSION};
use crate::platform::browser::wire;
use async_channel::Receiver;
use engine::Engine;
use models::Loading;
use post::{finish, post, say};
use std::collections::VecDeque;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{DedicatedWorkerGlobalScope, File, MessageEvent};

/// A command with the files that came beside it.
type Message = (Command, Vec<File>);

/// What the page has said and the worker has not yet done.
struct Inbox {
    arriving: Receiver<Message>,
    /// Put aside while a job was running, for after it.
    waiting: VecDeque<Message>,
    /// Put aside by completions that ran between two steps of a training, which is to hear it.
    unheard: VecDeque<Message>,
}

impl Inbox {
    async fn next(&mut self) -> Option<Message> {
        match self.waiting.pop_front().or_else(|| self.unheard.pop_front()) {
            Some(message) => Some(message),
            None => self.arriving.recv().await.ok(),
        }
    }

    /// What has arrived since, without waiting.
    fn arrived(&mut self) -> Option<Message> {
        self.unheard.pop_front().or_else(|| self.arriving.try_recv().ok())
    }

    /// Ends a job that has not begun.
    fn withdraw(&mut self, id: JobId) {
        let begins = |(command, _): &Message| matches!(command, Command::Start { id: begins, .. } if *begins == id);
        for waiting in [&mut self.waiting, &mut self.unheard] {
            if let Some(at) = waiting.iter().position(begins) {
                waiting.remove(at);
                return say(id, JobEvent::Stopped);
            }
        }
    }
}

/// The worker's entry: listens, and never returns while the page lives.
pub fn start() {
    post::report_to_page();
    let (sender, arriving) = async_channel::unbounded();
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let heard = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
        match wire::read_command(&message.data()) {
            // The receiver lives as long as the worker.
            Ok(message) => drop(sender.try_send(message)),
            Err(error) => {
                web_sys::console::error_1(&error.to_string().into());
                post(&Event::OtherBuild { version: PROTOCOL_VERSION });
            }
        }
    });
    scope.set_onmessage(Some(heard.as_ref().unchecked_ref()));
    heard.forget();
    drop(scope.post_message(&wire::LISTENING.into()));
    wasm_bindgen_futures::spawn_local(listen(Inbox { arriving, waiting: VecDeque::new(), unheard: VecDeque::new() }));
}

/// Does what the page says, one job after the other. Without a device whatever needs one is refused.
async fn listen(mut inbox: Inbox) {
    let mut engine = Err("this worker was not told which device to use: reload the page".to_string());
    while let Some((command, files)) = inbox.next().await {
        match command {
            Command::Open { version, .. } if version != PROTOCOL_VERSION => {
                post(&Event::OtherBuild { version: PROTOCOL_VERSION });
                engine = Err("page and worker are of different versions: reload the page".into());
            }
            Command::Open { backend, .. } => {
                engine = Engine::open(backend).await;
                match &engine {
                    Ok(engine) => {
                        post(&engine.opened());
                        engine.tell_adapters().await;
                    }
                    Err(reason) => post(&Event::CannotOpen { reason: reason.clone() }),
                }
            }
            Command::Start { id, job } => begin(id, job, files, &mut engine, &mut inbox).await,
            Command::ProvideModel { base, sha256 } => match &mut engine {
                Ok(engine) => engine.provide(base, sha256, files),
                Err(reason) => post(&Event::Log { level: LogLevel::Error, text: format!("{base}: {reason}") }),
            },
            // What these speak of has ended, and said so.
            Command::Pause(_) | Command::Resume(_) | Command::Keep(_) | Command::Stop(_) => {}
        }
    }
}

async fn begin(id: JobId, job: Job, files: Vec<File>, engine: &mut Result<Engine, String>, inbox: &mut Inbox) {
    match (job, engine) {
        // The visitor's models need no device.
        (Job::InspectModel { source }, _) => {
            let summary = models::inspect(&source, files, &mut Loading::new(id, inbox)).await;
            models::finish(id, summary.map(|summary| Output::Inspected(Box::new(summary))));
        }
        (Job::LoadModel { name, source, keep }, _) => {
            let card = models::load(name, &source, files, keep, &mut Loading::new(id, inbox)).await;
            models::finish(id, card.map(|card| Output::Loaded(Box::new(card))));
        }
        (Job::RemoveModel { name }, _) => {
            models::finish(id, models::remove(&name).await.map(|()| Output::Removed));
        }
        (Job::Train(spec), Ok(engine)) => engine.train(id, &spec, inbox).await,
        (job, Ok(engine)) => engine.answer(id, job, files, inbox).await,
        (_, Err(reason)) => finish(id, Err(reason)),
    }
}
