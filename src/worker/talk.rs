//! Everything that is no training: data, completions, downloads.

use super::lab::{Lab, WorkerError};
use super::own_data::Input;
use super::post::post;
use super::{Inbox, Message};
use crate::data::{Example, TASK_DEV, TASK_TEST, Task, Tokenizer};
use crate::model::{Generator, Sampling as Choice};
use crate::protocol::{Command, DataRequest, DataSummary, Event, ModelRef, Sampling};
use crate::seed::Seed;
use crate::spec::Source;
use crate::train::bench::bench;
use js_sys::{Function, Reflect};
use wasm_bindgen::JsCast;
use web_sys::File;

/// Examples of a generated task that its sizes are counted on.
const COUNTED: usize = 512;
/// Examples shown.
const SHOWN: usize = 5;

impl Lab {
    /// Does one command other than training. While a cell trains this happens between two of its steps.
    pub(super) async fn answer(&mut self, command: Command, files: Vec<File>, inbox: &mut Inbox) {
        match command {
            Command::Data { source, base } => self.data(source, base, files).await,
            Command::Hold { base, sha256 } => self.hold(base, sha256, files),
            Command::Generate { request, model, prompt, settings } => {
                if let Err(error) = self.generate(request, &model, &prompt, settings, inbox).await {
                    post(&Event::Refused { request, reason: error.to_string() });
                }
            }
            Command::Export { request, model, merged } => match self.export(&model, merged).await {
                Ok(files) => post(&Event::Exported { request, files }),
                Err(error) => post(&Event::Refused { request, reason: error.to_string() }),
            },
            Command::Bench { request, size, method, warmup, steps } => {
                match bench(size, method, [warmup, steps], &self.device, milliseconds).await {
                    Ok(timing) => post(&Event::Benched { request, timing }),
                    Err(error) => post(&Event::Refused { request, reason: error.to_string() }),
                }
            }
            // Nothing is running that these could mean.
            Command::Pause | Command::Resume | Command::Stop | Command::CancelGenerate { .. } => {}
            // The loop takes these itself.
            Command::Start { .. } | Command::Run { .. } | Command::Shelf(_) => {}
        }
    }

    async fn data(&mut self, request: DataRequest, base: String, files: Vec<File>) {
        let name = match &request {
            DataRequest::Task(id) => id.clone(),
            DataRequest::Files { name, .. } | DataRequest::Text { name, .. } => name.clone(),
        };
        let loaded = match request {
            DataRequest::Task(id) => self.task_data(&id, &base).await,
            DataRequest::Files { name, columns } => self.user_data(name, columns, Input::Files(files), &base).await,
            DataRequest::Text { name, text, columns } => self.user_data(name, columns, Input::Text(text), &base).await,
        };
        match loaded {
            Ok((source, summary)) => post(&Event::DataReady { source, base, summary }),
            Err(error) => post(&Event::DataRefused { name, reason: error.to_string() }),
        }
    }

    pub(super) async fn task_data(&mut self, id: &str, base: &str) -> Result<(Source, DataSummary), WorkerError> {
        let task = Task::from_id(id).ok_or_else(|| crate::data::SplitError::NoTask(id.into()))?;
        let examples = Lab::task_examples(task, COUNTED);
        let tokens = self.encode_with(base, |tokenizer| Lab::count_tokens(tokenizer, &examples)).await?;
        let summary = DataSummary {
            name: task.card().title.into(),
            train_examples: u64::MAX,
            dev_examples: TASK_DEV as u64,
            test_examples: TASK_TEST as u64,
            bytes: examples.iter().map(|example| example.completion.len() as u64).sum(),
            tokens,
            columns: Vec::new(),
            notes: vec![format!("Examples are made as needed, without end. Bytes and tokens: the first {COUNTED}.")],
            preview: preview(&examples),
        };
        Ok((Source::Task(id.into()), summary))
    }

    async fn generate(
        &mut self,
        request: u32,
        model: &ModelRef,
        prompt: &str,
        settings: Sampling,
        inbox: &mut Inbox,
    ) -> Result<(), WorkerError> {
        let (model, base) = self.model(model).await?;
        let mut ids = base.tokenizer.encode(prompt)?;
        if ids.is_empty() {
            ids.push(base.tokenizer.end_of_text());
        }
        let choice = Choice {
            temperature: settings.temperature,
            top_k: settings.top_k,
            top_p: settings.top_p,
            seed: Seed(settings.seed),
        };
        let mut generator = Generator::start(&model, &ids, settings.max_tokens, choice).await?;
        let mut said: Vec<u32> = Vec::new();
        while said.len() < settings.max_tokens {
            let Some(token) = generator.next().await? else { break };
            if base.tokenizer.ends(token) {
                break;
            }
            said.push(token);
            let text = base.tokenizer.decode(&said)?;
            post(&Event::Generated { request, text, tokens: said.len(), done: false });
            self.turn.give().await;
            if cancelled(request, inbox) {
                break;
            }
        }
        post(&Event::Generated { request, text: base.tokenizer.decode(&said)?, tokens: said.len(), done: true });
        Ok(())
    }
}

/// A clock finer than `Date`'s milliseconds, where the browser has one.
fn milliseconds() -> f64 {
    let read = || {
        let performance = Reflect::get(&js_sys::global(), &"performance".into())?;
        let now: Function = Reflect::get(&performance, &"now".into())?.dyn_into()?;
        now.call0(&performance)
    };
    read().ok().and_then(|time| time.as_f64()).unwrap_or_else(js_sys::Date::now)
}

/// Whether the page no longer wants the completion; what else it said waits.
fn cancelled(request: u32, inbox: &mut Inbox) -> bool {
    let mut cancelled = false;
    let mut others: Vec<Message> = Vec::new();
    while let Some(message) = inbox.arrived() {
        match message {
            (Command::CancelGenerate { request: named }, _) => cancelled |= named == request,
            other => others.push(other),
        }
    }
    inbox.waiting.extend(others);
    cancelled
}

pub(super) fn preview(examples: &[Example]) -> Vec<(String, String)> {
    examples.iter().take(SHOWN).map(|example| (example.prompt.clone(), example.completion.clone())).collect()
}
