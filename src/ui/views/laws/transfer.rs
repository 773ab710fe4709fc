//! What pretraining is worth, in data: the horizontal distance between a tuned run and the curve from scratch.

use super::formula::Formula;
use super::series;
use crate::laws::{self, Analysis, Effective, Point, TransferLaw, TransferReport};
use crate::spec::MethodKind;
use crate::ui::charts::scaling::Plot;
use crate::ui::lab::use_lab;
use crate::ui::state::findings::digits;
use crate::ui::widgets::chart::Chart;
use leptos::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[component]
pub fn Transfer(
    analysis: RwSignal<Option<Analysis>>,
    points: Memo<Vec<Point>>,
    scratch: Memo<Vec<String>>,
    kinds: Memo<BTreeMap<String, MethodKind>>,
    across: Memo<String>,
) -> impl IntoView {
    let lab = use_lab();
    let transfers = Memo::new(move |_| analysis.with(|a| a.as_ref().map(|a| a.transfers.clone()).unwrap_or_default()));
    let option = Memo::new(move |_| {
        let theme = lab.theme.get();
        let series = analysis
            .with(|a| a.as_ref().map(|a| kinds.with(|kinds| series(&a.report, kinds, theme))).unwrap_or_default());
        let across = across.get();
        let plot = Plot { series: &series, across: &across, up: "loss", theme, narrow: lab.narrow.get(), cursor: None };
        let mut option = plot.option();
        if let Some(drawn) = option["series"].as_array_mut() {
            transfers.with(|all| all.iter().for_each(|each| drawn.extend(distances(&each.report, theme.faint()))));
        }
        option
    });
    view! {
        <section class="card" aria-labelledby="transfer-title" data-testid="transfer">
            <h2 id="transfer-title">"What is pretraining worth?"</h2>
            <p class="quiet">{TransferLaw::EXPLANATION} " " <a href=TransferLaw::URL rel="noreferrer">{TransferLaw::CITATION}</a></p>
            <Show
                when=move || scratch.with(|scratch| !scratch.is_empty()) && points.with(|points| points.len() > 1)
                fallback=|| view! { <p class="quiet">"Tick “From scratch” among the methods and train: the comparison needs both curves."</p> }
            >
                <Chart option label="Tuned runs with their horizontal distance to the curve from scratch" class="mini tall" testid="transfer-plot" />
                <div class="columns">
                    {move || transfers.get().into_iter().map(|transfer| view! { <Worth transfer across /> }).collect_view()}
                </div>
            </Show>
        </section>
    }
}

/// A dashed line from each tuned run to the place of equal loss on the curve from scratch.
fn distances(report: &TransferReport, colour: &str) -> Vec<Value> {
    let rows = report.rows.iter().filter_map(|row| match row.effective {
        Effective::Measured { d_e, .. } => Some(json!({
            "type": "line", "silent": true, "showSymbol": false, "z": 1, "data": [[row.d_f, row.loss], [d_e, row.loss]],
            "lineStyle": { "type": "dashed", "width": 1, "color": colour },
        })),
        _ => None,
    });
    rows.collect()
}

#[component]
fn Worth(transfer: laws::Transfer, across: Memo<String>) -> impl IntoView {
    let laws::Transfer { name, against, report } = transfer;
    let name = match against {
        Some(against) => format!("{name}, against: {against}"),
        None => name,
    };
    let law = report.law.as_ref().map(|law| {
        let mut said = vec![format!("k = {}", digits(law.k)), format!("α = {}", digits(law.alpha))];
        said.extend(law.beta.map(|beta| format!("β = {}", digits(beta))));
        format!(
            "{}, from {} runs in the low-data regime; {} negative, {} beyond it.",
            said.join(", "),
            law.used,
            law.negative,
            law.beyond
        )
    });
    let mut rows = report.rows;
    rows.sort_by(|a, b| a.d_f.total_cmp(&b.d_f));
    view! {
        <div>
            <h3>{name}</h3>
            {law.map(|law| view! { <p class="law"><Formula text=TransferLaw::FORMULA /> ": " {law}</p> })}
            <div class="list" role="region" tabindex="0" aria-label="Effective data">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">{move || across.get()}</th>
                            <th scope="col">"Worth from scratch"</th>
                            <th scope="col">"Multiplier"</th>
                            <th scope="col">"From pretraining"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {rows
                            .into_iter()
                            .map(|row| {
                                let (worth, multiplier, share) = match row.effective {
                                    Effective::Measured { d_e, multiplier, share, .. } => {
                                        (digits(d_e), format!("{}×", digits(multiplier)), format!("{:.0}%", 100.0 * share))
                                    }
                                    Effective::Above { largest } => (format!("out of range: over {}", digits(largest)), String::new(), String::new()),
                                    Effective::Below { smallest } => (format!("out of range: under {}", digits(smallest)), String::new(), String::new()),
                                    Effective::NoScratch => ("no run from scratch".into(), String::new(), String::new()),
                                };
                                view! {
                                    <tr class:faded=row.low_data == Some(false)>
                                        <td class="number">{digits(row.d_f)}</td>
                                        <td class="number">{worth}</td>
                                        <td class="number">{multiplier}</td>
                                        <td class="number">{share}</td>
                                    </tr>
                                }
                            })
                            .collect_view()}
                    </tbody>
                </table>
            </div>
            {report.warnings.iter().map(|warning| view! { <p class="quiet">{format!("{warning}.")}</p> }).collect_view()}
        </div>
    }
}
