//! Everything that is no training: data, downloads, adapters, timing; completions are in [`super::complete`].

use super::Inbox;
use super::lab::{Lab, WorkerError};
use super::own_data::Input;
use super::post::post;
use crate::data::{Example, TASK_DEV, TASK_TEST, Task};
use crate::engine::train::bench::bench;
use crate::protocol::{Command, DataRequest, DataSummary, Event};
use crate::spec::Source;
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
            generate @ Command::Generate { .. } => self.generate(generate, inbox).await,
            Command::Export { request, model, merged } => match self.export(&model, merged).await {
                Ok(file) => post(&Event::Exported { request, file }),
                Err(error) => post(&Event::Refused { request, reason: error.to_string() }),
            },
            Command::AddAdapter { request, name, base } => match self.add_adapter(&name, &base, &files).await {
                Ok(()) => self.tell_adapters().await,
                Err(error) => post(&Event::Refused { request, reason: error.to_string() }),
            },
            Command::NameAdapter { id, name } => self.name_adapter(&id, name).await,
            Command::RemoveAdapter { id } => self.remove_adapter(&id).await,
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
        let name = request.name().to_string();
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
}

/// A clock finer than `Date`'s milliseconds, where the browser has one.
pub(super) fn milliseconds() -> f64 {
    let read = || {
        let performance = Reflect::get(&js_sys::global(), &"performance".into())?;
        let now: Function = Reflect::get(&performance, &"now".into())?.dyn_into()?;
        now.call0(&performance)
    };
    read().ok().and_then(|time| time.as_f64()).unwrap_or_else(js_sys::Date::now)
}

pub(super) fn preview(examples: &[Example]) -> Vec<(String, String)> {
    examples.iter().take(SHOWN).map(|example| (example.prompt.clone(), example.completion.clone())).collect()
}
