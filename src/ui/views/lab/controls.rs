//! Play, Pause, Stop, and how far the experiment is.

use crate::ui::lab::use_lab;
use crate::ui::state::pace::{all_left, duration, preview};
use crate::ui::state::{Claim, Input, Loaded, Phase};
use leptos::prelude::*;

#[component]
pub fn Controls() -> impl IntoView {
    let lab = use_lab();
    let phase = Memo::new(move |_| lab.state.with(|state| state.phase));
    let counts = Memo::new(move |_| lab.state.with(|state| state.queue.counts()));
    let waiting = Memo::new(move |_| lab.state.with(|state| state.shelf == Loaded::Waiting));
    // A button that goes out of use keeps the focus, so that it is where a keyboard left it.
    let may_play = move || !waiting.get() && phase.get() != Phase::Playing;
    let may_pause = move || phase.get() == Phase::Playing;
    let may_stop = move || phase.get() != Phase::Idle;
    let is_disabled = |disabled: bool| if disabled { "true" } else { "false" };
    let summary = Memo::new(move |_| {
        lab.state.with(|state| match state.phase {
            Phase::Idle => match state.planned() {
                Ok(cells) => {
                    let open = cells.iter().filter(|(id, _)| !state.is_done(id)).count();
                    let time = preview(state, cells).map(|s| format!(", about {}", duration(s))).unwrap_or_default();
                    match open {
                        0 => "Every run of this experiment is finished. Play adds a seed.".to_string(),
                        1 => format!("1 run to train{time}."),
                        _ => format!("{open} runs to train{time}."),
                    }
                }
                Err(_) if state.shelf == Loaded::Waiting => "Loading the shelf of base models…".into(),
                Err(reason) => reason.to_string(),
            },
            _ if state.claim == Claim::Waits => {
                "Another tab of this lab trains. Its runs appear here as they finish; this tab trains what is left when that one is done or closed.".to_string()
            }
            Phase::Playing | Phase::Paused => {
                let counts = state.queue.counts();
                let left = counts.pending + counts.running;
                let time = all_left(state).map(|s| format!(", about {} left", duration(s))).unwrap_or_default();
                let paused = if state.phase == Phase::Paused { "Paused. " } else { "" };
                format!("{paused}{left} {} to go{time}.", if left == 1 { "run" } else { "runs" })
            }
        })
    });
    let fetching = Memo::new(move |_| {
        lab.state.with(|state| {
            let (base, loaded, total) = state.fetching.clone()?;
            let share = total.filter(|&total| total > 0).map(|total| loaded as f64 / total as f64);
            Some((base, share))
        })
    });
    view! {
        <section class="controls" aria-label="Run the experiment" data-testid="controls">
            <div class="buttons">
                <button
                    type="button"
                    class="play"
                    data-testid="play"
                    aria-disabled=move || is_disabled(!may_play())
                    on:click=move |_| if may_play() { lab.send(Input::Play) }
                >
                    <span aria-hidden="true">"▶ "</span>
                    {move || if phase.get() == Phase::Paused { "Go on" } else { "Play" }}
                </button>
                <button
                    type="button"
                    class="secondary outline"
                    data-testid="pause"
                    aria-disabled=move || is_disabled(!may_pause())
                    on:click=move |_| if may_pause() { lab.send(Input::Pause) }
                >
                    "Pause"
                </button>
                <button
                    type="button"
                    class="secondary outline"
                    data-testid="stop"
                    aria-disabled=move || is_disabled(!may_stop())
                    on:click=move |_| if may_stop() { lab.send(Input::Stop) }
                >
                    "Stop"
                </button>
            </div>
            <Show when=move || phase.get() != Phase::Idle>
                <progress
                    max=move || counts.with(|c| (c.pending + c.running + c.done + c.failed).to_string())
                    value=move || counts.with(|c| (c.done + c.failed).to_string())
                    aria-label="Runs finished"
                ></progress>
            </Show>
            <p class="summary" data-testid="summary">{move || summary.get()}</p>
            <Show when=move || fetching.with(Option::is_some)>
                <p class="summary">
                    {move || fetching.get().map(|(base, share)| match share {
                        Some(share) => format!("Loading {base}: {:.0}%", share * 100.0),
                        None => format!("Loading {base}…"),
                    })}
                </p>
            </Show>
        </section>
    }
}
