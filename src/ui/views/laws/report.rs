//! One card a group: the law, its parameters with intervals, its rivals, the backtest, and what is doubtful.

use super::formula::Formula;
use crate::laws::{Ahead, Backtest, FittedLaw, GroupReport, Hidden, Interval, Prediction, Report, Rival};
use crate::spec::MethodKind;
use crate::ui::lab::use_lab;
use crate::ui::state::findings::digits;
use crate::ui::widgets::term::{Term, Word};
use leptos::prelude::*;
use std::collections::BTreeMap;

/// Groups shown in full; a file may hold hundreds.
const SHOWN: usize = 24;

#[component]
pub fn Groups(
    report: Memo<Option<Report>>,
    kinds: Memo<BTreeMap<String, MethodKind>>,
    across: Memo<String>,
) -> impl IntoView {
    let groups = move || report.with(|report| report.as_ref().map(|report| report.groups.clone()).unwrap_or_default());
    let warnings = move || {
        report.with(|report| {
            let report = report.as_ref()?;
            let hidden = report.groups.len().saturating_sub(SHOWN);
            let more = (hidden > 0).then(|| format!("{hidden} more groups are fitted and in the JSON, but not shown."));
            Some(report.warnings.iter().map(|warning| format!("{warning}.")).chain(more).collect::<Vec<_>>())
        })
    };
    view! {
        {move || warnings().unwrap_or_default().into_iter().map(|text| view! { <p class="banner">{text}</p> }).collect_view()}
        <div class="columns" data-testid="fits">
            {move || groups().into_iter().take(SHOWN).enumerate().map(|(index, group)| view! { <Group kind=kinds.with(|kinds| kinds.get(&group.group).copied()) group index across /> }).collect_view()}
        </div>
    }
}

#[component]
fn Group(group: GroupReport, kind: Option<MethodKind>, index: usize, across: Memo<String>) -> impl IntoView {
    let lab = use_lab();
    let name = if group.name.is_empty() { "All points".to_string() } else { group.name.clone() };
    let colour = move || lab.theme.get().of_group(kind, index).colour;
    let noise = group.noise.map(|noise| format!(", noise {}%", digits(100.0 * noise))).unwrap_or_default();
    let facts = format!("{} points, {} sizes over {}×{noise}", group.points.len(), group.sizes, digits(group.span));
    let signal = group.signal;
    view! {
        <section class="card group" style:border-top-color=colour data-testid="fit">
            <header>
                <h2>{name}</h2>
                <Show when=move || !signal>
                    <span class="tag" data-testid="no-signal">"not enough signal"</span>
                </Show>
            </header>
            <p class="quiet">{facts}</p>
            {group.fit.as_ref().map(|fit| view! { <Parameters fit=fit.clone() /> })}
            {(signal && !group.ahead.is_empty()).then(|| view! { <Forecasts ahead=group.ahead.clone() across /> })}
            {group.backtest.clone().map(|backtest| view! { <Revealed backtest across /> })}
            {(!group.rivals.is_empty()).then(|| view! { <Rivals rivals=group.rivals.clone() last=group.last_loss_percent /> })}
            <Show when={
                let any = !group.warnings.is_empty();
                move || any
            }>
                <ul class="warnings" aria-label="What to know before trusting this">
                    {group.warnings.iter().map(|warning| view! { <li>{format!("{warning}.")}</li> }).collect_view()}
                </ul>
            </Show>
        </section>
    }
}

#[component]
fn Parameters(fit: FittedLaw) -> impl IntoView {
    let info = fit.law.card();
    let title = match Term::titled(info.title) {
        Some(term) => view! { <Word term /> }.into_any(),
        None => info.title.into_any(),
    };
    view! {
        <p class="law"><strong>{title}</strong> " " <Formula text=info.formula /></p>
        <table>
            <thead>
                <tr>
                    <th scope="col">"Parameter"</th>
                    <th scope="col">"Value"</th>
                    <th scope="col"><Word term=Term::Interval /></th>
                </tr>
            </thead>
            <tbody>
                {fit
                    .parameters
                    .into_iter()
                    .map(|parameter| {
                        let interval = parameter.interval.map(|i| format!("{} to {}", digits(i.lo), digits(i.hi)));
                        let (value, interval) = match parameter.identified {
                            true => (digits(parameter.value), interval.unwrap_or_else(|| "none drawn".into())),
                            false => ("–".into(), parameter.note),
                        };
                        view! {
                            <tr>
                                <th scope="row">{symbol(parameter.symbol)} <small>" " {parameter.meaning}</small></th>
                                <td class="number">{value}</td>
                                <td class="number">{interval}</td>
                            </tr>
                        }
                    })
                    .collect_view()}
            </tbody>
        </table>
    }
}

/// A parameter's symbol; that of the exponent explains itself.
fn symbol(symbol: String) -> AnyView {
    match symbol.as_str() {
        "β" => view! { <Word term=Term::Exponent word="β" /> }.into_any(),
        _ => symbol.into_any(),
    }
}

/// An interval of losses.
fn between(interval: Interval) -> String {
    format!("{} to {}", digits(interval.lo), digits(interval.hi))
}

/// What one more run would give, and what the law says there: a run scatters about its law.
#[component]
fn Forecasts(ahead: Vec<Ahead>, across: Memo<String>) -> impl IntoView {
    let place = move |ahead: &Ahead| {
        let of = ahead.n.map(|n| format!(", {} {}", ahead.factor.as_deref().unwrap_or("N ="), digits(n)));
        format!("{} {}{}", digits(ahead.predicted.d), across.get(), of.unwrap_or_default())
    };
    view! {
        <p class="quiet">
            "Of twenty runs made at a size, nineteen should end within “95% for a run”; their average lies within “95% for the law”."
        </p>
        <table data-testid="forecasts">
            <thead>
                <tr>
                    <th scope="col">"Forecast at"</th>
                    <th scope="col">"Loss"</th>
                    <th scope="col">"95% for a run"</th>
                    <th scope="col">"95% for the law"</th>
                </tr>
            </thead>
            <tbody>
                {ahead
                    .into_iter()
                    .map(|ahead| {
                        let Prediction { lo, mid, hi, .. } = ahead.predicted;
                        let run = between(ahead.run);
                        view! {
                            <tr>
                                <th scope="row">{move || place(&ahead)}</th>
                                <td class="number">{digits(mid)}</td>
                                <td class="number">{run}</td>
                                <td class="number">{between(Interval { lo, hi })}</td>
                            </tr>
                        }
                    })
                    .collect_view()}
            </tbody>
        </table>
    }
}

#[component]
fn Rivals(rivals: Vec<Rival>, last: Option<f64>) -> impl IntoView {
    let percent = |value: Option<f64>| value.map(|value| format!("{}%", digits(value))).unwrap_or_else(|| "–".into());
    view! {
        <details class="more">
            <summary>"Rivals"</summary>
            <table data-testid="rivals">
                <thead>
                    <tr>
                        <th scope="col">"Law"</th>
                        <th scope="col">"Error on sizes left out"</th>
                        <th scope="col"><Word term=Term::Aicc /></th>
                        <th scope="col">"Objective"</th>
                    </tr>
                </thead>
                <tbody>
                    {rivals
                        .into_iter()
                        .map(|rival| {
                            view! {
                                <tr>
                                    <th scope="row">{rival.law.card().title} {rival.chosen.then_some(" ✓")}</th>
                                    <td class="number">{percent(rival.held_out_percent)}</td>
                                    <td class="number">{rival.aicc.map(|aicc| format!("{aicc:.1}")).unwrap_or_else(|| "–".into())}</td>
                                    <td class="number">{format!("{:.3e}", rival.objective)}</td>
                                </tr>
                            }
                        })
                        .collect_view()}
                    <tr>
                        <th scope="row">"repeating the last loss"</th>
                        <td class="number">{percent(last)}</td>
                        <td></td>
                        <td></td>
                    </tr>
                </tbody>
            </table>
        </details>
    }
}

/// What was hidden, what was predicted, what came out.
#[component]
fn Revealed(backtest: Backtest, across: Memo<String>) -> impl IntoView {
    let factor = backtest.forecasts.first().and_then(|forecast| forecast.point.factor.clone());
    let hidden = move || match backtest.hidden {
        Hidden::Data(d) => format!("{} {}", digits(d), across.get()),
        Hidden::Factor(n) => match &factor {
            Some(factor) => format!("{factor} {}", digits(n)),
            None => format!("the model of {} parameters", digits(n)),
        },
    };
    let last =
        backtest.last_loss_percent.map(|last| format!("; repeating the last loss is wrong by {}%", digits(last)));
    view! {
        <div class="revealed" data-testid="backtest-result">
            <p>
                <strong>{format!("Wrong by {}%", digits(backtest.error_percent))}</strong>
                " when " {hidden} " is hidden and predicted by a " {backtest.law.card().title.to_lowercase()}
                {last} "."
            </p>
            <details class="more">
                <summary>"Each hidden run"</summary>
                <div class="list" role="region" tabindex="0" aria-label="Hidden runs">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Run"</th>
                            <th scope="col">"Predicted"</th>
                            <th scope="col">"95% for a run"</th>
                            <th scope="col">"95% for the law"</th>
                            <th scope="col">"Came out"</th>
                            <th scope="col">"Error"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {backtest
                            .forecasts
                            .into_iter()
                            .map(|forecast| {
                                let Prediction { lo, mid, hi, .. } = forecast.predicted;
                                let law = (hi > lo).then_some(Interval { lo, hi });
                                let shown = |interval: Option<Interval>| interval.map_or("none drawn".into(), between);
                                view! {
                                    <tr>
                                        <td>{forecast.point.run}</td>
                                        <td class="number">{digits(mid)}</td>
                                        <td class="number">{shown(forecast.run)}</td>
                                        <td class="number">{shown(law)}</td>
                                        <td class="number">{digits(forecast.point.loss)}</td>
                                        <td class="number">{format!("{:+.2}%", forecast.error_percent)}</td>
                                    </tr>
                                }
                            })
                            .collect_view()}
                    </tbody>
                </table>
                </div>
            </details>
        </div>
    }
}
