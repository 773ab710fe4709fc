//! Files of the site, with progress. A file comes from the site's own folder only; the service worker keeps it for
//! the next visit.

use js_sys::{Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStreamDefaultReader, Response};

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("{url} could not be fetched: {reason}. Check the connection and try again")]
    Unreachable { url: String, reason: String },
    #[error("{url}: the host answered {status}. Is the site complete?")]
    Status { url: String, status: u16 },
}

/// The whole file; `progress` hears the bytes so far and, where the host says so, of how many.
pub async fn fetch(url: &str, mut progress: impl FnMut(u64, Option<u64>)) -> Result<Vec<u8>, FetchError> {
    let unreachable = |error: JsValue| FetchError::Unreachable {
        url: url.into(),
        reason: error.dyn_ref::<js_sys::Error>().map_or_else(|| format!("{error:?}"), |e| e.message().into()),
    };
    let response = request(url).await.map_err(unreachable)?;
    if !response.ok() {
        return Err(FetchError::Status { url: url.into(), status: response.status() });
    }
    let total = response.headers().get("content-length").ok().flatten().and_then(|text| text.parse().ok());
    let mut bytes = Vec::new();
    let Some(body) = response.body() else { return Ok(bytes) };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    loop {
        let chunk = JsFuture::from(reader.read()).await.map_err(unreachable)?;
        if Reflect::get(&chunk, &"done".into()).is_ok_and(|done| done.is_truthy()) {
            return Ok(bytes);
        }
        let value = Reflect::get(&chunk, &"value".into()).map_err(unreachable)?;
        bytes.extend(Uint8Array::new(&value).to_vec());
        progress(bytes.len() as u64, total);
    }
}

async fn request(url: &str) -> Result<Response, JsValue> {
    JsFuture::from(ask(url, &JsValue::UNDEFINED)?).await?.dyn_into()
}

/// The browser's `fetch`, in page and worker alike.
pub(super) fn ask(url: &str, init: &JsValue) -> Result<Promise, JsValue> {
    let fetch: Function = Reflect::get(&js_sys::global(), &"fetch".into())?.dyn_into()?;
    fetch.call2(&JsValue::UNDEFINED, &url.into(), init)?.dyn_into()
}
