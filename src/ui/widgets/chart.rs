//! One chart: an element in which the library draws an option, again whenever the option changes.

use crate::ui::browser;
use crate::ui::charts;
use crate::ui::charts::palette::Theme;
use leptos::html::Div;
use leptos::prelude::*;
use serde_json::Value;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

/// `pick` is called with the id of a clicked point.
#[component]
pub fn Chart(
    #[prop(into)] option: Signal<Value>,
    #[prop(into)] label: Signal<String>,
    #[prop(default = "")] class: &'static str,
    #[prop(default = "")] testid: &'static str,
    #[prop(optional)] node: Option<NodeRef<Div>>,
    #[prop(optional)] pick: Option<Callback<String>>,
) -> impl IntoView {
    let node = node.unwrap_or_default();
    let drawn = StoredValue::new_local(None::<web_sys::Element>);
    let listener = StoredValue::new_local(None::<Closure<dyn Fn(String)>>);
    Effect::new(move || {
        let Some(element) = node.get() else { return };
        let element: web_sys::Element = element.unchecked_into();
        charts::draw(&element, &option.get().to_string());
        if let (None, Some(pick)) = (drawn.get_value(), pick) {
            let callback = Closure::<dyn Fn(String)>::new(move |id| pick.run(id));
            charts::on_pick(&element, callback.as_ref().unchecked_ref());
            listener.set_value(Some(callback));
        }
        drawn.set_value(Some(element));
    });
    on_cleanup(move || {
        if let Some(element) = drawn.try_get_value().flatten() {
            charts::dispose(&element);
        }
    });
    view! { <div class=format!("chart {class}") node_ref=node role="img" aria-label=label data-testid=testid></div> }
}

/// Saves what a chart shows as `name`.png or `name`.svg.
pub fn save(node: NodeRef<Div>, name: &str, kind: &str, theme: Theme) {
    if let Some(element) = node.get_untracked() {
        let element: web_sys::Element = element.unchecked_into();
        browser::download_url(&format!("{name}.{kind}"), &charts::image(&element, kind, theme.paper()));
    }
}

pub fn zoom_out(node: NodeRef<Div>) {
    if let Some(element) = node.get_untracked() {
        charts::reset_zoom(element.unchecked_ref());
    }
}
