//! Methods against each other: where their curves cross, and which run would tell most next.

use crate::laws::{Analysis, Crossover};
use crate::ui::lab::use_lab;
use crate::ui::state::Input;
use crate::ui::state::findings::digits;
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
                            .map(|crossing| {
                                let said = sentence(&crossing.first, &crossing.second, &crossing.found, &across.get());
                                view! { <li>{said}</li> }
                            })
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

fn sentence(first: &str, second: &str, found: &Crossover, across: &str) -> String {
    let (below, above) = if found.first_better_below { (first, second) } else { (second, first) };
    let without = found.share_without.map(|share| (100.0 * share).round()).unwrap_or(0.0);
    match found.d {
        Some(d) => {
            let interval =
                found.interval.map(|i| format!(" (95%: {} to {})", digits(i.lo), digits(i.hi))).unwrap_or_default();
            let doubt = if without > 0.0 { format!("; {without}% of refits have no crossing") } else { String::new() };
            format!("{below} is better below {} {across}{interval}, {above} above{doubt}.", digits(d))
        }
        None => {
            let doubt =
                if without < 100.0 { format!("; {}% of refits do cross", 100.0 - without) } else { String::new() };
            let (lo, hi) = (digits(found.searched.lo), digits(found.searched.hi));
            format!("{below} is better than {above} throughout, from {lo} to {hi} {across}{doubt}.")
        }
    }
}

#[component]
pub fn NextRuns(analysis: RwSignal<Option<Analysis>>) -> impl IntoView {
    let lab = use_lab();
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
                            .flat_map(|(name, advice)| advice.into_iter().take(ADVISED).map(move |each| (name.clone(), each)))
                            .map(|(name, advice)| {
                                let size = advice.cell.d as usize;
                                let said = format!(
                                    "{name} on {size} examples: the forecast narrows from ±{}% to ±{}%. ",
                                    digits(advice.half_width_percent),
                                    digits(advice.after_percent)
                                );
                                view! {
                                    <li>
                                        {said}
                                        <button type="button" class="link" on:click=move |_| lab.send(Input::Point { examples: size })>
                                            "Train this size"
                                        </button>
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::Interval;

    #[test]
    fn crossings_are_said_with_their_doubt() {
        let searched = Interval { lo: 64.0, hi: 16384.0 };
        let found = Crossover {
            d: Some(180.0),
            interval: Some(Interval { lo: 120.0, hi: 260.0 }),
            share_without: Some(0.03),
            first_better_below: true,
            searched,
        };
        assert_eq!(
            sentence("LoRA", "Full", &found, "examples"),
            "LoRA is better below 180 examples (95%: 120 to 260), Full above; 3% of refits have no crossing."
        );
        let none = Crossover { d: None, interval: None, share_without: Some(1.0), first_better_below: false, searched };
        assert_eq!(
            sentence("LoRA", "Full", &none, "examples"),
            "Full is better than LoRA throughout, from 64 to 16384 examples."
        );
    }
}
