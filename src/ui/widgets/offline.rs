//! Whether the lab would open without a network: `www/offline.js` writes it into the page's root, the stylesheet shows
//! the sentence that is true.

use leptos::prelude::*;

const STATES: [(&str, &str); 3] = [
    ("storing", "The lab is being stored, so that it opens without a network."),
    ("ready", "Stored: the lab opens without a network."),
    (
        "refused",
        "This browser did not store the lab (its storage may be full or forbidden): it needs the network to open.",
    ),
];

#[component]
pub fn OfflineState() -> impl IntoView {
    let sentence = |(state, text)| view! { <span data-when=state>{text}</span> };
    view! { <p class="quiet offline" data-testid="offline">{STATES.map(sentence)}</p> }
}
