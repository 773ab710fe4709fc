//! The tabs that are open on this lab: one trains at a time, by the browser's Web Locks, and tells the others of the
//! runs that it finishes. The lock goes to the next tab when its holder is closed, or dies.

use super::browser;
use super::state::{Claim, Input};
use crate::record::RunRecord;
use js_sys::{Function, Promise, Reflect};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BroadcastChannel, MessageEvent};

const LOCK: &str = "tunelab-training";
const CHANNEL: &str = "tunelab-runs";

#[derive(Clone)]
pub struct Tabs(Rc<Inner>);

struct Inner {
    inbox: Box<dyn Fn(Input)>,
    /// Between them finished runs travel, as their JSON.
    channel: Option<BroadcastChannel>,
    wanted: Cell<bool>,
    /// Lets go of the lock.
    release: RefCell<Option<Function>>,
}

impl Tabs {
    /// `inbox` hears whether this tab may train, and of the others' runs.
    pub fn open(inbox: impl Fn(Input) + 'static) -> Tabs {
        let tabs = Tabs(Rc::new(Inner {
            inbox: Box::new(inbox),
            channel: BroadcastChannel::new(CHANNEL).ok(),
            wanted: Cell::default(),
            release: RefCell::default(),
        }));
        let here = tabs.clone();
        let heard = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
            let text = message.data().as_string().unwrap_or_default();
            // A tab of another version says what this one cannot read: it has that at its next start.
            if let Ok(record) = RunRecord::from_json(&text) {
                (here.0.inbox)(Input::Records(vec![record]));
            }
        });
        if let Some(channel) = &tabs.0.channel {
            channel.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        }
        // It is listened to as long as the page lives.
        heard.forget();
        tabs
    }

    /// Tells the others of a finished run.
    pub fn tell(&self, record: &RunRecord) {
        if let Some(channel) = &self.0.channel {
            // A closed channel has nobody to tell.
            let _ = channel.post_message(&record.to_json().into());
        }
    }

    /// Asks to be the tab that trains; the inbox hears when it is. Without locks in the browser every tab may.
    pub fn claim(&self) {
        self.0.wanted.set(true);
        if self.request(true).is_none() {
            (self.0.inbox)(Input::Claim(Claim::Held));
        }
    }

    pub fn release(&self) {
        self.0.wanted.set(false);
        if let Some(release) = self.0.release.borrow_mut().take() {
            // Keeping a promise cannot throw.
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }

    /// Asks for the lock, at once or in turn.
    fn request(&self, at_once: bool) -> Option<()> {
        let locks = Reflect::get(&browser::window().navigator(), &"locks".into()).ok()?;
        let request: Function = Reflect::get(&locks, &"request".into()).ok()?.dyn_into().ok()?;
        let options = js_sys::Object::new();
        Reflect::set(&options, &"ifAvailable".into(), &at_once.into()).ok()?;
        let here = self.clone();
        let granted = Closure::once_into_js(move |lock: JsValue| here.answered(!lock.is_null()));
        request.call3(&locks, &LOCK.into(), &options, &granted).ok()?;
        Some(())
    }

    /// What the lock is held for: a promise that is kept when this tab lets go.
    fn answered(&self, granted: bool) -> JsValue {
        let holds = self.0.release.borrow().is_some();
        if !self.0.wanted.get() || holds {
            return JsValue::UNDEFINED;
        }
        if !granted {
            (self.0.inbox)(Input::Claim(Claim::Waits));
            let _ = self.request(false);
            return JsValue::UNDEFINED;
        }
        let held = Promise::new(&mut |keep, _| *self.0.release.borrow_mut() = Some(keep));
        (self.0.inbox)(Input::Claim(Claim::Held));
        held.into()
    }
}
