//! A place where files or a folder can be dropped; it lights up under them.

use crate::ui::drop::{Dropped, dropped};
use crate::ui::lab::use_lab;
use crate::ui::state::{Input, Level};
use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

#[component]
pub fn DropArea(testid: &'static str, #[prop(into)] take: Callback<Dropped>, children: Children) -> impl IntoView {
    let lab = use_lab();
    let over = RwSignal::new(false);
    let on_drop = move |event: ev::DragEvent| {
        event.prevent_default();
        over.set(false);
        let Some(transfer) = event.data_transfer() else { return };
        let coming = dropped(&transfer);
        spawn_local(async move {
            match coming.await {
                Ok(dropped) => take.run(dropped),
                Err(reason) => lab.send(Input::Say(Level::Warning, reason)),
            }
        });
    };
    view! {
        <div
            class="drop"
            class:over=move || over.get()
            data-testid=testid
            on:dragover=move |event| {
                event.prevent_default();
                over.set(true);
            }
            on:dragleave=move |_| over.set(false)
            on:drop=on_drop
        >
            {children()}
        </div>
    }
}
