//! The page's executor: workers of the browser, and the files that jobs speak of, which the browser hands over by
//! reference. Knows nothing of what jobs mean.

use super::browser;
use super::port::Port;
use super::state::WorkerId;
use super::state::shelf::MODEL_WORKER;
use crate::job::{Backend, Command, DataRequest, Event, Executor, Heard, Job, ModelSource};
use crate::platform::browser::device;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;
use web_sys::File;

/// Where trunk puts the training workers. The GPU's is several times larger, so nobody fetches it in vain.
fn program(backend: Backend) -> &'static str {
    match backend {
        Backend::WebGpu => "./worker_gpu_loader.js",
        Backend::Cpu | Backend::Auto => "./worker_cpu_loader.js",
    }
}

/// `./lab serve` opens the lab before the GPU's worker is there, and marks the page so.
fn gpu_is_building() -> bool {
    let document = browser::window().document();
    document.is_some_and(|page| matches!(page.query_selector("meta[name=gpu-worker]"), Ok(Some(_))))
}

#[derive(Clone)]
pub struct Link(Rc<Inner>);

struct Inner {
    workers: RefCell<HashMap<WorkerId, Port>>,
    /// Files that the visitor chose, by the name of the data or adapter they make.
    files: RefCell<HashMap<String, Vec<File>>>,
    /// Files of models that are inspected or loaded, by the number they go by.
    offers: RefCell<HashMap<u32, Vec<File>>>,
    last_offer: Cell<u32>,
    /// Bases that lie in no storage: hash and files, handed to every worker that trains.
    models: RefCell<HashMap<String, (String, Vec<File>)>>,
    inbox: Rc<dyn Fn(WorkerId, Heard)>,
}

impl Link {
    pub fn new(inbox: Rc<dyn Fn(WorkerId, Heard)>) -> Self {
        Link(Rc::new(Inner {
            workers: RefCell::default(),
            files: RefCell::default(),
            offers: RefCell::default(),
            last_offer: Cell::default(),
            models: RefCell::default(),
            inbox,
        }))
    }

    /// Keeps the handles of files whose data go by `name`; they are sent along when data are asked for.
    pub fn keep_files(&self, name: String, files: Vec<File>) {
        self.0.files.borrow_mut().insert(name, files);
    }

    /// Keeps the handles of a model's files under a new number.
    pub fn offer(&self, files: Vec<File>) -> u32 {
        let offer = self.0.last_offer.get() + 1;
        self.0.last_offer.set(offer);
        self.0.offers.borrow_mut().insert(offer, files);
        offer
    }

    pub fn drop_offer(&self, offer: u32) {
        self.0.offers.borrow_mut().remove(&offer);
    }

    /// From here on the files of `offer` are the base of this name, for every worker.
    pub fn provide_model(&self, offer: u32, base: String, sha256: String) {
        let Some(files) = self.0.offers.borrow_mut().remove(&offer) else { return };
        let workers: Vec<Port> = {
            let workers = self.0.workers.borrow();
            workers.iter().filter(|(id, _)| **id != MODEL_WORKER).map(|(_, port)| port.clone()).collect()
        };
        let command = Command::ProvideModel { base: base.clone(), sha256: sha256.clone() };
        workers.iter().for_each(|port| port.send(&command, &files));
        self.0.models.borrow_mut().insert(base, (sha256, files));
    }

    pub fn drop_model(&self, base: &str) {
        self.0.models.borrow_mut().remove(base);
    }

    /// The files that these data are made of.
    pub fn files_of_data(&self, request: &DataRequest) -> Vec<File> {
        match request {
            DataRequest::Files { name, .. } => self.0.files.borrow().get(name).cloned().unwrap_or_default(),
            DataRequest::Task(_) | DataRequest::Text { .. } => Vec::new(),
        }
    }

    /// The files that a command speaks of.
    fn files_of(&self, command: &Command) -> Vec<File> {
        let Command::Start { job, .. } = command else { return Vec::new() };
        let found = match job {
            Job::ReadData { source, .. } => Some(self.files_of_data(source)),
            Job::AddAdapter { name, .. } => self.0.files.borrow().get(name).cloned(),
            Job::InspectModel { source: ModelSource::Files { offer, .. } }
            | Job::LoadModel { source: ModelSource::Files { offer, .. }, .. } => {
                self.0.offers.borrow().get(offer).cloned()
            }
            _ => None,
        };
        found.unwrap_or_default()
    }
}

impl Executor for Link {
    /// Starts a worker for the device that `wanted` comes to in this browser.
    fn spawn(&mut self, id: WorkerId, wanted: Backend) {
        let inbox = self.0.inbox.clone();
        let heard = inbox.clone();
        let port = Port::new(move |event| heard(id, event));
        self.0.workers.borrow_mut().insert(id, port.clone());
        spawn_local(async move {
            match device::probe(wanted).await.backend {
                Backend::WebGpu if gpu_is_building() => {
                    let reason = "its worker is still being built; reload the page when `./lab serve` says so";
                    inbox(id, Heard::Event(Event::CannotOpen { reason: reason.into() }));
                }
                backend => port.start(program(backend)),
            }
        });
    }

    fn send(&mut self, id: WorkerId, command: Command) {
        let Some(port) = self.0.workers.borrow().get(&id).cloned() else { return };
        port.send(&command, &self.files_of(&command));
        // A worker that begins is told of the models that it cannot find by itself.
        if matches!(command, Command::Open { .. }) {
            let models = self.0.models.borrow().clone();
            for (base, (sha256, files)) in models {
                port.send(&Command::ProvideModel { base, sha256 }, &files);
            }
        }
    }

    fn end(&mut self, id: WorkerId) {
        let port = self.0.workers.borrow_mut().remove(&id);
        if let Some(port) = port {
            port.end();
        }
    }
}
