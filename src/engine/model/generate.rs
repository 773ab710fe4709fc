//! Text, token by token: keys and values are cached, the choice is made on the host from one row of logits.
//! Temperature, then top-k (Fan et al. 2018), then top-p (Holtzman et al. 2020), in Hugging Face's order.

use super::cache::Cache;
use super::decoder::Decoder;
use super::parameter::{ModelError, read_each};
use crate::data::{Tokenizer, TokenizerError};
use crate::engine::ops::Layout;
use crate::job::Sampling;
use crate::seed::{Draw, Seed};
use burn::Tensor;

/// Rows of a prompt that are read at once; the last chunk is padded, so that shapes stay fixed.
const CHUNK: usize = 16;

/// A text being continued.
#[derive(Debug)]
pub struct Generator {
    model: Decoder,
    cache: Cache,
    sampling: Sampling,
    draw: Draw,
    logits: Vec<f32>,
}

impl Generator {
    /// Reads the prompt `ids` (virtual tokens before them); at most `sampling.max_tokens` can follow.
    pub async fn start(model: &Decoder, ids: &[u32], sampling: Sampling) -> Result<Self, ModelError> {
        let mut model = model.clone();
        let virtual_tokens = model.virtual_tokens();
        let rows = ids.len().max(1).next_multiple_of(CHUNK);
        let learned = model.config().rotary_dims() == 0;
        let wanted = virtual_tokens + (ids.len() + sampling.max_tokens).max(rows);
        let capacity = if learned { wanted.min(model.config().context) } else { wanted };
        model.ensure_positions(capacity)?;
        let cache = model.cache(capacity);
        let mut generator = Generator { model, cache, sampling, draw: Seed(sampling.seed).draw(), logits: Vec::new() };
        if let Some(prompt) = generator.model.prompt().clone() {
            generator.read(prompt.inner(), virtual_tokens).await?;
        }
        for chunk in ids.chunks(CHUNK) {
            let room = generator.cache.capacity() - generator.cache.length();
            let mut padded = chunk.to_vec();
            padded.resize(CHUNK.min(room).max(chunk.len()), 0);
            let words = generator.model.embed(generator.model.ids(&padded)?);
            generator.read(words, chunk.len()).await?;
        }
        Ok(generator)
    }

    /// Chooses the next token and reads it. `None` once the room given to [`Generator::start`] is used up.
    pub async fn next(&mut self) -> Result<Option<u32>, ModelError> {
        if self.logits.is_empty() || self.cache.length() == self.cache.capacity() {
            return Ok(None);
        }
        let token = choose(&self.logits, &self.sampling, &mut self.draw);
        let words = self.model.embed(self.model.ids(&[token])?);
        self.read(words, 1).await?;
        Ok(Some(token))
    }

    /// The logits for the token after those read so far.
    pub fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// Reads `[rows, d]`, of which the first `count` are real, and keeps the last real row's logits.
    async fn read(&mut self, words: Tensor<2>, count: usize) -> Result<(), ModelError> {
        let tokens = words.dims()[0];
        self.cache.check(tokens)?;
        let layout = Layout::regular(1, tokens, self.cache.length());
        let mut pass = self.model.pass(layout, None, None, Some(&mut self.cache));
        let hidden = self.model.blocks(words, &mut pass);
        self.cache.advance(count);
        let logits = self.model.logits(hidden.narrow(0, count - 1, 1)).reshape([-1]);
        [self.logits] = read_each([logits]).await?;
        Ok(())
    }
}

/// What follows a prompt, as text. Decoded with the prompt before it: some tokenizers drop a text's first space.
#[derive(Clone, Debug)]
pub struct Continuation {
    ids: Vec<u32>,
    prompt_tokens: usize,
    prompt_bytes: usize,
}

impl Continuation {
    pub fn of(prompt: Vec<u32>, tokenizer: &dyn Tokenizer) -> Result<Self, TokenizerError> {
        let prompt_bytes = tokenizer.decode(&prompt)?.len();
        Ok(Continuation { prompt_tokens: prompt.len(), ids: prompt, prompt_bytes })
    }

    pub fn push(&mut self, token: u32) {
        self.ids.push(token);
    }

    /// Tokens after the prompt.
    pub fn tokens(&self) -> usize {
        self.ids.len() - self.prompt_tokens
    }

    /// The text so far. A character of several bytes may still lack some: it shows as U+FFFD until it is whole.
    pub fn text(&self, tokenizer: &dyn Tokenizer) -> Result<String, TokenizerError> {
        let text = tokenizer.decode(&self.ids)?;
        let new = text.get(self.prompt_bytes..).ok_or_else(|| {
            TokenizerError("the tokenizer decodes the prompt to another text once more tokens follow it".into())
        })?;
        Ok(new.to_string())
    }
}

/// The index drawn from `logits`.
fn choose(logits: &[f32], sampling: &Sampling, draw: &mut Draw) -> u32 {
    let mut order: Vec<u32> = (0..logits.len() as u32).collect();
    // Likeliest first; equal logits keep the order of their ids, so that greedy choices are the same everywhere.
    order.sort_by(|&a, &b| logits[b as usize].total_cmp(&logits[a as usize]));
    if sampling.temperature <= 0.0 {
        return order[0];
    }
    if sampling.top_k > 0 {
        order.truncate(sampling.top_k);
    }
    let highest = logits[order[0] as usize] as f64;
    let weigh = |id: u32| ((logits[id as usize] as f64 - highest) / sampling.temperature).exp();
    let mut weights: Vec<f64> = order.iter().map(|&id| weigh(id)).collect();
    let total: f64 = weights.iter().sum();
    let mut reached = 0.0;
    let kept = weights.iter().position(|weight| {
        reached += weight / total;
        reached >= sampling.top_p
    });
    weights.truncate(kept.map_or(order.len(), |last| last + 1));
    let mut left = draw.unit() * weights.iter().sum::<f64>();
    let drawn = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    // Subtracting may round so that a little is left after the last.
    order[drawn.unwrap_or(weights.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(sampling: Sampling) -> Vec<u32> {
        let logits = [1.0, 3.0, 2.0, 0.0];
        let mut draw = Seed(sampling.seed).draw();
        let mut seen: Vec<u32> = (0..500).map(|_| choose(&logits, &sampling, &mut draw)).collect();
        seen.sort();
        seen.dedup();
        seen
    }

    #[test]
    fn filters_keep_the_likeliest() {
        let warm = Sampling { temperature: 1.0, ..Sampling::default() };
        assert_eq!(drawn(warm), [0, 1, 2, 3]);
        assert_eq!(drawn(Sampling { top_k: 2, ..warm }), [1, 2]);
        // The two likeliest hold 0.64 and 0.24 of the probability.
        assert_eq!(drawn(Sampling { top_p: 0.6, ..warm }), [1]);
        assert_eq!(drawn(Sampling { top_p: 0.7, ..warm }), [1, 2]);
        assert_eq!(drawn(Sampling { temperature: 0.0, ..warm }), [1]);
    }

    #[test]
    fn frequencies_follow_the_softmax() {
        let sampling = Sampling { temperature: 1.0, ..Sampling::default() };
        let mut draw = Seed(sampling.seed).draw();
        let ones = (0..4000).filter(|_| choose(&[0.0, 1.0], &sampling, &mut draw) == 1).count();
        assert!((ones as f64 / 4000.0 - 0.731).abs() < 0.03, "{ones} of 4000");
    }
}
