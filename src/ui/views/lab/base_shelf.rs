//! The base models at hand, the visitor's own among them, and the browser's storage that those take.

use super::load_model::LoadModel;
use crate::job::{ModelRef, ModelSource};
use crate::platform::storage::Room;
use crate::record::ModelCard;
use crate::ui::lab::use_lab;
use crate::ui::state::Input;
use crate::ui::state::results::{bytes, count};
use crate::ui::state::shelf::is_kept;
use crate::ui::views::try_it::made::Download;
use crate::ui::widgets::term::{Term, Word};
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

#[component]
pub fn BaseShelf() -> impl IntoView {
    let lab = use_lab();
    // The visitor's own first.
    let cards = Memo::new(move |_| {
        let mut cards = lab.state.with(|state| state.cards().to_vec());
        cards.sort_by_key(|card| card.origin.is_none());
        cards
    });
    let partial = Memo::new(move |_| lab.state.with(|state| state.models.partial.clone()));
    view! {
        <div class="list" role="region" tabindex="0" aria-label="Base models">
            <table data-testid="shelf">
                <thead>
                    <tr>
                        <th scope="col">"Base model"</th>
                        <th scope="col">"Parameters"</th>
                        <th scope="col">"Shape"</th>
                        <th scope="col">"From"</th>
                        <th scope="col"><Word term=Term::BitsPerByte word="Test loss" /></th>
                        <th scope="col">"Size"</th>
                        <th scope="col"><span class="sr">"Download or remove"</span></th>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || cards.get() key=|card| (card.name.clone(), card.sha256.clone()) let(card)>
                        <Row card />
                    </For>
                </tbody>
            </table>
        </div>
        {move || partial.get().into_iter().map(|download| {
            let source = ModelSource::Hub { host: download.host.clone(), address: download.address.clone() };
            let (name, removed) = (download.name.clone(), download.name.clone());
            view! {
                <p class="chips" data-testid="unfinished">
                    <span>{name} " is not downloaded to its end."</span>
                    <button type="button" class="secondary outline small" on:click=move |_| lab.inspect(source.clone(), Vec::new())>
                        "Go on"
                    </button>
                    <button type="button" class="secondary outline small" on:click=move |_| lab.send(Input::RemoveModel(removed.clone()))>
                        "Remove what has arrived"
                    </button>
                </p>
            }
        }).collect_view()}
        <Storage />
        <details class="more" data-testid="shelf-load">
            <summary>"Load another model"</summary>
            <LoadModel />
        </details>
    }
}

#[component]
fn Row(card: ModelCard) -> impl IntoView {
    let lab = use_lab();
    let from = match (&card.pretraining, &card.origin) {
        (Some(made), _) => format!("{} tokens of {}", count(made.tokens), made.corpus),
        (None, Some(origin)) if origin.kept => format!("{} ({})", origin.from, origin.family),
        (None, Some(origin)) => format!("{} ({}), for this visit", origin.from, origin.family),
        (None, None) => String::new(),
    };
    let loss = card.pretraining.as_ref().map(|made| format!("{:.3} bits per byte", made.test_bits_per_byte));
    let own = card.origin.is_some();
    let name = StoredValue::new(card.name.clone());
    view! {
        <tr>
            <td>{card.name.clone()}</td>
            <td>{count(card.config.parameters().total)}</td>
            <td>{format!("{} layers of {}", card.config.layers, card.config.d_model)}</td>
            <td class="wide">{from}</td>
            <td>{loss}</td>
            <td>{bytes(card.bytes)}</td>
            <td>
                <Show when=move || own fallback=move || view! { <Download model=ModelRef::Base(name.get_value()) merged=false label="Base" /> }>
                    <button
                        type="button"
                        class="plain icon"
                        data-testid="remove-model"
                        aria-label=format!("Remove {}", name.get_value())
                        on:click=move |_| lab.send(Input::RemoveModel(name.get_value()))
                    >
                        "×"
                    </button>
                </Show>
            </td>
        </tr>
    }
}

/// What the browser's storage holds and may, and the offer to keep it.
#[component]
fn Storage() -> impl IntoView {
    let lab = use_lab();
    let room = RwSignal::new(None::<Room>);
    let denied = RwSignal::new(false);
    let ask = move || spawn_local(async move { room.set(Room::ask().await) });
    // Asked again whenever a model came or went.
    let kept = Memo::new(move |_| {
        lab.state.with(|state| state.cards().iter().filter(|card| is_kept(card)).map(|card| card.bytes).sum::<u64>())
    });
    Effect::new(move || {
        kept.track();
        ask();
    });
    let persist = move |_| {
        spawn_local(async move {
            denied.set(!Room::persist().await);
            room.set(Room::ask().await);
        });
    };
    view! {
        {move || room.get().map(|room| view! {
            <p class="quiet chips" data-testid="storage">
                <span>
                    {format!(
                        "The browser’s storage holds {} of at most {}; models of yours take {} of it.",
                        bytes(room.used), bytes(room.quota), bytes(kept.get())
                    )}
                </span>
                {match (room.persisted, denied.get()) {
                    (true, _) => view! { <span>"The browser keeps it until you remove it."</span> }.into_any(),
                    (false, true) => view! {
                        <span>"This browser did not agree to keep it; it may clear it when space runs short."</span>
                    }.into_any(),
                    (false, false) => view! {
                        <button type="button" class="link" data-testid="persist" on:click=persist>
                            "Ask the browser not to clear it by itself"
                        </button>
                    }.into_any(),
                }}
            </p>
        })}
    }
}
