//! What pretraining is worth, in data: the horizontal distance between a tuned run and the curve from scratch.

use super::formula::Formula;
use super::series;
use crate::laws::{self, Analysis, Effective, Point, TransferLaw, TransferReport, Transferred};
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
    imported: Signal<bool>,
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
                fallback=move || {
                    let needed = match imported.get() {
                        true => "The comparison needs runs that were trained from scratch: call their group “scratch” in the file’s group column.",
                        false => "Tick “From scratch” among the methods and train: the comparison needs both curves.",
                    };
                    view! { <p class="quiet" data-testid="transfer-needs">{needed}</p> }
                }
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

/// Runs whose loss the curve from scratch does not reach, counted: one sentence for each way of missing it.
fn out_of_range(rows: &[Transferred]) -> Vec<String> {
    let runs = |count: usize| if count == 1 { "1 run is".to_string() } else { format!("{count} runs are") };
    let counted = |is: fn(&Effective) -> Option<f64>| {
        let found: Vec<f64> = rows.iter().filter_map(|row| is(&row.effective)).collect();
        found.first().map(|&end| (runs(found.len()), digits(end)))
    };
    let above = counted(|effective| match effective {
        Effective::Above { largest } => Some(*largest),
        _ => None,
    });
    let below = counted(|effective| match effective {
        Effective::Below { smallest } => Some(*smallest),
        _ => None,
    });
    let without = counted(|effective| matches!(effective, Effective::NoScratch).then_some(0.0));
    let said = [
        above.map(|(runs, end)| {
            format!("{runs} better than every run from scratch: worth more than {end}, how much is not known.")
        }),
        below.map(|(runs, end)| format!("{runs} worse than every run from scratch: worth less than {end}.")),
        without.map(|(runs, _)| format!("{runs} of a size that no run from scratch has.")),
    ];
    said.into_iter().flatten().collect()
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
    let beyond = out_of_range(&report.rows);
    let mut rows = report.rows;
    rows.retain(|row| matches!(row.effective, Effective::Measured { .. }));
    rows.sort_by(|a, b| a.d_f.total_cmp(&b.d_f));
    let any = !rows.is_empty();
    view! {
        <div>
            <h3>{name}</h3>
            {law.map(|law| view! { <p class="law"><Formula text=TransferLaw::FORMULA /> ": " {law}</p> })}
            {beyond.into_iter().map(|said| view! { <p class="quiet" data-testid="out-of-range">{said}</p> }).collect_view()}
            <div class="list" role="region" tabindex="0" aria-label="Effective data" hidden=!any>
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
                                    // Counted above.
                                    _ => Default::default(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_the_curve_does_not_reach_are_counted_not_listed() {
        let row = |effective| Transferred { n: None, d_f: 16.0, loss: 1.0, effective, low_data: None };
        let measured = Effective::Measured { d_e: 64.0, transferred: 48.0, multiplier: 4.0, share: 0.75 };
        let rows: Vec<Transferred> = [
            vec![row(measured)],
            vec![row(Effective::Above { largest: 1024.0 }); 20],
            vec![row(Effective::Below { smallest: 16.0 })],
        ]
        .concat();
        let said = out_of_range(&rows);
        assert_eq!(said.len(), 2);
        assert!(said[0].starts_with("20 runs are better") && said[0].contains("more than 1024"), "{said:?}");
        assert!(said[1].starts_with("1 run is worse") && said[1].contains("less than 16"), "{said:?}");
        assert!(out_of_range(&rows[..1]).is_empty());
    }
}
