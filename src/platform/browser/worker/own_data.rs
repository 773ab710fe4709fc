//! The visitor's own data: files by handle, read in pieces up to a bound, or pasted text.

use super::engine::{Engine, WorkerError};
use super::post::say;
use crate::data::user::{self, READ_LIMIT, ReadOptions};
use crate::data::{Prepared, tokenize_all};
use crate::job::{Counting, DataSummary, JobEvent, Partial};
use crate::record::DataReport;
use crate::spec::Source;
use js_sys::Uint8Array;
use wasm_bindgen_futures::JsFuture;
use web_sys::File;

/// What came in.
pub enum Input {
    Files(Vec<File>),
    Text(String),
}

/// Examples that lengths and tokens are counted on.
const COUNTED: usize = 2000;
/// Bytes of a file that are read at once.
const PIECE: f64 = 4_194_304.0;

impl Engine {
    /// Reads the data and says what a run would learn; what was loaded before stays where this fails.
    pub async fn user_data(
        &mut self,
        name: String,
        options: &ReadOptions,
        input: Input,
        counted: &Counting,
    ) -> Result<(Source, DataSummary), WorkerError> {
        let files = match input {
            Input::Files(handles) => self.read_files(&handles).await?,
            Input::Text(text) => {
                let size = text.len() as u64;
                vec![user::File { name: name.clone(), bytes: text.into_bytes(), size }]
            }
        };
        let data = user::read(&name, &files, options).inspect_err(|error| {
            if !error.columns().is_empty() {
                say(self.job, JobEvent::Partial(Partial::Columns(error.columns().to_vec())));
            }
        })?;
        drop(files);
        let (splits, report, tokens, sequence) = self
            .encode_with(&counted.base, |tokenizer| {
                let sequence = counted.sequence.map_or_else(|| data.sequence(tokenizer, usize::MAX), Ok)?;
                let Prepared { splits, reading } = data.prepare(tokenizer, sequence)?;
                let first = &splits.train[..splits.train.len().min(COUNTED)];
                let tokens = tokenize_all(first, tokenizer, sequence)?;
                let report = DataReport { reading, ..DataReport::of(&tokens, tokenizer, sequence)? };
                let targets = Engine::count_tokens(tokenizer, first)?;
                Ok((splits, report, targets, sequence))
            })
            .await?;
        let first = splits.train.len().min(COUNTED);
        let mut notes = report.sentences();
        if first < splits.train.len() {
            notes.push(format!("Lengths and tokens are those of the first {first} examples."));
        }
        let summary = DataSummary {
            name: name.clone(),
            sequence,
            train_examples: splits.train.len() as u64,
            dev_examples: splits.dev.len() as u64,
            test_examples: splits.test.len() as u64,
            bytes: splits.train.iter().map(|example| example.completion.len() as u64).sum(),
            tokens: (tokens as f64 * splits.train.len() as f64 / first.max(1) as f64).round() as u64,
            columns: data.columns.iter().map(|column| column.name.clone()).collect(),
            chosen: data.chosen.clone(),
            notes,
            preview: report.examples.into_iter().map(|example| (example.prompt, example.target)).collect(),
        };
        let source = Source::User { name, sha256: data.sha256.clone() };
        self.use_data(data);
        Ok((source, summary))
    }

    /// The files' bytes, up to [`READ_LIMIT`] in all, with turns for the browser between pieces.
    async fn read_files(&self, handles: &[File]) -> Result<Vec<user::File>, WorkerError> {
        let mut room = READ_LIMIT as f64;
        let mut files = Vec::new();
        for handle in handles {
            let unreadable = |_| WorkerError::File { name: handle.name() };
            let (size, mut bytes, mut at) = (handle.size(), Vec::new(), 0.0);
            while at < size && room > 0.0 {
                let end = size.min(at + PIECE.min(room));
                let piece = handle.slice_with_f64_and_f64(at, end).map_err(unreadable)?;
                let buffer = JsFuture::from(piece.array_buffer()).await.map_err(unreadable)?;
                bytes.extend(Uint8Array::new(&buffer).to_vec());
                room -= end - at;
                at = end;
                self.turn.give().await;
            }
            files.push(user::File { name: handle.name(), bytes, size: size as u64 });
        }
        Ok(files)
    }
}
