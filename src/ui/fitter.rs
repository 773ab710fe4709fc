//! Fits happen in a small worker of their own, so that three hundred bootstrap refits never hold up the page. It is
//! this same program, started a second time where there is no window; questions and answers cross as JSON.

use super::browser;
use crate::laws::{Analysis, AnalysisRequest, analyse};
use crate::platform::browser::wire;
use leptos::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{MessageEvent, WorkerOptions, WorkerType};

/// With the milliseconds it took.
fn timed(question: &AnalysisRequest, clock: impl Fn() -> f64) -> Analysis {
    let start = clock();
    let answer = analyse(question);
    Analysis { milliseconds: clock() - start, ..answer }
}

/// The worker's side: answers one question after another.
pub fn serve() {
    let Ok(scope) = js_sys::global().dyn_into::<web_sys::DedicatedWorkerGlobalScope>() else { return };
    let replies = scope.clone();
    let heard = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
        let text = message.data().as_string().unwrap_or_default();
        let reply = serde_json::from_str::<(u32, AnalysisRequest)>(&text).map(|(id, question)| {
            let clock = || replies.performance().map(|clock| clock.now()).unwrap_or_default();
            (id, timed(&question, clock))
        });
        match reply.and_then(|reply| serde_json::to_string(&reply)) {
            Ok(reply) => post(&replies, &reply),
            Err(error) => web_sys::console::error_1(&format!("a question to the fitter: {error}").into()),
        }
    });
    scope.set_onmessage(Some(heard.as_ref().unchecked_ref()));
    // The worker lives as long as the page.
    heard.forget();
    post(&scope, wire::LISTENING);
}

fn post(scope: &web_sys::DedicatedWorkerGlobalScope, text: &str) {
    if let Err(error) = scope.post_message(&text.into()) {
        web_sys::console::error_1(&error);
    }
}

/// The page's side.
#[derive(Clone)]
pub struct Fitter(Rc<RefCell<Inner>>);

/// Called with the answer, or none where it could not be read.
type Then = Rc<dyn Fn(Option<Analysis>)>;

#[derive(Default)]
struct Inner {
    worker: Option<web_sys::Worker>,
    listening: bool,
    last: u32,
    /// What each open question's answer goes to, and its text until the worker listens.
    open: BTreeMap<u32, (Then, String)>,
}

impl Fitter {
    /// Without a worker (an old browser, a strict host) questions are answered on the page itself.
    pub fn start() -> Fitter {
        let fitter = Fitter(Rc::default());
        if let Some(worker) = start_worker() {
            let here = fitter.clone();
            let heard = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
                here.heard(&message.data().as_string().unwrap_or_default());
            });
            worker.set_onmessage(Some(heard.as_ref().unchecked_ref()));
            let here = fitter.clone();
            let failed = Closure::<dyn Fn(JsValue)>::new(move |_| here.fall_back());
            worker.set_onerror(Some(failed.as_ref().unchecked_ref()));
            // Both live as long as the page.
            heard.forget();
            failed.forget();
            fitter.0.borrow_mut().worker = Some(worker);
        }
        fitter
    }

    fn ask(&self, question: &AnalysisRequest, then: Then) {
        let mut inner = self.0.borrow_mut();
        if inner.worker.is_none() {
            drop(inner);
            return then(Some(timed(question, browser::now)));
        }
        inner.last += 1;
        let id = inner.last;
        // Points and options are plain numbers and text.
        let text = serde_json::to_string(&(id, question)).unwrap_or_default();
        if inner.listening {
            send(inner.worker.as_ref(), &text);
        }
        inner.open.insert(id, (then, text));
    }

    fn heard(&self, text: &str) {
        if text == wire::LISTENING {
            let mut inner = self.0.borrow_mut();
            inner.listening = true;
            for (_, text) in inner.open.values() {
                send(inner.worker.as_ref(), text);
            }
            return;
        }
        let Ok((id, answer)) = serde_json::from_str::<(u32, serde_json::Value)>(text) else { return };
        let answer = serde_json::from_value(answer).inspect_err(|error| {
            web_sys::console::error_1(&format!("the fitter's answer: {error}").into());
        });
        let open = self.0.borrow_mut().open.remove(&id);
        if let Some((then, _)) = open {
            then(answer.ok());
        }
    }

    /// The worker cannot run: answer here what it left open.
    fn fall_back(&self) {
        let open = {
            let mut inner = self.0.borrow_mut();
            inner.worker = None;
            std::mem::take(&mut inner.open)
        };
        for (then, text) in open.into_values() {
            if let Ok((_, question)) = serde_json::from_str::<(u32, AnalysisRequest)>(&text) {
                then(Some(timed(&question, browser::now)));
            }
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
        &question,
        Rc::new(move |answer| {
            // The view that asked may be gone.
            let _ = shown.try_set(answer);
            let (fitter, busy, next) = &again;
            *busy.borrow_mut() = false;
            pump(fitter, busy, next, shown);
        }),
    );
}

fn send(worker: Option<&web_sys::Worker>, text: &str) {
    if let Some(worker) = worker
        && let Err(error) = worker.post_message(&text.into())
    {
        web_sys::console::error_1(&error);
    }
}

/// Script and wasm of this program, as the page itself loaded them.
fn start_worker() -> Option<web_sys::Worker> {
    let document = browser::window().document()?;
    let href = |selector: &str| {
        let link = document.query_selector(selector).ok()??;
        link.dyn_into::<web_sys::HtmlLinkElement>().ok().map(|link| link.href())
    };
    let script = href("link[rel=modulepreload]")?;
    let wasm = href("link[rel=preload][type='application/wasm']")?;
    let encode = |url: &str| String::from(js_sys::encode_uri_component(url));
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    let url = format!("./fitter.js?script={}&wasm={}", encode(&script), encode(&wasm));
    web_sys::Worker::new_with_options(&url, &options).ok()
}
