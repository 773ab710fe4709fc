//! Gives the browser a turn. The CPU backend never lets go by itself, so without this no "stop" would arrive.
//!
//! A message to oneself comes back in a new task at once; `setTimeout(0)` would wait 4 ms when nested.

use js_sys::{Function, Promise};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{MessageChannel, MessagePort, WorkerGlobalScope};

/// A promise that is kept, with null, after so many milliseconds.
pub fn after(milliseconds: i32) -> Promise {
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    Promise::new(&mut |resolve, _| {
        // A worker always has timers.
        let _ = scope.set_timeout_with_callback_and_timeout_and_arguments_1(&resolve, milliseconds, &JsValue::NULL);
    })
}

/// What `work` comes to, or none where it takes longer; it is then left to itself.
pub async fn in_time<T: 'static>(seconds: u32, work: impl Future<Output = T> + 'static) -> Option<T> {
    let (sender, first) = async_channel::bounded(1);
    let late = sender.clone();
    // Whoever comes second finds the channel full, or nobody there.
    spawn_local(async move { drop(sender.try_send(Some(work.await))) });
    spawn_local(async move {
        let _ = JsFuture::from(after(1000 * seconds as i32)).await;
        drop(late.try_send(None));
    });
    first.recv().await.ok().flatten()
}

pub struct Turn {
    port: MessagePort,
    waiting: Rc<RefCell<Option<Function>>>,
    _answered: Closure<dyn Fn()>,
}

impl Turn {
    pub fn new() -> Result<Self, JsValue> {
        let channel = MessageChannel::new()?;
        let waiting: Rc<RefCell<Option<Function>>> = Rc::default();
        let resolve = waiting.clone();
        let answered = Closure::<dyn Fn()>::new(move || {
            if let Some(resolve) = resolve.borrow_mut().take() {
                // Resolving a promise cannot throw.
                let _ = resolve.call0(&JsValue::UNDEFINED);
            }
        });
        channel.port2().set_onmessage(Some(answered.as_ref().unchecked_ref()));
        Ok(Turn { port: channel.port1(), waiting, _answered: answered })
    }

    /// Comes back after the messages that are waiting have been delivered.
    pub async fn give(&self) {
        let promise = Promise::new(&mut |resolve, _| *self.waiting.borrow_mut() = Some(resolve));
        if self.port.post_message(&JsValue::NULL).is_ok() {
            let _ = JsFuture::from(promise).await;
        }
    }
}
