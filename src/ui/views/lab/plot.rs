//! The main figure: loss against data, all methods in one plot, with what the fits say beneath it and the same
//! numbers as a table.

use super::methods::Mark;
use crate::laws::{Analysis, AnalysisRequest, Law};
use crate::spec::{Base, RunId, Source};
use crate::ui::charts::scaling::{Dot, Plot, Series};
use crate::ui::lab::{Lab, use_lab};
use crate::ui::state::Input;
use crate::ui::state::findings;
use crate::ui::state::pace::duration;
use crate::ui::state::results::{self, Group, Run, count, groups};
use crate::ui::state::settings::Horizontal;
use crate::ui::widgets::chart::{Chart, save, zoom_out};
use crate::ui::widgets::term::{Term, Word};
use leptos::html::Div;
use leptos::prelude::*;

/// Bootstrap refits behind every band and interval.
pub const DRAWS: usize = 300;

/// The base and source on screen.
pub fn subject(lab: Lab) -> Memo<Option<(Base, Source)>> {
    Memo::new(move |_| {
        lab.state.with(|state| {
            let card =
                state.settings.chosen(state.cards()).first().map(|card| (card.name.clone(), card.sha256.clone()));
            let (name, sha256) = card?;
            Some((Base { name, sha256 }, state.source()?))
        })
    })
}

pub fn shown_groups(lab: Lab) -> Memo<Vec<Group>> {
    let subject = subject(lab);
    Memo::new(move |_| match subject.get() {
        Some((base, source)) => lab.state.with(|state| groups(state, &base, &source)),
        None => Vec::new(),
    })
}

pub fn tip(name: &str, run: &Run, before: Option<f64>) -> Vec<String> {
    let made =
        if run.precomputed { format!("precomputed, {}", run.device) } else { format!("trained on {}", run.device) };
    let before = before.map(|before| format!(", {before:.3} before tuning")).unwrap_or_default();
    let said = [
        format!("{name}, seed {}", run.seed + 1),
        format!("{} examples, {} target tokens", run.examples, count(run.tokens)),
        format!("{:.3} nats per token{before}; {:.3} bits per byte", run.nats_per_token, run.bits_per_byte),
        format!(
            "{:.0}% of tokens right, {} steps in {}",
            run.token_accuracy * 100.0,
            run.steps,
            duration(run.wall_seconds)
        ),
        made,
    ];
    said.into_iter().chain(run.sampled.map(|sampled| sampled.sentence())).collect()
}

pub fn axis_name(horizontal: Horizontal) -> &'static str {
    match horizontal {
        Horizontal::Examples => "training examples",
        Horizontal::Tokens => "target tokens of distinct training examples",
    }
}

/// What the lab view shows: the runs, their fits, and the size that the slider points at.
#[derive(Clone, Copy)]
pub struct Shown {
    pub groups: Memo<Vec<Group>>,
    pub horizontal: Memo<Horizontal>,
    pub analysis: RwSignal<Option<Analysis>>,
    pub cursor: RwSignal<Option<f64>>,
}

impl Shown {
    pub fn new(lab: Lab) -> Shown {
        let groups = shown_groups(lab);
        let horizontal = Memo::new(move |_| lab.settings.with(|settings| settings.horizontal));
        let request = Memo::new(move |_| {
            let law = lab.settings.with(|settings| settings.law.parse::<Law>().ok());
            let points = groups.with(|groups| results::points(groups, horizontal.get()));
            let names = groups.with(|groups| results::names(groups));
            AnalysisRequest { points, names, law, draws: DRAWS, ..AnalysisRequest::default() }
        });
        let analysis = lab.fit(request.into());
        Shown { groups, horizontal, analysis, cursor: RwSignal::new(None) }
    }
}

#[component]
pub fn ScalingCard(shown: Shown) -> impl IntoView {
    let lab = use_lab();
    let node = NodeRef::<Div>::new();
    let Shown { groups, horizontal, analysis, cursor } = shown;
    let series = Memo::new(move |_| {
        let theme = lab.theme.get();
        let horizontal = horizontal.get();
        groups.with(|groups| {
            let series = groups.iter().map(|group| Series {
                name: group.name.clone(),
                mark: theme.of_method(group.kind()),
                dots: group
                    .runs
                    .iter()
                    .map(|run| Dot {
                        d: run.amount(horizontal),
                        loss: run.nats_per_token,
                        id: run.id.clone(),
                        tip: tip(&group.name, run, group.before),
                        hollow: run.precomputed,
                    })
                    .collect(),
                before: None,
                law: analysis
                    .with(|analysis| analysis.as_ref().and_then(|a| findings::drawn(a.report.group(&group.key)?))),
            });
            series.collect::<Vec<_>>()
        })
    });
    let option = Memo::new(move |_| {
        let series = series.get();
        let plot = Plot {
            series: &series,
            across: axis_name(horizontal.get()),
            up: "test loss, nats per token",
            theme: lab.theme.get(),
            narrow: lab.narrow.get(),
            cursor: cursor.get().filter(|_| horizontal.get() == Horizontal::Examples),
        };
        plot.option()
    });
    let empty = Memo::new(move |_| groups.with(Vec::is_empty));
    let subtitle = move || {
        lab.state.with(|state| {
            let base = state.settings.chosen(state.cards()).first().map(|card| card.name.clone()).unwrap_or_default();
            match state.source() {
                Some(Source::Task(id)) => {
                    let title =
                        crate::data::tasks::Task::from_id(&id).map(|task| task.card().title).unwrap_or("a task");
                    format!("{title}, tuning {base}")
                }
                Some(Source::User { name, .. }) => format!("{name}, tuning {base}"),
                None => base,
            }
        })
    };
    let export = move |kind: &'static str| save(node, "tunelab-scaling", kind, lab.theme.get_untracked());
    view! {
        <figure class="card plot" aria-labelledby="plot-title">
            <header>
                <div>
                    <h1 id="plot-title">"How loss falls with data"</h1>
                    <p class="quiet">
                        {subtitle} ": " <Word term=Term::Loss word="loss" /> " in " <Word term=Term::Nats word="nats per token" /> ", lower is better"
                    </p>
                </div>
                <div class="tools">
                    <label class="inline">
                        <span class="sr">"Horizontal axis"</span>
                        <select
                            data-testid="axis"
                            prop:value=move || if horizontal.get() == Horizontal::Tokens { "tokens" } else { "examples" }
                            on:change=move |event| {
                                let tokens = event_target_value(&event) == "tokens";
                                lab.set(|settings| {
                                    settings.horizontal = if tokens { Horizontal::Tokens } else { Horizontal::Examples };
                                });
                            }
                        >
                            <option value="examples" selected=move || horizontal.get() == Horizontal::Examples>"by examples"</option>
                            <option value="tokens" selected=move || horizontal.get() == Horizontal::Tokens>"by tokens"</option>
                        </select>
                    </label>
                    <button type="button" class="plain" on:click=move |_| zoom_out(node)>"Whole plot"</button>
                    <button type="button" class="plain" data-testid="save-png" on:click=move |_| export("png")>"PNG"</button>
                    <button type="button" class="plain" data-testid="save-svg" on:click=move |_| export("svg")>"SVG"</button>
                </div>
            </header>
            <div class="holder">
                <Chart
                    option
                    label="Test loss against amount of data on logarithmic axes; the table below has the same numbers"
                    class="main"
                    testid="scaling-plot"
                    node
                    pick=Callback::new(move |id: String| lab.send(Input::Pick(RunId(id))))
                />
                <Show when=move || empty.get()>
                    <p class="invite">"Press Play. Each finished run becomes a point here, and a law is fitted through them."</p>
                </Show>
            </div>
            <figcaption>
                <Findings groups analysis />
                <details class="more">
                    <summary>"What am I looking at?"</summary>
                    <p>
                        "Each symbol is one model, fine-tuned on so many examples and then tested on text that no training has
                        seen; lower is better. On these logarithmic axes a power law is a straight line: each doubling of the
                        data takes the same share off the loss. The line is the fitted law, the band is where refits on
                        resampled runs put it (95%), the dotted line is the same law with or without a constant, and the grey
                        dashes are a forecast that goes too far to trust. Where the points leave open which law it is, band and
                        interval cover every law it may be, and can reach far to one side. Ctrl and the wheel zoom; click a name to hide it."
                    </p>
                </details>
                <details class="more">
                    <summary>"The same as a table"</summary>
                    <PointTable groups />
                </details>
            </figcaption>
        </figure>
    }
}

/// What the fits say, one line a method.
#[component]
fn Findings(groups: Memo<Vec<Group>>, analysis: RwSignal<Option<Analysis>>) -> impl IntoView {
    let found = Memo::new(move |_| {
        analysis.with(|analysis| {
            let report = analysis.as_ref().map(|analysis| &analysis.report);
            groups.with(|groups| {
                let each =
                    groups.iter().map(|group| (group.kind(), findings::finding(&group.key, &group.name, report)));
                each.collect::<Vec<_>>()
            })
        })
    });
    view! {
        <ul class="findings" data-testid="findings" aria-live="polite">
            {move || {
                found
                    .get()
                    .into_iter()
                    .map(|(kind, finding)| {
                        view! {
                            <li class="finding">
                                <Mark kind /> <strong>{finding.name}</strong> " " <span>{finding.headline}</span>
                                <small class="line">
                                    {finding.exponent.map(|(value, interval)| view! {
                                        <Word term=Term::Exponent word="β" /> {format!(" = {value} ")}
                                        {interval.map(|interval| view! {
                                            "(" <Word term=Term::Interval word="95%:" /> {format!(" {interval}) ")}
                                        })}
                                    })}
                                    {finding.detail}
                                </small>
                            </li>
                        }
                    })
                    .collect_view()
            }}
        </ul>
    }
}

#[component]
fn PointTable(groups: Memo<Vec<Group>>) -> impl IntoView {
    view! {
        <div class="list" role="region" tabindex="0" aria-label="Points of the plot">
            <table data-testid="points">
                <thead>
                    <tr>
                        <th scope="col">"Method"</th>
                        <th scope="col">"Examples"</th>
                        <th scope="col">"Seed"</th>
                        <th scope="col">"Nats per token"</th>
                        <th scope="col"><Word term=Term::BitsPerByte /></th>
                        <th scope="col">"Tokens right"</th>
                        <th scope="col">"Made"</th>
                    </tr>
                </thead>
                <tbody>
                    {move || {
                        groups
                            .get()
                            .into_iter()
                            .flat_map(|group| {
                                let mut runs = group.runs;
                                runs.sort_by_key(|run| (run.examples, run.seed));
                                runs.into_iter().map(move |run| (group.name.clone(), run))
                            })
                            .map(|(name, run)| {
                                view! {
                                    <tr>
                                        <td>{name}</td>
                                        <td class="number">{run.examples}</td>
                                        <td class="number">{run.seed + 1}</td>
                                        <td class="number">{format!("{:.4}", run.nats_per_token)}</td>
                                        <td class="number">{format!("{:.4}", run.bits_per_byte)}</td>
                                        <td class="number">{format!("{:.1}%", run.token_accuracy * 100.0)}</td>
                                        <td>{format!("{}, {}", run.device, run.date)}</td>
                                    </tr>
                                }
                            })
                            .collect_view()
                    }}
                </tbody>
            </table>
        </div>
    }
}
