//! A short walk through the main job, on the first visit: what is seen, what to choose, where to begin, what comes out.
//! It stands above the plot, covers nothing, and can be left and begun again at any time.

use crate::ui::browser;
use crate::ui::lab::use_lab;
use crate::ui::local;
use crate::ui::state::settings::View;
use leptos::prelude::*;

struct Stop {
    /// What it is about, by its test id.
    at: &'static str,
    title: &'static str,
    text: &'static str,
}

const STOPS: [Stop; 5] = [
    Stop {
        at: "scaling-plot",
        title: "The question: how much data does a model need?",
        text: "Each symbol is a small language model that was taught with so many examples. Further down is better: it is less surprised by text that it has not seen.",
    },
    Stop {
        at: "data",
        title: "Choose what to teach",
        text: "A task of the lab, or texts of your own. They stay on this machine. Above it you choose the model to start from, below it the methods to compare.",
    },
    Stop {
        at: "controls",
        title: "Press Play",
        text: "Your computer trains one model after the other, small ones first. You can pause, stop and close the page: a run goes on from where it was.",
    },
    Stop {
        at: "findings",
        title: "Read what follows",
        text: "A law is fitted through the points: what the next doubling of the data would bring, and how sure that is. Words that are underlined with dots explain themselves.",
    },
    Stop {
        at: "before-after",
        title: "See the difference",
        text: "When a run has finished, the same prompt is completed before and after the training, side by side. “Try it” does that with any prompt.",
    },
];

#[component]
pub fn Walk() -> impl IntoView {
    let lab = use_lab();
    let at = lab.walk;
    // What is spoken of is framed, and brought into sight once the visitor has begun to walk.
    Effect::new(move |before: Option<Option<usize>>| {
        let now = at.get();
        for (index, stop) in STOPS.iter().enumerate() {
            browser::mark(stop.at, "walked", now == Some(index));
        }
        if let (Some(stop), Some(Some(_))) = (now, before) {
            browser::bring_into_sight(STOPS[stop].at);
        }
        now
    });
    on_cleanup(move || STOPS.iter().for_each(|stop| browser::mark(stop.at, "walked", false)));
    let leave = move |_| {
        local::keep_walked();
        at.set(None);
    };
    view! {
        {move || at.get().map(|index| {
            let &Stop { title, text, .. } = &STOPS[index];
            let last = index + 1 == STOPS.len();
            view! {
                <section class="card walk" aria-label="A walk through the lab" data-testid="walk">
                    <p><strong>{format!("{} of {} · {title}", index + 1, STOPS.len())}</strong> <br /> {text}</p>
                    <div class="tools">
                        <Show when=move || index != 0>
                            <button type="button" class="secondary outline small" on:click=move |_| at.set(Some(index - 1))>"Back"</button>
                        </Show>
                        {if last {
                            view! { <button type="button" class="small" data-testid="walk-next" on:click=leave>"Done"</button> }.into_any()
                        } else {
                            view! { <button type="button" class="small" data-testid="walk-next" on:click=move |_| at.set(Some(index + 1))>"Next"</button> }.into_any()
                        }}
                        <Show when=move || !last>
                            <button type="button" class="plain" data-testid="walk-skip" on:click=leave>"Skip the walk"</button>
                        </Show>
                    </div>
                </section>
            }
        })}
    }
}

/// Begins the walk anew.
#[component]
pub fn WalkAgain() -> impl IntoView {
    let lab = use_lab();
    view! {
        <button
            type="button"
            class="secondary outline small"
            data-testid="walk-again"
            on:click=move |_| {
                lab.walk.set(Some(0));
                lab.set(|settings| settings.view = View::Lab);
            }
        >
            "Walk through the lab again"
        </button>
    }
}
