//! One file on its way: a hub's answer, read against what has already arrived, says where to go on.
//!
//! A broken download is taken up by asking for the rest (`Range: bytes=N-`). The rest belongs to what is here only
//! if the hub still holds the same file: its tag (`ETag`; for large files the SHA-256) and its length say so.

use serde::{Deserialize, Serialize};

/// What is here of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    #[serde(skip)]
    pub bytes: u64,
    /// The whole file's length, once the hub has said it.
    pub total: Option<u64>,
    pub tag: Option<String>,
}

/// A hub's answer, body apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content_length: Option<u64>,
    pub content_range: Option<String>,
    pub tag: Option<String>,
    pub content_type: Option<String>,
}

/// What to do with an answer's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Write it from byte `at` on; the file will be this long.
    Write { at: u64, total: Option<u64>, tag: Option<String> },
    /// The hub's file is another than the one begun: drop what is here and ask for the whole.
    StartOver,
    /// All of it is here already.
    Complete,
    /// The hub has no such file.
    Absent,
}

/// Why a file could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    #[error(
        "{hub} does not answer: is it down, this computer offline, or the hub closed to web pages (CORS)? \
         What has arrived is kept; try again"
    )]
    Down { hub: String },
    #[error("{hub} has sent nothing for {seconds} s. What has arrived is kept; try again")]
    Silent { hub: String, seconds: u32 },
    #[error("the connection to {hub} broke {tries} times at {file}. What has arrived is kept; go on later")]
    Broken { hub: String, file: String, tries: u32 },
    #[error(
        "{hub} answers 401 for {model}: there is no such model, or it is private or gated. Check the spelling, or \
         fetch its files with your account and drop them here"
    )]
    Unauthorised { hub: String, model: String },
    #[error(
        "{hub} refuses {model} (403): it is gated or closed. Fetch its files with an account that may, and drop them here"
    )]
    Forbidden { hub: String, model: String },
    #[error("{hub} has no {file} of {model} (404): check the address and the revision{}", remedy(file))]
    Absent { hub: String, model: String, file: String },
    #[error("{hub} is asked too often (429): wait a few minutes, then go on; what has arrived is kept")]
    TooOften { hub: String },
    #[error("{hub} has a fault of its own ({status}): try again later; what has arrived is kept")]
    Fault { hub: String, status: u16 },
    #[error("{hub} gives an answer that this lab does not know ({status}) for {file}: is it a model hub?")]
    Unknown { hub: String, file: String, status: u16 },
    #[error("{hub} sent a web page instead of {file}: is it a model hub, or does a login page stand before it?")]
    WebPage { hub: String, file: String },
    #[error("{hub} does not say how long {file} is, so it cannot be looked at before it is downloaded")]
    NoLength { hub: String, file: String },
    #[error("{file} has {found} bytes, and {hub} announced {announced}: it was removed; download it again")]
    Length { hub: String, file: String, found: u64, announced: u64 },
    #[error("{file} is not what {hub} announced (its SHA-256 differs): it was removed; download it again")]
    Content { hub: String, file: String },
}

fn remedy(file: &str) -> &'static str {
    if file.ends_with(".safetensors") { ", or choose a model that has its weights as safetensors" } else { "" }
}

/// Who is asked for what, for the words of an error.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub hub: &'a str,
    pub model: &'a str,
    pub file: &'a str,
}

/// Reads `answer` to a request for what is missing of `part`.
pub fn judge(part: &Part, answer: &Answer, asked: Asked<'_>) -> Result<Next, TransferError> {
    let (hub, model, file) = (asked.hub.to_string(), asked.model.to_string(), asked.file.to_string());
    let tag = answer.tag.clone();
    let is_other = |total: Option<u64>| {
        let differ = |a: &str, b: &str| opaque(a) != opaque(b);
        part.tag.as_deref().zip(tag.as_deref()).is_some_and(|(a, b)| differ(a, b))
            || part.total.zip(total).is_some_and(|(a, b)| a != b)
    };
    match answer.status {
        200 | 206 if is_web_page(answer) => Err(TransferError::WebPage { hub, file }),
        200 => Ok(Next::Write { at: 0, total: answer.content_length, tag }),
        206 => match answer.content_range.as_deref().and_then(range) {
            Some((_, total)) if is_other(total) => Ok(Next::StartOver),
            Some((Some(at), total)) if at == part.bytes => Ok(Next::Write { at, total, tag }),
            // Browsers hide the range of hubs that do not expose it; the length of the rest says the same.
            None if part.bytes > 0 && answer.content_range.is_none() => {
                let total = answer.content_length.and_then(|rest| part.bytes.checked_add(rest));
                Ok(if is_other(total) { Next::StartOver } else { Next::Write { at: part.bytes, total, tag } })
            }
            _ if part.bytes > 0 => Ok(Next::StartOver),
            _ => Err(TransferError::Unknown { hub, file, status: 206 }),
        },
        416 => match answer.content_range.as_deref().and_then(range).and_then(|(_, total)| total).or(part.total) {
            Some(total) if total == part.bytes && !is_other(Some(total)) => Ok(Next::Complete),
            _ if part.bytes > 0 => Ok(Next::StartOver),
            _ => Err(TransferError::Unknown { hub, file, status: 416 }),
        },
        401 => Err(TransferError::Unauthorised { hub, model }),
        403 => Err(TransferError::Forbidden { hub, model }),
        404 => Ok(Next::Absent),
        429 => Err(TransferError::TooOften { hub }),
        status @ 500.. => Err(TransferError::Fault { hub, status }),
        status => Err(TransferError::Unknown { hub, file, status }),
    }
}

/// The SHA-256 that a tag is, where it is one.
pub fn sha256(tag: &str) -> Option<String> {
    let tag = opaque(tag);
    (tag.len() == 64 && tag.bytes().all(|b| b.is_ascii_hexdigit())).then(|| tag.to_ascii_lowercase())
}

/// A tag without its quotes and its mark of weakness.
fn opaque(tag: &str) -> &str {
    tag.trim().trim_start_matches("W/").trim_matches('"')
}

fn is_web_page(answer: &Answer) -> bool {
    answer.content_type.as_deref().is_some_and(|kind| kind.trim_start().starts_with("text/html"))
}

/// `bytes 5-9/10` as (5, 10); `bytes */10` has no start, `bytes 5-9/*` no length.
fn range(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let start = match range {
        "*" => None,
        range => Some(range.split_once('-')?.0.trim().parse().ok()?),
    };
    let total = match total.trim() {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    Some((start, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked<'_> = Asked { hub: "the hub", model: "a/b", file: "model.safetensors" };

    fn part(bytes: u64) -> Part {
        Part { bytes, total: Some(100), tag: Some("\"v1\"".into()) }
    }

    fn answer(status: u16, range: Option<&str>, length: u64, tag: &str) -> Answer {
        Answer {
            status,
            content_length: Some(length),
            content_range: range.map(String::from),
            tag: Some(tag.into()),
            content_type: Some("application/octet-stream".into()),
        }
    }

    fn write(at: u64) -> Result<Next, TransferError> {
        Ok(Next::Write { at, total: Some(100), tag: Some("\"v1\"".into()) })
    }

    #[test]
    fn the_rest_is_written_where_the_part_ends() {
        assert_eq!(judge(&Part::default(), &answer(200, None, 100, "\"v1\""), ASKED), write(0));
        assert_eq!(judge(&part(40), &answer(206, Some("bytes 40-99/100"), 60, "\"v1\""), ASKED), write(40));
        assert_eq!(judge(&part(40), &answer(206, None, 60, "\"v1\""), ASKED), write(40), "a hidden range");
        assert_eq!(judge(&part(40), &answer(200, None, 100, "\"v1\""), ASKED), write(0), "a hub without ranges");
        let absurd = Next::Write { at: 40, total: None, tag: Some("\"v1\"".into()) };
        assert_eq!(judge(&part(40), &answer(206, None, u64::MAX, "\"v1\""), ASKED), Ok(absurd), "no length at all");
        assert_eq!(judge(&part(100), &answer(416, Some("bytes */100"), 0, "\"v1\""), ASKED), Ok(Next::Complete));
    }

    #[test]
    fn the_rest_of_another_file_is_not_added() {
        for answer in [
            answer(206, Some("bytes 40-99/100"), 60, "\"v2\""),
            answer(206, Some("bytes 40-119/120"), 80, "\"v1\""),
            answer(206, Some("bytes 30-99/100"), 70, "\"v1\""),
            answer(206, None, 80, "\"v1\""),
            answer(206, Some("nonsense"), 60, "\"v1\""),
            answer(416, Some("bytes */30"), 0, "\"v1\""),
        ] {
            assert_eq!(judge(&part(40), &answer, ASKED), Ok(Next::StartOver), "{answer:?}");
        }
    }

    #[test]
    fn tags_that_differ_in_strength_alone_are_the_same() {
        let part = Part { tag: Some("W/\"v1\"".into()), ..part(40) };
        assert_eq!(judge(&part, &answer(206, Some("bytes 40-99/100"), 60, "\"v1\""), ASKED), write(40));
    }

    #[test]
    fn refusals_are_said_in_one_sentence_each() {
        let mut page = answer(200, None, 100, "x");
        page.content_type = Some("text/html; charset=utf-8".into());
        let status = |status| answer(status, None, 0, "x");
        let cases = [
            (page, "web page"),
            (status(401), "private or gated"),
            (status(403), "403"),
            (status(429), "wait"),
            (status(503), "503"),
            (status(302), "302"),
            (status(206), "206"),
        ];
        for (answer, says) in cases {
            let error = judge(&Part::default(), &answer, ASKED).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("the hub"), "{error}");
        }
        assert_eq!(judge(&part(4), &status(404), ASKED), Ok(Next::Absent));
    }

    #[test]
    fn a_tag_is_a_hash_only_where_it_looks_like_one() {
        let hash = "AB".repeat(32);
        assert_eq!(sha256(&format!("\"{hash}\"")), Some("ab".repeat(32)));
        for tag in ["", "\"abc\"", &"g".repeat(64), &"a".repeat(63)] {
            assert_eq!(sha256(tag), None);
        }
    }

    #[test]
    fn ranges_of_every_form() {
        for (text, expected) in [
            ("bytes 5-9/10", Some((Some(5), Some(10)))),
            ("bytes */10", Some((None, Some(10)))),
            ("bytes 5-9/*", Some((Some(5), None))),
            ("items 5-9/10", None),
            ("bytes x-9/10", None),
            ("bytes 5/10", None),
        ] {
            assert_eq!(range(text), expected, "{text}");
        }
    }
}
