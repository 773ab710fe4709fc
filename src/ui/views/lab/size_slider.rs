//! The data-size slider: a size that has no run yet is trained, and every law is fitted again.

use super::plot::Shown;
use crate::ui::lab::use_lab;
use crate::ui::state::Input;
use crate::ui::state::findings;
use crate::ui::state::settings::{Horizontal, LARGEST_SIZE, SMALLEST_SIZE};
use leptos::prelude::*;

/// Steps of the slider per doubling.
const STEPS: f64 = 4.0;

/// The slider's position of a size, and back, rounded to two digits that read well.
fn position(size: usize) -> f64 {
    ((size as f64).log2() * STEPS).round()
}

/// The first position whose size is the largest there is, or beyond.
fn last_position(most: usize) -> f64 {
    ((most as f64).log2() * STEPS).ceil()
}

fn size_at(position: f64) -> usize {
    let exact = 2f64.powf(position / STEPS);
    if (position / STEPS).fract() == 0.0 {
        return exact as usize;
    }
    let unit = 10f64.powf(exact.log10().floor() - 1.0);
    ((exact / unit).round() * unit).max(1.0) as usize
}

#[component]
pub fn SizeSlider(shown: Shown) -> impl IntoView {
    let lab = use_lab();
    let at = RwSignal::new(position(lab.settings.with_untracked(|settings| settings.largest)) + STEPS);
    // The slider ends where the data do.
    let most = Memo::new(move |_| lab.state.with(|state| state.clip(vec![LARGEST_SIZE])).pop().unwrap_or(LARGEST_SIZE));
    let size = Memo::new(move |_| {
        let most = most.get();
        size_at(at.get().min(last_position(most))).clamp(SMALLEST_SIZE.min(most), most)
    });
    // Asked for methods on this size, and how many runs there are already.
    let done = Memo::new(move |_| {
        let size = size.get();
        lab.state.with(|state| match state.source() {
            Some(source) => {
                let chosen = state.settings.chosen(state.cards()).first().map(|card| card.name.clone());
                let is = |r: &&crate::record::RunRecord| {
                    r.spec.data.examples == size
                        && r.spec.data.source == source
                        && Some(&r.spec.base.name) == chosen.as_ref()
                };
                state.records().filter(is).count()
            }
            None => 0,
        })
    });
    let ready = Memo::new(move |_| lab.state.with(|state| state.planned().is_ok()));
    let train = move || {
        if ready.get_untracked() {
            lab.send(Input::Point { examples: size.get_untracked(), of: None });
        }
    };
    // Predict first: what the laws say before the run does.
    let predicted = move || {
        let at = size.get() as f64;
        let said = shown.analysis.with(|analysis| {
            let report = &analysis.as_ref()?.report;
            let each = report.groups.iter().filter(|group| group.signal).filter_map(|group| {
                let sample = findings::predicted(group, at)?;
                let digits = findings::digits;
                Some(format!("{} {} ({} to {})", group.name, digits(sample.mid), digits(sample.lo), digits(sample.hi)))
            });
            Some(each.collect::<Vec<_>>())
                .filter(|each| !each.is_empty() && shown.horizontal.get() == Horizontal::Examples)
        });
        said.map(|said| format!("The laws predict: {}. ", said.join("; ")))
    };
    view! {
        <section class="card slider" aria-label="Data size">
            <label for="size">"Ask for one more point: "<output data-testid="size">{move || size.get().to_string()}</output>" examples"</label>
            <div class="across">
                <input
                    id="size"
                    type="range"
                    data-testid="size-slider"
                    min=position(SMALLEST_SIZE).to_string()
                    max=move || last_position(most.get()).to_string()
                    step="1"
                    prop:value=move || at.get().to_string()
                    aria-valuetext=move || format!("{} examples", size.get())
                    on:input=move |event| {
                        if let Ok(value) = event_target_value(&event).parse() {
                            at.set(value);
                            shown.cursor.set(Some(size.get_untracked() as f64));
                        }
                    }
                    on:change=move |_| shown.cursor.set(None)
                    // Let go at a size not yet run, it trains that point. Arrow keys only move: they pass many sizes.
                    on:pointerup=move |_| {
                        if done.get_untracked() == 0 {
                            train();
                        }
                    }
                />
                <button type="button" class="secondary small" data-testid="train-point" disabled=move || !ready.get() on:click=move |_| train()>
                    {move || if done.get() == 0 { "Train it" } else { "Add a seed" }}
                </button>
            </div>
            <p class="quiet">
                <span data-testid="predicted">{predicted}</span>
                {move || match done.get() {
                    0 => "No run at this size yet: let go of the slider, or press the button, and the chosen methods are trained on it; then every law is fitted again.".to_string(),
                    1 => "1 run at this size is on the plot.".to_string(),
                    n => format!("{n} runs at this size are on the plot."),
                }}
            </p>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubling_sizes_are_hit_exactly_and_others_read_well() {
        for size in [16, 64, 4096, 65_536] {
            assert_eq!(size_at(position(size)), size);
        }
        assert_eq!(size_at(position(64) + 1.0), 76);
        // The end of the slider is the end of the data, whatever that is.
        for most in [16, 37, 46, 1000, 65_536] {
            assert!(size_at(last_position(most)) >= most && size_at(last_position(most) - 2.0) < most, "{most}");
        }
        assert_eq!(size_at(position(4096) + 2.0), 5800);
    }
}
