//! Adapters that the visitor brings: PEFT folders or their .zip, checked against a base and kept in the browser.

use crate::job::AdapterCard;
use crate::spec::MethodResult;
use crate::ui::drop::{Dropped, picked};
use crate::ui::lab::use_lab;
use crate::ui::state::Input;
use crate::ui::state::results::bytes;
use crate::ui::widgets::base_select::BaseSelect;
use crate::ui::widgets::drop_area::DropArea;
use leptos::prelude::*;

#[component]
pub fn Adapters() -> impl IntoView {
    let lab = use_lab();
    let cards = Memo::new(move |_| lab.state.with(|state| state.jobs.adapters.clone()));
    let bases = Memo::new(move |_| {
        lab.state.with(|state| state.cards().iter().map(|card| card.name.clone()).collect::<Vec<_>>())
    });
    let problem = Memo::new(move |_| lab.state.with(|state| state.jobs.adapter_problem.clone()));
    let adding = Memo::new(move |_| lab.state.with(|state| state.jobs.is_adding()));
    let wanted = RwSignal::new(None::<String>);
    let base = Memo::new(move |_| {
        let first = || {
            let chosen = lab.settings.with(|settings| settings.bases.first().cloned());
            chosen.or_else(|| bases.with(|bases| bases.first().cloned()))
        };
        wanted.get().or_else(first)
    });
    let add = move |Dropped { label, files }: Dropped| {
        if let (Some(base), false) = (base.get_untracked(), files.is_empty()) {
            let zip = || files.iter().find_map(|file| file.name().strip_suffix(".zip").map(String::from));
            let name = if label.is_empty() { zip().unwrap_or_else(|| "adapter".into()) } else { label };
            lab.keep_files(name.clone(), files);
            lab.send(Input::AddAdapter { name, base });
        }
    };
    view! {
        <h3>"Added adapters"</h3>
        <DropArea testid="adapter-drop" take=add>
            <div class="row">
                <label class="wide">
                    "Drop a PEFT adapter here (LoRA or prompt tuning: its folder, its .zip, or both files), or choose it"
                    <input
                        type="file"
                        multiple
                        accept=".zip,.json,.safetensors"
                        data-testid="adapter-files"
                        on:change=move |event| add(picked(&event_target(&event)))
                    />
                </label>
                <BaseSelect
                    label="Made for"
                    testid="adapter-base"
                    names=bases
                    chosen=base
                    choose=move |name| wanted.set(Some(name))
                />
            </div>
        </DropArea>
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
    let kind = match (card.method.kind().info().result, card.method.tuning().size()) {
        (MethodResult::Adapter { noun, .. }, Some(size)) => format!("{noun} of {size}"),
        (MethodResult::Adapter { noun, .. }, None) => noun.to_string(),
        (MethodResult::Model, _) => String::new(),
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
                        lab.send(Input::RenameAdapter { id: renamed.clone(), name });
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
