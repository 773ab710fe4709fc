//! Text to token ids: the interface, the byte tokenizer, and how an example is laid out in tokens.
//! The byte-level BPE that the base models share implements [`Tokenizer`] in the engine's layer.

use super::{Example, Message};

/// Turns text into token ids and back. What a model reads of a text is said by [`whole`](Self::whole),
/// [`opened`](Self::opened) and [`closed`](Self::closed): training, testing, generation and logits use nothing else.
pub trait Tokenizer {
    fn vocab_size(&self) -> usize;
    /// The id that ends an example, and starts one that has no prompt.
    fn end_of_text(&self) -> u32;
    /// The text's own ids, without what stands around it.
    fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError>;
    /// What the tokenizer puts before and after every text: Llama's beginning-of-text.
    fn around(&self) -> (&[u32], &[u32]) {
        (&[], &[])
    }
    /// Bytes that are not UTF-8 come back as U+FFFD.
    fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError>;
    /// Whether an answer is over after this token.
    fn ends(&self, id: u32) -> bool {
        id == self.end_of_text()
    }
    /// Whether generation stops at this token.
    fn stops(&self, id: u32) -> bool {
        self.ends(id)
    }
    /// A conversation in the model's own template; none where it has no template. `answer`: the assistant's next
    /// turn begins at its end.
    fn chat(&self, _messages: &[Message], _answer: bool) -> Result<Option<String>, TokenizerError> {
        Ok(None)
    }

    /// A text that stands by itself.
    fn whole(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let (before, after) = self.around();
        Ok([before, &self.encode(text)?, after].concat())
    }

    /// A text that something follows: a prompt, never empty. What a chat template wrote (`templated`) already begins as
    /// it should.
    fn opened(&self, text: &str, templated: bool) -> Result<Vec<u32>, TokenizerError> {
        let mut ids = if templated { Vec::new() } else { self.around().0.to_vec() };
        ids.extend(self.encode(text)?);
        if ids.is_empty() {
            ids.push(self.end_of_text());
        }
        Ok(ids)
    }

    /// What follows such a text, and its end. Where a chat template wrote it, `answer` is what it wrote around: the first
    /// token after it that ends an answer is then the last that is learned.
    fn closed(&self, text: &str, answer: Option<&str>) -> Result<Vec<u32>, TokenizerError> {
        let mut ids = self.encode(text)?;
        let ends = |ids: &[u32]| -> Vec<usize> { (0..ids.len()).filter(|&at| self.ends(ids[at])).collect() };
        if let Some(answer) = answer
            && let Some(end) = ends(&ids).get(ends(&self.encode(answer)?).len())
        {
            ids.truncate(end + 1);
            return Ok(ids);
        }
        let after = if answer.is_some() { &[] } else { self.around().1 };
        ids.extend(after);
        if !after.last().is_some_and(|&id| self.ends(id)) {
            ids.push(self.end_of_text());
        }
        Ok(ids)
    }
}

/// Why a text could not be made tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tokenizer: {0}")]
pub struct TokenizerError(pub String);

/// Ids are bytes; 256 ends a text.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByteTokenizer;

impl Tokenizer for ByteTokenizer {
    fn vocab_size(&self) -> usize {
        257
    }

    fn end_of_text(&self) -> u32 {
        256
    }

    fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        Ok(text.bytes().map(u32::from).collect())
    }

    fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        let bytes = ids.iter().filter(|&&id| id != 256).map(|&id| {
            u8::try_from(id).map_err(|_| TokenizerError(format!("id {id} is above 256, the last of a byte tokenizer")))
        });
        Ok(String::from_utf8_lossy(&bytes.collect::<Result<Vec<u8>, _>>()?).into_owned())
    }
}

/// An example in tokens: `ids` is prompt then completion then end-of-text; from `target_start` on, ids are targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokenized {
    pub ids: Vec<u32>,
    /// At least 1: the first target needs something to follow from.
    pub target_start: usize,
    /// Bytes of the completion's text, for bits per byte.
    pub target_bytes: usize,
    /// Tokens that did not fit and were cut off.
    pub lost: usize,
}

impl Tokenized {
    /// Tokens that the loss counts.
    pub fn target_tokens(&self) -> usize {
        self.ids.len() - self.target_start
    }
}

/// Lays an example out in at most `sequence + 1` ids, so that a model reads at most `sequence`.
///
/// What does not fit is cut so that the tokens nearest to the seam stay: first the prompt loses its start, down
/// to half the sequence, then the completion its end, and with it the end-of-text. Prompt and completion are
/// encoded apart: the seam is a token boundary whatever the text. A conversation is written in the tokenizer's chat
/// template, where it has one; its last answer alone is target, up to the token by which the template ends it.
pub fn tokenize(example: &Example, tokenizer: &dyn Tokenizer, sequence: usize) -> Result<Tokenized, TokenizerError> {
    if example.completion.is_empty() {
        return Err(TokenizerError(format!(
            "nothing to learn: the completion of “{}” is empty",
            head(&example.prompt)
        )));
    }
    let room = sequence.max(1) + 1;
    let templated = templated(example, tokenizer)?;
    let (prompt, completion) = match &templated {
        Some((prompt, completion)) => (prompt, completion),
        None => (&example.prompt, &example.completion),
    };
    let mut prompt = tokenizer.opened(prompt, templated.is_some())?;
    let answer = templated.as_ref().and(example.chat.last()).map(|message| message.content.as_str());
    let mut completion = tokenizer.closed(completion, answer)?;

    let lost = (prompt.len() + completion.len()).saturating_sub(room);
    let mut target_bytes = example.completion.len();
    if lost > 0 {
        let kept = prompt.len().min((room - completion.len().min(room)).max(room / 2).max(1));
        // What stands before every text stays where there is room for it.
        let first = if templated.is_some() { 0 } else { tokenizer.around().0.len() };
        let first = if first < kept { first } else { 0 };
        prompt.drain(first..first + prompt.len() - kept);
        if completion.len() > room - kept {
            completion.truncate(room - kept);
            // A cut inside a character decodes to U+FFFD, which is no text.
            target_bytes = tokenizer.decode(&completion)?.trim_end_matches('\u{FFFD}').len().max(1);
        }
    }
    let target_start = prompt.len();
    prompt.extend(completion);
    Ok(Tokenized { ids: prompt, target_start, target_bytes, lost })
}

/// What is read before the last answer of a conversation, and the answer, in the tokenizer's chat template.
fn templated(example: &Example, tokenizer: &dyn Tokenizer) -> Result<Option<(String, String)>, TokenizerError> {
    let Some((answer, before)) = example.chat.split_last() else { return Ok(None) };
    let Some(whole) = tokenizer.chat(&example.chat, false)? else { return Ok(None) };
    let said = tokenizer.chat(before, false)?.unwrap_or_default();
    let opened = tokenizer.chat(before, true)?.unwrap_or_default();
    let begins = |seam: &usize| *seam >= said.len() && whole[*seam..].trim_start().starts_with(answer.content.trim());
    // What opens an answer may go on with what only some answers have, such as a thought: up to there they agree. And
    // a conversation that the assistant begins may get an opening that an empty one has not.
    let agreed = || whole.char_indices().zip(opened.chars()).find(|((_, a), b)| a != b).map(|((at, _), _)| at);
    let later = || whole.rfind(&opened).map(|at| at + opened.len());
    let seam = match whole.starts_with(&opened) {
        true => Some(opened.len()),
        false => agreed().filter(begins).or_else(|| later().filter(begins)),
    };
    let seam = seam.filter(|&seam| seam < whole.len()).ok_or_else(|| {
        TokenizerError(format!(
            "the model's chat template does not write the answer “{}” where it lets the model answer, so there is no \
             place to learn it from",
            head(&answer.content)
        ))
    })?;
    Ok(Some((whole[..seam].to_string(), whole[seam..].to_string())))
}

/// Every example as tokens, cut to `sequence`.
pub fn tokenize_all(
    examples: &[Example],
    tokenizer: &dyn Tokenizer,
    sequence: usize,
) -> Result<Vec<Tokenized>, TokenizerError> {
    examples.iter().map(|example| tokenize(example, tokenizer, sequence)).collect()
}

fn head(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(prompt: &str, completion: &str, sequence: usize) -> Tokenized {
        tokenize(&Example::new(prompt, completion), &ByteTokenizer, sequence).unwrap()
    }

    #[test]
    fn an_example_is_prompt_completion_end() {
        let tokens = bytes("ab", "cé", 16);
        assert_eq!(tokens.ids, [97, 98, 99, 0xC3, 0xA9, 256]);
        assert_eq!((tokens.target_start, tokens.target_bytes, tokens.lost), (2, 3, 0));
        assert_eq!(ByteTokenizer.decode(&tokens.ids).unwrap(), "abcé");
    }

    #[test]
    fn text_starts_with_end_of_text() {
        assert_eq!(bytes("", "a", 16).ids, [256, 97, 256]);
    }

    #[test]
    fn the_tokens_at_the_seam_stay() {
        assert_eq!(bytes("abcdefgh", "xy", 5).ids, [102, 103, 104, 120, 121, 256]);
        let both = bytes("abcdefgh", "rstuvwxyz", 5);
        assert_eq!(both.ids, [102, 103, 104, 114, 115, 116]);
        assert_eq!((both.target_bytes, both.lost), (3, 12));
        assert_eq!(bytes("a", "rstuvwxyz", 5).ids, [97, 114, 115, 116, 117, 118]);
    }

    /// Bytes, with a chat template whose answers end in `!`.
    struct Chatty(fn(&[Message], bool) -> String);

    impl Tokenizer for Chatty {
        fn vocab_size(&self) -> usize {
            257
        }
        fn end_of_text(&self) -> u32 {
            256
        }
        fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
            ByteTokenizer.encode(text)
        }
        fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError> {
            ByteTokenizer.decode(ids)
        }
        fn ends(&self, id: u32) -> bool {
            id == 256 || id == u32::from(b'!')
        }
        fn chat(&self, messages: &[Message], answer: bool) -> Result<Option<String>, TokenizerError> {
            Ok(Some((self.0)(messages, answer)))
        }
    }

    fn answer_of(template: fn(&[Message], bool) -> String) -> Result<(String, String), TokenizerError> {
        let chat = vec![Message::new("user", "q"), Message::new("assistant", "a")];
        let tokens = tokenize(&Example { chat, ..Example::new("user: q\nassistant:", " a") }, &Chatty(template), 64)?;
        let text = |ids: &[u32]| ByteTokenizer.decode(ids).unwrap();
        Ok((text(&tokens.ids[..tokens.target_start]), text(&tokens.ids[tokens.target_start..])))
    }

    fn turns(messages: &[Message]) -> String {
        messages.iter().map(|message| format!("<{}>{}!\n", &message.role[..1], message.content)).collect()
    }

    #[test]
    fn only_the_answer_of_a_templated_conversation_is_learned() {
        let plain = |messages: &[Message], answer: bool| turns(messages) + if answer { "<a>" } else { "" };
        assert_eq!(answer_of(plain).unwrap(), ("<u>q!\n<a>".into(), "a!".into()));
        let thinking = |messages: &[Message], answer: bool| turns(messages) + if answer { "<a>(hm" } else { "" };
        assert_eq!(answer_of(thinking).unwrap(), ("<u>q!\n<a>".into(), "a!".into()));
        let rewriting = |messages: &[Message], _: bool| format!("{} turns: {}", messages.len(), turns(messages));
        assert!(answer_of(rewriting).unwrap_err().0.contains("no place to learn it from"));
    }

    #[test]
    fn bad_input_is_named() {
        let empty = tokenize(&Example::new("why?", ""), &ByteTokenizer, 8).unwrap_err();
        assert_eq!(empty.to_string(), "tokenizer: nothing to learn: the completion of “why?” is empty");
        assert!(ByteTokenizer.decode(&[300]).unwrap_err().to_string().contains("id 300"));
    }

    proptest! {
        #[test]
        fn every_layout_fits_and_has_context_and_targets(
            prompt in ".{0,40}", completion in ".{1,40}", sequence in 1usize..60,
        ) {
            let tokens = bytes(&prompt, &completion, sequence);
            prop_assert!(tokens.ids.len() <= sequence + 1);
            prop_assert!(tokens.target_start >= 1 && tokens.target_tokens() >= 1);
            let whole = prompt.len().max(1) + completion.len() + 1;
            prop_assert_eq!(tokens.ids.len() + tokens.lost, whole);
            prop_assert_eq!(tokens.lost > 0, whole > sequence + 1);
        }
    }
}
