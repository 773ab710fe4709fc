//! The browser worker: one loop, [`Command`]s in, [`Event`]s out. It holds the models and trains one cell at a time;
//! between two steps it listens, so that it can pause, stop, or complete a prompt while a cell trains.

mod adapters;
mod complete;
mod export;
mod fetch;
mod handles;
mod hub;
mod lab;
mod own_data;
mod post;
mod run;
mod shelf;
mod talk;
mod turn;

use crate::platform::browser::wire;
use crate::protocol::{Command, Event, PROTOCOL_VERSION};
use async_channel::Receiver;
use lab::Lab;
use post::post;
use std::collections::VecDeque;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{DedicatedWorkerGlobalScope, File, MessageEvent};

/// A command with the files that came beside it.
type Message = (Command, Vec<File>);

/// What the page has said and the worker has not yet done.
struct Inbox {
    arriving: Receiver<Message>,
    /// Put aside while a cell was running.
    waiting: VecDeque<Message>,
}

impl Inbox {
    async fn next(&mut self) -> Option<Message> {
        match self.waiting.pop_front() {
            Some(message) => Some(message),
            None => self.arriving.recv().await.ok(),
        }
    }

    /// What has arrived since, without waiting.
    fn arrived(&mut self) -> Option<Message> {
        self.arriving.try_recv().ok()
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
                post(&Event::OtherBuild { protocol: PROTOCOL_VERSION });
            }
        }
    });
    scope.set_onmessage(Some(heard.as_ref().unchecked_ref()));
    heard.forget();
    drop(scope.post_message(&wire::LISTENING.into()));
    wasm_bindgen_futures::spawn_local(listen(Inbox { arriving, waiting: VecDeque::new() }));
}

/// Does what the page says, one command after the other. Without a device whatever needs one is refused.
async fn listen(mut inbox: Inbox) {
    let mut lab: Result<Lab, String> = Err("this worker was not told which device to use: reload the page".into());
    while let Some((command, files)) = inbox.next().await {
        match (command, &mut lab) {
            (Command::Start { protocol, .. }, _) if protocol != PROTOCOL_VERSION => {
                post(&Event::OtherBuild { protocol: PROTOCOL_VERSION });
                lab = Err("page and worker are of different versions: reload the page".into());
            }
            (Command::Start { backend, .. }, _) => {
                lab = Lab::open(backend).await;
                match &lab {
                    Ok(opened) => {
                        post(&opened.ready());
                        opened.tell_adapters().await;
                    }
                    Err(reason) => post(&Event::CannotStart { reason: reason.clone() }),
                }
            }
            // The shelf needs no device.
            (Command::Shelf(command), _) => shelf::answer(command, files, &mut inbox).await,
            (Command::Run { spec }, Ok(lab)) => lab.run(&spec, &mut inbox).await,
            (command, Ok(lab)) => lab.answer(command, files, &mut inbox).await,
            (command, Err(reason)) => {
                if let Some(refused) = command.refused(reason) {
                    post(&refused);
                }
            }
        }
    }
}
