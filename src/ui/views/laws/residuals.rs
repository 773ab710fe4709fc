//! What the laws leave over: a law that fits leaves no pattern.

use crate::laws::Report;
use crate::spec::MethodKind;
use crate::ui::charts::residuals;
use crate::ui::lab::use_lab;
use crate::ui::widgets::chart::Chart;
use leptos::prelude::*;
use std::collections::BTreeMap;

#[component]
pub fn Residuals(
    report: Memo<Option<Report>>,
    kinds: Memo<BTreeMap<String, MethodKind>>,
    across: Memo<String>,
) -> impl IntoView {
    let lab = use_lab();
    let any = Memo::new(move |_| {
        report
            .with(|report| report.as_ref().is_some_and(|report| report.groups.iter().any(|group| group.fit.is_some())))
    });
    let option = Memo::new(move |_| {
        let theme = lab.theme.get();
        report.with(|report| match report {
            Some(report) => kinds.with(|kinds| residuals::option(report, kinds, &across.get(), theme)),
            None => serde_json::Value::Null,
        })
    });
    view! {
        <Show when=move || any.get()>
            <section class="card" aria-labelledby="residuals-title">
                <h2 id="residuals-title">"What the laws leave over"</h2>
                <Chart option label="Residuals in per cent against amount of data" class="small" testid="residuals" />
                <p class="quiet">
                    "How far each run lies above or below its law, in per cent of the loss. Points scattered about zero are
                    noise; a bow or a slope means another law would fit better."
                </p>
            </section>
        </Show>
    }
}
