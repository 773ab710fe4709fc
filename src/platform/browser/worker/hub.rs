//! Files of a model hub, asked for only when the visitor does. Each goes straight into the browser's storage, piece by
//! piece; one that breaks off is taken up where it broke.

use super::fetch;
use super::models::{LoadError, Loading};
use super::turn::after;
use crate::hub::transfer::{Answer, Asked, Next, Part, TransferError, judge};
use crate::hub::{Address, Host};
use crate::job::{LoadStep, PartialDownload};
use crate::platform::storage::{InPlace, Models, Store, model_path};
use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use std::fmt;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, ReadableStreamDefaultReader, Response};

/// Nothing for so long is silence.
const PATIENCE_SECONDS: u32 = 20;
const TICK_MS: u32 = 250;
/// Connections in a row that bring nothing, after which the hub is left alone.
const TRIES: u32 = 3;
/// Config, index and tokenizer of any model are smaller.
const LARGEST_SMALL: usize = 100 << 20;

/// The revision of a model whose address names none.
const NEWEST: &str = "main";

pub struct Hub {
    host: Host,
    address: Address,
    /// What is asked for: at first what the address says, then the commit that this was found to be.
    pub revision: String,
    name: String,
}

/// An answer whose body is still to come; the connection ends with it.
struct Reply {
    answer: Answer,
    commit: Option<String>,
    body: Option<ReadableStreamDefaultReader>,
    abort: AbortController,
}

/// How a piece of a download ended.
enum Piece {
    Whole,
    Absent,
    /// The connection broke, or the file changed: ask again.
    Again {
        brought: bool,
    },
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

impl fmt::Display for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Hub {
    pub fn new(host: Host, address: Address) -> Self {
        let revision = address.revision.clone().unwrap_or_else(|| NEWEST.into());
        Hub { name: host.to_string(), host, address, revision }
    }

    fn asked<'a>(&'a self, file: &'a str) -> Asked<'a> {
        Asked { hub: &self.name, model: &self.address.model, file }
    }

    pub fn absent(&self, file: &str) -> LoadError {
        let (hub, model) = (self.name.clone(), self.address.model.clone());
        TransferError::Absent { hub, model, file: file.into() }.into()
    }

    fn down(&self) -> LoadError {
        TransferError::Down { hub: self.name.clone() }.into()
    }

    /// Asks for `file` from byte `from` on.
    async fn ask(&self, file: &str, from: u64, loading: &mut Loading<'_>) -> Result<Reply, LoadError> {
        loading.check()?;
        let abort = AbortController::new().map_err(|_| self.down())?;
        let (init, headers) = (Object::new(), Object::new());
        let set = |object: &Object, key: &str, value: &JsValue| Reflect::set(object, &key.into(), value);
        if from > 0 {
            let _ = set(&headers, "range", &format!("bytes={from}-").into());
        }
        for (key, value) in [
            ("headers", headers.into()),
            ("signal", abort.signal().into()),
            // Large, and kept by us: the browser's cache and the service worker need not.
            ("cache", "no-store".into()),
            ("credentials", "omit".into()),
            ("referrerPolicy", "no-referrer".into()),
        ] {
            let _ = set(&init, key, &value);
        }
        let url = self.host.file(&self.address, &self.revision, file);
        let promise = fetch::ask(&url, &init).map_err(|_| self.down())?;
        let response: Response = self.patiently(&promise, loading).await?.ok_or_else(|| self.down())?.unchecked_into();
        let header = |name: &str| response.headers().get(name).ok().flatten();
        let answer = Answer {
            status: response.status(),
            content_length: header("content-length").and_then(|text| text.parse().ok()),
            content_range: header("content-range"),
            tag: header("x-linked-etag").or_else(|| header("etag")),
            content_type: header("content-type"),
        };
        let body = response.body().map(|body| body.get_reader().unchecked_into());
        Ok(Reply { answer, commit: header("x-repo-commit"), body, abort })
    }

    /// What a promise comes to; `None` where it fails. Ends on the visitor's wish, and when nothing comes for long.
    async fn patiently(&self, promise: &Promise, loading: &mut Loading<'_>) -> Result<Option<JsValue>, LoadError> {
        for _ in 0..PATIENCE_SECONDS * 1000 / TICK_MS {
            let first = Promise::race(&Array::of2(promise, &after(TICK_MS as i32)));
            match JsFuture::from(first).await {
                // By now someone listens to the promise: cancelling may fail it.
                Ok(value) if value.is_null() => loading.check()?,
                Ok(value) => return Ok(Some(value)),
                Err(_) => return Ok(None),
            }
        }
        Err(TransferError::Silent { hub: self.name.clone(), seconds: PATIENCE_SECONDS }.into())
    }

    /// The next bytes of an answer; `Ok(None)` at its end, `Err(None)` where the connection broke.
    async fn next(&self, reply: &Reply, loading: &mut Loading<'_>) -> Result<Option<Uint8Array>, Option<LoadError>> {
        let Some(body) = &reply.body else { return Ok(None) };
        loading.check().map_err(Some)?;
        let chunk = self.patiently(&body.read(), loading).await.map_err(Some)?.ok_or(None)?;
        let get = |key: &str| Reflect::get(&chunk, &key.into()).unwrap_or_default();
        Ok(if get("done").is_truthy() { None } else { get("value").dyn_into().ok() })
    }

    /// A small file's bytes; `None` where the hub has none. The first answer's commit is what is asked for from then on.
    pub async fn small(&mut self, file: &str, loading: &mut Loading<'_>) -> Result<Option<Vec<u8>>, LoadError> {
        Ok(self.start(file, LARGEST_SMALL, loading).await?.map(|(bytes, _)| bytes))
    }

    /// A file's first `most` bytes, or a few more, and its length.
    pub async fn start(
        &mut self,
        file: &str,
        most: usize,
        loading: &mut Loading<'_>,
    ) -> Result<Option<(Vec<u8>, u64)>, LoadError> {
        let reply = self.ask(file, 0, loading).await?;
        let Next::Write { total, .. } = judge(&Part::default(), &reply.answer, self.asked(file))? else {
            return Ok(None);
        };
        self.revision = reply.commit.clone().unwrap_or_else(|| self.revision.clone());
        let mut bytes = Vec::new();
        while bytes.len() < most {
            match self.next(&reply, loading).await {
                Ok(Some(chunk)) => bytes.extend(chunk.to_vec()),
                Ok(None) => return Ok(Some((bytes.clone(), bytes.len() as u64))),
                Err(error) => return Err(error.unwrap_or_else(|| self.broken(file, 1))),
            }
        }
        let unknown = || TransferError::NoLength { hub: self.name.clone(), file: file.into() };
        Ok(Some((bytes, total.ok_or_else(unknown)?)))
    }

    fn broken(&self, file: &str, tries: u32) -> LoadError {
        TransferError::Broken { hub: self.name.clone(), file: file.into(), tries }.into()
    }

    /// Brings `file` into the storage, going on from what is there; false where the hub has no such file.
    pub async fn bring(
        &mut self,
        models: &Models,
        download: &mut PartialDownload,
        file: &str,
        loading: &mut Loading<'_>,
    ) -> Result<bool, LoadError> {
        let path = model_path(&download.name, file);
        let place = InPlace::open(models.store(), &path).await?;
        let mut fruitless = 0;
        loop {
            let ended = self.piece(models, &place, download, file, loading).await;
            match ended {
                Ok(Piece::Whole) => return Ok(true),
                Ok(Piece::Absent) => {
                    drop(place);
                    models.store().remove(&path).await?;
                    return Ok(false);
                }
                Ok(Piece::Again { brought: true }) => fruitless = 0,
                Ok(Piece::Again { brought: false }) | Err(LoadError::Transfer(TransferError::Down { .. })) => {
                    fruitless += 1;
                    if fruitless >= TRIES {
                        return Err(ended.err().unwrap_or_else(|| self.broken(file, fruitless)));
                    }
                    let _ = JsFuture::from(after(500 << fruitless)).await;
                }
                Err(LoadError::Transfer(error @ TransferError::Length { .. })) => {
                    place.cut(0)?;
                    download.parts.remove(file);
                    return Err(error.into());
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn piece(
        &mut self,
        models: &Models,
        place: &InPlace,
        download: &mut PartialDownload,
        file: &str,
        loading: &mut Loading<'_>,
    ) -> Result<Piece, LoadError> {
        let part = match download.parts.get(file) {
            Some(part) => Part { bytes: place.size()?, ..part.clone() },
            None => Part::default(),
        };
        if part.total == Some(part.bytes) {
            return Ok(Piece::Whole);
        }
        let reply = self.ask(file, part.bytes, loading).await?;
        let (mut at, total, tag) = match judge(&part, &reply.answer, self.asked(file))? {
            Next::Write { at, total, tag } => (at, total, tag),
            Next::Complete => return Ok(Piece::Whole),
            Next::Absent => return Ok(Piece::Absent),
            Next::StartOver => {
                place.cut(0)?;
                download.parts.remove(file);
                return Ok(Piece::Again { brought: true });
            }
        };
        place.cut(at)?;
        self.revision = reply.commit.clone().unwrap_or_else(|| self.revision.clone());
        download.revision = Some(self.revision.clone());
        download.parts.insert(file.into(), Part { bytes: at, total, tag: tag.clone() });
        models.begin(download).await?;
        let begun = at;
        loop {
            let chunk = match self.next(&reply, loading).await {
                Ok(Some(chunk)) => chunk,
                Ok(None) if total.is_some_and(|total| at < total) => return Ok(Piece::Again { brought: at > begun }),
                Ok(None) => break,
                Err(None) => return Ok(Piece::Again { brought: at > begun }),
                Err(Some(error)) => return Err(error),
            };
            place.write(at, &chunk)?;
            at += u64::from(chunk.length());
            if let Some(announced) = total.filter(|&total| at > total) {
                let (hub, file) = (self.name.clone(), file.into());
                return Err(TransferError::Length { hub, file, found: at, announced }.into());
            }
            loading.progress(LoadStep::Downloading, file, at, total.unwrap_or(0));
        }
        download.parts.insert(file.into(), Part { bytes: at, total: Some(at), tag });
        models.begin(download).await?;
        Ok(Piece::Whole)
    }
}
