//! Adapters that the visitor brings: PEFT folders or their .zip, checked against a base and kept in the browser.

use crate::protocol::AdapterCard;
use crate::spec::Method;
use crate::ui::browser;
use crate::ui::drop::{self, Dropped};
use crate::ui::lab::use_lab;
use crate::ui::results::bytes;
use crate::ui::state::{Input, Level};
use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

#[component]
pub fn Adapters() -> impl IntoView {
    let lab = use_lab();
    let cards = Memo::new(move |_| lab.state.with(|state| state.asks.adapters.clone()));
    let bases = Memo::new(move |_| {
        lab.state.with(|state| state.cards().iter().map(|card| card.name.clone()).collect::<Vec<_>>())
    });
    let problem = Memo::new(move |_| lab.state.with(|state| state.asks.adapter_problem.clone()));
    let adding = Memo::new(move |_| lab.state.with(|state| state.asks.is_adding()));
    let picked = RwSignal::new(None::<String>);
    let base = Memo::new(move |_| {
        let first = || {
            let chosen = lab.settings.with(|settings| settings.bases.first().cloned());
            chosen.or_else(|| bases.with(|bases| bases.first().cloned()))
        };
        picked.get().or_else(first)
    });
    let over = RwSignal::new(false);
    let add = move |Dropped { label, files }: Dropped| {
        if let (Some(base), false) = (base.get_untracked(), files.is_empty()) {
            let zip = || files.iter().find_map(|file| file.name().strip_suffix(".zip").map(String::from));
            let name = if label.is_empty() { zip().unwrap_or_else(|| "adapter".into()) } else { label };
            lab.hold_files(name.clone(), files);
            lab.send(Input::AddAdapter { name, base });
        }
    };
    let dropped = move |event: ev::DragEvent| {
        event.prevent_default();
        over.set(false);
        if let Some(transfer) = event.data_transfer() {
            let coming = drop::dropped(&transfer);
            spawn_local(async move {
                match coming.await {
                    Ok(dropped) => add(dropped),
                    Err(reason) => lab.send(Input::Say(Level::Warning, reason)),
                }
            });
        }
    };
    view! {
        <h3>"Added adapters"</h3>
        <div
            class="drop"
            class:over=move || over.get()
            data-testid="adapter-drop"
            on:dragover=move |event| {
                event.prevent_default();
                over.set(true);
            }
            on:dragleave=move |_| over.set(false)
            on:drop=dropped
        >
            <div class="row">
                <label class="wide">
                    "Drop a PEFT adapter here (LoRA or prompt tuning: its folder, its .zip, or both files), or choose it"
                    <input
                        type="file"
                        multiple
                        accept=".zip,.json,.safetensors"
                        data-testid="adapter-files"
                        on:change=move |event| {
                            let input = event_target::<web_sys::HtmlInputElement>(&event);
                            add(drop::chosen(browser::files(input.files())));
                            // The same file may be chosen again after a refusal.
                            input.set_value("");
                        }
                    />
                </label>
                <label>
                    "Made for"
                    <select data-testid="adapter-base" on:change=move |event| picked.set(Some(event_target_value(&event)))>
                        {move || bases.get().into_iter().map(|name| {
                            let is = name.clone();
                            view! { <option value=name.clone() selected=move || base.get().as_ref() == Some(&is)>{name.clone()}</option> }
                        }).collect_view()}
                    </select>
                </label>
            </div>
        </div>
        <div aria-live="polite">
            <Show when=move || adding.get()>
                <p class="quiet" aria-busy="true">"Reading the adapter…"</p>
            </Show>
            {move || problem.get().map(|reason| view! { <p class="problem" data-testid="adapter-problem">{reason}</p> })}
        </div>
        <ul class="made" data-testid="adapters">
            <For each=move || cards.get() key=|card| format!("{}{}", card.id, card.name) let(card)>
                <Added card />
            </For>
        </ul>
    }
}

#[component]
fn Added(card: AdapterCard) -> impl IntoView {
    let lab = use_lab();
    let kind = match &card.method {
        Method::Lora(lora) => format!("LoRA of rank {}", lora.rank),
        Method::Prompt(prompt) => format!("prompt of {} tokens", prompt.virtual_tokens),
        Method::Full | Method::Scratch => String::new(),
    };
    let loss = card.test_nats_per_token.map(|loss| format!(", test loss {loss:.3}")).unwrap_or_default();
    let about = format!("{kind} for {}, {}{loss}", card.base.name, bytes(card.bytes));
    let (renamed, removed) = (card.id.clone(), card.id.clone());
    view! {
        <li>
            <input
                type="text"
                class="name"
                aria-label="Name of the adapter"
                prop:value=card.name.clone()
                on:change=move |event| {
                    let name = event_target_value(&event).trim().to_string();
                    if !name.is_empty() {
                        lab.send(Input::NameAdapter { id: renamed.clone(), name });
                    }
                }
            />
            <span class="quiet">{about}</span>
            <button
                type="button"
                class="secondary outline small"
                aria-label=format!("Remove {}", card.name)
                on:click=move |_| lab.send(Input::RemoveAdapter(removed.clone()))
            >
                "Remove"
            </button>
        </li>
    }
}
