//! Fits happen in a small worker of their own, so that three hundred bootstrap refits never hold up the page. It is
//! this same program, started a second time where there is no window.

use super::browser;
use super::port::Port;
use crate::job::{Command, Event, Heard, Job, JobEvent, JobId, Output};
use crate::laws::{Analysis, AnalysisRequest, analyse};
use crate::platform::browser::wire;
use leptos::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;
use web_sys::MessageEvent;

/// With the milliseconds it took.
fn timed(question: &AnalysisRequest, clock: impl Fn() -> f64) -> Analysis {
    let start = clock();
    let answer = analyse(question);
    Analysis { milliseconds: clock() - start, ..answer }
}

/// The worker's side: does one fit after another.
pub fn serve() {
    let Ok(scope) = js_sys::global().dyn_into::<web_sys::DedicatedWorkerGlobalScope>() else { return };
    let replies = scope.clone();
    let heard = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
        let clock = || replies.performance().map(|clock| clock.now()).unwrap_or_default();
        let (id, event) = match wire::read_command(&message.data()) {
            Ok((Command::Start { id, job: Job::Fit(question) }, _)) => {
                (id, JobEvent::Done(Output::Fitted(Box::new(timed(&question, clock)))))
            }
            Ok((Command::Start { id, .. }, _)) => {
                (id, JobEvent::Failed("this worker fits laws and nothing else".into()))
            }
            Ok(_) => return,
            Err(error) => return web_sys::console::error_1(&error.to_string().into()),
        };
        match wire::write_event(&Event::Job(id, event)) {
            Ok(message) => post(&replies, &message),
            Err(error) => web_sys::console::error_1(&error.to_string().into()),
        }
    });
    scope.set_onmessage(Some(heard.as_ref().unchecked_ref()));
    // The worker lives as long as the page.
    heard.forget();
    post(&scope, &wire::LISTENING.into());
}

fn post(scope: &web_sys::DedicatedWorkerGlobalScope, message: &JsValue) {
    if let Err(error) = scope.post_message(message) {
        web_sys::console::error_1(&error);
    }
}

/// The page's side.
#[derive(Clone)]
pub struct Fitter(Rc<RefCell<Inner>>);

/// Called with the analysis, or none where it could not be had.
type Then = Rc<dyn Fn(Option<Analysis>)>;

#[derive(Default)]
struct Inner {
    worker: Option<Port>,
    last: u32,
    /// Each fit under way, and what its answer goes to.
    open: BTreeMap<JobId, (Then, AnalysisRequest)>,
}

impl Fitter {
    /// Without a worker (an old browser, a strict host) questions are answered on the page itself.
    pub fn start() -> Fitter {
        let fitter = Fitter(Rc::default());
        if let Some(url) = program() {
            let here = fitter.clone();
            let port = Port::new(move |heard| match heard {
                Heard::Event(Event::Job(id, JobEvent::Done(Output::Fitted(answer)))) => here.done(id, Some(*answer)),
                Heard::Event(Event::Job(id, _)) => here.done(id, None),
                Heard::Event(_) => {}
                Heard::Died(_) | Heard::Unreadable => here.fall_back(),
            });
            fitter.0.borrow_mut().worker = Some(port.clone());
            port.start(&url);
        }
        fitter
    }

    fn ask(&self, question: AnalysisRequest, then: Then) {
        let (id, worker) = {
            let mut inner = self.0.borrow_mut();
            inner.last += 1;
            (JobId(inner.last), inner.worker.clone())
        };
        let Some(worker) = worker else { return then(Some(timed(&question, browser::now))) };
        self.0.borrow_mut().open.insert(id, (then, question.clone()));
        worker.send(&Command::Start { id, job: Job::Fit(Box::new(question)) }, &[]);
    }

    fn done(&self, id: JobId, answer: Option<Analysis>) {
        let open = self.0.borrow_mut().open.remove(&id);
        if let Some((then, _)) = open {
            then(answer);
        }
    }

    /// The worker cannot run: answer here what it left open.
    fn fall_back(&self) {
        let (worker, open) = {
            let mut inner = self.0.borrow_mut();
            (inner.worker.take(), std::mem::take(&mut inner.open))
        };
        if let Some(worker) = worker {
            worker.end();
        }
        for (then, question) in open.into_values() {
            then(Some(timed(&question, browser::now)));
        }
    }

    /// The answer to `question`, again whenever it changes; while one is being worked on, only the newest waits.
    pub fn follow(&self, question: Signal<AnalysisRequest>) -> RwSignal<Option<Analysis>> {
        let shown = RwSignal::new(None);
        let busy = Rc::new(RefCell::new(false));
        let next = Rc::new(RefCell::new(None::<AnalysisRequest>));
        let fitter = self.clone();
        Effect::new(move || {
            let question = question.get();
            if question.points.is_empty() {
                shown.set(None);
                return;
            }
            *next.borrow_mut() = Some(question);
            pump(&fitter, &busy, &next, shown);
        });
        shown
    }
}

fn pump(
    fitter: &Fitter,
    busy: &Rc<RefCell<bool>>,
    next: &Rc<RefCell<Option<AnalysisRequest>>>,
    shown: RwSignal<Option<Analysis>>,
) {
    if *busy.borrow() {
        return;
    }
    let Some(question) = next.borrow_mut().take() else { return };
    *busy.borrow_mut() = true;
    let again = (fitter.clone(), busy.clone(), next.clone());
    fitter.ask(
        question,
        Rc::new(move |answer| {
            // The view that asked may be gone.
            let _ = shown.try_set(answer);
            let (fitter, busy, next) = &again;
            *busy.borrow_mut() = false;
            pump(fitter, busy, next, shown);
        }),
    );
}

/// The address of this program in a worker: script and wasm as the page itself loaded them.
fn program() -> Option<String> {
    let document = browser::window().document()?;
    let href = |selector: &str| {
        let link = document.query_selector(selector).ok()??;
        link.dyn_into::<web_sys::HtmlLinkElement>().ok().map(|link| link.href())
    };
    let script = href("link[rel=modulepreload]")?;
    let wasm = href("link[rel=preload][type='application/wasm']")?;
    let encode = |url: &str| String::from(js_sys::encode_uri_component(url));
    Some(format!("./fitter.js?script={}&wasm={}", encode(&script), encode(&wasm)))
}
