//! The page. It never holds a tensor: training happens in workers, and what crosses is [`crate::protocol`].
//!
//! Plain data and functions, tested without a browser: [`settings`] and their link form ([`share`]); [`state`] with
//! its fold, its workers' part ([`workers`]), what else is asked of them ([`asks`]), conversations ([`chat`]), the
//! pace of runs ([`pace`]), the visitor's own models ([`shelf`]), the points of a plot ([`results`]) and what a fit
//! says ([`findings`]); the charts' options ([`charts`]). Edges: [`browser`], [`drop`], [`keep`],
//! [`link`], and the worker that fits laws ([`fitter`]). What is seen: [`lab`] holds the state,
//! [`components`] show it.

pub mod asks;
pub mod charts;
pub mod chat;
pub mod findings;
pub mod pace;
pub mod results;
pub mod settings;
pub mod share;
pub mod shelf;
pub mod state;
mod workers;

mod browser;
mod components;
mod drop;
mod fitter;
mod keep;
mod lab;
mod link;

/// Starts the page, or, in a worker, what fits laws for it.
pub fn start() {
    console_error_panic_hook::set_once();
    if web_sys::window().is_none() {
        return fitter::serve();
    }
    if let Some(placeholder) = browser::window().document().and_then(|document| document.get_element_by_id("loading")) {
        placeholder.remove();
    }
    leptos::mount::mount_to_body(components::app::App);
}
