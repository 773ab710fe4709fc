//! Bytes to text: refuses what is no text and says what it is instead.

use super::UserError;
use std::borrow::Cow;

/// How some files that are no text begin, and what to do about them.
const SIGNATURES: [(&[u8], &str, &str); 14] = [
    (b"%PDF", "a PDF document", "Export its text first"),
    (b"PK\x03\x04", "a zip archive (or an Office document)", "Unpack it, or save the document as text"),
    (b"\x1f\x8b", "a gzip archive", "Unpack it first"),
    (b"PAR1", "a Parquet table", "Export it as CSV or JSON lines"),
    (b"\x89PNG", "a PNG image", "The lab learns from text only"),
    (b"\xff\xd8\xff", "a JPEG image", "The lab learns from text only"),
    (b"GIF8", "a GIF image", "The lab learns from text only"),
    (b"\xd0\xcf\x11\xe0", "an old Office document", "Save it as text"),
    (b"\x28\xb5\x2f\xfd", "compressed (Zstandard)", "Unpack it first"),
    (b"BZh91AY&SY", "compressed (bzip2)", "Unpack it first"),
    (b"\xfd7zXZ\0", "compressed (xz)", "Unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it first"),
    (b"ARROW1", "an Arrow table", "Export it as CSV or JSON lines"),
    (b"\xff\xff\xff\xff", "an Arrow table, or other binary data", "Export it as CSV or JSON lines"),
];

/// The text of `bytes`, without a byte-order mark. Where the file was `cut`, its unfinished last line is left out.
pub(super) fn text<'a>(file: &str, bytes: &'a [u8], cut: bool) -> Result<Cow<'a, str>, UserError> {
    let text: Cow<str> = match utf16(bytes) {
        Some(text) => text.map_err(|()| UserError::Binary {
            file: file.to_owned(),
            kind: "like UTF-16, with what is no character in it",
            advice: "Save it as UTF-8",
        })?,
        None => utf8(file, bytes, cut)?.into(),
    };
    // Line ends of old Macs.
    let text = if text.contains('\r') && !text.contains('\n') { text.replace('\r', "\n").into() } else { text };
    let mistaken = |reason: &str| Err(UserError::Shape { file: file.to_owned(), reason: reason.to_owned() });
    if text.starts_with("version https://git-lfs.github.com/") {
        return mistaken(
            "it is a git-lfs pointer, which names the data and does not hold them: fetch them with git lfs pull",
        );
    }
    let ending = file.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default();
    let head: String = text.trim_start().chars().take(9).collect::<String>().to_lowercase();
    let is_table = matches!(ending.as_str(), "csv" | "tsv" | "tab" | "json" | "jsonl" | "ndjson");
    if is_table && (head == "<!doctype" || head.starts_with("<html")) {
        return mistaken("it is a web page and not the data: download the file itself (its “raw” or “download” link)");
    }
    let end = if cut { text.rfind('\n').map_or(text.len(), |at| at + 1) } else { text.len() };
    Ok(match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
        Cow::Owned(mut text) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    })
}

/// UTF-16 as text: with its byte-order mark, or without where every other byte is zero.
fn utf16(bytes: &[u8]) -> Option<Result<Cow<'static, str>, ()>> {
    let zeros = |from: usize| bytes.len() > 3 && bytes.iter().skip(from).step_by(2).take(64).all(|&byte| byte == 0);
    let (little, bytes) = match bytes {
        [0xff, 0xfe, rest @ ..] => (true, rest),
        [0xfe, 0xff, rest @ ..] => (false, rest),
        _ if zeros(1) != zeros(0) => (zeros(1), bytes),
        _ => return None,
    };
    let pairs = bytes.chunks_exact(2).map(|pair| [pair[0], pair[1]]);
    let units = pairs.map(|pair| if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) });
    let text = char::decode_utf16(units).collect::<Result<String, _>>();
    Some(text.ok().filter(|text| !text.contains('\0')).map(Cow::Owned).ok_or(()))
}

fn utf8<'a>(file: &str, bytes: &'a [u8], cut: bool) -> Result<&'a str, UserError> {
    let binary = |kind, advice| Err(UserError::Binary { file: file.to_owned(), kind, advice });
    if let Some((_, kind, advice)) = SIGNATURES.iter().find(|(signature, ..)| bytes.starts_with(signature)) {
        return binary(kind, advice);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.contains(&0) {
        return binary("binary data", "The lab learns from .txt, .md, .csv and .jsonl files");
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text),
        // A character cut in two by our own limit.
        Err(error) if cut && error.error_len().is_none() => {
            Ok(std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or(""))
        }
        Err(error) => {
            let offset = error.valid_up_to();
            let line = bytes[..offset].iter().filter(|&&byte| byte == b'\n').count() + 1;
            Err(UserError::NotUtf8 { file: file.to_owned(), offset, line })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_named() {
        let refuse = |bytes: &[u8]| text("f", bytes, false).unwrap_err().to_string();
        assert_eq!(refuse(b"%PDF-1.7"), "f is a PDF document, not text. Export its text first");
        assert!(refuse(b"ab\0c").contains("binary data"));
        assert!(refuse(b"BZh91AY&SY\x80").contains("bzip2"));
        assert!(refuse(b"version https://git-lfs.github.com/spec/v1\n").contains("git-lfs pointer"));
        let page = text("a.jsonl", b"<!DOCTYPE html>\n<html>", false).unwrap_err().to_string();
        assert!(page.contains("a web page"));
        assert!(refuse(b"\xff\xfe\x00\xd8a\0").contains("UTF-16"));
        assert!(refuse(b"one\ntwo \xff").contains("byte 8 (line 2)"));
        assert!(refuse(b"one \xc3").contains("byte 4 (line 1)"));
    }

    #[test]
    fn a_cut_file_ends_with_a_whole_line() {
        assert_eq!(text("f", b"one\ntw\xc3", true).unwrap(), "one\n");
        assert_eq!(text("f", b"tw\xc3", true).unwrap(), "tw");
        assert_eq!(text("f", b"\xef\xbb\xbftwo", false).unwrap(), "two");
    }

    #[test]
    fn other_encodings_and_line_ends_are_read() {
        for bytes in [&b"\xff\xfea\0\n\0b\0"[..], b"\xfe\xff\0a\0\n\0b", b"a\0\n\0b\0", b"a\rb"] {
            assert_eq!(text("f", bytes, false).unwrap(), "a\nb", "{bytes:?}");
        }
    }
}
