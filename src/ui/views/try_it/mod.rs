//! Try it: any prompt, any of the models, side by side, with the sampling settings; and the shelf of what was made,
//! to take away.

mod adapters;
pub mod before_after;
mod blend;
pub mod made;

use crate::job::{AdapterRef, Blended, Context, ModelRef, Sampling};
use crate::ui::lab::use_lab;
use crate::ui::state::conversation::Talk;
use crate::ui::state::{Input, State};
use crate::ui::views::lab::base_shelf::BaseShelf;
use crate::ui::views::try_it::adapters::Adapters;
use crate::ui::views::try_it::before_after::{Side, base_of, first_prompt, tuned};
use crate::ui::views::try_it::blend::Blend;
use crate::ui::views::try_it::made::{Download, Made};
use leptos::prelude::*;

/// The base that the experiment begins with.
fn chosen_base(state: &State) -> Option<ModelRef> {
    state.settings.chosen(state.cards()).first().map(|card| ModelRef::Base(card.name.clone()))
}

#[component]
pub fn TryIt() -> impl IntoView {
    let lab = use_lab();
    let runs = Memo::new(move |_| lab.state.with(tuned));
    let bases = Memo::new(move |_| {
        lab.state.with(|state| state.cards().iter().map(|card| ModelRef::Base(card.name.clone())).collect::<Vec<_>>())
    });
    let every = Memo::new(move |_| {
        let bases = bases.get().into_iter().map(|model| (name_of_base(&model), model));
        let runs = runs.get().into_iter().map(|run| (run.name, run.model));
        bases.chain(runs).chain(lab.state.with(added)).collect::<Vec<_>>()
    });
    let chosen = RwSignal::new(Vec::<ModelRef>::new());
    let blend = RwSignal::new(None::<ModelRef>);
    let listed = Memo::new(move |_| {
        let kept: Vec<ModelRef> =
            chosen.get().into_iter().filter(|model| every.with(|all| all.iter().any(|(_, m)| m == model))).collect();
        if !kept.is_empty() {
            return kept;
        }
        match runs.with(|runs| runs.first().map(|run| run.model.clone())) {
            Some(tuned) => vec![base_of(&tuned), tuned],
            None => lab.state.with(|state| chosen_base(state).into_iter().collect()),
        }
    });
    let shown = Memo::new(move |_| listed.get().into_iter().chain(blend.get()).collect::<Vec<_>>());
    let example = first_prompt(lab);
    let typed = RwSignal::new(None::<String>);
    let prompt = Memo::new(move |_| typed.get().unwrap_or_else(|| example.get().0));
    let sampling = RwSignal::new(Sampling::default());
    let busy = Memo::new(move |_| lab.state.with(|state| state.jobs.is_completing()));
    let ready = Memo::new(move |_| lab.state.with(State::is_ready));
    let chatting = RwSignal::new(false);
    let talk = RwSignal::new(Talk::default());
    let saying = RwSignal::new(String::new());
    let context = move |model: &ModelRef| match chatting.get_untracked() {
        true => talk.with_untracked(|talk| talk.context(model)),
        false => Context::Text(prompt.get_untracked()),
    };
    let ask = move |models: Vec<ModelRef>, beside: bool| {
        let asks = models.into_iter().map(|model| (model.clone(), context(&model))).collect();
        lab.send(Input::Complete { asks, sampling: sampling.get_untracked(), beside });
    };
    let go = move |_| {
        if chatting.get_untracked() {
            let said = saying.get_untracked().trim().to_string();
            if said.is_empty() {
                return;
            }
            lab.state.with_untracked(|state| talk.update(|talk| talk.say(said, &state.jobs)));
            saying.set(String::new());
        }
        ask(shown.get_untracked(), false);
    };
    let blended = Callback::new(move |()| {
        let asked = !chatting.get_untracked() || talk.with_untracked(|talk| !talk.is_empty());
        if let (Some(model), false, true) = (blend.get_untracked(), busy.get_untracked(), asked) {
            ask(vec![model], true);
        }
    });
    let turn_to = move |chat: bool| {
        lab.send(Input::CancelCompletions);
        lab.send(Input::Complete { asks: Vec::new(), sampling: sampling.get_untracked(), beside: false });
        chatting.set(chat);
        talk.set(Talk::default());
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
                    "Every chosen model continues the same text or answers the same turns. At temperature 0 each takes its
                    likeliest token, so what differs is the tuning alone."
                </p>
                <div class="modes" role="group" aria-label="How to try the models">
                    <button type="button" class="tab" aria-pressed=move || (!chatting.get()).to_string() on:click=move |_| turn_to(false)>
                        "Text"
                    </button>
                    <button
                        type="button"
                        class="tab"
                        data-testid="chat-mode"
                        aria-pressed=move || chatting.get().to_string()
                        on:click=move |_| turn_to(true)
                    >
                        "Chat"
                    </button>
                </div>
                <Show
                    when=move || chatting.get()
                    fallback=move || view! {
                        <label>
                            "Prompt"
                            <textarea
                                rows="3"
                                data-testid="try-prompt"
                                prop:value=move || prompt.get()
                                on:input=move |event| typed.set(Some(event_target_value(&event)))
                            ></textarea>
                        </label>
                    }
                >
                    <label>
                        "Your turn"
                        <textarea
                            rows="2"
                            data-testid="chat-turn"
                            prop:value=move || saying.get()
                            on:input=move |event| saying.set(event_target_value(&event))
                        ></textarea>
                    </label>
                    <details class="more">
                        <summary>"System message"</summary>
                        <textarea
                            rows="2"
                            aria-label="System message"
                            prop:value=move || talk.with(|talk| talk.system.clone())
                            on:change=move |event| talk.update(|talk| talk.system = event_target_value(&event))
                        ></textarea>
                    </details>
                </Show>
                <div class="chips" data-testid="try-models">
                    <For each=move || listed.get() key=|model| format!("{model:?}") let(model)>
                        {
                            let of = model.clone();
                            let name = Signal::derive(move || named(every, &of));
                            view! {
                                <span class="chip">
                                    {name}
                                    <button
                                        type="button"
                                        class="plain icon"
                                        aria-label=move || format!("Leave out {}", name.get())
                                        on:click=move |_| {
                                            let mut models = listed.get_untracked();
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
                                    let mut models = listed.get_untracked();
                                    if !models.contains(&model) {
                                        models.push(model);
                                    }
                                    chosen.set(models);
                                }
                                event_target::<web_sys::HtmlSelectElement>(&event).set_value("");
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
                <Blend blend changed=blended />
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
                    <button type="button" data-testid="try" disabled=move || busy.get() || !ready.get() on:click=go>
                        {move || if chatting.get() { "Send" } else { "Complete" }}
                    </button>
                    <button
                        type="button"
                        class="secondary outline"
                        disabled=move || !busy.get()
                        on:click=move |_| lab.send(Input::CancelCompletions)
                    >
                        "Stop"
                    </button>
                    <Show when=move || chatting.get() && talk.with(|talk| !talk.is_empty())>
                        <button type="button" class="secondary outline" on:click=move |_| turn_to(true)>"Start over"</button>
                    </Show>
                </div>
                <h2 class="sr">"Completions"</h2>
                <div class="sides">
                    <For each=move || shown.get() key=|model| format!("{model:?}") let(model)>
                        {
                            let (called, of) = (model.clone(), model.clone());
                            let title = Signal::derive(move || named(every, &called));
                            let past = Signal::derive(move || {
                                if chatting.get() { talk.with(|talk| talk.past(&of)) } else { Vec::new() }
                            });
                            let download = matches!(model, ModelRef::Adapted { ref adapters, .. } if adapters.len() > 1)
                                .then(|| model.clone());
                            view! {
                                <div>
                                    <Side title model=Signal::derive(move || Some(model.clone())) testid="completion" past />
                                    {download.map(|model| view! { <Download model merged=true label="Blended model" /> })}
                                </div>
                            }
                        }
                    </For>
                </div>
            </section>
            <Shelf />
        </div>
    }
}

fn named(every: Memo<Vec<(String, ModelRef)>>, model: &ModelRef) -> String {
    let known = |model: &ModelRef| every.with(|all| all.iter().find(|(_, m)| m == model).map(|(name, _)| name.clone()));
    let blend = || match model {
        ModelRef::Adapted { base, adapters } => {
            let part = |part: &Blended| {
                let alone = match &part.adapter {
                    AdapterRef::Run(run) => ModelRef::Tuned { base: base.clone(), run: run.clone() },
                    added => alone(base, added.clone()),
                };
                format!("{:.2} × {}", part.weight, known(&alone).unwrap_or_default())
            };
            adapters.iter().map(part).collect::<Vec<_>>().join(" + ")
        }
        _ => String::new(),
    };
    known(model).unwrap_or_else(blend)
}

/// One added adapter as it was trained.
fn alone(base: &str, adapter: AdapterRef) -> ModelRef {
    ModelRef::Adapted { base: base.into(), adapters: vec![Blended { adapter, weight: 1.0 }] }
}

/// The added adapters as models.
fn added(state: &State) -> Vec<(String, ModelRef)> {
    let cards = state.jobs.adapters.iter();
    cards.map(|card| (card.name.clone(), alone(&card.base.name, AdapterRef::Added(card.id.clone())))).collect()
}

fn name_of_base(model: &ModelRef) -> String {
    format!("{} (base)", model.base())
}

/// The models at hand, and what can be downloaded.
#[component]
fn Shelf() -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="shelf-title">
            <h2 id="shelf-title">"Model shelf"</h2>
            <BaseShelf />
            <Made />
            <Adapters />
        </section>
    }
}
