//! A choice among base models by name.

use leptos::prelude::*;

#[component]
pub fn BaseSelect(
    label: &'static str,
    testid: &'static str,
    #[prop(into)] names: Signal<Vec<String>>,
    #[prop(into)] chosen: Signal<Option<String>>,
    #[prop(into)] choose: Callback<String>,
) -> impl IntoView {
    view! {
        <label>
            {label}
            <select data-testid=testid on:change=move |event| choose.run(event_target_value(&event))>
                {move || names.get().into_iter().map(|name| {
                    let is = name.clone();
                    view! { <option value=name.clone() selected=move || chosen.get().as_ref() == Some(&is)>{name.clone()}</option> }
                }).collect_view()}
            </select>
        </label>
    }
}
