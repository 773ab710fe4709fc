//! Before and after: the same prompt completed by the base and by what a run made of it, side by side.

use crate::job::{Context, ModelRef, Sampling};
use crate::spec::{MethodKind, RunId};
use crate::ui::charts::palette::method_name;
use crate::ui::lab::{Lab, use_lab};
use crate::ui::state::jobs::Completion;
use crate::ui::state::{Input, State};
use leptos::prelude::*;

/// A run of this browser whose weights can be asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuned {
    pub model: ModelRef,
    pub kind: MethodKind,
    pub run: RunId,
    pub name: String,
}

/// Runs made in this browser on what is on screen: those with most data first. Precomputed runs come without weights.
pub fn tuned(state: &State) -> Vec<Tuned> {
    let source = state.source();
    let mut runs: Vec<_> = state
        .records()
        .filter(|record| !state.is_precomputed(&record.id) && Some(&record.spec.data.source) == source.as_ref())
        .collect();
    runs.sort_by_key(|record| (std::cmp::Reverse(record.spec.data.examples), record.spec.method.kind()));
    runs.into_iter()
        .map(|record| Tuned {
            model: ModelRef::Tuned { base: record.spec.base.name.clone(), run: record.id.clone() },
            kind: record.spec.method.kind(),
            run: record.id.clone(),
            name: format!(
                "{}, {} examples, seed {}",
                method_name(record.spec.method.kind()),
                record.spec.data.examples,
                record.spec.seed.0 + 1
            ),
        })
        .collect()
}

pub fn base_of(model: &ModelRef) -> ModelRef {
    ModelRef::Base(model.base().to_string())
}

/// A prompt of the chosen data to start with.
pub fn first_prompt(lab: Lab) -> Memo<(String, String)> {
    Memo::new(move |_| {
        lab.state.with(|state| {
            let first = state.source().and_then(|source| state.summary(&source)?.preview.first().cloned());
            first.unwrap_or_default()
        })
    })
}

#[component]
pub fn BeforeAfter() -> impl IntoView {
    let lab = use_lab();
    let runs = Memo::new(move |_| lab.state.with(tuned));
    let chosen = RwSignal::new(None::<ModelRef>);
    let model = Memo::new(move |_| {
        runs.with(|runs| {
            let kept = chosen.get().filter(|model| runs.iter().any(|run| run.model == *model));
            kept.or_else(|| runs.first().map(|run| run.model.clone()))
        })
    });
    let example = first_prompt(lab);
    let typed = RwSignal::new(None::<String>);
    let prompt = Memo::new(move |_| typed.get().unwrap_or_else(|| example.get().0));
    let wanted = move || {
        let untouched = typed.get().is_none();
        example.with(|(_, completion)| (untouched && !completion.is_empty()).then(|| completion.clone()))
    };
    let complete = move |_| {
        if let Some(model) = model.get_untracked() {
            let context = Context::Text(prompt.get_untracked());
            let asks = vec![(base_of(&model), context.clone()), (model, context)];
            lab.send(Input::Complete { asks, sampling: Sampling::default(), beside: false });
        }
    };
    view! {
        <section class="card compare" aria-labelledby="compare-title">
            <header>
                <h2 id="compare-title">"Before and after"</h2>
            </header>
            <Show
                when=move || runs.with(|runs| !runs.is_empty())
                fallback=|| view! {
                    <p class="quiet">"Once a run has finished here, base and tuned model complete the same prompt side by side."</p>
                }
            >
                <div class="row">
                    <label class="wide">
                        "Prompt"
                        <textarea
                            rows="2"
                            data-testid="compare-prompt"
                            prop:value=move || prompt.get()
                            on:input=move |event| typed.set(Some(event_target_value(&event)))
                        ></textarea>
                    </label>
                    <label>
                        "Tuned model"
                        <select
                            data-testid="compare-model"
                            on:change=move |event| {
                                let index = event_target_value(&event).parse::<usize>().ok();
                                chosen.set(runs.with(|runs| Some(runs.get(index?)?.model.clone())));
                            }
                        >
                            {move || {
                                runs.get()
                                    .into_iter()
                                    .enumerate()
                                    .map(|(index, run)| {
                                        let is = run.model.clone();
                                        view! {
                                            <option value=index.to_string() selected=move || model.get().as_ref() == Some(&is)>
                                                {run.name}
                                            </option>
                                        }
                                    })
                                    .collect_view()
                            }}
                        </select>
                    </label>
                </div>
                <button type="button" class="small" data-testid="compare" on:click=complete>"Complete with both"</button>
                <div class="sides">
                    <Side title="Base" model=Signal::derive(move || model.get().as_ref().map(base_of)) testid="before" />
                    <Side title="Tuned" model=Signal::derive(move || model.get()) testid="after" />
                </div>
                {move || wanted().map(|text| view! { <p class="quiet">"The data say: " <q>{text}</q></p> })}
            </Show>
        </section>
    }
}

/// What one model made of the last prompt. `past`: what was said before it, role and text.
#[component]
pub fn Side(
    #[prop(into)] title: Signal<String>,
    #[prop(into)] model: Signal<Option<ModelRef>>,
    #[prop(default = "")] testid: &'static str,
    #[prop(optional)] past: Option<Signal<Vec<(&'static str, String)>>>,
) -> impl IntoView {
    let lab = use_lab();
    let completion = Memo::new(move |_| {
        let model = model.get()?;
        lab.state.with(|state| state.jobs.completion(&model).cloned())
    });
    let text = move || match completion.get() {
        None => String::new(),
        Some(Completion { problem: Some(reason), .. }) => reason,
        Some(completion) => completion.text,
    };
    let working = move || completion.with(|c| c.as_ref().is_some_and(|c| !c.done));
    let failed = move || completion.with(|c| c.as_ref().is_some_and(|c| c.problem.is_some()));
    let pace = move || {
        completion.get().filter(|c| c.tokens > 0).map(|c| match c.tokens_per_second {
            speed if speed >= 10.0 => format!("{} tokens · {speed:.0} a second", c.tokens),
            speed => format!("{} tokens · {speed:.1} a second", c.tokens),
        })
    };
    let said = move || past.map(|past| past.get()).unwrap_or_default();
    let reading = move || {
        let (text, templated) = completion.get()?.reading.filter(|_| !said().is_empty())?;
        let form = if templated {
            "What the model reads: its own chat template"
        } else {
            "What the model reads: it has no chat template, so a line a turn"
        };
        Some(view! {
            <details class="more">
                <summary>{form}</summary>
                <pre class="text" data-testid="reading">{text}</pre>
            </details>
        })
    };
    view! {
        <div class="side-text">
            <h3>{title}</h3>
            {move || said().into_iter().map(|(role, text)| view! { <p class=format!("text turn {role}")>{text}</p> }).collect_view()}
            <p class="text" class:problem=failed data-testid=testid aria-busy=move || working().to_string() aria-live="polite">
                {text}
            </p>
            {move || pace().map(|pace| view! { <p class="quiet pace" data-testid="pace">{pace}</p> })}
            {reading}
        </div>
    }
}
