//! The running page: holds the [`State`] in a signal, feeds it inputs, carries out its orders. Every component gets
//! it as context and speaks to it by [`Lab::send`].

use super::browser;
use super::charts::palette::Theme;
use super::fitter::Fitter;
use super::link::Link;
use super::local;
use super::state::{Input, Level, Order, State};
use super::tabs::Tabs;
use crate::job::{Event, Executor, Heard, JobEvent, ModelSource, Partial, Unkept, WorkerId};
use crate::laws::{Analysis, AnalysisRequest};
use crate::platform::storage::{Models, OwnData};
use crate::record::ModelCard;
use crate::record::RunRecord;
use crate::ui::state::settings::Settings;
use crate::ui::state::share;
use leptos::prelude::*;
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen_futures::spawn_local;

/// Progress is shown at most so often; what calls for an answer is taken in at once.
const BREATH: Duration = Duration::from_millis(120);

#[derive(Clone, Copy)]
pub struct Lab {
    pub state: RwSignal<State>,
    pub theme: RwSignal<Theme>,
    pub narrow: RwSignal<bool>,
    pub settings: Memo<Settings>,
    /// Where the visitor is on their walk through the lab.
    pub walk: RwSignal<Option<usize>>,
    /// Back or Forward led to the view that is about to be shown.
    pub travelled: StoredValue<bool>,
    link: StoredValue<Link, LocalStorage>,
    fitter: StoredValue<Fitter, LocalStorage>,
    tabs: StoredValue<Tabs, LocalStorage>,
}

impl Lab {
    /// Opens the lab: reads the address, the kept records, the shelf and the finished experiment, starts a worker.
    pub fn open() -> Lab {
        let (settings, problems) = share::from_fragment(&browser::address());
        let mut first = State::new(settings);
        first.memory = first.memory.min(browser::memory().unwrap_or(u64::MAX));
        first.cores = browser::window().navigator().hardware_concurrency() as usize;
        let state = RwSignal::new(first);
        let waiting: Rc<RefCell<Vec<Input>>> = Rc::default();
        // Workers speak from outside the page's tree of owners, so the inbox holds the lab itself.
        let home: Rc<OnceCell<Lab>> = Rc::default();
        let here = home.clone();
        let inbox = Rc::new(move |worker: WorkerId, heard: Heard| {
            let input = Input::Heard(worker, heard);
            let urgent = !is_progress(&input);
            let mut queue = waiting.borrow_mut();
            queue.push(input);
            let (waiting, here) = (waiting.clone(), here.clone());
            let take_in = move || {
                let inputs = std::mem::take(&mut *waiting.borrow_mut());
                if let (false, Some(lab)) = (inputs.is_empty(), here.get()) {
                    lab.take_in(inputs);
                }
            };
            if urgent {
                drop(queue);
                take_in();
            } else if queue.len() == 1 {
                set_timeout(take_in, BREATH);
            }
        });
        let here = home.clone();
        let tabs = Tabs::open(move |input| {
            if let Some(lab) = here.get() {
                lab.send(input);
            }
        });
        let lab = Lab {
            state,
            theme: RwSignal::new(browser::theme()),
            narrow: RwSignal::new(browser::is_narrow()),
            settings: Memo::new(move |_| state.with(|state| state.settings.clone())),
            travelled: StoredValue::new(false),
            walk: RwSignal::new((!local::walked()).then_some(0)),
            link: StoredValue::new_local(Link::new(inbox)),
            fitter: StoredValue::new_local(Fitter::start()),
            tabs: StoredValue::new_local(tabs),
        };
        // Set once, just made: it cannot be there already.
        let _ = home.set(lab);
        for problem in problems {
            lab.send(Input::Say(Level::Warning, problem));
        }
        // A file dropped beside the places for files would take the lab's place in the tab.
        let _ = window_event_listener(leptos::ev::dragover, |event| event.prevent_default());
        let _ = window_event_listener(leptos::ev::drop, move |event| {
            if !event.default_prevented() {
                event.prevent_default();
                lab.send(Input::Say(Level::Information, "Drop files on a place with a dashed border.".into()));
            }
        });
        lab.send(Input::Opened);
        spawn_local(async move {
            let left = local::left().await;
            if let Some(refusal) = left.refusal {
                lab.send(Input::StorageRefused(refusal.reason()));
            }
            lab.send(Input::Records(left.records));
            lab.send(Input::Begun(left.begun));
        });
        // The last that a page hears before it is closed, on every device.
        browser::on_hidden(move || lab.send(Input::Hidden));
        spawn_local(async move {
            // Where the browser gives no storage, nothing is kept.
            if let Ok(models) = Models::open().await
                && let Ok((cards, partial)) = models.all().await
            {
                lab.send(Input::StoredModels(cards, partial));
            }
            let cards = browser::fetch_text("./models/index.json").await;
            lab.send(Input::Shelf(cards.and_then(|text| {
                serde_json::from_str::<Vec<ModelCard>>(&text).map_err(|error| format!("models/index.json: {error}"))
            })));
            if let Ok(text) = browser::fetch_text("./precomputed.json").await {
                match records(&text) {
                    Ok(records) => lab.send(Input::Precomputed(records)),
                    Err(reason) => lab.send(Input::Say(Level::Warning, reason)),
                }
            }
        });
        lab
    }

    pub fn send(&self, input: Input) {
        self.take_in(vec![input]);
    }

    fn take_in(&self, inputs: Vec<Input>) {
        let now = browser::now();
        let mut orders = Vec::new();
        self.state.update(|state| {
            for input in inputs {
                orders.extend(state.fold(now, input));
            }
        });
        let mut link = self.link.get_value();
        for order in orders {
            match order {
                Order::Spawn(worker, backend) => link.spawn(worker, backend),
                Order::End(worker) => link.end(worker),
                Order::Send(worker, command) => link.send(worker, command),
                Order::Keep(record) => {
                    let lab = *self;
                    spawn_local(async move {
                        if let Err(error) = local::keep_record(&record).await {
                            lab.send(Input::NotKept(Unkept::Record(record.id), error.reason()));
                        }
                    });
                }
                Order::Tell(record) => self.tabs.with_value(|tabs| tabs.tell(&record)),
                Order::Claim => self.tabs.get_value().claim(),
                Order::Release => self.tabs.get_value().release(),
                Order::Discard(runs) => spawn_local(async move {
                    // What stays is offered again at the next start.
                    let _ = local::discard(&runs).await;
                }),
                Order::Forget(runs) => {
                    let lab = *self;
                    spawn_local(async move {
                        if let Err(error) = local::forget(&runs).await {
                            lab.send(Input::Say(
                                Level::Warning,
                                format!("Removed here, but not from storage: {}.", error.reason()),
                            ));
                        }
                    });
                }
                Order::KeepData(request) => {
                    let (lab, files) = (*self, link.files_of_data(&request));
                    spawn_local(async move {
                        if let Err(error) = OwnData::write(request, &files).await {
                            lab.send(Input::NotKept(Unkept::Data, error.reason()));
                        }
                    });
                }
                Order::RecallData => {
                    let lab = *self;
                    spawn_local(async move {
                        let found = OwnData::read().await.map(|(request, files)| {
                            lab.keep_files(request.name().to_string(), files);
                            request
                        });
                        lab.send(Input::Recalled(found));
                    });
                }
                Order::Download(file) => browser::download(&file.name, "application/zip", &file.bytes),
                Order::ProvideModel { offer, base, sha256 } => link.provide_model(offer, base, sha256),
                Order::DropOffer(offer) => link.drop_offer(offer),
                Order::DropModel(base) => link.drop_model(&base),
            }
        }
    }

    /// Changes settings by `change`.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.settings.get_untracked();
        change(&mut settings);
        if settings != self.settings.get_untracked() {
            self.send(Input::Settings(Box::new(settings)));
        }
    }

    /// The fit that answers `request`, anew whenever that changes.
    pub fn fit(&self, request: Signal<AnalysisRequest>) -> RwSignal<Option<Analysis>> {
        self.fitter.with_value(|fitter| fitter.follow(request))
    }

    /// Inspects a model; `files` are its files, where it is not on a hub.
    pub fn inspect(&self, source: ModelSource, files: Vec<web_sys::File>) {
        let offer = self.link.with_value(|link| link.offer(files));
        let source = match source {
            ModelSource::Files { label, .. } => ModelSource::Files { offer, label },
            hub => hub,
        };
        self.send(Input::InspectModel { offer, source });
    }

    pub fn keep_files(&self, name: String, files: Vec<web_sys::File>) {
        self.link.with_value(|link| link.keep_files(name, files));
    }
}

pub fn use_lab() -> Lab {
    expect_context::<Lab>()
}

/// An input that changes only what is shown: many may be taken in together.
fn is_progress(input: &Input) -> bool {
    use crate::job::Progress::{Evaluated, Evaluating, Fetching, Loading, Stepped};
    let Input::Heard(_, Heard::Event(Event::Job(_, event))) = input else { return false };
    matches!(
        event,
        JobEvent::Progress(Stepped { .. } | Evaluating { .. } | Evaluated(_) | Fetching { .. } | Loading { .. })
            | JobEvent::Partial(Partial::Generated { .. })
    )
}

/// The records of a file of runs.
pub fn records(text: &str) -> Result<Vec<RunRecord>, String> {
    RunRecord::list_from_json(text).map_err(|error| format!("The file of runs could not be read: {error}"))
}
