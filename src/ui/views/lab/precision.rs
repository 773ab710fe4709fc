//! How the frozen base of LoRA and prompt tuning is held in memory, and what that cost where it was measured.

use crate::plan::precision::costs;
use crate::spec::Precision;
use crate::ui::lab::use_lab;
use leptos::prelude::*;

#[component]
pub fn BasePrecision() -> impl IntoView {
    let lab = use_lab();
    let chosen = Memo::new(move |_| lab.settings.with(|settings| settings.base_precision));
    let measured = move || {
        let costs = lab.state.with(|state| costs(&state.records().collect::<Vec<_>>()));
        let costs = costs.into_iter().filter(|cost| cost.precision == chosen.get());
        costs
            .map(|cost| {
                let (base, name) = (&cost.base, cost.precision.name());
                let text = format!(
                    "{base} in {name}: {:+.4} nats per token on this test before tuning ({:.4} in 32-bit).",
                    cost.nats_per_token, cost.in_f32
                );
                view! { <p class="quiet" data-testid="precision-cost">{text}</p> }
            })
            .collect_view()
    };
    view! {
        <label>
            "Frozen weights rest in"
            <select
                data-testid="precision"
                on:change=move |event| {
                    if let Ok(precision) = event_target_value(&event).parse::<Precision>() {
                        lab.set(|settings| settings.base_precision = precision);
                    }
                }
            >
                {Precision::ALL
                    .into_iter()
                    .map(|each| {
                        view! { <option value=each.id() selected=move || chosen.get() == each>{each.name()}</option> }
                    })
                    .collect_view()}
            </select>
        </label>
        <p class="quiet">
            "LoRA and prompt tuning leave the base as it is, so it may rest in fewer bits (QLoRA, Dettmers et al. 2023): less
            memory, a little loss. Run the same experiment in 32-bit too and the difference is shown here."
        </p>
        {measured}
    }
}
