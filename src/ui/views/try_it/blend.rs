//! A blend: several LoRA adapters beside one base, each counting as much as its slider says, below zero for its
//! opposite.

use crate::job::{AdapterRef, Blended, ModelRef};
use crate::ui::lab::use_lab;
use crate::ui::state::State;
use crate::ui::widgets::base_select::BaseSelect;
use leptos::prelude::*;

/// A LoRA adapter that can be blended.
#[derive(Clone, Debug, PartialEq)]
struct Choice {
    base: String,
    name: String,
    adapter: AdapterRef,
}

/// Every LoRA adapter at hand: trained here, or added.
fn choices(state: &State) -> Vec<Choice> {
    let runs = super::before_after::tuned(state).into_iter().filter(|run| run.kind.merges()).map(|run| Choice {
        base: run.model.base().to_string(),
        name: run.name,
        adapter: AdapterRef::Run(run.run),
    });
    let added = state.jobs.adapters.iter().filter(|card| card.method.kind().merges()).map(|card| Choice {
        base: card.base.name.clone(),
        name: card.name.clone(),
        adapter: AdapterRef::Added(card.id.clone()),
    });
    runs.chain(added).collect()
}

/// The blended model goes into `blend`; `changed` is called when a slider was let go.
#[component]
pub fn Blend(blend: RwSignal<Option<ModelRef>>, #[prop(into)] changed: Callback<()>) -> impl IntoView {
    let lab = use_lab();
    let all = Memo::new(move |_| lab.state.with(choices));
    let bases = Memo::new(move |_| {
        let mut bases: Vec<String> = all.get().into_iter().map(|choice| choice.base).collect();
        bases.dedup();
        bases.sort();
        bases.dedup();
        bases
    });
    let picked = RwSignal::new(None::<String>);
    let base = Memo::new(move |_| {
        bases.with(|bases| picked.get().filter(|base| bases.contains(base)).or_else(|| bases.first().cloned()))
    });
    let weights = RwSignal::new(Vec::<Blended>::new());
    let weight_of = move |adapter: &AdapterRef| {
        weights.with(|all| all.iter().find(|each| each.adapter == *adapter).map_or(0.0, |each| each.weight))
    };
    let set = move |adapter: &AdapterRef, weight: f64| {
        weights.update(|all| {
            all.retain(|each| each.adapter != *adapter);
            all.push(Blended { adapter: adapter.clone(), weight });
        });
        let here = base.get_untracked();
        // In the list's order, so that the same blend is the same model.
        let ordered = all.get_untracked().into_iter().filter(|choice| Some(&choice.base) == here.as_ref());
        let counted = ordered.map(|choice| Blended { weight: weight_of(&choice.adapter), adapter: choice.adapter });
        let adapters: Vec<Blended> = counted.filter(|each| each.weight != 0.0).collect();
        blend.set(here.filter(|_| !adapters.is_empty()).map(|base| ModelRef::Adapted { base, adapters }));
    };
    view! {
        <Show when=move || all.with(|all| all.len() > 1)>
            <details class="more" data-testid="blend">
                <summary>"Blend LoRA adapters"</summary>
                <p class="quiet">"Each adapter counts as much as its slider says: 1 is as trained, 0 leaves it out, below 0 is its opposite."</p>
                <Show when=move || bases.with(|bases| bases.len() > 1)>
                    <BaseSelect
                        label="Base"
                        testid="blend-base"
                        names=bases
                        chosen=base
                        choose=move |name| {
                            picked.set(Some(name));
                            weights.set(Vec::new());
                            blend.set(None);
                        }
                    />
                </Show>
                {move || {
                    let here = base.get();
                    let shown = all.get().into_iter().filter(move |choice| Some(&choice.base) == here.as_ref());
                    shown.map(|Choice { name, adapter, .. }| {
                        let (moved, read, shown) = (adapter.clone(), adapter.clone(), adapter);
                        view! {
                            <label class="weight">
                                <span>{name}</span>
                                <input
                                    type="range"
                                    min="-1"
                                    max="2"
                                    step="0.05"
                                    data-testid="weight"
                                    prop:value=move || weight_of(&read).to_string()
                                    on:input=move |event| {
                                        if let Ok(weight) = event_target_value(&event).parse() {
                                            set(&moved, weight);
                                        }
                                    }
                                    on:change=move |_| changed.run(())
                                />
                                <output>{move || format!("{:.2}", weight_of(&shown))}</output>
                            </label>
                        }
                    }).collect_view()
                }}
            </details>
        </Show>
    }
}
