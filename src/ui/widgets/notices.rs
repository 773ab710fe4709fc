//! The status line that screen readers hear, and the banner of the finished experiment.

use crate::ui::lab::use_lab;
use crate::ui::state::{Input, Level, State};
use leptos::prelude::*;
use std::time::Duration;

/// How long a mere information stays.
const LINGER: Duration = Duration::from_secs(9);

#[component]
pub fn Notices() -> impl IntoView {
    let lab = use_lab();
    let notices = Memo::new(move |_| lab.state.with(|state| state.notices.clone()));
    // What is only good to know goes by itself; warnings stay until they are put away.
    let timed = StoredValue::new(0u32);
    Effect::new(move || {
        let last = timed.get_value();
        for notice in notices.get().iter().filter(|notice| notice.id > last) {
            timed.set_value(notice.id);
            let id = notice.id;
            if notice.level == Level::Information {
                set_timeout(move || lab.send(Input::Dismiss(id)), LINGER);
            }
        }
    });
    view! {
        <div class="notices" role="status" aria-live="polite" data-testid="notices">
            <For each=move || notices.get() key=|notice| notice.id let(notice)>
                <p class=if notice.level == Level::Warning { "notice warning" } else { "notice" }>
                    <span>{notice.text.clone()}</span>
                    {notice.undo.then(|| view! {
                        <button type="button" class="link" data-testid="undo" on:click=move |_| lab.send(Input::Undo(notice.id))>"Undo"</button>
                    })}
                    <button
                        type="button"
                        class="plain icon"
                        aria-label="Dismiss this message"
                        on:click=move |_| lab.send(Input::Dismiss(notice.id))
                    >
                        "×"
                    </button>
                </p>
            </For>
        </div>
    }
}

/// Says that what is on screen was made before, where and when; lets the visitor put it away.
#[component]
pub fn Banner() -> impl IntoView {
    let lab = use_lab();
    let precomputed = Memo::new(move |_| lab.state.with(|state| state.precomputed.clone()));
    let here = Memo::new(move |_| lab.state.with(State::precomputed_here));
    view! {
        <Show when=move || here.get() != 0>
            <p class="banner" data-testid="precomputed">
                {move || precomputed.with(|p| {
                    if p.put_away {
                        view! {
                            <span>"The finished experiment is put away. Play trains every run here."</span>
                            <button type="button" class="link" on:click=move |_| lab.send(Input::PutAway(false))>
                                "Bring it back"
                            </button>
                        }.into_any()
                    } else {
                        let text = format!(
                            "{} runs, trained by this lab on {} ({}), shown as outlines. Play goes on from here, on your machine.",
                            p.ids.len(), p.device, p.date
                        );
                        view! {
                            <span><strong>"Precomputed. "</strong>{text}</span>
                            <button type="button" class="link" data-testid="put-away" on:click=move |_| lab.send(Input::PutAway(true))>
                                "Start from nothing"
                            </button>
                        }.into_any()
                    }
                })}
            </p>
        </Show>
    }
}
