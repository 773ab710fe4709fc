//! Bytes to text: refuses what is no text and says what it is instead.

use super::UserError;

/// How some files that are no text begin, and what to do about them.
const SIGNATURES: [(&[u8], &str, &str); 10] = [
    (b"%PDF", "a PDF document", "Export its text first"),
    (b"PK\x03\x04", "a zip archive (or an Office document)", "Unpack it, or save the document as text"),
    (b"\x1f\x8b", "a gzip archive", "Unpack it first"),
    (b"PAR1", "a Parquet table", "Export it as CSV or JSON lines"),
    (b"\x89PNG", "a PNG image", "The lab learns from text only"),
    (b"\xff\xd8\xff", "a JPEG image", "The lab learns from text only"),
    (b"GIF8", "a GIF image", "The lab learns from text only"),
    (b"\xd0\xcf\x11\xe0", "an old Office document", "Save it as text"),
    (b"\xff\xfe", "UTF-16 text", "Save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "Save it as UTF-8"),
];

/// The text of `bytes`, without a byte-order mark. Where the file was `cut`, its unfinished last line is left out.
pub(super) fn text<'a>(file: &str, bytes: &'a [u8], cut: bool) -> Result<&'a str, UserError> {
    let binary = |kind, advice| Err(UserError::Binary { file: file.to_owned(), kind, advice });
    if let Some((_, kind, advice)) = SIGNATURES.iter().find(|(signature, ..)| bytes.starts_with(signature)) {
        return binary(kind, advice);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.contains(&0) {
        return binary("binary data", "The lab learns from .txt, .md, .csv and .jsonl files");
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // A character cut in two by our own limit.
        Err(error) if cut && error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or("")
        }
        Err(error) => {
            let offset = error.valid_up_to();
            let line = bytes[..offset].iter().filter(|&&byte| byte == b'\n').count() + 1;
            return Err(UserError::NotUtf8 { file: file.to_owned(), offset, line });
        }
    };
    let end = if cut { text.rfind('\n').map_or(text.len(), |at| at + 1) } else { text.len() };
    Ok(&text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_named() {
        let refuse = |bytes: &[u8]| text("f", bytes, false).unwrap_err().to_string();
        assert_eq!(refuse(b"%PDF-1.7"), "f is a PDF document, not text. Export its text first");
        assert!(refuse(b"ab\0c").contains("binary data"));
        assert!(refuse(b"\xff\xfea\0").contains("UTF-16"));
        assert!(refuse(b"one\ntwo \xff").contains("byte 8 (line 2)"));
        assert!(refuse(b"one \xc3").contains("byte 4 (line 1)"));
    }

    #[test]
    fn a_cut_file_ends_with_a_whole_line() {
        assert_eq!(text("f", b"one\ntw\xc3", true), Ok("one\n"));
        assert_eq!(text("f", b"tw\xc3", true), Ok("tw"));
        assert_eq!(text("f", b"\xef\xbb\xbftwo", false), Ok("two"));
    }
}
