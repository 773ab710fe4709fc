//! The visitor's own data: files by handle, read in pieces up to a bound, or pasted text.

use super::engine::{Engine, UserSplits, WorkerError};
use super::jobs::preview;
use crate::data::user::{self, ColumnChoice, Options, READ_LIMIT};
use crate::job::DataSummary;
use crate::spec::Source;
use js_sys::Uint8Array;
use wasm_bindgen_futures::JsFuture;
use web_sys::File;

/// What came in.
pub enum Input {
    Files(Vec<File>),
    Text(String),
}

/// Bytes of a file that are read at once.
const PIECE: f64 = 4_194_304.0;

impl Engine {
    /// Reads and divides the data; what was loaded before stays where this fails.
    pub async fn user_data(
        &mut self,
        name: String,
        columns: Option<ColumnChoice>,
        input: Input,
        base: &str,
    ) -> Result<(Source, DataSummary), WorkerError> {
        let files = match input {
            Input::Files(handles) => self.read_files(&handles).await?,
            Input::Text(text) => {
                let size = text.len() as u64;
                vec![user::File { name: name.clone(), bytes: text.into_bytes(), size }]
            }
        };
        let data = user::read(&name, &files, &Options { columns, skip_malformed: false })?;
        drop(files);
        let counted = data.splits.train.len().min(2_000);
        let first = &data.splits.train[..counted];
        let tokens = self.encode_with(base, |tokenizer| Engine::count_tokens(tokenizer, first)).await?;
        let all = (tokens as f64 * data.splits.train.len() as f64 / counted.max(1) as f64).round() as u64;
        let mut notes = data.notes;
        if counted < data.splits.train.len() {
            notes.push(format!("Tokens are estimated from the first {counted} examples."));
        }
        let summary = DataSummary {
            name: name.clone(),
            train_examples: data.splits.train.len() as u64,
            dev_examples: data.splits.dev.len() as u64,
            test_examples: data.splits.test.len() as u64,
            bytes: data.train_bytes,
            tokens: all,
            columns: data.columns.into_iter().map(|column| column.name).collect(),
            notes,
            preview: preview(&data.splits.train),
        };
        let source = Source::User { name, sha256: data.sha256.clone() };
        self.user = Some(UserSplits { sha256: data.sha256, splits: data.splits });
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
