//! A text that is longer than a sequence, divided into pieces that fit, where the text itself pauses: at blank lines,
//! else at line ends, sentence ends, spaces. Lengths are the base's own tokens. Nothing is lost but the white space at
//! the cuts.

use super::TokenizerError;

/// Shares of a piece in which a pause is looked for, from the end: a full piece before a better pause.
const SHARES: [usize; 2] = [4, 2];
/// From the strongest pause to the weakest.
const PAUSES: [&str; 8] = ["\n\n", "\n", ". ", "! ", "? ", "; ", ", ", " "];
/// Bytes of the first guess at a token, and of the shortest piece.
const BYTES_A_TOKEN: f64 = 4.0;
const LEAST_BYTES: usize = 4;

/// The pieces of `text`, each of at most `most` tokens as `count` counts them.
pub(super) fn divide(
    text: &str,
    most: usize,
    count: impl Fn(&str) -> Result<usize, TokenizerError>,
) -> Result<Vec<String>, TokenizerError> {
    let mut pieces = Vec::new();
    let mut rest = trimmed(text);
    let mut bytes_a_token = BYTES_A_TOKEN;
    while !rest.is_empty() {
        let mut bytes = ((most as f64 * bytes_a_token) as usize).max(LEAST_BYTES);
        // The longest piece that fits, by what a token took so far.
        let (piece, tokens) = loop {
            let piece = &rest[..pause(rest, bytes)];
            let tokens = count(piece.trim_end())?;
            if tokens <= most || piece.len() <= LEAST_BYTES {
                break (piece, tokens);
            }
            let share = most as f64 / tokens as f64;
            bytes = ((piece.len() as f64 * share * 0.95) as usize).clamp(LEAST_BYTES, piece.len() - 1);
        };
        // A little more each time, so that pieces grow until one does not fit at once.
        bytes_a_token = piece.len() as f64 / tokens.max(1) as f64 * 1.02;
        rest = trimmed(&rest[piece.len()..]);
        if !piece.trim().is_empty() {
            pieces.push(piece.trim_end().to_owned());
        }
    }
    Ok(pieces)
}

/// Without white space at the end and without blank lines at the begin; the first line's indentation stays.
fn trimmed(text: &str) -> &str {
    let text = text.trim_end();
    let words = text.len() - text.trim_start().len();
    let line = text[..words].rfind(['\n', '\r']).map_or(0, |at| at + 1);
    &text[line..]
}

/// Where a piece of at most `most` bytes ends.
fn pause(text: &str, most: usize) -> usize {
    if text.len() <= most {
        return text.len();
    }
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if end == 0 {
        // One character is longer.
        return text.chars().next().map_or(0, char::len_utf8);
    }
    let head = &text[..end];
    let within = |share: usize| {
        let least = most - most / share;
        PAUSES.into_iter().find_map(|pause| head.rfind(pause).map(|at| at + pause.len()).filter(|&at| at > least))
    };
    // No pause, as in Chinese or base64.
    SHARES.into_iter().find_map(within).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Two bytes a token.
    fn pieces(text: &str, most: usize) -> Vec<String> {
        divide(text, most, |piece| Ok(piece.len().div_ceil(2))).unwrap()
    }

    #[test]
    fn pieces_are_full_and_end_where_the_text_pauses() {
        let text = "The cat sat on the mat and slept. ".repeat(100);
        let found = pieces(&text, 120);
        assert!(found.iter().all(|piece| piece.ends_with("slept.") && piece.len() <= 240));
        let mean = found.iter().map(String::len).sum::<usize>() / found.len();
        assert!(mean > 190, "{mean}");
    }

    #[test]
    fn a_text_that_fits_is_whole_and_keeps_its_indentation() {
        let text = "    def f():\n        return 1\n\n    f()";
        assert_eq!(pieces(&format!("\n\n{text}\n"), 60), [text]);
        assert!(pieces(&text.repeat(40), 60).iter().all(|piece| piece.len() <= 120));
    }

    proptest! {
        #[test]
        fn nothing_but_white_space_is_lost(text in "(\\PC|\n| |\\. ){0,600}", most in 2usize..80) {
            let found = pieces(&text, most);
            prop_assert!(found.iter().all(|piece| piece.len() <= (2 * most).max(LEAST_BYTES)));
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&found.concat()), letters(&text));
        }
    }
}
