//! The visitor's data for a base and a sequence: texts that are longer divided by its tokens, train, dev and test
//! apart; and what is said of a run's data before it begins.

use super::pieces::divide;
use super::user::{UserData, UserError};
use super::{Example, Splits, Tokenized, Tokenizer, TokenizerError, tokenize};
use crate::record::{DataReport, Divided, LeftOut, Lengths, Reading, ShownExample};

/// Sequences that are chosen from by themselves.
const SEQUENCES: [usize; 9] = [64, 96, 128, 192, 256, 384, 512, 768, 1024];
/// What running text is divided by, which has no examples of its own.
const RUNNING: usize = 128;
/// The most that texts without prompt ask for: one that is longer is divided and loses nothing.
const DIVISIBLE: usize = 256;
/// Of a hundred examples, so many are to be whole.
const WHOLE: usize = 99;
/// Examples measured to choose a sequence.
const MEASURED: usize = 2000;
/// A short running text is divided finer, so that there is something for train, dev and test.
const WANTED_PIECES: usize = 24;
const LEAST_TOKENS: usize = 8;
/// A text of more bytes is longer than any sequence, and not measured.
const LONG_BYTES: usize = 1 << 16;
/// Examples shown before a run, and characters of prompt and target each that are kept of them.
const SHOWN: usize = 3;
const SHOWN_CHARACTERS: usize = 2000;

/// Data that are ready for runs of a base at a sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    pub splits: Splits,
    /// With what was divided and what repeats another example.
    pub reading: Reading,
}

/// Tokens that a model reads of an example where nothing is cut.
fn length(example: &Example, tokenizer: &dyn Tokenizer) -> Result<usize, TokenizerError> {
    Ok(tokenize(example, tokenizer, usize::MAX - 1)?.ids.len() - 1)
}

fn is_divisible(example: &Example) -> bool {
    example.prompt.is_empty() && example.chat.is_empty()
}

impl UserData {
    /// The data for runs of the tokenizer's base at `sequence`.
    pub fn prepare(&self, tokenizer: &dyn Tokenizer, sequence: usize) -> Result<Prepared, UserError> {
        let (mut examples, mut divided) = self.divided(tokenizer, sequence)?;
        if self.running && examples.len() < WANTED_PIECES {
            let tokens: usize = examples.iter().map(|example| length(example, tokenizer)).sum::<Result<_, _>>()?;
            let finer = (tokens / WANTED_PIECES).max(LEAST_TOKENS).min(sequence);
            (examples, divided) = self.divided(tokenizer, finer)?;
        }
        let splits = Splits::divide(&examples)?;
        let repeated = examples.len() - splits.train.len() - splits.dev.len() - splits.test.len();
        let mut reading = Reading { divided, ..self.reading.clone() };
        if repeated > 0 {
            let reason = "each repeats another example, letter for letter".to_owned();
            reading.left_out.push(LeftOut { count: repeated as u64, reason });
        }
        Ok(Prepared { splits, reading })
    }

    /// The examples, texts of more than `most` tokens in pieces.
    fn divided(
        &self,
        tokenizer: &dyn Tokenizer,
        most: usize,
    ) -> Result<(Vec<Example>, Option<Divided>), TokenizerError> {
        let count = |text: &str| length(&Example::text(text), tokenizer);
        let mut examples = Vec::new();
        let (mut texts, mut pieces) = (0, 0);
        for example in &self.examples {
            let text = &example.completion;
            if !is_divisible(example) || text.len() <= LONG_BYTES && count(text)? <= most {
                examples.push(example.clone());
                continue;
            }
            texts += 1;
            for piece in divide(text, most, count)? {
                pieces += 1;
                examples.push(Example::text(piece));
            }
        }
        let divided = Divided { texts, pieces, tokens: most as u64 };
        Ok((examples, Some(divided).filter(|divided| divided.texts > 0)))
    }

    /// The shortest of the usual sequences that keeps nearly every example whole, of at most `limit` tokens.
    pub fn sequence(&self, tokenizer: &dyn Tokenizer, limit: usize) -> Result<usize, TokenizerError> {
        let some = self.examples.iter().step_by(self.examples.len().div_ceil(MEASURED).max(1));
        let wanted = some.map(|example| match is_divisible(example) {
            true if self.running => Ok(RUNNING),
            true if example.completion.len() > LONG_BYTES => Ok(DIVISIBLE),
            true => Ok(length(example, tokenizer)?.min(DIVISIBLE)),
            false => length(example, tokenizer),
        });
        let mut wanted: Vec<usize> = wanted.collect::<Result<_, TokenizerError>>()?;
        wanted.sort_unstable();
        let whole = (wanted.len() * WHOLE).div_ceil(100).max(1) - 1;
        let wanted = wanted.get(whole).copied().unwrap_or(RUNNING);
        let mut enough = SEQUENCES.into_iter().take_while(|&sequence| sequence <= limit);
        let shortest = enough.clone().find(|&sequence| sequence >= wanted);
        Ok(shortest.or_else(|| enough.by_ref().last()).unwrap_or(limit))
    }
}

impl DataReport {
    /// What a run reads: its examples of all splits as tokens, the training examples first.
    pub fn of<'a>(
        examples: impl IntoIterator<Item = &'a Tokenized>,
        tokenizer: &dyn Tokenizer,
        sequence: usize,
    ) -> Result<DataReport, TokenizerError> {
        let mut report = DataReport {
            lengths: Lengths { sequence: sequence as u64, ..Lengths::default() },
            ..DataReport::default()
        };
        let (lengths, mut tokens) = (&mut report.lengths, 0);
        for example in examples {
            let read = example.ids.len() - 1;
            tokens += read;
            lengths.examples += 1;
            lengths.longest_tokens = lengths.longest_tokens.max((read + example.lost) as u64);
            lengths.cut += u64::from(example.lost > 0);
            lengths.lost_tokens += example.lost as u64;
            if report.examples.len() < SHOWN {
                report.examples.push(ShownExample::of(example, tokenizer)?);
            }
        }
        lengths.mean_tokens = tokens as f64 / lengths.examples.max(1) as f64;
        Ok(report)
    }
}

impl ShownExample {
    /// As the model reads it, its special tokens by name.
    pub fn of(tokens: &Tokenized, tokenizer: &dyn Tokenizer) -> Result<ShownExample, TokenizerError> {
        let (prompt, target) = tokens.ids.split_at(tokens.target_start);
        let shown = |ids: &[u32]| Ok(shortened(tokenizer.decode(ids)?));
        Ok(ShownExample { prompt: shown(prompt)?, target: shown(target)? })
    }
}

/// The begin and the end of a long text.
fn shortened(text: String) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= SHOWN_CHARACTERS {
        return text;
    }
    let half = SHOWN_CHARACTERS / 2;
    let (begin, end) = (&characters[..half], &characters[characters.len() - half..]);
    let between = characters.len() - 2 * half;
    format!("{} [{between} characters more] {}", String::from_iter(begin), String::from_iter(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::user::{File, ReadOptions, read};
    use crate::data::{ByteTokenizer, tokenize_all};

    fn data(name: &str, text: &str) -> UserData {
        let bytes = text.as_bytes().to_vec();
        read(name, &[File { name: name.into(), size: bytes.len() as u64, bytes }], &ReadOptions::default()).unwrap()
    }

    fn all(prepared: &Prepared) -> Vec<&Example> {
        let Splits { train, dev, test } = &prepared.splits;
        train.iter().chain(dev).chain(test).collect()
    }

    #[test]
    fn running_text_fills_the_sequence_asked() {
        let prose = (0..400).map(|i| format!("The cat number {i} sat on the mat and slept. ")).collect::<String>();
        let data = data("a.txt", &prose);
        assert_eq!(data.sequence(&ByteTokenizer, 4096), Ok(128));
        for sequence in [64, 128, 512] {
            let prepared = data.prepare(&ByteTokenizer, sequence).unwrap();
            let examples: Vec<Example> = all(&prepared).into_iter().cloned().collect();
            let tokens = tokenize_all(&examples, &ByteTokenizer, sequence).unwrap();
            let lengths = DataReport::of(&tokens, &ByteTokenizer, sequence).unwrap().lengths;
            assert_eq!((lengths.cut, lengths.examples), (0, examples.len() as u64));
            assert!(lengths.mean_tokens > 0.7 * sequence as f64, "{lengths}");
            let divided = prepared.reading.divided.unwrap();
            assert_eq!((divided.texts, divided.tokens), (1, sequence as u64));
        }
    }

    #[test]
    fn a_short_text_is_divided_finer() {
        let prepared = data("a.txt", &"One two three four. ".repeat(40)).prepare(&ByteTokenizer, 512);
        // All pieces are the same here, whatever their length.
        assert!(matches!(prepared, Err(UserError::Split(_))));
        let text = (0..40).map(|i| format!("Number {i} of forty lines. ")).collect::<String>();
        assert!(all(&data("a.txt", &text).prepare(&ByteTokenizer, 512).unwrap()).len() >= WANTED_PIECES);
    }

    #[test]
    fn a_row_that_fits_is_whole_and_a_longer_one_loses_nothing() {
        let rows: String = (0..20).map(|i| format!("{{\"text\": \"{}{i}\"}}\n", "word ".repeat(40))).collect();
        let data = data("a.jsonl", &rows);
        assert_eq!(data.sequence(&ByteTokenizer, 4096), Ok(256));
        let whole = data.prepare(&ByteTokenizer, 256).unwrap();
        assert_eq!((all(&whole).len(), whole.reading.divided), (20, None));
        let divided = data.prepare(&ByteTokenizer, 64).unwrap().reading.divided.unwrap();
        assert_eq!((divided.texts, divided.pieces >= 80), (20, true));
    }

    #[test]
    fn the_sequence_follows_from_the_data_within_the_limit() {
        let rows = |tokens: usize| -> String {
            (0..20)
                .map(|i| format!("{{\"prompt\": \"{i:02}\", \"completion\": \"{}\"}}\n", "x".repeat(tokens)))
                .collect()
        };
        // Two of the prompt, its line break, and the completion's; its end is not read.
        assert_eq!(data("a.jsonl", &rows(20)).sequence(&ByteTokenizer, 4096), Ok(64));
        assert_eq!(data("a.jsonl", &rows(253)).sequence(&ByteTokenizer, 4096), Ok(256));
        assert_eq!(data("a.jsonl", &rows(254)).sequence(&ByteTokenizer, 4096), Ok(384));
        assert_eq!(data("a.jsonl", &rows(254)).sequence(&ByteTokenizer, 300), Ok(256));
        assert_eq!(data("a.jsonl", &rows(254)).sequence(&ByteTokenizer, 40), Ok(40));
    }

    #[test]
    fn a_report_shows_examples_and_counts_what_is_cut() {
        let rows: String = (0..20)
            .map(|i| format!("{{\"prompt\": \"p{i:02}\", \"completion\": \"{}\"}}\n", "y".repeat(10 + i)))
            .collect();
        let prepared = data("a.jsonl", &rows).prepare(&ByteTokenizer, 24).unwrap();
        let examples: Vec<Example> = all(&prepared).into_iter().cloned().collect();
        let tokens = tokenize_all(&examples, &ByteTokenizer, 24).unwrap();
        let report = DataReport::of(&tokens, &ByteTokenizer, 24).unwrap();
        // Four of the prompt and one end: from 20 on, something is lost.
        let lost: u64 = (0..20u64).map(|i| (4 + 10 + i + 1).saturating_sub(25)).sum();
        assert_eq!((report.lengths.cut, report.lengths.lost_tokens), (9, lost));
        assert_eq!(report.lengths.longest_tokens, 33);
        assert_eq!(report.examples.len(), 3);
        assert!(report.examples.iter().all(|shown| shown.prompt.starts_with('p') && shown.target.starts_with("yyy")));
    }
}
