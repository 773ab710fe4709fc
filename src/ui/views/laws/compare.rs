//! Methods against each other: where their curves cross, and which run would tell most next.

use crate::laws::{Analysis, GroupAdvice};
use crate::spec::{Method, TrainConfig};
use crate::ui::lab::use_lab;
use crate::ui::state::Input;
use crate::ui::state::findings::digits;
use crate::ui::state::results::Group;
use leptos::prelude::*;

/// Advice shown for each method.
const ADVISED: usize = 2;

#[component]
pub fn Crossings(analysis: RwSignal<Option<Analysis>>, across: Memo<String>) -> impl IntoView {
    let crossings = Memo::new(move |_| analysis.with(|a| a.as_ref().map(|a| a.crossings.clone()).unwrap_or_default()));
    view! {
        <Show when=move || crossings.with(|crossings| !crossings.is_empty())>
            <section class="card" aria-labelledby="crossing-title" data-testid="crossings">
                <h2 id="crossing-title">"Which method, with how much data?"</h2>
                <ul class="said">
                    {move || {
                        crossings
                            .get()
                            .into_iter()
                            .map(|crossing| view! { <li>{crossing.sentence(&across.get())}</li> })
                            .collect_view()
                    }}
                </ul>
                <p class="quiet">
                    "Where two fitted curves cross, the better method changes. The interval comes from the bootstrap refits. A
                    crossing found on one task does not carry over to another ("
                    <a href="https://arxiv.org/abs/2402.17193" rel="noreferrer">"Zhang et al. 2024"</a> ")."
                </p>
            </section>
        </Show>
    }
}

#[component]
pub fn NextRuns(analysis: RwSignal<Option<Analysis>>, groups: Memo<Vec<Group>>) -> impl IntoView {
    let advice = Memo::new(move |_| analysis.with(|a| a.as_ref().map(|a| a.advice.clone()).unwrap_or_default()));
    view! {
        <Show when=move || advice.with(|advice| !advice.is_empty())>
            <section class="card" aria-labelledby="next-title" data-testid="advice">
                <h2 id="next-title">"Which runs next?"</h2>
                <ul class="said">
                    {move || {
                        advice
                            .get()
                            .into_iter()
                            .flat_map(|GroupAdvice { group, name, advice }| {
                                let of = groups.with(|groups| {
                                    let found = groups.iter().find(|each| each.key == group);
                                    found.map(|group| (group.method.clone(), group.train.clone()))
                                });
                                advice.into_iter().take(ADVISED).map(move |each| (of.clone(), name.clone(), each))
                            })
                            .map(|(of, name, advice)| {
                                let size = advice.cell.d as usize;
                                let said = format!(
                                    "{name} on {size} examples: the forecast narrows from ±{}% to ±{}%. ",
                                    digits(advice.half_width_percent),
                                    digits(advice.after_percent)
                                );
                                view! {
                                    <li>
                                        {said}
                                        {of.map(|of| view! { <TrainThis of examples=size /> })}
                                    </li>
                                }
                            })
                            .collect_view()
                    }}
                </ul>
                <p class="quiet">
                    "The forecast is of the loss at four times the largest size. Best first: what narrows it most for the steps
                    it takes (MacKay 1992)."
                </p>
            </section>
        </Show>
    }
}

/// Trains a method on a size, and says that it does.
#[component]
fn TrainThis(of: (Method, TrainConfig), examples: usize) -> impl IntoView {
    let lab = use_lab();
    let asked = of.clone();
    let coming = Memo::new(move |_| lab.state.with(|state| state.is_coming(&of, examples)));
    view! {
        <button
            type="button"
            class="link"
            data-testid="train-this"
            disabled=move || coming.get()
            on:click=move |_| lab.send(Input::Point { examples, of: Some(Box::new(asked.clone())) })
        >
            {move || if coming.get() { "Training…" } else { "Train this size" }}
        </button>
    }
}
