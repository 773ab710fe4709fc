//! Small dealings with the browser: address, downloads, files, fetches.

use super::charts::palette::Theme;
use super::local;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

pub fn window() -> web_sys::Window {
    // The page runs in a window; workers enter elsewhere (`super::start`).
    web_sys::window().expect("the page runs in a window")
}

/// Milliseconds since the page opened.
pub fn now() -> f64 {
    window().performance().map(|clock| clock.now()).unwrap_or_default()
}

/// Bytes of memory that this machine has, where the browser says so; it says no more than 8 GiB.
pub fn memory() -> Option<u64> {
    let gibibytes = js_sys::Reflect::get(&window().navigator(), &"deviceMemory".into()).ok()?.as_f64()?;
    Some((gibibytes * f64::from(1 << 30)) as u64)
}

/// The address's query and fragment, joined: settings may stand in either.
pub fn address() -> String {
    let location = window().location();
    let part = |text: Result<String, JsValue>| text.unwrap_or_default().trim_start_matches(['#', '?']).to_string();
    format!("{}&{}", part(location.search()), part(location.hash()))
}

/// What the lab's own entries of the browser's history carry, other than links that are pasted.
const OWN_ENTRY: &str = "lab";

/// Puts a fragment into the address bar, as a new entry of the history where `turn`: the visitor turned to another view.
pub fn set_fragment(fragment: &str, turn: bool) {
    let path = window().location().pathname().unwrap_or_default();
    let url = if fragment.is_empty() { path } else { format!("{path}#{fragment}") };
    if let Ok(history) = window().history() {
        // A sandboxed frame may refuse; the settings hold all the same.
        let _ = match turn {
            true => history.push_state_with_url(&OWN_ENTRY.into(), "", Some(&url)),
            false => history.replace_state_with_url(&OWN_ENTRY.into(), "", Some(&url)),
        };
    }
}

/// Whether the history stands at an entry of the lab's own: Back or Forward led there.
pub fn at_own_entry() -> bool {
    window()
        .history()
        .and_then(|history| history.state())
        .is_ok_and(|state| state.as_string().as_deref() == Some(OWN_ENTRY))
}

fn of_test_id(id: &str) -> Option<web_sys::Element> {
    window().document()?.query_selector(&format!("[data-testid='{id}']")).ok()?
}

/// Gives what goes by this test id a class, or takes it.
pub fn mark(id: &str, class: &str, on: bool) {
    if let Some(element) = of_test_id(id) {
        // Only a class with white space in it is refused.
        let _ = element.class_list().toggle_with_force(class, on);
    }
}

pub fn bring_into_sight(id: &str) {
    if let Some(element) = of_test_id(id) {
        element.scroll_into_view_with_bool(false);
    }
}

/// Text of a file of this site.
pub async fn fetch_text(path: &str) -> Result<String, String> {
    let words = |error: JsValue| format!("{path}: {error:?}");
    let response = JsFuture::from(window().fetch_with_str(path)).await.map_err(words)?;
    let response: web_sys::Response = response.dyn_into().map_err(words)?;
    if !response.ok() {
        return Err(format!("{path}: the server answered {}", response.status()));
    }
    let text = JsFuture::from(response.text().map_err(words)?).await.map_err(words)?;
    text.as_string().ok_or_else(|| format!("{path} is not text"))
}

/// Text of a file that the visitor chose.
pub async fn read_text(file: &web_sys::File) -> Result<String, String> {
    const MOST_BYTES: f64 = 64e6;
    if file.size() > MOST_BYTES {
        return Err(format!("{} is larger than 64 MB: take the rows you need", file.name()));
    }
    let text = JsFuture::from(file.text()).await.map_err(|_| format!("{} could not be read", file.name()))?;
    text.as_string().ok_or_else(|| format!("{} is not text", file.name()))
}

pub fn download(name: &str, kind: &str, bytes: &[u8]) {
    let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(bytes));
    let options = web_sys::BlobPropertyBag::new();
    options.set_type(kind);
    let Ok(blob) = web_sys::Blob::new_with_u8_array_sequence_and_options(&parts, &options) else { return };
    let Ok(url) = web_sys::Url::create_object_url_with_blob(&blob) else { return };
    download_url(name, &url);
    // The browser has taken its copy once the click returned.
    let _ = web_sys::Url::revoke_object_url(&url);
}

pub fn download_url(name: &str, url: &str) {
    let anchor = window().document().and_then(|document| document.create_element("a").ok());
    if let Some(anchor) = anchor.and_then(|element| element.dyn_into::<web_sys::HtmlAnchorElement>().ok()) {
        anchor.set_href(url);
        anchor.set_download(name);
        anchor.click();
    }
}

pub fn files(list: Option<web_sys::FileList>) -> Vec<web_sys::File> {
    list.map(|list| (0..list.length()).filter_map(|index| list.get(index)).collect()).unwrap_or_default()
}

/// The theme kept from an earlier visit, else the system's.
pub fn theme() -> Theme {
    match local::theme().as_deref() {
        Some("dark") => Theme::Dark,
        Some("light") => Theme::Light,
        _ if prefers_dark().is_some_and(|query| query.matches()) => Theme::Dark,
        _ => Theme::Light,
    }
}

fn prefers_dark() -> Option<web_sys::MediaQueryList> {
    window().match_media("(prefers-color-scheme: dark)").ok().flatten()
}

/// Calls `then` whenever the system turns to another theme.
pub fn on_system_theme(then: impl Fn() + 'static) {
    let Some(query) = prefers_dark() else { return };
    let heard = Closure::<dyn Fn()>::new(then);
    query.set_onchange(Some(heard.as_ref().unchecked_ref()));
    // It is listened to as long as the page lives.
    heard.forget();
    std::mem::forget(query);
}

/// Calls `then` whenever the page goes out of sight: another tab is shown, or this one is closed.
pub fn on_hidden(then: impl Fn() + Clone + 'static) {
    let document = window().document();
    let hidden = then.clone();
    let heard = Closure::<dyn Fn()>::new(move || {
        if document.as_ref().is_some_and(web_sys::Document::hidden) {
            hidden();
        }
    });
    if let Some(document) = window().document() {
        document.set_onvisibilitychange(Some(heard.as_ref().unchecked_ref()));
    }
    // It is listened to as long as the page lives.
    heard.forget();
    let left = Closure::<dyn Fn()>::new(then);
    let _ = window().add_event_listener_with_callback("pagehide", left.as_ref().unchecked_ref());
    left.forget();
}

pub fn show_theme(theme: Theme) {
    let name = if theme == Theme::Dark { "dark" } else { "light" };
    if let Some(root) = window().document().and_then(|document| document.document_element()) {
        let _ = root.set_attribute("data-theme", name);
    }
}

pub fn is_narrow() -> bool {
    window().inner_width().ok().and_then(|width| width.as_f64()).is_some_and(|width| width < 640.0)
}

pub fn copy(text: &str) {
    let promise = window().navigator().clipboard().write_text(text);
    wasm_bindgen_futures::spawn_local(async move {
        if JsFuture::from(promise).await.is_err() {
            web_sys::console::warn_1(&"the clipboard is not open to this page".into());
        }
    });
}
