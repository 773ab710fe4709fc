//! Points of a file in place of the lab's own: any CSV or JSON, its columns chosen here.

use crate::laws::Point;
use crate::ui::browser;
use crate::ui::points_file::{self, Columns, Table};
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    pub name: String,
    pub across: String,
    pub points: Vec<Point>,
}

#[derive(Clone, Debug, PartialEq)]
struct Opened {
    name: String,
    table: Table,
    columns: Columns,
}

#[component]
pub fn Import(imported: RwSignal<Option<Imported>>) -> impl IntoView {
    let opened = RwSignal::new(None::<Opened>);
    let problem = RwSignal::new(None::<String>);
    let skipped = RwSignal::new(0usize);
    // Columns chosen anew give points anew; what is shown stays where they give none.
    let take = move || {
        let Some(Opened { name, table, columns }) = opened.get_untracked() else { return };
        match points_file::points(&table, &columns) {
            Ok((points, left_out)) => {
                let across = columns.d.map(|at| table.columns[at].clone()).unwrap_or_default();
                skipped.set(left_out);
                problem.set(None);
                imported.set(Some(Imported { name, across, points }));
            }
            Err(error) => problem.set(Some(format!("{name}: {error}"))),
        }
    };
    let read = move |name: String, text: String| match points_file::read(&text) {
        Ok(table) => {
            let columns = points_file::guess(&table);
            opened.set(Some(Opened { name, table, columns }));
            take();
        }
        Err(error) => problem.set(Some(format!("{name}: {error}"))),
    };
    let open = move |files: Vec<web_sys::File>| {
        let Some(file) = files.into_iter().next() else { return };
        spawn_local(async move {
            match browser::read_text(&file).await {
                Ok(text) => read(file.name(), text),
                Err(reason) => problem.set(Some(reason)),
            }
        });
    };
    let choice = move |label: &'static str, testid: &'static str, of: fn(&mut Columns) -> &mut Option<usize>| {
        let chosen = move || opened.with(|opened| opened.as_ref().and_then(|o| *of(&mut o.columns.clone())));
        view! {
            <label>
                {label}
                <select
                    data-testid=testid
                    on:change=move |event| {
                        let at = event_target_value(&event).parse::<usize>().ok();
                        opened.update(|opened| {
                            if let Some(opened) = opened {
                                *of(&mut opened.columns) = at;
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
                            .enumerate()
                            .map(|(at, name)| {
                                view! { <option value=at.to_string() selected=move || chosen() == Some(at)>{name}</option> }
                            })
                            .collect_view()
                    }}
                </select>
            </label>
        }
    };
    view! {
        <details class="more" prop:open=move || imported.with(Option::is_some)>
            <summary>"Use points from a file"</summary>
            <div
                class="drop"
                on:dragover=|event| event.prevent_default()
                on:drop=move |event| {
                    event.prevent_default();
                    open(browser::files(event.data_transfer().and_then(|transfer| transfer.files())));
                }
            >
                <label>
                    "A CSV or JSON of points: one row a run, with its amount of data and its loss"
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
                        {choice("Amount of data", "import-d", |columns| &mut columns.d)}
                        {choice("Loss", "import-loss", |columns| &mut columns.loss)}
                        {choice("Second factor", "import-n", |columns| &mut columns.n)}
                        {choice("Group", "import-group", |columns| &mut columns.group)}
                        {choice("Run", "import-run", |columns| &mut columns.run)}
                    </div>
                </Show>
                <div aria-live="polite">
                    {move || problem.get().map(|reason| view! { <p class="problem" data-testid="import-problem">{reason}"."</p> })}
                    {move || imported.get().map(|shown| view! {
                        <p class="quiet" data-testid="import-summary">
                            {format!("{} points of {}", shown.points.len(), shown.name)}
                            {move || match skipped.get() {
                                0 => String::new(),
                                n => format!("; {n} rows without numbers were left out"),
                            }}
                            ". "
                            <button type="button" class="link" data-testid="import-close" on:click=move |_| {
                                opened.set(None);
                                problem.set(None);
                                imported.set(None);
                            }>"Back to the lab’s own points"</button>
                        </p>
                    })}
                </div>
            </div>
        </details>
    }
}
