//! Points of a file in place of the lab's own: any CSV or JSON, its columns chosen here.

use crate::laws::{Columns, Point, Table, Warning};
use crate::ui::browser;
use crate::ui::drop::Dropped;
use crate::ui::lab::{records, use_lab};
use crate::ui::state::{Input, Level};
use crate::ui::widgets::drop_area::DropArea;
use leptos::prelude::*;
use std::collections::BTreeSet;
use wasm_bindgen_futures::spawn_local;

#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    pub name: String,
    pub across: String,
    pub points: Vec<Point>,
    /// What of the file could not be read, and how the rest was.
    pub readings: Vec<Warning>,
}

/// The groups of a file that hold runs from scratch: there the group column is all there is to know them by, in its words
/// or in those of this lab's own export.
pub fn from_scratch(points: &[Point]) -> Vec<String> {
    let known = |group: &str| {
        let group = group.to_lowercase();
        group == "scratch" || group == "from scratch" || group.starts_with("from scratch (")
    };
    let groups: BTreeSet<&String> = points.iter().map(|point| &point.group).filter(|group| known(group)).collect();
    groups.into_iter().cloned().collect()
}

#[derive(Clone, Debug, PartialEq)]
struct Opened {
    name: String,
    table: Table,
    columns: Columns,
}

#[component]
pub fn Import(imported: RwSignal<Option<Imported>>) -> impl IntoView {
    let lab = use_lab();
    let opened = RwSignal::new(None::<Opened>);
    let problem = RwSignal::new(None::<String>);
    // What cannot be read leaves nothing on screen: the points before are another file's, or other columns'.
    let refuse = move |reason: String| {
        imported.set(None);
        problem.set(Some(reason));
    };
    let take = move || {
        let Some(Opened { name, table, columns }) = opened.get_untracked() else { return };
        if columns.x.is_empty() || columns.y.is_empty() {
            return refuse(format!("{name}: choose the columns of the amount of data and of the loss"));
        }
        match table.points(&columns) {
            Ok((points, readings)) => {
                problem.set(None);
                imported.set(Some(Imported { name, across: columns.x, points, readings }));
            }
            Err(error) => refuse(format!("{name}: {error}")),
        }
    };
    let read = move |name: String, text: String| {
        // Runs of this lab, exported by someone else or on another day, join those on screen.
        if let Ok(runs) = records(&text)
            && !runs.is_empty()
        {
            let said = format!("{} runs of {name} joined those on screen.", runs.len());
            lab.send(Input::Records(runs));
            return lab.send(Input::Say(Level::Information, said));
        }
        match Table::parse(&text) {
            Ok(table) => {
                let columns = table.guess().unwrap_or_default();
                opened.set(Some(Opened { name, table, columns }));
                take();
            }
            Err(error) => {
                opened.set(None);
                refuse(format!("{name}: {error}"));
            }
        }
    };
    let open = move |files: Vec<web_sys::File>| {
        let Some(file) = files.into_iter().next() else { return };
        spawn_local(async move {
            match browser::read_text(&file).await {
                Ok(text) => read(file.name(), text),
                Err(reason) => {
                    opened.set(None);
                    refuse(reason);
                }
            }
        });
    };
    let choice = move |label: &'static str,
                       testid: &'static str,
                       of: fn(&Columns) -> Option<&String>,
                       set: fn(&mut Columns, Option<String>)| {
        let chosen = move || {
            opened.with(|opened| opened.as_ref().and_then(|o| of(&o.columns).filter(|name| !name.is_empty()).cloned()))
        };
        view! {
            <label>
                {label}
                <select
                    data-testid=testid
                    on:change=move |event| {
                        let name = Some(event_target_value(&event)).filter(|name| !name.is_empty());
                        opened.update(|opened| {
                            if let Some(opened) = opened {
                                set(&mut opened.columns, name);
                            }
                        });
                        take();
                    }
                >
                    <option value="" selected=move || chosen().is_none()>"none"</option>
                    {move || {
                        let columns = opened.with(|o| o.as_ref().map(|o| o.table.columns.clone()).unwrap_or_default());
                        columns
                            .into_iter()
                            .map(|name| {
                                let is = name.clone();
                                view! {
                                    <option value=name.clone() selected=move || chosen().as_ref() == Some(&is)>{name.clone()}</option>
                                }
                            })
                            .collect_view()
                    }}
                </select>
            </label>
        }
    };
    view! {
        <details class="more" prop:open=move || imported.with(Option::is_some) || opened.with(Option::is_some) || problem.with(Option::is_some)>
            <summary>"Use points from a file"</summary>
            <DropArea testid="import-drop" take=move |dropped: Dropped| open(dropped.files)>
                <label>
                    "A CSV or JSON of points (one row a run, with its amount of data and its loss), or runs exported by this lab"
                    <input
                        type="file"
                        accept=".csv,.tsv,.txt,.json,.jsonl"
                        data-testid="import"
                        on:change=move |event| {
                            open(browser::files(event_target::<web_sys::HtmlInputElement>(&event).files()));
                        }
                    />
                </label>
                <Show when=move || opened.with(Option::is_some)>
                    <div class="row">
                        {choice("Amount of data", "import-d", |c| Some(&c.x), |c, name| c.x = name.unwrap_or_default())}
                        {choice("Loss", "import-loss", |c| Some(&c.y), |c, name| c.y = name.unwrap_or_default())}
                        {choice("Second factor", "import-n", |c| c.n.as_ref(), |c, name| c.n = name)}
                        {choice("Name of that factor", "import-factor", |c| c.factor.as_ref(), |c, name| c.factor = name)}
                        {choice("Group", "import-group", |c| c.group.as_ref(), |c, name| c.group = name)}
                        {choice("Run", "import-run", |c| c.run.as_ref(), |c, name| c.run = name)}
                        {choice("Distinct data", "import-unique", |c| c.unique.as_ref(), |c, name| c.unique = name)}
                    </div>
                </Show>
                <div aria-live="polite">
                    {move || problem.get().map(|reason| view! { <p class="problem" data-testid="import-problem">{reason}". The lab’s own points are shown."</p> })}
                    {move || imported.get().map(|shown| view! {
                        <p class="quiet" data-testid="import-summary">
                            {format!("{} points of {}", shown.points.len(), shown.name)}
                            ". "
                            {shown.readings.into_iter().map(|warning| format!("{warning}. ")).collect_view()}
                            <button type="button" class="link" data-testid="import-close" on:click=move |_| {
                                opened.set(None);
                                problem.set(None);
                                imported.set(None);
                            }>"Back to the lab’s own points"</button>
                        </p>
                    })}
                </div>
            </DropArea>
        </details>
    }
}
