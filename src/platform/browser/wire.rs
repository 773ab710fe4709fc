//! How the boundary's messages are carried between page and worker, the same on both sides. To a worker goes an
//! object `{ command, files }`, where `files` are the browser's `File` handles that the command speaks of; to the
//! page goes the event itself.
//!
//! A worker's program loads in its own time, and what is sent before it listens is lost. So a worker first posts
//! [`LISTENING`], once its handler is set, and the page holds back its commands until it hears that.

use crate::job::{Command, Event};
use js_sys::{Array, Object, Reflect};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, JsValue};

/// A worker's first message: its handler is set.
pub const LISTENING: &str = "listening";

#[derive(Debug, thiserror::Error)]
#[error("a message between page and worker cannot be read ({0}): reload the page")]
pub struct WireError(String);

/// Seeds are whole 64-bit numbers, which a JavaScript number cannot hold: they go as BigInt.
fn to_js<T: Serialize>(value: &T) -> Result<JsValue, WireError> {
    let serializer = serde_wasm_bindgen::Serializer::new().serialize_large_number_types_as_bigints(true);
    value.serialize(&serializer).map_err(|error| WireError(error.to_string()))
}

fn from_js<T: DeserializeOwned>(value: JsValue) -> Result<T, WireError> {
    serde_wasm_bindgen::from_value(value).map_err(|error| WireError(error.to_string()))
}

pub fn write_command(command: &Command, files: &[web_sys::File]) -> Result<JsValue, WireError> {
    let message = Object::new();
    let set = |key: &str, value: &JsValue| {
        Reflect::set(&message, &key.into(), value).map_err(|_| WireError(format!("{key} not set")))
    };
    set("command", &to_js(command)?)?;
    set("files", &files.iter().collect::<Array>())?;
    Ok(message.into())
}

pub fn read_command(message: &JsValue) -> Result<(Command, Vec<web_sys::File>), WireError> {
    let get = |key: &str| Reflect::get(message, &key.into()).map_err(|_| WireError(format!("no {key}")));
    let files = Array::from(&get("files")?).iter().filter_map(|file| file.dyn_into().ok()).collect();
    Ok((from_js(get("command")?)?, files))
}

pub fn write_event(event: &Event) -> Result<JsValue, WireError> {
    to_js(event)
}

pub fn read_event(message: JsValue) -> Result<Event, WireError> {
    from_js(message)
}
