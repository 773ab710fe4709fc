//! What was made here, to take away: adapters in PEFT's format, full models as Hugging Face folders, each one .zip.

use super::before_after::tuned;
use crate::job::{Job, ModelRef};
use crate::spec::MethodResult;
use crate::ui::lab::use_lab;
use crate::ui::state::Input;
use leptos::prelude::*;

#[component]
pub fn Made() -> impl IntoView {
    let lab = use_lab();
    let runs = Memo::new(move |_| lab.state.with(tuned));
    view! {
        <h3>"Made here"</h3>
        <Show
            when=move || runs.with(|runs| !runs.is_empty())
            fallback=|| view! { <p class="quiet">"Nothing yet. Every finished run can be taken away from here: adapters in PEFT’s format, full models as a Hugging Face folder."</p> }
        >
            <ul class="made list" tabindex="0" aria-label="Runs of this browser">
                <For each=move || runs.get() key=|run| run.run.clone() let(run)>
                    <li data-testid="made">
                        <span>{run.name}</span>
                        {match run.kind.info().result {
                            MethodResult::Adapter { unmergeable: None, .. } => view! {
                                <Download model=run.model.clone() merged=false label="Adapter" />
                                <Download model=run.model merged=true label="Merged model" />
                            }.into_any(),
                            MethodResult::Adapter { unmergeable: Some(reason), .. } => view! {
                                <small>{reason}</small>
                                <Download model=run.model merged=false label="Adapter" />
                            }.into_any(),
                            MethodResult::Model => {
                                view! { <Download model=run.model merged=false label="Model" /> }.into_any()
                            }
                        }}
                    </li>
                </For>
            </ul>
        </Show>
    }
}

/// A button that brings a model's files.
#[component]
pub fn Download(model: ModelRef, merged: bool, label: &'static str) -> impl IntoView {
    let lab = use_lab();
    let export = Job::Export { model: model.clone(), merged };
    let busy = Memo::new(move |_| lab.state.with(|state| state.jobs.is_under_way(&export)));
    view! {
        <button
            type="button"
            class="secondary outline small"
            data-testid=format!("download-{}", label.to_lowercase().replace(' ', "-"))
            disabled=move || busy.get()
            on:click=move |_| lab.send(Input::Export { model: model.clone(), merged })
        >
            {move || if busy.get() { "Preparing…".to_string() } else { format!("↓ {label}") }}
        </button>
    }
}
