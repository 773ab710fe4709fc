//! The page. It never holds a tensor: training happens in workers, and what crosses is [`crate::job`].
//!
//! [`state`] is plain data and functions, tested without a browser; [`charts`] makes the charts' options. Edges:
//! [`browser`], [`drop`], [`local`], [`tabs`], [`link`] with its [`port`]s, and the worker that fits laws ([`fitter`]). What is seen: [`lab`] holds the
//! state, [`views`] and [`widgets`] show it.

pub mod charts;
pub mod state;

mod browser;
mod drop;
mod fitter;
mod lab;
mod link;
mod local;
mod port;
mod tabs;
mod views;
mod widgets;

/// Starts the page, or, in a worker, what fits laws for it.
pub fn start() {
    console_error_panic_hook::set_once();
    if web_sys::window().is_none() {
        return fitter::serve();
    }
    if let Some(placeholder) = browser::window().document().and_then(|document| document.get_element_by_id("loading")) {
        placeholder.remove();
    }
    leptos::mount::mount_to_body(views::app::App);
}
