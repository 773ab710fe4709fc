//! The methods as checkboxes, each with its settings folded away.

use super::precision::BasePrecision;
use crate::spec::{MethodKind, PromptInit, TrainConfig};
use crate::ui::charts::palette::method_name;
use crate::ui::lab::use_lab;
use crate::ui::state::settings::Settings;
use leptos::prelude::*;

fn blurb(kind: MethodKind) -> &'static str {
    match kind {
        MethodKind::Full => "Trains every weight. Strongest with much data.",
        MethodKind::Lora => "Freezes the base and trains two thin matrices beside each layer (Hu et al. 2021).",
        MethodKind::Prompt => "Freezes the base and trains a few vectors placed before the input (Lester et al. 2021).",
        MethodKind::Scratch => "The same model from random weights: shows what pretraining was worth.",
    }
}

#[component]
pub fn Methods() -> impl IntoView {
    view! {
        <fieldset data-testid="methods">
            <legend>"Methods"</legend>
            {MethodKind::ALL.into_iter().map(|kind| view! { <MethodChoice kind /> }).collect_view()}
            <BasePrecision />
        </fieldset>
    }
}

#[component]
fn MethodChoice(kind: MethodKind) -> impl IntoView {
    let lab = use_lab();
    let on = Memo::new(move |_| lab.settings.with(|settings| settings.methods.contains(&kind)));
    let id = format!("{kind:?}").to_lowercase();
    view! {
        <div class="method">
            <label class="choice">
                <input
                    type="checkbox"
                    data-testid=format!("method-{id}")
                    prop:checked=move || on.get()
                    on:change=move |event| {
                        let on = event_target_checked(&event);
                        lab.set(|settings| settings.set_method(kind, on));
                    }
                />
                <span>
                    <Mark kind /> {method_name(kind)} <small>{blurb(kind)}</small>
                </span>
            </label>
            <Show when=move || on.get()>
                <details class="more">
                    <summary>"Settings of " {method_name(kind)}</summary>
                    {match kind {
                        MethodKind::Lora => view! { <LoraSettings /> }.into_any(),
                        MethodKind::Prompt => view! { <PromptSettings /> }.into_any(),
                        MethodKind::Full | MethodKind::Scratch => ().into_any(),
                    }}
                    <Number
                        label="Learning rate"
                        least=1e-7
                        most=10.0
                        of=move |settings: &Settings| settings.method(kind).1.learning_rate
                        set=move |settings: &mut Settings, value: f64| {
                            if value == TrainConfig::default_for(kind).learning_rate {
                                settings.rates.remove(&kind);
                            } else {
                                settings.rates.insert(kind, value);
                            }
                        }
                    />
                </details>
            </Show>
        </div>
    }
}

/// A method's symbol in its colour, as on the plot.
#[component]
pub fn Mark(kind: MethodKind) -> impl IntoView {
    let lab = use_lab();
    let shape = match kind {
        MethodKind::Full => "M6 1a5 5 0 1 0 .01 0z",
        MethodKind::Lora => "M6 1l5.4 9.6H.6z",
        MethodKind::Prompt => "M6 .4l5 5.6-5 5.6L1 6z",
        MethodKind::Scratch => "M1.4 1.4h9.2v9.2H1.4z",
    };
    view! {
        <svg class="mark" viewBox="0 0 12 12" aria-hidden="true">
            <path d=shape fill=move || lab.theme.get().of_method(kind).colour />
        </svg>
    }
}

#[component]
fn Number(
    label: &'static str,
    least: f64,
    most: f64,
    of: impl Fn(&Settings) -> f64 + Copy + Send + Sync + 'static,
    set: impl Fn(&mut Settings, f64) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let lab = use_lab();
    view! {
        <label>
            {label}
            <input
                type="number"
                step="any"
                min=least.to_string()
                max=most.to_string()
                prop:value=move || lab.settings.with(of).to_string()
                on:change=move |event| {
                    if let Ok(value) = event_target_value(&event).parse::<f64>() {
                        lab.set(|settings| set(settings, value.clamp(least, most)));
                    }
                }
            />
        </label>
    }
}

#[component]
fn LoraSettings() -> impl IntoView {
    let lab = use_lab();
    view! {
        <div class="row">
            <Number
                label="Rank"
                least=1.0
                most=256.0
                of=|settings: &Settings| settings.lora.rank as f64
                set=|settings: &mut Settings, value: f64| settings.lora.rank = value as usize
            />
            <Number
                label="Alpha"
                least=0.001
                most=10_000.0
                of=|settings: &Settings| settings.lora.alpha
                set=|settings: &mut Settings, value: f64| settings.lora.alpha = value
            />
            <Number
                label="Dropout"
                least=0.0
                most=0.95
                of=|settings: &Settings| settings.lora.dropout
                set=|settings: &mut Settings, value: f64| settings.lora.dropout = value
            />
        </div>
        <label class="choice">
            <input
                type="checkbox"
                prop:checked=move || lab.settings.with(|settings| settings.lora.rslora)
                on:change=move |event| {
                    let on = event_target_checked(&event);
                    lab.set(|settings| settings.lora.rslora = on);
                }
            />
            <span>"Scale by alpha/√rank" <small>"(rsLoRA, Kalajdzievski 2023) instead of alpha/rank"</small></span>
        </label>
    }
}

#[component]
fn PromptSettings() -> impl IntoView {
    let lab = use_lab();
    let start = move || {
        lab.settings.with(|settings| match settings.prompt.init {
            PromptInit::Random => "random",
            PromptInit::Vocabulary => "vocabulary",
            PromptInit::Text(_) => "text",
        })
    };
    let text = move || {
        lab.settings.with(|settings| match &settings.prompt.init {
            PromptInit::Text(text) => Some(text.clone()),
            _ => None,
        })
    };
    let has_text = Memo::new(move |_| text().is_some());
    view! {
        <div class="row">
            <Number
                label="Virtual tokens"
                least=1.0
                most=256.0
                of=|settings: &Settings| settings.prompt.virtual_tokens as f64
                set=|settings: &mut Settings, value: f64| settings.prompt.virtual_tokens = value as usize
            />
            <label>
                "Start from"
                <select
                    prop:value=start
                    on:change=move |event| {
                        let init = match event_target_value(&event).as_str() {
                            "random" => PromptInit::Random,
                            "text" => PromptInit::Text("Answer briefly.".into()),
                            _ => PromptInit::Vocabulary,
                        };
                        lab.set(|settings| settings.prompt.init = init);
                    }
                >
                    <option value="vocabulary" selected=move || start() == "vocabulary">"words of the vocabulary"</option>
                    <option value="random" selected=move || start() == "random">"random vectors"</option>
                    <option value="text" selected=move || start() == "text">"a text"</option>
                </select>
            </label>
        </div>
        <Show when=move || has_text.get()>
            <label>
                "Text"
                <input
                    type="text"
                    prop:value=move || text().unwrap_or_default()
                    on:change=move |event| {
                        let text = event_target_value(&event);
                        lab.set(|settings| settings.prompt.init = PromptInit::Text(text));
                    }
                />
            </label>
        </Show>
    }
}
