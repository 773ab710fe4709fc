//! A browser's worker as the page holds it: started, spoken to, ended. What is said before its program listens waits.

use crate::job::{Command, Heard};
use crate::platform::browser::wire;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ErrorEvent, File, MessageEvent, WorkerOptions, WorkerType};

#[derive(Clone)]
pub struct Port(Rc<Inner>);

struct Inner {
    inbox: Box<dyn Fn(Heard)>,
    place: RefCell<Place>,
}

/// Where a worker is, and what is not yet said to it.
enum Place {
    /// Its program is chosen or loads.
    Coming(Option<Handle>, Vec<JsValue>),
    Listening(Handle),
    Ended,
}

struct Handle {
    worker: web_sys::Worker,
    _heard: Closure<dyn Fn(MessageEvent)>,
    _failed: Closure<dyn Fn(JsValue)>,
}

impl Port {
    /// `inbox` hears what the worker says, and if it dies.
    pub fn new(inbox: impl Fn(Heard) + 'static) -> Port {
        Port(Rc::new(Inner { inbox: Box::new(inbox), place: RefCell::new(Place::Coming(None, Vec::new())) }))
    }

    /// Starts the worker's program, unless it was ended meanwhile.
    pub fn start(&self, url: &str) {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = match &*self.0.place.borrow() {
            Place::Coming(None, _) => web_sys::Worker::new_with_options(url, &options),
            _ => return,
        };
        let worker = match worker {
            Ok(worker) => worker,
            Err(error) => return (self.0.inbox)(Heard::Died(describe(&error))),
        };
        let port = self.clone();
        let heard = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| port.hear(message.data()));
        let port = self.clone();
        let failed = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
            let message = event.dyn_ref::<ErrorEvent>().map(ErrorEvent::message).unwrap_or_default();
            let reason = if message.is_empty() { "its program could not be loaded".into() } else { message };
            (port.0.inbox)(Heard::Died(reason));
        });
        worker.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        worker.set_onerror(Some(failed.as_ref().unchecked_ref()));
        if let Place::Coming(handle, _) = &mut *self.0.place.borrow_mut() {
            *handle = Some(Handle { worker, _heard: heard, _failed: failed });
        }
    }

    fn hear(&self, message: JsValue) {
        if message.as_string().as_deref() == Some(wire::LISTENING) {
            let said = self.listens();
            said.unwrap_or_else(|reason| (self.0.inbox)(Heard::Died(reason)));
            return;
        }
        (self.0.inbox)(match wire::read_event(message) {
            Ok(event) => Heard::Event(event),
            Err(error) => {
                web_sys::console::warn_1(&error.to_string().into());
                Heard::Unreadable
            }
        });
    }

    /// Says what has waited.
    fn listens(&self) -> Result<(), String> {
        let mut place = self.0.place.borrow_mut();
        if let Place::Coming(handle, waiting) = &mut *place
            && let Some(handle) = handle.take()
        {
            let said = waiting.iter().try_for_each(|message| handle.worker.post_message(message));
            *place = Place::Listening(handle);
            return said.map_err(|error| describe(&error));
        }
        Ok(())
    }

    pub fn send(&self, command: &Command, files: &[File]) {
        let said = wire::write_command(command, files).map_err(|error| error.to_string()).and_then(|message| {
            match &mut *self.0.place.borrow_mut() {
                Place::Coming(_, waiting) => waiting.push(message),
                Place::Listening(handle) => handle.worker.post_message(&message).map_err(|error| describe(&error))?,
                Place::Ended => {}
            }
            Ok(())
        });
        said.unwrap_or_else(|reason| (self.0.inbox)(Heard::Died(reason)));
    }

    pub fn end(&self) {
        // What it held is let go of after the borrow, with its handlers.
        let ended = self.0.place.replace(Place::Ended);
        if let Place::Coming(Some(handle), _) | Place::Listening(handle) = ended {
            handle.worker.set_onmessage(None);
            handle.worker.set_onerror(None);
            handle.worker.terminate();
        }
    }
}

fn describe(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message())).unwrap_or_else(|| format!("{error:?}"))
}
