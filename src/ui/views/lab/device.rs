//! The badge that says what trains, and why; opened, it offers the choice.

use crate::job::Backend;
use crate::ui::lab::use_lab;
use crate::ui::widgets::offline::OfflineState;
use leptos::prelude::*;
use leptos::{ev, html};
use wasm_bindgen::JsCast;

const CHOICES: [(Backend, &str, &str); 3] = [
    (Backend::Auto, "Best for this machine", "today the CPU: WebGPU was slower where it was timed"),
    (Backend::WebGpu, "WebGPU", "even a software adapter, which is slow"),
    (Backend::Cpu, "CPU", "WebAssembly with SIMD; works everywhere"),
];

#[component]
pub fn DeviceBadge() -> impl IntoView {
    let lab = use_lab();
    let device = Memo::new(move |_| lab.state.with(|state| state.device.clone()));
    let chosen = Memo::new(move |_| lab.settings.with(|settings| settings.backend));
    let label = move || match device.get() {
        Some(device) if device.backend == Backend::WebGpu => "WebGPU",
        Some(_) => "CPU",
        None => "Starting…",
    };
    let menu = NodeRef::<html::Details>::new();
    let close = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape"
            && let Some(menu) = menu.get()
            && menu.open()
        {
            menu.set_open(false);
            if let Ok(Some(badge)) = menu.query_selector("summary") {
                let _ = badge.unchecked_into::<web_sys::HtmlElement>().focus();
            }
        }
    };
    view! {
        <details class="menu" data-testid="device" node_ref=menu on:keydown=close>
            <summary role="button" class="badge" aria-label=move || format!("Device: {}", label())>
                <span class="lamp" class:on=move || device.with(Option::is_some) aria-hidden="true"></span>
                {label}
            </summary>
            <div class="sheet">
                {move || match device.get() {
                    Some(device) => view! {
                        <p><strong>{device.name}</strong></p>
                        <p class="quiet" data-testid="device-reason">{device.reason}</p>
                    }.into_any(),
                    None => view! { <p class="quiet">"The training worker is starting."</p> }.into_any(),
                }}
                <fieldset>
                    <legend>"Train on"</legend>
                    {CHOICES
                        .into_iter()
                        .map(|(backend, name, note)| {
                            view! {
                                <label class="choice">
                                    <input
                                        type="radio"
                                        name="device"
                                        data-testid=format!("device-{}", name.split(' ').next().unwrap_or(name).to_lowercase())
                                        prop:checked=move || chosen.get() == backend
                                        on:change=move |_| lab.set(|settings| settings.backend = backend)
                                    />
                                    <span>{name} <small>{note}</small></span>
                                </label>
                            }
                        })
                        .collect_view()}
                </fieldset>
                <p class="quiet">"Everything runs in this tab; nothing is sent anywhere."</p>
                <OfflineState />
            </div>
        </details>
    }
}
