//! Which data: one of the lab's tasks, or the visitor's own, pasted or dropped; what was read of them, and what
//! could not be.

use crate::data::tasks::{Distance, Task};
use crate::job::{ColumnChoice, DataRequest, DataSummary, ReadOptions};
use crate::spec::RunSpec;
use crate::ui::browser;
use crate::ui::drop::Dropped;
use crate::ui::lab::use_lab;
use crate::ui::state::results::{bytes, count};
use crate::ui::state::settings::DataChoice;
use crate::ui::state::{Input, Own};
use crate::ui::widgets::drop_area::DropArea;
use leptos::prelude::*;

#[component]
pub fn DataChooser() -> impl IntoView {
    let lab = use_lab();
    let choice = Memo::new(move |_| lab.settings.with(|settings| settings.data.clone()));
    let own = Memo::new(move |_| choice.get() == DataChoice::Own);
    let task = Memo::new(move |_| match choice.get() {
        DataChoice::Task(id) => Task::from_id(&id),
        DataChoice::Own => None,
    });
    let summary =
        Memo::new(move |_| lab.state.with(|state| state.source().and_then(|source| state.summary(&source).cloned())));
    let limits = Memo::new(move |_| {
        summary.with(|summary| {
            let summary = summary.as_ref().filter(|_| own.get())?;
            lab.state.with(|state| Some(limits(summary, &state.planned().ok()?.first()?.1, state.settings.largest)))
        })
    });
    view! {
        <fieldset data-testid="data">
            <legend>"Data"</legend>
            <label>
                <span class="sr">"Task"</span>
                <select
                    data-testid="task"
                    prop:value=move || task.get().map(Task::id).unwrap_or("own")
                    on:change=move |event| {
                        let value = event_target_value(&event);
                        lab.set(|settings| {
                            settings.data = if value == "own" { DataChoice::Own } else { DataChoice::Task(value) };
                        });
                    }
                >
                    {Task::ALL
                        .into_iter()
                        .map(|each| {
                            view! {
                                <option value=each.id() selected=move || task.get() == Some(each)>
                                    {each.card().title}
                                </option>
                            }
                        })
                        .collect_view()}
                    <option value="own" selected=move || own.get()>"My own data…"</option>
                </select>
            </label>
            {move || task.get().map(|task| {
                let card = task.card();
                let distance = match card.distance {
                    Distance::Near => "Near what the base has read.",
                    Distance::Middle => "Some way from what the base has read.",
                    Distance::Far => "Far from what the base has read.",
                };
                view! { <p class="quiet">{card.sentence} " " {distance}</p> }
            })}
            <Show when=move || own.get()>
                <OwnData />
            </Show>
            {move || summary.get().map(|summary| view! { <Summary summary /> })}
            {move || limits.get().filter(|limits| !limits.is_empty()).map(|limits| view! {
                <p class="quiet" data-testid="limits">{limits}</p>
            })}
        </fieldset>
    }
}

/// What the visitor's data, the base and the memory leave of the experiment as it is set.
fn limits(summary: &DataSummary, run: &RunSpec, largest: usize) -> String {
    let mut sentences = Vec::new();
    if summary.train_examples < largest as u64 {
        sentences.push(format!("The sizes end at {}, all there are to train on.", count(summary.train_examples)));
    }
    if run.train.sequence < summary.sequence {
        let read = run.train.sequence;
        sentences.push(format!(
            "Runs read at most {read} tokens of an example: more does not fit the base or this browser's memory."
        ));
    }
    sentences.join(" ")
}

#[component]
fn Summary(summary: DataSummary) -> impl IntoView {
    let sizes = format!(
        "{} to train on, {} dev, {} test · {} target tokens · {}",
        // A generated task has no last example.
        if summary.train_examples == u64::MAX { "Without end".into() } else { count(summary.train_examples) },
        count(summary.dev_examples),
        count(summary.test_examples),
        count(summary.tokens),
        bytes(summary.bytes)
    );
    view! {
        <p class="quiet" data-testid="data-summary">{sizes}</p>
        {summary.notes.into_iter().map(|note| view! { <p class="quiet">{note}</p> }).collect_view()}
        <Show when={
            let some = !summary.preview.is_empty();
            move || some
        }>
            <details class="more">
                <summary>"A few examples"</summary>
                <dl class="examples">
                    {summary
                        .preview
                        .iter()
                        .map(|(prompt, completion)| {
                            view! {
                                <dt>{prompt.clone()}</dt>
                                <dd>{completion.clone()}</dd>
                            }
                        })
                        .collect_view()}
                </dl>
            </details>
        </Show>
    }
}

#[component]
fn OwnData() -> impl IntoView {
    let lab = use_lab();
    let text = RwSignal::new(String::new());
    let problem = Memo::new(move |_| lab.state.with(|state| state.own.problem.clone()));
    let reading = Memo::new(move |_| lab.state.with(|state| state.own.is_reading()));
    let in_use = Memo::new(move |_| {
        lab.state.with(|state| {
            let summary = state.summary(state.own.source.as_ref()?)?;
            Some((summary.columns.clone(), Some(summary.chosen.clone()?)))
        })
    });
    // Of data that wait for a choice, their own.
    let columns = Memo::new(move |_| match lab.state.with(|state| state.own.unread_columns.clone()) {
        unread if unread.is_empty() => in_use.get(),
        unread => Some((unread, None)),
    });
    let asked = Memo::new(move |_| lab.state.with(|state| state.own.asked.clone()));
    let skips = RwSignal::new(false);
    // What is chosen of columns belongs to the data chosen before.
    let lenient = move || ReadOptions { columns: None, skip_malformed: skips.get_untracked() };
    let read = move |files: Vec<web_sys::File>| {
        let Some(first) = files.first() else { return };
        let name =
            if files.len() == 1 { first.name() } else { format!("{} and {} more", first.name(), files.len() - 1) };
        lab.keep_files(name.clone(), files);
        lab.send(Input::OwnData(DataRequest::Files { name, options: lenient() }));
    };
    view! {
        <DropArea testid="drop" take=move |dropped: Dropped| read(dropped.files)>
            <label>
                "Drop files here, or choose them"
                <input
                    type="file"
                    multiple
                    accept=".txt,.md,.csv,.tsv,.jsonl,.json"
                    data-testid="files"
                    on:change=move |event| {
                        read(browser::files(event_target::<web_sys::HtmlInputElement>(&event).files()));
                    }
                />
            </label>
            <p class="quiet">".txt, .md, .csv, .jsonl (text, prompt and completion, instruction, or chat messages)"</p>
            <label>
                "Or paste text"
                <textarea
                    rows="3"
                    data-testid="paste"
                    prop:value=move || text.get()
                    on:input=move |event| text.set(event_target_value(&event))
                ></textarea>
            </label>
            <button
                type="button"
                class="secondary outline small"
                data-testid="use-text"
                disabled=move || text.with(|text| text.trim().is_empty())
                on:click=move |_| {
                    let name = "pasted text".into();
                    lab.send(Input::OwnData(DataRequest::Text { name, text: text.get(), options: lenient() }));
                }
            >
                "Use this text"
            </button>
            <label>
                <input
                    type="checkbox"
                    data-testid="skip-bad-lines"
                    prop:checked=move || skips.get()
                    on:change=move |event| {
                        skips.set(event_target_checked(&event));
                        let Some(request) = asked.get_untracked() else { return };
                        let options = request.options().cloned().unwrap_or_default();
                        let options = ReadOptions { skip_malformed: skips.get_untracked(), ..options };
                        lab.send(Input::OwnData(request.with_options(options)));
                    }
                />
                "Leave bad lines out, instead of refusing their file"
            </label>
        </DropArea>
        <div aria-live="polite">
            <Show when=move || reading.get()>
                <p class="quiet" aria-busy="true">"Reading…"</p>
            </Show>
            {move || problem.get().map(|reason| view! {
                <p class="problem" data-testid="data-problem">
                    {reason}
                    {move || in_use.with(Option::is_some).then_some(" What was loaded before is still in use.")}
                </p>
            })}
        </div>
        {move || columns.get().filter(|(columns, _)| columns.len() > 1).map(|(columns, chosen)| view! { <Columns columns chosen /> })}
    }
}

/// Which column is read as what, `chosen` or guessed; choosing reads the same data again. What waits for a choice is
/// read once its text to learn is chosen.
#[component]
fn Columns(columns: Vec<String>, chosen: Option<ColumnChoice>) -> impl IntoView {
    let lab = use_lab();
    let waits = chosen.is_none();
    let chosen = StoredValue::new(chosen.unwrap_or(ColumnChoice { prompt: None, completion: String::new() }));
    let choose = move |change: &dyn Fn(&mut ColumnChoice)| {
        let of = |own: &Own| if waits { own.asked.clone() } else { own.request.clone() };
        let Some(request) = lab.state.with_untracked(|state| of(&state.own)) else { return };
        let mut choice = chosen.get_value();
        change(&mut choice);
        chosen.set_value(choice.clone());
        if choice.completion.is_empty() {
            return;
        }
        let options = request.options().cloned().unwrap_or_default();
        lab.send(Input::OwnData(request.with_options(ReadOptions { columns: Some(choice), ..options })));
    };
    // A path into a column, or several columns, is no name on the list: it stands there as it is.
    let options = |columns: &[String], chosen: Option<String>| {
        let beside = chosen.clone().filter(|chosen| !columns.contains(chosen));
        let each = columns.iter().cloned().chain(beside);
        each.map(|c| view! { <option value=c.clone() selected=Some(&c) == chosen.as_ref()>{c.clone()}</option> })
            .collect_view()
    };
    view! {
        <div class="row">
            <label>
                "Prompt column"
                <select
                    data-testid="column-prompt"
                    prop:value=chosen.get_value().prompt.unwrap_or_default()
                    on:change=move |event| {
                        let name = event_target_value(&event);
                        choose(&|choice| choice.prompt = Some(name.clone()).filter(|name| !name.is_empty()));
                    }
                >
                    <option value="">"none"</option>
                    {options(&columns, chosen.get_value().prompt)}
                </select>
            </label>
            <label>
                "Text to learn"
                <select
                    data-testid="column-completion"
                    prop:value=chosen.get_value().completion
                    on:change=move |event| {
                        let name = event_target_value(&event);
                        choose(&|choice| choice.completion = name.clone());
                    }
                >
                    {waits.then(|| view! { <option value="">"choose…"</option> })}
                    {options(&columns, Some(chosen.get_value().completion).filter(|name| !name.is_empty()))}
                </select>
            </label>
        </div>
    }
}
