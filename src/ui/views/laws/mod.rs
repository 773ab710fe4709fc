//! The laws view: which law the points follow, how sure that is, what it predicts, and whether it would have known.

mod compare;
mod explain;
mod formula;
mod import;
mod report;
mod residuals;
mod transfer;

use crate::laws::{AnalysisRequest, Candidate, Law, Point, Report, points_csv};
use crate::plan::grid::doubling;
use crate::spec::MethodKind;
use crate::ui::browser;
use crate::ui::charts::palette::{Mark, Theme};
use crate::ui::charts::scaling::{Dot, Plot, Series};
use crate::ui::lab::{Lab, use_lab};
use crate::ui::state::findings::{self, Drawn};
use crate::ui::state::results::{self, Group, Joint};
use crate::ui::state::settings::{Horizontal, LARGEST_SIZE};
use crate::ui::views::lab::plot::{DRAWS, axis_name, shown_groups};
use crate::ui::widgets::chart::{Chart, save};
use compare::{Crossings, NextRuns};
use explain::Explanations;
use import::{Import, Imported};
use leptos::html::Div;
use leptos::prelude::*;
use report::Groups;
use residuals::Residuals;
use std::collections::BTreeMap;
use transfer::Transfer;

/// A cross that stands on its tips.
const CROSS: &str = "path://M1 0L5 4L9 0L10 1L6 5L10 9L9 10L5 6L1 10L0 9L4 5L0 1Z";

/// Points that are plotted of each group, at most: beyond, they hide one another.
const DOTS: usize = 400;

#[component]
pub fn LawsView() -> impl IntoView {
    let lab = use_lab();
    let imported = RwSignal::new(None::<Imported>);
    let backtest = RwSignal::new(false);
    let joint = RwSignal::new(None::<Joint>);
    let groups = shown_groups(lab);
    let horizontal = Memo::new(move |_| lab.settings.with(|settings| settings.horizontal));
    let bases = Memo::new(move |_| lab.state.with(results::bases));
    let points = Memo::new(move |_| match imported.get() {
        Some(imported) => imported.points,
        None => match joint.get() {
            Some(joint) => lab.state.with(|state| results::joint_points(state, joint, horizontal.get())),
            None => groups.with(|groups| results::points(groups, horizontal.get())),
        },
    });
    let chosen = Memo::new(move |_| lab.settings.with(|settings| settings.law.parse::<Law>().ok()));
    // Several factors at once need a law that tells them apart.
    let law = Memo::new(move |_| match (imported.with(Option::is_none), joint.get()) {
        (true, Some(Joint::Both)) => chosen.get().or_else(|| Law::ALL.into_iter().find(|law| law.tells_factors())),
        _ => chosen.get(),
    });
    // The lab's own groups have keys; a file's are what its group column says.
    let own_groups = Memo::new(move |_| match (imported.with(Option::is_some), joint.get()) {
        (true, _) => Vec::new(),
        (false, None) => groups.get(),
        (false, Some(_)) => lab.state.with(results::groups_of_all),
    });
    let names = Memo::new(move |_| own_groups.with(|groups| results::names(groups)));
    let kinds = Memo::new(move |_| -> BTreeMap<String, MethodKind> {
        own_groups.with(|groups| groups.iter().map(|group| (group.key.clone(), group.kind())).collect())
    });
    let scratch = Memo::new(move |_| match imported.with(Option::is_some) {
        true => points.with(|points| import::from_scratch(points)),
        false => kinds.with(|kinds| {
            let scratch = kinds.iter().filter(|(_, kind)| !kind.info().from_base);
            scratch.map(|(key, _)| key.clone()).collect::<Vec<_>>()
        }),
    });
    // Advice is on the lab's own runs, by examples: those are what the lab can train.
    let own = Memo::new(move |_| {
        imported.with(Option::is_none) && joint.get().is_none() && horizontal.get() == Horizontal::Examples
    });
    let candidates =
        Memo::new(move |_| if own.get() { groups.with(|groups| candidates(lab, groups)) } else { Vec::new() });
    let request = Memo::new(move |_| AnalysisRequest {
        points: points.get(),
        names: names.get(),
        law: law.get(),
        draws: DRAWS,
        backtest: backtest.get(),
        scratch: scratch.get(),
        candidates: candidates.get(),
    });
    let analysis = lab.fit(request.into());
    let across = Memo::new(move |_| match imported.get() {
        Some(imported) => imported.across,
        None => axis_name(horizontal.get()).to_string(),
    });
    let report =
        Memo::new(move |_| analysis.with(|analysis| analysis.as_ref().map(|analysis| analysis.report.clone())));
    let took = move || {
        let asked = points.with(Vec::len);
        analysis.with(|analysis| match analysis {
            Some(analysis) if analysis.points == asked => {
                let milliseconds = analysis.milliseconds;
                Some(format!("{asked} points, {DRAWS} bootstrap refits a curve, in {milliseconds:.0} ms"))
            }
            _ => (asked > 0).then(|| format!("Fitting {asked} points…")),
        })
    };
    view! {
        <div class="page laws" data-testid="laws">
            <section class="card" aria-labelledby="laws-title">
                <header>
                    <div>
                        <h1 id="laws-title">"Which law do the points follow?"</h1>
                        <p class="quiet" data-testid="fit-time">{took}</p>
                    </div>
                    <div class="tools">
                        <LawChoice law=chosen />
                        <button
                            type="button"
                            class="small"
                            data-testid="backtest"
                            aria-pressed=move || backtest.get().to_string()
                            on:click=move |_| backtest.update(|on| *on = !*on)
                        >
                            {move || if backtest.get() { "Hide the backtest" } else { "Backtest: hide the largest, fit, reveal" }}
                        </button>
                    </div>
                </header>
                <Import imported />
                <Show when=move || imported.with(Option::is_none) && bases.with(|bases| *bases > 1)>
                    <JointChoice joint />
                </Show>
                <Show
                    when=move || points.with(|points| !points.is_empty())
                    fallback=|| view! {
                        <p class="quiet">"No points yet. Train some in the lab, or open a file of points above."</p>
                    }
                >
                    <Figure report kinds names across points own=Signal::derive(move || imported.with(Option::is_none)) />
                </Show>
            </section>
            <Groups report kinds across />
            <Crossings analysis across />
            <NextRuns analysis groups />
            <Transfer analysis points scratch kinds across imported=Signal::derive(move || imported.with(Option::is_some)) />
            <Residuals report kinds across />
            <Explanations />
        </div>
    }
}

/// Runs that could be made next: every size of the grid and the next three doublings, at the cost of their steps.
fn candidates(lab: Lab, groups: &[Group]) -> Vec<(String, Vec<Candidate>)> {
    let settings = lab.settings.get_untracked();
    let sizes = doubling(settings.smallest, settings.largest.saturating_mul(8).min(LARGEST_SIZE));
    let sizes = lab.state.with_untracked(|state| state.clip(sizes));
    let cells = |group: &Group| {
        let train = settings.method(group.kind()).1;
        sizes.iter().map(|&size| Candidate { d: size as f64, n: None, cost: train.steps(size) as f64 }).collect()
    };
    groups.iter().map(|group| (group.key.clone(), cells(group))).collect()
}

/// Which base models stand in one fit.
#[component]
fn JointChoice(joint: RwSignal<Option<Joint>>) -> impl IntoView {
    let name = |joint: Joint| match joint {
        Joint::Size => "together, by model size",
        Joint::Pretraining => "together, by pretraining tokens",
        Joint::Both => "together, by both, with one exponent of the data",
    };
    let about = move || match joint.get() {
        None => "Each base model by itself.",
        Some(Joint::Size) => {
            "A joint law in data and model size (parameters without embeddings), of bases that differ in size alone; four sizes or more."
        }
        Some(Joint::Pretraining) => {
            "A joint law in data and pretraining tokens, of bases that differ in pretraining alone; four budgets or more."
        }
        Some(Joint::Both) => {
            "Model size and pretraining tokens, each varied alone about one base, share β and E (Zhang et al. 2024)."
        }
    };
    view! {
        <div class="choice">
            <label class="inline">
                "Fit base models "
                <select
                    data-testid="joint"
                    on:change=move |event| {
                        let value = event_target_value(&event);
                        joint.set(Joint::ALL.into_iter().find(|each| format!("{each:?}") == value));
                    }
                >
                    <option value="" selected=move || joint.get().is_none()>"each alone"</option>
                    {Joint::ALL
                        .map(|each| {
                            view! {
                                <option value=format!("{each:?}") selected=move || joint.get() == Some(each)>{name(each)}</option>
                            }
                        })
                        .collect_view()}
                </select>
            </label>
            <small>{about}</small>
        </div>
    }
}

#[component]
fn LawChoice(law: Memo<Option<Law>>) -> impl IntoView {
    let lab = use_lab();
    view! {
        <label class="inline">
            <span class="sr">"Law"</span>
            <select
                data-testid="law"
                prop:value=move || law.get().map(|law| law.to_string()).unwrap_or_default()
                on:change=move |event| {
                    let name = event_target_value(&event);
                    lab.set(|settings| settings.law = name);
                }
            >
                <option value="" selected=move || law.get().is_none()>"The law that predicts best"</option>
                {Law::ALL
                    .into_iter()
                    .map(|each| {
                        view! {
                            <option value=each.to_string() selected=move || law.get() == Some(each)>{each.card().title}</option>
                        }
                    })
                    .collect_view()}
            </select>
        </label>
    }
}

/// The series of a report: a group of one factor each its curve; a joint group one curve per model size.
fn series(report: &Report, kinds: &BTreeMap<String, MethodKind>, theme: Theme) -> Vec<Series> {
    let mut series = Vec::new();
    for (index, group) in report.groups.iter().enumerate() {
        let joint = group.fit.as_ref().is_some_and(|fit| fit.law.is_joint());
        for (place, Drawn { factor, n, law }) in findings::curves(group).into_iter().enumerate() {
            let name = match n {
                Some(n) if joint => {
                    let factor = factor.as_deref().unwrap_or("N");
                    format!("{}, {factor} = {}", group.name, results::count(n as u64))
                }
                _ if group.name.is_empty() => "points".to_string(),
                _ => group.name.clone(),
            };
            let of_curve = |point: &&Point| !joint || (point.n == n && point.factor == factor);
            let was_hidden = |point: &Point| {
                let backtest = group.backtest.iter().flat_map(|backtest| &backtest.forecasts);
                backtest.into_iter().any(|forecast| forecast.point == *point)
            };
            let dots = group.points.iter().filter(of_curve).take(DOTS).map(|point| Dot {
                d: point.d,
                loss: point.loss,
                id: String::new(),
                tip: vec![
                    name.clone(),
                    format!("{} at {}", findings::digits(point.loss), findings::digits(point.d)),
                    point.run.clone(),
                ],
                hollow: was_hidden(point),
            });
            let kind = kinds.get(&group.group).copied().filter(|_| !joint);
            let mark = theme.of_group(kind, index + place);
            let mut predicted: Vec<Dot> = Vec::new();
            for forecast in group.backtest.iter().flat_map(|backtest| &backtest.forecasts) {
                let (d, loss) = (forecast.predicted.d, forecast.predicted.mid);
                if of_curve(&&forecast.point) && !predicted.iter().any(|dot| (dot.d, dot.loss) == (d, loss)) {
                    let tip = vec![
                        format!("{name}, predicted"),
                        format!("{} at {}", findings::digits(loss), findings::digits(d)),
                    ];
                    predicted.push(Dot { d, loss, id: String::new(), tip, hollow: false });
                }
            }
            series.push(Series { dots: dots.collect(), mark, before: None, law, name: name.clone() });
            if !predicted.is_empty() {
                let mark = Mark { symbol: CROSS, ..mark };
                series.push(Series {
                    dots: predicted,
                    mark,
                    before: None,
                    law: None,
                    name: format!("{name}, predicted"),
                });
            }
        }
    }
    series
}

/// What the backtest came to, in a sentence.
fn revealed(report: &Report) -> Option<String> {
    let each = report.groups.iter().filter_map(|group| {
        let backtest = group.backtest.as_ref()?;
        let name = if group.name.is_empty() { "the law" } else { &group.name };
        Some(format!("{name} was wrong by {}%", findings::digits(backtest.error_percent)))
    });
    let said: Vec<String> = each.collect();
    (!said.is_empty()).then(|| {
        format!(
            "The largest size was hidden, predicted from the others, and revealed: {}. Hollow points are what was hidden, crosses what was predicted.",
            said.join("; ")
        )
    })
}

/// The points as people know their groups.
fn called(points: &[Point], names: &BTreeMap<String, String>) -> Vec<Point> {
    let name = |point: &Point| names.get(&point.group).unwrap_or(&point.group).clone();
    points.iter().map(|point| Point { group: name(point), ..point.clone() }).collect()
}

#[component]
fn Figure(
    report: Memo<Option<Report>>,
    kinds: Memo<BTreeMap<String, MethodKind>>,
    names: Memo<BTreeMap<String, String>>,
    across: Memo<String>,
    points: Memo<Vec<Point>>,
    own: Signal<bool>,
) -> impl IntoView {
    let lab = use_lab();
    let node = NodeRef::<Div>::new();
    let option = Memo::new(move |_| {
        let theme = lab.theme.get();
        let series = report.with(|report| {
            report.as_ref().map(|report| kinds.with(|kinds| series(report, kinds, theme))).unwrap_or_default()
        });
        let across = across.get();
        let plot = Plot { series: &series, across: &across, up: "loss", theme, narrow: lab.narrow.get(), cursor: None };
        plot.option()
    });
    let save_text = move |name: &str, kind: &str, text: String| browser::download(name, kind, text.as_bytes());
    view! {
        <Chart option label="The points with their fitted laws; the tables below have the numbers" class="main" testid="laws-plot" node />
        {move || report.with(|report| revealed(report.as_ref()?)).map(|said| view! {
            <p class="banner" role="status" data-testid="backtest-said">{said}</p>
        })}
        <div class="tools wrap">
            <span class="quiet">"Take away:"</span>
            <button type="button" class="plain" data-testid="points-csv" on:click=move |_| {
                save_text("tunelab-points.csv", "text/csv", points.with_untracked(|points| points_csv(&called(points, &names.get_untracked()))));
            }>"points (CSV)"</button>
            <button type="button" class="plain" data-testid="fit-json" on:click=move |_| {
                let json = report.with_untracked(|report| serde_json::to_string_pretty(report).unwrap_or_default());
                save_text("tunelab-fit.json", "application/json", json);
            }>"fit (JSON)"</button>
            // A file's points are not the lab's runs.
            <Show when=move || own.get()>
                <button type="button" class="plain" data-testid="records-json" on:click=move |_| {
                    let json = lab.state.with_untracked(|state| {
                        serde_json::to_string(&state.records().collect::<Vec<_>>()).unwrap_or_default()
                    });
                    save_text("tunelab-records.json", "application/json", json);
                }>"all runs (JSON)"</button>
            </Show>
            <button type="button" class="plain" on:click=move |_| save(node, "tunelab-laws", "png", lab.theme.get_untracked())>"figure (PNG)"</button>
            <button type="button" class="plain" on:click=move |_| save(node, "tunelab-laws", "svg", lab.theme.get_untracked())>"figure (SVG)"</button>
            <label class="inline">
                <span class="sr">"Horizontal axis"</span>
                <select
                    prop:value=move || lab.settings.with(|s| if s.horizontal == Horizontal::Tokens { "tokens" } else { "examples" })
                    on:change=move |event| {
                        let tokens = event_target_value(&event) == "tokens";
                        lab.set(|s| s.horizontal = if tokens { Horizontal::Tokens } else { Horizontal::Examples });
                    }
                >
                    <option value="examples" selected=move || lab.settings.with(|s| s.horizontal == Horizontal::Examples)>"by examples"</option>
                    <option value="tokens" selected=move || lab.settings.with(|s| s.horizontal == Horizontal::Tokens)>"by tokens"</option>
                </select>
            </label>
        </div>
    }
}
