//! The panel where an experiment is put together: base, data, methods, sizes, seeds.

use super::data::DataChooser;
use super::load_model::LoadModel;
use super::methods::Methods;
use crate::ui::lab::use_lab;
use crate::ui::state::results::count;
use crate::ui::state::settings::{LARGEST_SIZE, MOST_SEEDS, SMALLEST_SIZE, Settings};
use crate::ui::state::{Loaded, State};
use leptos::prelude::*;

#[component]
pub fn ExperimentPanel() -> impl IntoView {
    view! {
        <form class="panel" aria-label="The experiment" on:submit=|event| event.prevent_default()>
            <Bases />
            <DataChooser />
            <Methods />
            <Sizes />
            <Training />
        </form>
    }
}

#[component]
fn Bases() -> impl IntoView {
    let lab = use_lab();
    let shelf = Memo::new(move |_| lab.state.with(|state| state.shelf.clone()));
    let chosen = Memo::new(move |_| {
        lab.state
            .with(|state| state.settings.chosen(state.cards()).iter().map(|card| card.name.clone()).collect::<Vec<_>>())
    });
    let missing = Memo::new(move |_| {
        lab.state.with(|state| match state.shelf {
            Loaded::Waiting => Vec::new(),
            _ => state.settings.missing(state.cards()),
        })
    });
    view! {
        <fieldset data-testid="bases">
            <legend>"Base model"</legend>
            {move || match shelf.get() {
                Loaded::Waiting => view! { <p class="quiet" aria-busy="true">"Loading the shelf…"</p> }.into_any(),
                Loaded::Missing(reason) => view! { <p class="problem">{reason}</p> }.into_any(),
                Loaded::Here(cards) => cards
                    .into_iter()
                    .map(|card| {
                        let parameters = card.config.parameters();
                        let name = card.name.clone();
                        let (is, toggled) = (name.clone(), name.clone());
                        let without = count(parameters.non_embedding);
                        let about = match (&card.pretraining, &card.origin) {
                            (Some(made), _) => format!("{:.2} bits per byte", made.test_bits_per_byte),
                            (None, Some(origin)) => format!("{}, {}", origin.family, origin.dtype),
                            (None, None) => String::new(),
                        };
                        let detail =
                            format!("{} parameters ({without} without embeddings), {about}", count(parameters.total));
                        view! {
                            <label class="choice">
                                <input
                                    type="checkbox"
                                    data-testid=format!("base-{name}")
                                    prop:checked=move || chosen.with(|chosen| chosen.contains(&is))
                                    on:change=move |event| {
                                        let on = event_target_checked(&event);
                                        let mut bases = chosen.get_untracked();
                                        bases.retain(|base| *base != toggled);
                                        if on {
                                            bases.push(toggled.clone());
                                        }
                                        lab.set(|settings| settings.bases = bases);
                                    }
                                />
                                <span>{name.clone()} <small>{detail}</small></span>
                            </label>
                        }
                    })
                    .collect_view()
                    .into_any(),
            }}
            {move || missing.get().into_iter().map(|name| view! {
                <p class="problem" data-testid="missing-base">
                    "“" {name} "” is not on this shelf. Load this model first, or choose another."
                </p>
            }).collect_view()}
            <p class="quiet">"The stories are pretrained by this lab. Choose four or more of one family to fit a law in model size too."</p>
            <details class="more" data-testid="load-model" open=move || missing.with(|missing| !missing.is_empty())>
                <summary>"Load another model"</summary>
                <LoadModel />
            </details>
        </fieldset>
    }
}

#[component]
fn Sizes() -> impl IntoView {
    let lab = use_lab();
    let grid: Vec<usize> = crate::plan::grid::doubling(SMALLEST_SIZE, LARGEST_SIZE);
    let select = move |label: &'static str,
                       testid: &'static str,
                       of: fn(&Settings) -> usize,
                       set: fn(&mut Settings, usize),
                       grid: Vec<usize>| {
        view! {
            <label>
                {label}
                <select
                    data-testid=testid
                    prop:value=move || lab.settings.with(of).to_string()
                    on:change=move |event| {
                        if let Ok(size) = event_target_value(&event).parse::<usize>() {
                            lab.set(|settings| set(settings, size));
                        }
                    }
                >
                    {grid
                        .into_iter()
                        .map(|size| {
                            view! {
                                <option value=size.to_string() selected=move || lab.settings.with(of) == size>
                                    {size.to_string()}
                                </option>
                            }
                        })
                        .collect_view()}
                </select>
            </label>
        }
    };
    let sizes = move || {
        let sizes = lab.state.with(State::sizes);
        let list = sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        format!("{} {}: {list}", sizes.len(), if sizes.len() == 1 { "size" } else { "sizes" })
    };
    view! {
        <fieldset>
            <legend>"Data sizes and seeds"</legend>
            <div class="row">
                {select(
                    "Smallest",
                    "smallest",
                    |settings| settings.smallest,
                    |settings, size| {
                        settings.smallest = size;
                        settings.largest = settings.largest.max(size);
                    },
                    grid.clone(),
                )}
                {select(
                    "Largest",
                    "largest",
                    |settings| settings.largest,
                    |settings, size| {
                        settings.largest = size;
                        settings.smallest = settings.smallest.min(size);
                    },
                    grid,
                )}
                <label>
                    "Seeds"
                    <input
                        type="number"
                        min="1"
                        max=MOST_SEEDS.to_string()
                        data-testid="seeds"
                        prop:value=move || lab.settings.with(|settings| settings.seeds).to_string()
                        on:change=move |event| {
                            if let Ok(seeds) = event_target_value(&event).parse::<u64>() {
                                lab.set(|settings| settings.seeds = seeds.clamp(1, MOST_SEEDS));
                            }
                        }
                    />
                </label>
            </div>
            <p class="quiet">{sizes} " training examples. Each seed draws its own subset; small subsets lie inside larger ones."</p>
        </fieldset>
    }
}

#[component]
fn Training() -> impl IntoView {
    let lab = use_lab();
    let number = move |label: &'static str,
                       of: fn(&Settings) -> Option<usize>,
                       set: fn(&mut Settings, Option<usize>),
                       most: usize| {
        view! {
            <label>
                {label}
                <input
                    type="number"
                    min="1"
                    max=most.to_string()
                    placeholder="default"
                    prop:value=move || lab.settings.with(of).map(|value| value.to_string()).unwrap_or_default()
                    on:change=move |event| {
                        let value = event_target_value(&event).parse::<usize>().ok().map(|value| value.clamp(1, most));
                        lab.set(|settings| set(settings, value));
                    }
                />
            </label>
        }
    };
    view! {
        <details class="more">
            <summary>"Training settings"</summary>
            <div class="row">
                {number("Steps, at most", |s| s.max_steps, |s, value| s.max_steps = value, 100_000)}
                {number("Batch size", |s| s.batch_size, |s, value| s.batch_size = value, 512)}
                {number("Tokens an example", |s| s.sequence, |s, value| s.sequence = value.map(|value| value.max(2)), 4096)}
            </div>
            <p class="quiet">
                "AdamW with warmup and cosine decay. A run reads its examples 12 times unless the steps end first, so that no curve
                flattens for want of steps, and keeps the weights whose loss on the dev split was lowest. The test loss that is
                plotted comes from examples no choice has looked at."
            </p>
        </details>
    }
}
