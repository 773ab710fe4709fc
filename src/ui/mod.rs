//! The page. It never holds a tensor: training happens in workers, and what crosses is [`crate::protocol`].
//!
//! Plain data and functions, tested without a browser: [`settings`] and their link form ([`share`]); [`state`] with
//! its fold, its workers' part ([`workers`]), the pace of runs ([`pace`]) and the points of a plot ([`results`]);
//! the charts' options ([`charts`]). Edges: [`browser`], [`keep`], [`link`]. What is seen: [`lab`] holds the state,
//! [`components`] show it.

pub mod charts;
pub mod pace;
pub mod results;
pub mod settings;
pub mod share;
pub mod state;
mod workers;

mod browser;
mod components;
mod keep;
mod lab;
mod link;

/// Starts the page.
pub fn start() {
    console_error_panic_hook::set_once();
    if let Some(placeholder) = browser::window().document().and_then(|document| document.get_element_by_id("loading")) {
        placeholder.remove();
    }
    leptos::mount::mount_to_body(components::app::App);
}
