//! Try it: any prompt, any of the models, side by side, with the sampling settings; and the shelf of what was made,
//! to take away.

use super::base_shelf::BaseShelf;
use super::before_after::{Side, base_of, first_prompt, tuned};
use crate::protocol::{ModelRef, Sampling};
use crate::ui::lab::use_lab;
use crate::ui::state::Input;
use leptos::prelude::*;

#[component]
pub fn TryIt() -> impl IntoView {
    let lab = use_lab();
    let runs = Memo::new(move |_| lab.state.with(tuned));
    let bases = Memo::new(move |_| {
        lab.state.with(|state| state.cards().iter().map(|card| ModelRef::Base(card.name.clone())).collect::<Vec<_>>())
    });
    let every = Memo::new(move |_| {
        let bases = bases.get().into_iter().map(|model| (name_of_base(&model), model));
        bases.chain(runs.get().into_iter().map(|run| (run.name, run.model))).collect::<Vec<_>>()
    });
    let chosen = RwSignal::new(Vec::<ModelRef>::new());
    let shown = Memo::new(move |_| {
        let kept: Vec<ModelRef> =
            chosen.get().into_iter().filter(|model| every.with(|all| all.iter().any(|(_, m)| m == model))).collect();
        if !kept.is_empty() {
            return kept;
        }
        match runs.with(|runs| runs.first().map(|run| run.model.clone())) {
            Some(tuned) => vec![base_of(&tuned), tuned],
            None => bases.get().into_iter().take(1).collect(),
        }
    });
    let example = first_prompt(lab);
    let typed = RwSignal::new(None::<String>);
    let prompt = Memo::new(move |_| typed.get().unwrap_or_else(|| example.get().0));
    let sampling = RwSignal::new(Sampling::default());
    let busy = Memo::new(move |_| lab.state.with(|state| state.completions.values().any(|c| !c.done)));
    let go = move |_| {
        let models = shown.get_untracked();
        let prompt = prompt.get_untracked();
        lab.send(Input::Complete { models, prompt, sampling: sampling.get_untracked() });
    };
    let number = move |label: &'static str,
                       least: f64,
                       most: f64,
                       step: &'static str,
                       of: fn(&Sampling) -> f64,
                       set: fn(&mut Sampling, f64)| {
        view! {
            <label>
                {label}
                <input
                    type="number"
                    min=least.to_string()
                    max=most.to_string()
                    step=step
                    prop:value=move || sampling.with(of).to_string()
                    on:change=move |event| {
                        if let Ok(value) = event_target_value(&event).parse::<f64>() {
                            sampling.update(|sampling| set(sampling, value.clamp(least, most)));
                        }
                    }
                />
            </label>
        }
    };
    view! {
        <div class="page">
            <section class="card" aria-labelledby="try-title">
                <h1 id="try-title">"Try it"</h1>
                <p class="quiet">
                    "Every chosen model continues the same prompt. At temperature 0 each takes its likeliest token, so what
                    differs is the tuning alone."
                </p>
                <label>
                    "Prompt"
                    <textarea
                        rows="3"
                        data-testid="try-prompt"
                        prop:value=move || prompt.get()
                        on:input=move |event| typed.set(Some(event_target_value(&event)))
                    ></textarea>
                </label>
                <div class="chips" data-testid="try-models">
                    <For each=move || shown.get() key=|model| format!("{model:?}") let(model)>
                        {
                            let name = named(every, &model);
                            view! {
                                <span class="chip">
                                    {name.clone()}
                                    <button
                                        type="button"
                                        class="plain icon"
                                        aria-label=format!("Leave out {name}")
                                        on:click=move |_| {
                                            let mut models = shown.get_untracked();
                                            models.retain(|each| *each != model);
                                            chosen.set(models);
                                        }
                                    >
                                        "×"
                                    </button>
                                </span>
                            }
                        }
                    </For>
                    <label class="inline">
                        <span class="sr">"Add a model"</span>
                        <select
                            data-testid="try-add"
                            prop:value=""
                            on:change=move |event| {
                                let index = event_target_value(&event).parse::<usize>().ok();
                                if let Some(model) = every.with(|all| Some(all.get(index?)?.1.clone())) {
                                    let mut models = shown.get_untracked();
                                    if !models.contains(&model) {
                                        models.push(model);
                                    }
                                    chosen.set(models);
                                }
                            }
                        >
                            <option value="">"Add a model…"</option>
                            {move || {
                                every
                                    .get()
                                    .into_iter()
                                    .enumerate()
                                    .map(|(index, (name, _))| view! { <option value=index.to_string()>{name}</option> })
                                    .collect_view()
                            }}
                        </select>
                    </label>
                </div>
                <details class="more">
                    <summary>"Sampling"</summary>
                    <div class="row">
                        {number("Tokens, at most", 1.0, 512.0, "1", |s| s.max_tokens as f64, |s, v| s.max_tokens = v as usize)}
                        {number("Temperature", 0.0, 5.0, "0.1", |s| s.temperature, |s, v| s.temperature = v)}
                        {number("Top k (0: all)", 0.0, 1000.0, "1", |s| s.top_k as f64, |s, v| s.top_k = v as usize)}
                        {number("Top p", 0.01, 1.0, "0.01", |s| s.top_p, |s, v| s.top_p = v)}
                        {number("Seed", 0.0, 1e9, "1", |s| s.seed as f64, |s, v| s.seed = v as u64)}
                    </div>
                </details>
                <div class="buttons">
                    <button type="button" data-testid="try" disabled=move || busy.get() on:click=go>"Complete"</button>
                    <button
                        type="button"
                        class="secondary outline"
                        disabled=move || !busy.get()
                        on:click=move |_| lab.send(Input::CancelCompletions)
                    >
                        "Stop"
                    </button>
                </div>
                <h2 class="sr">"Completions"</h2>
                <div class="sides">
                    <For each=move || shown.get() key=|model| format!("{model:?}") let(model)>
                        {
                            let title = named(every, &model);
                            view! { <Side title model=Signal::derive(move || Some(model.clone())) testid="completion" /> }
                        }
                    </For>
                </div>
            </section>
            <Shelf />
        </div>
    }
}

fn named(every: Memo<Vec<(String, ModelRef)>>, model: &ModelRef) -> String {
    every.with_untracked(|all| all.iter().find(|(_, m)| m == model).map(|(name, _)| name.clone()).unwrap_or_default())
}

fn name_of_base(model: &ModelRef) -> String {
    match model {
        ModelRef::Base(name) | ModelRef::Tuned { base: name, .. } => format!("{name} (base)"),
    }
}

/// The models at hand, and what can be downloaded.
#[component]
fn Shelf() -> impl IntoView {
    let lab = use_lab();
    let runs = Memo::new(move |_| lab.state.with(tuned));
    view! {
        <section class="card" aria-labelledby="shelf-title">
            <h2 id="shelf-title">"Model shelf"</h2>
            <BaseShelf />
            <h3>"Made here"</h3>
            <Show
                when=move || runs.with(|runs| !runs.is_empty())
                fallback=|| view! { <p class="quiet">"Nothing yet. Every finished run can be taken away from here: adapters in PEFT’s format, full models as a Hugging Face folder."</p> }
            >
                <ul class="made list" tabindex="0" aria-label="Runs of this browser">
                    <For each=move || runs.get() key=|run| run.name.clone() let(run)>
                        {
                            let (whole, merged) = (run.model.clone(), run.model.clone());
                            view! {
                                <li>
                                    <span>{run.name}</span>
                                    <button
                                        type="button"
                                        class="secondary outline small"
                                        data-testid="download"
                                        on:click=move |_| lab.send(Input::Export { model: whole.clone(), merged: false })
                                    >
                                        "Download"
                                    </button>
                                    <button
                                        type="button"
                                        class="secondary outline small"
                                        on:click=move |_| lab.send(Input::Export { model: merged.clone(), merged: true })
                                    >
                                        "Download merged"
                                    </button>
                                </li>
                            }
                        }
                    </For>
                </ul>
            </Show>
        </section>
    }
}
