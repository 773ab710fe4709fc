//! The runs, one line each with state, small curve, speed and time left, and the large curve of one of them.

use super::methods::Mark;
use crate::job::Sample;
use crate::plan::queue::{CellState, Counts};
use crate::record::Measured;
use crate::spec::{MethodKind, RunId, RunSpec};
use crate::ui::charts::palette::method_name;
use crate::ui::charts::{curve, sparkline};
use crate::ui::lab::use_lab;
use crate::ui::state::pace::{duration, run_left};
use crate::ui::state::results::count;
use crate::ui::state::{Input, State};
use crate::ui::widgets::chart::Chart;
use crate::ui::widgets::term::{Term, Word};
use leptos::prelude::*;

/// Waiting runs shown; the rest are counted.
const WAITING_SHOWN: usize = 4;
/// Finished runs shown, the newest.
const FINISHED_SHOWN: usize = 200;

#[derive(Clone, Debug, PartialEq)]
struct Line {
    id: RunId,
    kind: MethodKind,
    base: String,
    examples: usize,
    seed: u64,
    state: LineState,
}

#[derive(Clone, Debug, PartialEq)]
enum LineState {
    Waiting,
    Running {
        step: usize,
        of: usize,
        evaluating: Option<(Measured, usize, usize)>,
        loss: Option<f64>,
        tokens_per_second: f64,
        left: Option<f64>,
        path: String,
    },
    Done {
        loss: f64,
        seconds: f64,
        path: String,
        precomputed: bool,
    },
    Failed(String),
}

/// The runs on the chosen data, and whatever trains; the others are counted.
#[derive(Clone, Debug, PartialEq, Default)]
struct RunList {
    lines: Vec<Line>,
    counts: Counts,
    elsewhere: usize,
}

/// Running first, then failed, finished (newest first), waiting. Only what is shown is drawn.
fn list(state: &State) -> RunList {
    let mut found: Vec<(u8, usize, (&RunId, &RunSpec, &CellState))> = Vec::new();
    let (mut counts, mut elsewhere, source) = (Counts::default(), 0, state.source());
    for (index, cell) in state.queue.cells().enumerate() {
        let precomputed = state.is_precomputed(cell.0);
        if precomputed && state.precomputed.put_away {
            continue;
        }
        if *cell.2 != CellState::Running && Some(&cell.1.data.source) != source.as_ref() {
            elsewhere += 1;
            continue;
        }
        *counts.of(cell.2) += 1;
        let rank = match cell.2 {
            CellState::Running => 0,
            CellState::Failed(_) => 1,
            CellState::Done(_) => 2 + u8::from(precomputed),
            CellState::Pending => 4,
        };
        // The newest finished stand first.
        let order = if rank == 2 || rank == 3 { usize::MAX - index } else { index };
        found.push((rank, order, cell));
    }
    found.sort_by_key(|(rank, order, _)| (*rank, *order));
    let mut shown = [0; 5];
    found.retain(|(rank, ..)| {
        shown[usize::from(*rank)] += 1;
        let most = if *rank == 4 { WAITING_SHOWN } else { FINISHED_SHOWN };
        *rank < 2 || shown[usize::from(*rank)] <= most
    });
    RunList { lines: found.into_iter().map(|(_, _, cell)| line(state, cell)).collect(), counts, elsewhere }
}

fn line(state: &State, (id, spec, cell): (&RunId, &RunSpec, &CellState)) -> Line {
    let path = |curve: &mut dyn Iterator<Item = f64>| sparkline::path(&curve.collect::<Vec<_>>(), 72.0, 18.0);
    let shown = match cell {
        CellState::Running => {
            let live = state.live.get(id).cloned().unwrap_or_default();
            LineState::Running {
                step: live.step,
                of: live.of,
                evaluating: live.evaluating,
                loss: live.curve.last().map(|&(_, loss)| loss),
                tokens_per_second: live.tokens_per_second,
                left: run_left(&live),
                path: path(&mut live.curve.iter().map(|&(_, loss)| loss)),
            }
        }
        CellState::Failed(reason) => LineState::Failed(reason.clone()),
        CellState::Done(record) => LineState::Done {
            loss: record.test.nats_per_token,
            seconds: record.wall_seconds,
            path: path(&mut record.curve.iter().map(|point| point.nats_per_token)),
            precomputed: state.is_precomputed(id),
        },
        CellState::Pending => LineState::Waiting,
    };
    Line {
        id: id.clone(),
        kind: spec.method.kind(),
        base: spec.base.name.clone(),
        examples: spec.data.examples,
        seed: spec.seed.0,
        state: shown,
    }
}

#[component]
pub fn Runs() -> impl IntoView {
    let lab = use_lab();
    let list = Memo::new(move |_| lab.state.with(list));
    let several_bases = Memo::new(move |_| {
        list.with(|RunList { lines, .. }| lines.windows(2).any(|pair| pair[0].base != pair[1].base))
    });
    // The run whose curve is shown: the picked one, else what stands first: one that trains, or the newest finished.
    let picked = Memo::new(move |_| {
        let chosen = lab.state.with(|state| state.picked.clone());
        list.with(|RunList { lines, .. }| {
            let known = chosen.filter(|id| lines.iter().any(|line| line.id == *id));
            known.or_else(|| lines.first().map(|line| line.id.clone()))
        })
    });
    let clearable = Memo::new(move |_| lab.state.with(State::clearable));
    let heading = move || {
        let (counts, elsewhere) = list.with(|list| (list.counts, list.elsewhere));
        let parts = [
            (counts.running, "training"),
            (counts.pending, "waiting"),
            (counts.done, "finished"),
            (counts.failed, "failed"),
            (elsewhere, "on other data"),
        ];
        let said: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
        if said.is_empty() { "none yet".to_string() } else { said.join(", ") }
    };
    view! {
        <section class="card runs" aria-labelledby="runs-title">
            <header>
                <h2 id="runs-title">"Runs"</h2>
                <p class="quiet" data-testid="run-counts">{heading}</p>
                <Show when=move || clearable.with(|runs| !runs.is_empty())>
                    <button type="button" class="plain" data-testid="clear-runs" on:click=move |_| lab.send(Input::RemoveRuns(clearable.get()))>
                        {move || format!("Clear the {} of this machine", clearable.with(Vec::len))}
                    </button>
                </Show>
            </header>
            <Show
                when=move || list.with(|list| !list.lines.is_empty())
                fallback=|| view! { <p class="quiet">"Press Play: each run appears here as it trains, with its loss, speed and time left."</p> }
            >
                <div class="split">
                    <div class="list" role="region" tabindex="0" aria-label="All runs">
                        <table data-testid="runs">
                            <thead>
                                <tr>
                                    <th scope="col">"Run"</th>
                                    <th scope="col">"State"</th>
                                    <th scope="col"><Word term=Term::Loss word="Loss" /></th>
                                    <th scope="col">"Curve"</th>
                                </tr>
                            </thead>
                            <tbody>
                                <For each=move || list.with(|list| list.lines.clone()) key=|line| line.id.clone() let(line)>
                                    <RunLine line list several_bases picked />
                                </For>
                            </tbody>
                        </table>
                    </div>
                    <RunCurve picked />
                </div>
            </Show>
        </section>
    }
}

#[component]
fn RunLine(line: Line, list: Memo<RunList>, several_bases: Memo<bool>, picked: Memo<Option<RunId>>) -> impl IntoView {
    let lab = use_lab();
    let Line { id, kind, base, examples, seed, .. } = line.clone();
    // The row stays while what it says changes, so that the keyboard's focus does.
    let now = Memo::new(move |last: Option<&Line>| {
        let found = list.with(|list| list.lines.iter().find(|each| each.id == line.id).cloned());
        found.or(last.cloned()).unwrap_or(line.clone())
    });
    let (name, is) = (id.clone(), id.clone());
    let of_base = move || if several_bases.get() { format!(", {base}") } else { String::new() };
    view! {
        <tr class:picked=move || picked.with(|picked| picked.as_ref() == Some(&is)) data-state=move || now.with(LineState::word)>
            <td>
                <button type="button" class="link" on:click=move |_| lab.send(Input::Pick(name.clone()))>
                    <Mark kind /> {method_name(kind)} <small>{format!(" {examples} examples, seed {}", seed + 1)} {of_base}</small>
                </button>
            </td>
            <td>{move || now.with(LineState::sentence)}</td>
            <td class="number">{move || now.with(LineState::loss)}</td>
            <td>
                <svg class="spark" viewBox="-1 -1 74 20" aria-hidden="true">
                    <path d=move || now.with(LineState::path) stroke=move || lab.theme.get().of_method(kind).colour />
                </svg>
            </td>
        </tr>
    }
}

impl LineState {
    fn word(line: &Line) -> &'static str {
        match line.state {
            LineState::Waiting => "waiting",
            LineState::Running { .. } => "running",
            LineState::Done { .. } => "done",
            LineState::Failed(_) => "failed",
        }
    }

    fn sentence(line: &Line) -> String {
        match &line.state {
            LineState::Waiting => "waiting".into(),
            LineState::Running { of: 0, .. } => "starting".into(),
            LineState::Running { step, of, evaluating, tokens_per_second, left, .. } => {
                let left = left.map(|left| format!(", {} left", duration(left))).unwrap_or_default();
                if let Some((measured, batch, of_batches)) = evaluating {
                    let what = match measured {
                        Measured::Dev => format!("step {step} of {of}, checking"),
                        Measured::Test => "trained, testing".to_string(),
                        Measured::BaseTest => "trained, testing the base".to_string(),
                    };
                    return format!("{what}: batch {batch} of {of_batches}{left}");
                }
                format!("step {step} of {of}, {} tokens/s{left}", count(tokens_per_second.max(0.0) as u64))
            }
            LineState::Done { precomputed: true, .. } => "precomputed".into(),
            LineState::Done { seconds, .. } => format!("finished in {}", duration(*seconds)),
            LineState::Failed(reason) => format!("failed: {reason}"),
        }
    }

    fn loss(line: &Line) -> String {
        match line.state {
            LineState::Running { loss: Some(loss), .. } | LineState::Done { loss, .. } => format!("{loss:.3}"),
            _ => String::new(),
        }
    }

    fn path(line: &Line) -> String {
        match &line.state {
            LineState::Running { path, .. } | LineState::Done { path, .. } => path.clone(),
            _ => String::new(),
        }
    }
}

#[component]
fn RunCurve(picked: Memo<Option<RunId>>) -> impl IntoView {
    let lab = use_lab();
    let shown = Memo::new(move |_| {
        let id = picked.get()?;
        lab.state.with(|state| {
            let (spec, cell) = state.queue.cell(&id)?;
            let kind = spec.method.kind();
            let title = format!("{}, {} examples", method_name(kind), spec.data.examples);
            let dev = |points: &[crate::record::EvalPoint]| {
                points.iter().map(|point| (point.step, point.evaluation.nats_per_token)).collect::<Vec<_>>()
            };
            Some(match (cell, state.live.get(&id)) {
                (CellState::Done(record), _) => {
                    let training = record.curve.iter().map(|point| (point.step, point.nats_per_token)).collect();
                    (kind, title, training, dev(&record.dev), record.steps)
                }
                (_, Some(live)) => (kind, title, live.curve.clone(), dev(&live.dev), live.of),
                _ => (kind, title, Vec::new(), Vec::new(), spec.train.steps(spec.data.examples)),
            })
        })
    });
    let title = move || shown.with(|shown| shown.as_ref().map(|(_, title, ..)| title.clone()).unwrap_or_default());
    let removable = Memo::new(move |_| {
        let id = picked.get()?;
        lab.state.with(|state| (state.queue.is_done(&id) && !state.is_precomputed(&id)).then_some(id))
    });
    let sample = Memo::new(move |_| {
        let id = picked.get()?;
        lab.state.with(|state| state.live.get(&id)?.sample.clone())
    });
    let option = Memo::new(move |_| {
        let theme = lab.theme.get();
        shown.with(|shown| match shown {
            Some((kind, _, training, dev, of)) => curve::option(training, dev, *of, theme.of_method(*kind), theme),
            None => serde_json::Value::Null,
        })
    });
    view! {
        <div class="curve">
            <h3>
                {title}
                {move || removable.get().map(|run| view! {
                    <button type="button" class="link" data-testid="remove-run" on:click=move |_| lab.send(Input::RemoveRuns(vec![run.clone()]))>
                        "Remove this run"
                    </button>
                })}
            </h3>
            <Chart option label=Signal::derive(move || format!("Loss by step: {}", title())) class="small" testid="loss-curve" />
            {move || sample.get().map(|Sample { step, prompt, said, wanted }| view! {
                <div class="sample" data-testid="sample">
                    <p class="quiet">{format!("What it says at step {step}:")}</p>
                    <p class="text">{prompt} <strong>{said}</strong></p>
                    <p class="quiet">"The data say: " <q>{wanted}</q></p>
                </div>
            })}
        </div>
    }
}
