//! Everything that is no training: data, downloads, adapters, timing; completions are in [`super::generate`].

use super::Inbox;
use super::engine::{Engine, WorkerError};
use super::own_data::Input;
use super::post::finish;
use crate::data::{Example, TASK_DEV, TASK_TEST, Task};
use crate::engine::train::bench::bench;
use crate::job::{Counting, DataRequest, DataSummary, Job, JobId, Output};
use crate::spec::{Source, TrainConfig};
use js_sys::{Function, Reflect};
use wasm_bindgen::JsCast;
use web_sys::File;

/// Examples of a generated task that its sizes are counted on.
const COUNTED: usize = 512;
/// Examples shown.
const SHOWN: usize = 5;

impl Engine {
    /// Does one job other than training. While a cell trains this happens between two of its steps.
    pub(super) async fn answer(&mut self, id: JobId, job: Job, files: Vec<File>, inbox: &mut Inbox) {
        let outer = std::mem::replace(&mut self.job, id);
        match job {
            Job::Generate { model, context, settings } => self.generate((id, model, context, settings), inbox).await,
            job => finish(id, self.quick(job, files).await),
        }
        self.job = outer;
    }

    /// A job that nothing interrupts.
    async fn quick(&mut self, job: Job, files: Vec<File>) -> Result<Output, WorkerError> {
        match job {
            Job::ReadData { source, counted } => {
                let (source, summary) = self.data(source, &counted, files).await?;
                return Ok(Output::DataRead { source, summary: Box::new(summary) });
            }
            Job::Export { model, merged } => return Ok(Output::Exported(self.export(&model, merged).await?)),
            Job::Bench { size, method, warmup, steps } => {
                return Ok(Output::Timed(bench(size, method, [warmup, steps], &self.device, milliseconds).await?));
            }
            Job::AddAdapter { name, base } => self.add_adapter(&name, &base, &files).await?,
            Job::RenameAdapter { id, name } => self.rename_adapter(&id, name).await?,
            Job::RemoveAdapter { id } => self.remove_adapter(&id).await?,
            // The loop does these itself; the page's own program fits laws.
            Job::Train(_)
            | Job::Generate { .. }
            | Job::InspectModel { .. }
            | Job::LoadModel { .. }
            | Job::RemoveModel { .. }
            | Job::Fit(_) => return Err(WorkerError::NotHere),
        }
        self.tell_adapters().await;
        Ok(Output::AdaptersChanged)
    }

    async fn data(
        &mut self,
        request: DataRequest,
        counted: &Counting,
        files: Vec<File>,
    ) -> Result<(Source, DataSummary), WorkerError> {
        match request {
            DataRequest::Task(id) => self.task_data(&id, counted).await,
            DataRequest::Files { name, options } => self.user_data(name, &options, Input::Files(files), counted).await,
            DataRequest::Text { name, text, options } => {
                self.user_data(name, &options, Input::Text(text), counted).await
            }
        }
    }

    async fn task_data(&mut self, id: &str, counted: &Counting) -> Result<(Source, DataSummary), WorkerError> {
        let task = Task::from_id(id).ok_or_else(|| crate::data::SplitError::NoTask(id.into()))?;
        let examples = Engine::task_examples(task, COUNTED);
        let tokens = self.encode_with(&counted.base, |tokenizer| Engine::count_tokens(tokenizer, &examples)).await?;
        let summary = DataSummary {
            name: task.card().title.into(),
            sequence: counted.sequence.unwrap_or(TrainConfig::SEQUENCE),
            train_examples: u64::MAX,
            dev_examples: TASK_DEV as u64,
            test_examples: TASK_TEST as u64,
            bytes: examples.iter().map(|example| example.completion.len() as u64).sum(),
            tokens,
            columns: Vec::new(),
            chosen: None,
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

fn preview(examples: &[Example]) -> Vec<(String, String)> {
    examples.iter().take(SHOWN).map(|example| (example.prompt.clone(), example.completion.clone())).collect()
}
