//! The page's hold on its workers: starts and ends them, carries commands in and events out. Knows nothing of what
//! they mean; a worker that crashes or cannot start is reported as [`Input::Died`].

use super::state::{Input, WorkerId};
use crate::platform::browser::device;
use crate::platform::browser::wire;
use crate::protocol::{Backend, Command, DataRequest, ShelfCommand};
use crate::ui::state::shelf::LIBRARIAN;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{ErrorEvent, File, MessageEvent, WorkerOptions, WorkerType};

/// Where trunk puts the training workers. The GPU's is several times larger, so nobody fetches it in vain.
fn program(backend: Backend) -> &'static str {
    match backend {
        Backend::WebGpu => "./worker_gpu_loader.js",
        Backend::Cpu | Backend::Auto => "./worker_cpu_loader.js",
    }
}

pub struct Link {
    workers: RefCell<HashMap<WorkerId, Handle>>,
    /// What waits for a worker to listen; none once it does.
    held: RefCell<HashMap<WorkerId, Held>>,
    /// Files that the visitor chose, by the name of the data or adapter they make.
    files: RefCell<HashMap<String, Vec<File>>>,
    /// Files of models that are being looked at, by request.
    offered: RefCell<HashMap<u32, Vec<File>>>,
    last_request: Cell<u32>,
    /// Bases that lie in no storage: hash and files, handed to every worker that trains.
    models: RefCell<HashMap<String, (String, Vec<File>)>>,
    inbox: Rc<dyn Fn(Input)>,
}

type Held = Rc<RefCell<Option<Vec<JsValue>>>>;

struct Handle {
    worker: web_sys::Worker,
    _heard: Closure<dyn Fn(MessageEvent)>,
    _failed: Closure<dyn Fn(JsValue)>,
}

impl Link {
    pub fn new(inbox: Rc<dyn Fn(Input)>) -> Self {
        Link {
            workers: RefCell::default(),
            held: RefCell::default(),
            files: RefCell::default(),
            offered: RefCell::default(),
            last_request: Cell::default(),
            models: RefCell::default(),
            inbox,
        }
    }

    /// Keeps the handles of files whose data go by `name`; they are sent along when data are asked for.
    pub fn hold_files(&self, name: String, files: Vec<File>) {
        self.files.borrow_mut().insert(name, files);
    }

    /// Keeps the handles of a model's files under a new request's number.
    pub fn offer(&self, files: Vec<File>) -> u32 {
        let request = self.last_request.get() + 1;
        self.last_request.set(request);
        self.offered.borrow_mut().insert(request, files);
        request
    }

    pub fn release(&self, request: u32) {
        self.offered.borrow_mut().remove(&request);
    }

    /// From here on the files of `request` are the base of this name, for every worker.
    pub fn hold_model(&self, request: u32, base: String, sha256: String) {
        let Some(files) = self.offered.borrow_mut().remove(&request) else { return };
        self.models.borrow_mut().insert(base.clone(), (sha256.clone(), files.clone()));
        let workers: Vec<WorkerId> = self.held.borrow().keys().copied().filter(|&id| id != LIBRARIAN).collect();
        for id in workers {
            self.hand(id, &base, &sha256, &files);
        }
    }

    pub fn let_go(&self, base: &str) {
        self.models.borrow_mut().remove(base);
    }

    fn hand(&self, id: WorkerId, base: &str, sha256: &str, files: &[File]) {
        let command = Command::Hold { base: base.into(), sha256: sha256.into() };
        if let Err(reason) = self.post(id, &command, files) {
            (self.inbox)(Input::Died(id, reason));
        }
    }

    /// Starts a worker for the device that `wanted` comes to in this browser.
    pub fn spawn(self: &Rc<Self>, id: WorkerId, wanted: Backend) {
        self.held.borrow_mut().insert(id, Rc::new(RefCell::new(Some(Vec::new()))));
        let link = self.clone();
        spawn_local(async move {
            let report = device::probe(wanted).await;
            link.start(id, program(report.backend));
        });
    }

    fn start(&self, id: WorkerId, program: &str) {
        // Ended while the browser was asked for its devices.
        let Some(held) = self.held.borrow().get(&id).cloned() else { return };
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = match web_sys::Worker::new_with_options(program, &options) {
            Ok(worker) => worker,
            Err(error) => return (self.inbox)(Input::Died(id, describe(&error))),
        };
        let (inbox, sender, holding) = (self.inbox.clone(), worker.clone(), held);
        let heard = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
            if message.data().as_string().as_deref() == Some(wire::LISTENING) {
                for message in holding.take().unwrap_or_default() {
                    if let Err(error) = sender.post_message(&message) {
                        inbox(Input::Died(id, describe(&error)));
                    }
                }
                return;
            }
            match wire::read_event(message.data()) {
                Ok(event) => inbox(Input::Event(id, event)),
                Err(error) => {
                    web_sys::console::warn_1(&error.to_string().into());
                    inbox(Input::Unreadable(id));
                }
            }
        });
        let inbox = self.inbox.clone();
        let failed = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
            let message = event.dyn_ref::<ErrorEvent>().map(ErrorEvent::message).unwrap_or_default();
            let reason = if message.is_empty() { "its program could not be loaded".into() } else { message };
            inbox(Input::Died(id, reason));
        });
        worker.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        worker.set_onerror(Some(failed.as_ref().unchecked_ref()));
        self.workers.borrow_mut().insert(id, Handle { worker, _heard: heard, _failed: failed });
    }

    pub fn end(&self, id: WorkerId) {
        self.held.borrow_mut().remove(&id);
        if let Some(handle) = self.workers.borrow_mut().remove(&id) {
            handle.worker.set_onmessage(None);
            handle.worker.set_onerror(None);
            handle.worker.terminate();
        }
    }

    pub fn send(&self, id: WorkerId, command: &Command) {
        let files = match command {
            Command::Data { source: DataRequest::Files { name, .. }, .. } | Command::AddAdapter { name, .. } => {
                self.files.borrow().get(name).cloned().unwrap_or_default()
            }
            Command::Shelf(ShelfCommand::Look { request, .. } | ShelfCommand::Take { request, .. }) => {
                self.offered.borrow().get(request).cloned().unwrap_or_default()
            }
            _ => Vec::new(),
        };
        if let Err(reason) = self.post(id, command, &files) {
            (self.inbox)(Input::Died(id, reason));
        }
        // A worker that begins is told of the models that it cannot find by itself.
        if matches!(command, Command::Start { .. }) {
            let models = self.models.borrow().clone();
            models.iter().for_each(|(base, (sha256, files))| self.hand(id, base, sha256, files));
        }
    }

    fn post(&self, id: WorkerId, command: &Command, files: &[File]) -> Result<(), String> {
        let message = wire::write_command(command, files).map_err(|error| error.to_string())?;
        if let Some(held) = self.held.borrow().get(&id)
            && let Some(held) = held.borrow_mut().as_mut()
        {
            held.push(message);
            return Ok(());
        }
        match self.workers.borrow().get(&id) {
            Some(handle) => handle.worker.post_message(&message).map_err(|error| describe(&error)),
            None => Ok(()),
        }
    }
}

fn describe(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message())).unwrap_or_else(|| format!("{error:?}"))
}
