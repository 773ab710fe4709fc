//! Before and after: the same prompt completed by the base and by what a run made of it, side by side.

use crate::data::tasks::Task;
use crate::job::{Context, ModelRef, Sampling};
use crate::record::RunRecord;
use crate::spec::{MethodKind, RunId, RunSpec, Source};
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
        .filter(|record| {
            !state.is_precomputed(&record.id)
                && !state.unstored.is_lost(&record.id)
                && Some(&record.spec.data.source) == source.as_ref()
        })
        .collect();
    runs.sort_by_key(|record| (std::cmp::Reverse(record.spec.data.examples), record.spec.method.kind()));
    runs.into_iter()
        .map(|record| Tuned {
            model: ModelRef::Tuned { base: record.spec.base.name.clone(), run: record.id.clone() },
            kind: record.spec.method.kind(),
            run: record.id.clone(),
            name: called(record),
        })
        .collect()
}

/// What a run is called among all: how what was tuned on what.
fn called(record: &RunRecord) -> String {
    let RunSpec { base, method, data, seed, .. } = &record.spec;
    let (method, base, examples, seed) = (method_name(method.kind()), &base.name, data.examples, seed.0 + 1);
    format!("{method} of {base} on {}, {examples} examples, seed {seed}", data_name(&data.source))
}

/// What data are called.
fn data_name(source: &Source) -> String {
    match source {
        Source::Task(id) => Task::from_id(id).map_or(id.clone(), |task| task.card().title.to_string()),
        Source::User { name, .. } => format!("“{name}”"),
    }
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
    let wanted = Signal::derive(move || {
        let untouched = typed.get().is_none();
        example.with(|(_, completion)| (untouched && !completion.is_empty()).then(|| completion.clone()))
    });
    let complete = move |_| {
        if let Some(model) = model.get_untracked() {
            let context = Context::Text(prompt.get_untracked());
            let asks = vec![(base_of(&model), context.clone()), (model, context)];
            lab.send(Input::Complete { asks, sampling: Sampling::default(), beside: false });
        }
    };
    view! {
        <section class="card compare" aria-labelledby="compare-title" data-testid="before-after">
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
                    <label class="wide">
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
                    <Side title="Base" model=Signal::derive(move || model.get().as_ref().map(base_of)) testid="before" wanted />
                    <Side title="Tuned" model=Signal::derive(move || model.get()) testid="after" wanted />
                </div>
                {move || wanted.get().map(|text| view! { <p class="quiet">"The data say: " <q>{text}</q></p> })}
            </Show>
        </section>
    }
}

/// Of a model that ends its text before it has begun.
const NOTHING: &str = "It says nothing: the first thing it would say is that the text is over.";

fn is_silent(completion: &Completion) -> bool {
    completion.done && completion.problem.is_none() && completion.text.trim().is_empty()
}

/// What stands in the place of a completion.
fn shown(completion: &Completion) -> String {
    match &completion.problem {
        Some(reason) => reason.clone(),
        None if is_silent(completion) => NOTHING.into(),
        None => completion.text.clone(),
    }
}

/// How much of what the data say a model said, in words and their order: that can be judged in any language.
fn agreement(said: &str, wanted: &str) -> String {
    let words = |text: &str| text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
    let (said, wanted) = (words(said), words(wanted));
    // The longest common subsequence, a row of its table at a time.
    let mut longest = vec![0; wanted.len() + 1];
    for word in &said {
        let mut before = 0;
        for at in 1..=wanted.len() {
            let here = if *word == wanted[at - 1] { before + 1 } else { longest[at].max(longest[at - 1]) };
            before = std::mem::replace(&mut longest[at], here);
        }
    }
    match (longest[wanted.len()], wanted.len()) {
        (found, all) if found == all && said.len() == all => "Word for word what the data say.".into(),
        (0, _) => "No word of it is what the data say.".into(),
        (found, all) => format!("{found} of the {all} words that the data say."),
    }
}

/// What one model made of the last prompt. `past`: what was said before it, role and text.
#[component]
pub fn Side(
    #[prop(into)] title: Signal<String>,
    #[prop(into)] model: Signal<Option<ModelRef>>,
    #[prop(default = "")] testid: &'static str,
    #[prop(optional)] past: Option<Signal<Vec<(&'static str, String)>>>,
    #[prop(optional)] wanted: Option<Signal<Option<String>>>,
) -> impl IntoView {
    let lab = use_lab();
    let completion = Memo::new(move |_| {
        let model = model.get()?;
        lab.state.with(|state| state.jobs.completion(&model).cloned())
    });
    let text = move || completion.get().map(|completion| shown(&completion)).unwrap_or_default();
    let silent = move || completion.with(|c| c.as_ref().is_some_and(is_silent));
    let agreed = move || {
        let completion = completion.get().filter(|c| c.done && c.problem.is_none() && !is_silent(c))?;
        Some(agreement(&completion.text, &wanted.and_then(|wanted| wanted.get())?))
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
            <p class="text" class:problem=failed class:silent=silent data-testid=testid aria-busy=move || working().to_string() aria-live="polite">
                {text}
            </p>
            {move || agreed().map(|said| view! { <p class="quiet" data-testid="agreement">{said}</p> })}
            {move || pace().map(|pace| view! { <p class="quiet pace" data-testid="pace">{pace}</p> })}
            {reading}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_is_said() {
        let done = |text: &str| Completion::done(ModelRef::Base("b".into()), text);
        assert_eq!((shown(&done(" \n")).as_str(), shown(&done("yes")).as_str()), (NOTHING, "yes"));
        assert_eq!(shown(&Completion { done: false, ..done("") }), "", "one that has not begun says nothing yet");
    }

    #[test]
    fn agreement_is_counted_in_words_and_their_order() {
        for (said, wanted, words) in [
            (" Town baker sells red boat", "Town baker sells red boat", "Word for word"),
            ("a baker sells a boat", "Town baker sells red boat", "3 of the 5 words"),
            ("boat red sells", "Town baker sells red boat", "1 of the 5 words"),
            ("once upon a time", "Town baker sells red boat", "No word of it"),
            ("town town", "town", "1 of the 1 words"),
        ] {
            assert!(agreement(said, wanted).starts_with(words), "{said}: {}", agreement(said, wanted));
        }
    }
}
