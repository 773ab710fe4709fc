//! Loading a model of one's own: dropped files or a hub's address; what it is and whether it fits, before it is loaded;
//! how far it is; and what went wrong.

use crate::hub::{Address, Host};
use crate::job::{LoadStep, ModelSource, ModelSummary};
use crate::ui::charts::palette::method_name;
use crate::ui::drop::{Dropped, picked};
use crate::ui::lab::use_lab;
use crate::ui::state::Input;
use crate::ui::state::results::{bytes, count};
use crate::ui::state::shelf::{Fit, Load, Stage, WASM_BYTES};
use crate::ui::widgets::drop_area::DropArea;
use leptos::ev;
use leptos::prelude::*;

#[component]
pub fn LoadModel() -> impl IntoView {
    let lab = use_lab();
    let look = move |Dropped { label, files }: Dropped| {
        if !files.is_empty() {
            lab.inspect(ModelSource::Files { offer: 0, label }, files);
        }
    };
    let choose = move |event: ev::Event| look(picked(&event_target(&event)));
    let loads = Memo::new(move |_| lab.state.with(|state| state.models.loads.clone()));
    view! {
        <DropArea testid="model-drop" take=look>
            <label>
                "Drop a model’s folder here, or choose it"
                <input type="file" prop:webkitdirectory=true data-testid="model-folder" on:change=choose />
            </label>
            <label>
                "Or its files"
                <input type="file" multiple accept=".json,.safetensors,.jinja" data-testid="model-files" on:change=choose />
            </label>
            <p class="quiet">
                "config.json, tokenizer.json and model.safetensors (or its shards with their index), of GPT-2, GPT-Neo, GPT-NeoX
                (Pythia), Llama, Qwen2 or Qwen3. They are read here and sent nowhere."
            </p>
        </DropArea>
        <FromHub />
        <div aria-live="polite">
            <For each=move || loads.get() key=|load| load.offer let(load)>
                {
                    let offer = load.offer;
                    let now = Memo::new(move |last: Option<&Load>| {
                        let found = loads.with(|loads| loads.iter().find(|each| each.offer == offer).cloned());
                        found.or(last.cloned()).unwrap_or(load.clone())
                    });
                    view! { <OneLoad load=now /> }
                }
            </For>
        </div>
    }
}

#[component]
fn FromHub() -> impl IntoView {
    let lab = use_lab();
    let hub = Memo::new(move |_| lab.settings.with(|settings| settings.hub.clone()));
    // A link that names a model which is not here has said what to look for.
    let asked = Memo::new(move |_| {
        lab.state.with(|state| {
            let host = Host::parse(&state.settings.hub).ok()?;
            let missing = state.settings.missing(state.cards());
            missing.into_iter().find(|name| Address::parse(name, &host).is_ok())
        })
    });
    let typed = RwSignal::new(None::<String>);
    let address = move || typed.get().or_else(|| asked.get()).unwrap_or_default();
    let problem = RwSignal::new(None::<String>);
    let host_name = move || Host::parse(&hub.get()).map_or_else(|_| hub.get(), |host| host.to_string());
    let look = move || {
        let parsed = Host::parse(&hub.get_untracked()).and_then(|host| Address::parse(&address(), &host));
        match parsed {
            Ok(address) => {
                problem.set(None);
                let source = ModelSource::Hub { host: hub.get_untracked(), address: address.to_string() };
                lab.inspect(source, Vec::new());
            }
            Err(error) => problem.set(Some(format!("{error}."))),
        }
    };
    view! {
        <label>
            "Or a hub’s address: owner/name, or owner/name@revision"
            <input
                type="text"
                placeholder="EleutherAI/pythia-14m"
                autocomplete="off"
                data-testid="hub-address"
                prop:value=address
                on:input=move |event| typed.set(Some(event_target_value(&event)))
                on:keydown=move |event| {
                    if event.key() == "Enter" {
                        event.prevent_default();
                        look();
                    }
                }
            />
        </label>
        <button
            type="button"
            class="secondary outline small"
            data-testid="hub-look"
            disabled=move || address().trim().is_empty()
            on:click=move |_| look()
        >
            {move || format!("Look it up on {}", host_name())}
        </button>
        {move || problem.get().map(|reason| view! { <p class="problem" data-testid="hub-problem">{reason}</p> })}
        <details class="more">
            <summary>"Another hub"</summary>
            <label>
                "The hub’s address; a school can run a mirror"
                <input
                    type="url"
                    data-testid="hub-host"
                    prop:value=move || hub.get()
                    on:change=move |event| match Host::parse(&event_target_value(&event)) {
                        Ok(host) => {
                            problem.set(None);
                            lab.set(|settings| settings.hub = host.url().into());
                        }
                        Err(error) => problem.set(Some(format!("{error}."))),
                    }
                />
            </label>
        </details>
    }
}

#[component]
fn OneLoad(load: Memo<Load>) -> impl IntoView {
    let lab = use_lab();
    let offer = load.with_untracked(|load| load.offer);
    let name = move || load.with(|load| load.name.clone());
    let keep = RwSignal::new(true);
    let leave = move |_| lab.send(Input::CancelLoad(offer));
    let summary = Memo::new(move |_| load.with(|load| load.summary.clone()));
    let fits = Memo::new(move |_| match summary.get() {
        Some(summary) => lab.state.with(|state| state.fits(&summary)),
        None => Vec::new(),
    });
    let hopeless = Memo::new(move |_| fits.with(|fits| fits.iter().all(|fit| fit.verdict.is_err())));
    let on_hub = load.with_untracked(|load| matches!(load.source, ModelSource::Hub { .. }));
    let stage = Memo::new(move |_| load.with(|load| load.stage.clone()));
    view! {
        <section class="load" data-testid="load" aria-label=move || format!("Loading {}", name())>
            <h3>{name}</h3>
            {move || summary.get().map(|summary| view! {
                <p class="quiet" data-testid="sight">{describe(&summary)}</p>
                {summary.notes.into_iter().map(|note| view! { <p class="quiet">{note}"."</p> }).collect_view()}
            })}
            <Show when=move || !fits.with(Vec::is_empty)>
                <FitTable fits />
            </Show>
            {move || match stage.get() {
                Stage::Inspecting => view! {
                    <p class="quiet" aria-busy="true">"Looking at it…"</p>
                    <button type="button" class="secondary outline small" on:click=leave>"Cancel"</button>
                }.into_any(),
                Stage::Inspected => view! {
                    {move || hopeless.get().then(|| view! {
                        <p class="problem" data-testid="hopeless">
                            "No method fits into this browser: " {advice(&fits.get())}
                        </p>
                    })}
                    <Show when=move || !on_hub>
                        <label class="choice">
                            <input
                                type="checkbox"
                                data-testid="keep"
                                prop:checked=move || keep.get()
                                on:change=move |event| keep.set(event_target_checked(&event))
                            />
                            <span>"Keep it in this browser" <small>"A copy, there at the next visit"</small></span>
                        </label>
                    </Show>
                    <div class="buttons">
                        <button
                            type="button"
                            class="small"
                            data-testid="take"
                            disabled=move || hopeless.get()
                            on:click=move |_| lab.send(Input::LoadModel { offer, keep: on_hub || keep.get_untracked() })
                        >
                            {move || take_label(on_hub, summary.get())}
                        </button>
                        <button type="button" class="secondary outline small" on:click=leave>"Not this one"</button>
                    </div>
                }.into_any(),
                Stage::Loading(progress) => view! {
                    <LoadingLine progress />
                    <button type="button" class="secondary outline small" data-testid="cancel" on:click=leave>"Cancel"</button>
                }.into_any(),
                Stage::Refused { reason, keep: resumes } => {
                    let seen = load.with_untracked(|load| load.summary.is_some());
                    let source = load.with_untracked(|load| load.source.clone());
                    view! {
                        <p class="problem" data-testid="load-problem">{format!("{reason}.")}</p>
                        <div class="buttons">
                            <Show when=move || on_hub>
                                {
                                    let source = source.clone();
                                    view! {
                                        <button
                                            type="button"
                                            class="small"
                                            data-testid="again"
                                            on:click=move |_| match seen && resumes {
                                                true => lab.send(Input::LoadModel { offer, keep: true }),
                                                false => lab.inspect(source.clone(), Vec::new()),
                                            }
                                        >
                                            {if seen { "Go on" } else { "Try again" }}
                                        </button>
                                    }
                                }
                            </Show>
                            <button type="button" class="secondary outline small" data-testid="put-away-load" on:click=leave>
                                "Put away"
                            </button>
                        </div>
                    }.into_any()
                }
            }}
        </section>
    }
}

fn describe(summary: &ModelSummary) -> String {
    let parameters = summary.config.parameters();
    format!(
        "{}, {} parameters ({} without embeddings), {} layers of {}, {} tokens of vocabulary, {} of {}",
        summary.family,
        count(parameters.total),
        count(parameters.non_embedding),
        summary.config.layers,
        summary.config.d_model,
        count(summary.config.vocab_size as u64),
        bytes(summary.bytes),
        summary.dtype
    )
}

fn take_label(on_hub: bool, summary: Option<ModelSummary>) -> String {
    match summary {
        Some(summary) if on_hub && summary.here > 0 => {
            format!("Go on downloading ({} of {} are here)", bytes(summary.here), bytes(summary.bytes))
        }
        Some(summary) if on_hub => format!("Download {}", bytes(summary.bytes)),
        _ => "Put it on the shelf".into(),
    }
}

fn advice(fits: &[Fit]) -> String {
    let most = fits.iter().filter_map(|fit| fit.verdict.as_ref().err()).min_by_key(|no| no.needed);
    most.map_or_else(String::new, |no| {
        format!(
            "the least takes {} and a program in a browser holds at most {}; {}.",
            bytes(no.needed),
            bytes(WASM_BYTES),
            no.advice
        )
    })
}

#[component]
fn LoadingLine(progress: Option<(LoadStep, String, u64, u64)>) -> impl IntoView {
    let words = match &progress {
        None => "Beginning…".to_string(),
        Some((LoadStep::Checking, ..)) => "Checking every number…".into(),
        Some((step, file, done, total)) => {
            let doing = if *step == LoadStep::Copying { "Copying" } else { "Downloading" };
            let of = if *total > 0 { format!(" of {}", bytes(*total)) } else { String::new() };
            format!("{doing} {file}: {}{of}", bytes(*done))
        }
    };
    let share = progress.filter(|(_, _, _, total)| *total > 0).map(|(_, _, done, total)| done as f64 / total as f64);
    view! {
        <p class="quiet" data-testid="taking">{words}</p>
        <progress max="1" value=share.map(|share| share.to_string()) aria-label="How far it is"></progress>
    }
}

/// What each method, as set now, would take here.
#[component]
fn FitTable(fits: Memo<Vec<Fit>>) -> impl IntoView {
    view! {
        <div class="list" role="region" tabindex="0" aria-label="What each method takes">
            <table data-testid="fits">
                <thead>
                    <tr>
                        <th scope="col">"Method"</th>
                        <th scope="col">"Memory"</th>
                        <th scope="col">"Time on this processor, about"</th>
                    </tr>
                </thead>
                <tbody>
                    {move || {
                        fits.get()
                            .into_iter()
                            .map(|fit| {
                                let says = match &fit.verdict {
                                    Ok(()) => fit.time(),
                                    Err(no) => format!("does not fit: {}", no.advice),
                                };
                                view! {
                                    <tr class:faded=fit.verdict.is_err()>
                                        <td>{method_name(fit.kind)}</td>
                                        <td class="number">{bytes(fit.estimate.bytes())}</td>
                                        <td>{says}</td>
                                    </tr>
                                }
                            })
                            .collect_view()
                    }}
                </tbody>
            </table>
        </div>
    }
}
