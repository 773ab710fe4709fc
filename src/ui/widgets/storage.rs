//! What is not kept, in plain sight, with a way to save it; what of the browser's storage can be given back; and the runs
//! that an earlier visit left half done.

use crate::platform::storage::{Held, Kind, held};
use crate::record::{Begun, RunRecord};
use crate::ui::browser;
use crate::ui::charts::palette::method_name;
use crate::ui::lab::use_lab;
use crate::ui::state::results::bytes;
use crate::ui::state::shelf::is_kept;
use crate::ui::state::{Input, Level, State};
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

/// Says what the browser does not keep; nothing where it keeps all.
#[component]
pub fn Unstored() -> impl IntoView {
    let lab = use_lab();
    let sentence = Memo::new(move |_| lab.state.with(|state| state.unstored.sentence()));
    let refused = Memo::new(move |_| lab.state.with(|state| state.unstored.refused.is_some()));
    view! {
        <div role="status" aria-live="polite">
            <Show when=move || sentence.with(Option::is_some)>
                <div class="banner warning" data-testid="unstored">
                    <span>{move || sentence.get()}</span>
                    <SaveRuns />
                    <Show when=move || !refused.get()>
                        <details class="more">
                            <summary>"What can be removed"</summary>
                            <GiveBack />
                        </details>
                    </Show>
                </div>
            </Show>
        </div>
    }
}

/// Downloads every run that was finished here; the Laws view reads the file.
#[component]
pub fn SaveRuns() -> impl IntoView {
    let lab = use_lab();
    let any = Memo::new(move |_| lab.state.with(|state| own(state).next().is_some()));
    let save = move |_| {
        let json = lab.state.with_untracked(|state| serde_json::to_string(&own(state).collect::<Vec<_>>()));
        browser::download("tunelab-runs.json", "application/json", json.unwrap_or_default().as_bytes());
    };
    view! {
        <Show when=move || any.get()>
            <button type="button" class="link" data-testid="save-runs" on:click=save>"Save all runs as a file"</button>
        </Show>
    }
}

fn own(state: &State) -> impl Iterator<Item = &RunRecord> {
    state.records().filter(|record| !state.is_precomputed(&record.id))
}

/// What lies in the browser's storage beside the results, with its size, to be removed.
#[component]
pub fn GiveBack() -> impl IntoView {
    let lab = use_lab();
    let found = RwSignal::new(None::<Result<Vec<Held>, String>>);
    let look = move || spawn_local(async move { found.set(Some(held().await.map_err(|error| error.reason()))) });
    look();
    let remove = move |kind: Kind| {
        spawn_local(async move {
            match kind.remove().await {
                Ok(()) => lab.send(Input::RoomMade),
                Err(error) => lab.send(Input::Say(Level::Warning, format!("Not removed: {}.", error.reason()))),
            }
            look();
        });
    };
    let models = Memo::new(move |_| {
        lab.state.with(|state| {
            let kept = state.cards().iter().filter(|card| is_kept(card));
            kept.map(|card| (card.name.clone(), card.bytes)).collect::<Vec<_>>()
        })
    });
    view! {
        <ul class="held" data-testid="held">
            {move || models.get().into_iter().map(|(name, size)| {
                let removed = name.clone();
                view! {
                    <li>
                        {format!("The model {name}, {} ", bytes(size))}
                        <button type="button" class="link" on:click=move |_| {
                            lab.send(Input::RemoveModel(removed.clone()));
                            lab.send(Input::RoomMade);
                        }>"Remove"</button>
                    </li>
                }
            }).collect_view()}
            {move || match found.get() {
                None => view! { <li aria-busy="true">"Looking…"</li> }.into_any(),
                Some(Err(reason)) => view! { <li>{format!("The storage cannot be read: {reason}.")}</li> }.into_any(),
                Some(Ok(held)) if held.is_empty() && models.with(Vec::is_empty) => {
                    view! { <li>"Nothing of this lab’s that could be spared."</li> }.into_any()
                }
                Some(Ok(held)) => held.into_iter().map(|held| view! {
                    <li>
                        {format!("{}, {} ", words(&held), bytes(held.bytes))}
                        <button type="button" class="link" data-testid="give-back" on:click=move |_| remove(held.kind)>"Remove"</button>
                    </li>
                }).collect_view().into_any(),
            }}
        </ul>
    }
}

fn words(held: &Held) -> String {
    match held.kind {
        Kind::Weights if held.files == 1 => "Tuned weights of a run; its result stays".into(),
        Kind::Weights => format!("Tuned weights of {} runs; their results stay", held.files),
        Kind::Checkpoints => "Checkpoints of runs that are half done; these would start anew".into(),
        Kind::Data => "Your own data".into(),
    }
}

/// Offers to go on with what an earlier visit left half done.
#[component]
pub fn HalfDone() -> impl IntoView {
    let lab = use_lab();
    let begun = Memo::new(move |_| lab.state.with(|state| state.begun.clone()));
    view! {
        <Show when=move || begun.with(|begun| !begun.is_empty())>
            <p class="banner" data-testid="half-done">
                <span>{move || begun.with(|begun| half_done(begun))}</span>
                <button type="button" class="link" data-testid="go-on" on:click=move |_| lab.send(Input::GoOn)>"Go on"</button>
                <button type="button" class="link" on:click=move |_| lab.send(Input::Discard)>"Forget it"</button>
            </p>
        </Show>
    }
}

fn half_done(begun: &[Begun]) -> String {
    let one = |begun: &Begun| {
        let Begun { spec, step, of } = begun;
        let method = method_name(spec.method.kind());
        let (base, examples, seed) = (&spec.base.name, spec.data.examples, spec.seed.0 + 1);
        format!("{method} of {base} on {examples} examples, seed {seed}, at step {step} of {of}")
    };
    match begun {
        [only] => format!("An earlier visit left a run half done: {}.", one(only)),
        [first, second] => format!("An earlier visit left two runs half done: {}; {}.", one(first), one(second)),
        [first, rest @ ..] => {
            format!("An earlier visit left {} runs half done: {}; and more.", rest.len() + 1, one(first))
        }
        [] => String::new(),
    }
}
