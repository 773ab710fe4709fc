//! The methods as checkboxes, each with its settings folded away.

use super::precision::BasePrecision;
use crate::spec::{Control, MethodKind, Setting, TextOption, TrainConfig};
use crate::ui::charts::palette::method_name;
use crate::ui::lab::use_lab;
use crate::ui::state::settings::Settings;
use leptos::prelude::*;

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
    view! {
        <div class="method">
            <label class="choice">
                <input
                    type="checkbox"
                    data-testid=format!("method-{}", kind.id())
                    prop:checked=move || on.get()
                    on:change=move |event| {
                        let on = event_target_checked(&event);
                        lab.set(|settings| settings.set_method(kind, on));
                    }
                />
                <span>
                    <Mark kind /> {method_name(kind)} <small>{kind.info().blurb()}</small>
                </span>
            </label>
            <Show when=move || on.get()>
                <details class="more">
                    <summary>"Settings of " {method_name(kind)}</summary>
                    <MethodSettings kind />
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
    view! {
        <svg class="mark" viewBox="0 0 12 12" aria-hidden="true">
            <path
                d=move || lab.theme.get().of_method(kind).path
                fill=move || lab.theme.get().of_method(kind).colour
            />
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

/// The method's own settings, as it describes them: numbers and choices in a row, flags and texts below.
#[component]
fn MethodSettings(kind: MethodKind) -> impl IntoView {
    let shown = use_lab().settings.with_untracked(|settings| settings.settings_of(kind));
    let (mut row, mut below) = (Vec::new(), Vec::new());
    for Setting { id, label, control, on_page, .. } in shown {
        match control {
            _ if !on_page => {}
            Control::Number { least, most, whole } => {
                let of = move |settings: &Settings| value(settings, kind, id).parse().unwrap_or(f64::NAN);
                let set = move |settings: &mut Settings, number: f64| {
                    put(settings, kind, id, &if whole { number.trunc() } else { number }.to_string());
                };
                row.push(view! { <Number label least most of set /> }.into_any());
            }
            Control::Choice { options, text } => {
                row.push(view! { <Choice kind id label options text /> }.into_any());
                if let Some(text) = text {
                    below.push(view! { <Text kind id text /> }.into_any());
                }
            }
            Control::Flag { note } => below.push(view! { <Flag kind id label note /> }.into_any()),
            Control::List { .. } => {}
        }
    }
    let row = (!row.is_empty()).then(|| view! { <div class="row">{row}</div> });
    view! {
        {row}
        {below}
    }
}

fn value(settings: &Settings, kind: MethodKind, id: &str) -> String {
    settings
        .settings_of(kind)
        .into_iter()
        .find(|setting| setting.id == id)
        .map_or_else(String::new, |found| found.value)
}

/// Sets what a control gave. One that a method refuses leaves the setting as it is, and the control shows that.
fn put(settings: &mut Settings, kind: MethodKind, id: &str, value: &str) {
    let _ = settings.set_setting(kind, id, value);
}

#[component]
fn Flag(kind: MethodKind, id: &'static str, label: &'static str, note: &'static str) -> impl IntoView {
    let lab = use_lab();
    view! {
        <label class="choice">
            <input
                type="checkbox"
                prop:checked=move || lab.settings.with(|settings| value(settings, kind, id) == "true")
                on:change=move |event| {
                    let on = event_target_checked(&event);
                    lab.set(|settings| put(settings, kind, id, &on.to_string()));
                }
            />
            <span>{label} <small>{note}</small></span>
        </label>
    }
}

#[component]
fn Choice(
    kind: MethodKind,
    id: &'static str,
    label: &'static str,
    options: &'static [(&'static str, &'static str)],
    text: Option<TextOption>,
) -> impl IntoView {
    let lab = use_lab();
    let chosen = move || {
        let value = lab.settings.with(|settings| value(settings, kind, id));
        value.split(':').next().unwrap_or_default().to_string()
    };
    let option = move |(option, name): &(&'static str, &'static str)| {
        let (option, name) = (*option, *name);
        view! { <option value=option selected=move || chosen() == option>{name}</option> }
    };
    view! {
        <label>
            {label}
            <select
                prop:value=chosen
                on:change=move |event| {
                    let option = event_target_value(&event);
                    let value = match text {
                        Some(text) if text.option == option => format!("{option}:{}", text.first),
                        _ => option,
                    };
                    lab.set(|settings| put(settings, kind, id, &value));
                }
            >
                {options.iter().map(option).collect_view()}
            </select>
        </label>
    }
}

/// The text of a choice that is one.
#[component]
fn Text(kind: MethodKind, id: &'static str, text: TextOption) -> impl IntoView {
    let lab = use_lab();
    let TextOption { option, label, .. } = text;
    let written = move || {
        let value = lab.settings.with(|settings| value(settings, kind, id));
        value.strip_prefix(option)?.strip_prefix(':').map(String::from)
    };
    let is_text = Memo::new(move |_| written().is_some());
    view! {
        <Show when=move || is_text.get()>
            <label>
                {label}
                <input
                    type="text"
                    prop:value=move || written().unwrap_or_default()
                    on:change=move |event| {
                        let value = format!("{option}:{}", event_target_value(&event));
                        lab.set(|settings| put(settings, kind, id, &value));
                    }
                />
            </label>
        </Show>
    }
}
