//! Running text to passages of about a training sequence each, cut where the text itself pauses: at blank lines,
//! else at line ends, sentence ends, spaces. Nothing is lost but the white space at the cuts.

/// Bytes of a passage: about 64 tokens of the ladder's tokenizer.
pub(super) const PASSAGE_BYTES: usize = 240;
/// A short text is cut finer, so that there is something to divide into train, dev and test.
const WANTED_PASSAGES: usize = 24;
const LEAST_BYTES: usize = 24;

/// The passages of one running text, at least some 24 of them if it is no mere note.
pub(super) fn of_text(text: &str) -> Vec<String> {
    cut_up(text, (text.trim().len() / WANTED_PASSAGES).clamp(LEAST_BYTES, PASSAGE_BYTES))
}

/// Passages of at most `most` bytes, which must hold any character.
pub(super) fn cut_up(text: &str, most: usize) -> Vec<String> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut passages = Vec::new();
    let mut open = String::new();
    let mut close = |open: &mut String| {
        let done = std::mem::take(open);
        if !done.trim().is_empty() {
            passages.push(done.trim().to_owned());
        }
    };
    for paragraph in text.split("\n\n") {
        if open.len() + paragraph.len() > most {
            close(&mut open);
        }
        let mut rest = paragraph;
        while rest.len() > most {
            let (head, tail) = rest.split_at(cut(rest, most));
            close(&mut head.to_owned());
            rest = tail;
        }
        if !open.is_empty() {
            open.push_str("\n\n");
        }
        open.push_str(rest);
    }
    close(&mut open);
    passages
}

/// Where to cut `text`, which is longer than `most`: in its second half if possible, at the strongest pause.
fn cut(text: &str, most: usize) -> usize {
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = &text[..end];
    for pause in ["\n", ". ", "! ", "? ", "; ", ", ", " "] {
        if let Some(at) = head.rfind(pause).filter(|at| at + pause.len() > most / 2) {
            return at + pause.len();
        }
    }
    // No pause, as in Chinese or base64.
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_text_is_cut_at_sentences() {
        let text = "The cat sat on the mat and slept. ".repeat(100);
        let passages = of_text(&text);
        assert!(passages.iter().all(|passage| passage.ends_with("slept.") && passage.len() <= PASSAGE_BYTES));
        assert!(passages.len() >= WANTED_PASSAGES && passages.len() < 34);
    }

    #[test]
    fn paragraphs_stay_together() {
        let text = format!("# Title\n\nFirst.\n\n{}", "Word word word. ".repeat(500));
        assert!(of_text(&text)[0].starts_with("# Title\n\nFirst."));
    }

    proptest! {
        #[test]
        fn nothing_but_white_space_is_lost(text in "(\\PC|\n| |\\. ){0,600}") {
            let joined: String = of_text(&text).concat();
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&joined), letters(&text));
        }
    }
}
