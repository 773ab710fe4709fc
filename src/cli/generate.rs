//! `lab generate`: a text continued, token by token as it is chosen.

use super::base;
use crate::data::Tokenizer;
use crate::model::{Generator, Sampling};
use crate::seed::Seed;
use anyhow::{Result, ensure};
use pollster::block_on;
use std::io::Write;

#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    base: base::Args,
    /// The text to continue.
    #[arg(long)]
    prompt: String,
    /// Tokens to add, at most; the model may end the text sooner.
    #[arg(long, default_value_t = 100)]
    tokens: usize,
    /// 0 takes the likeliest token each time; higher is more varied.
    #[arg(long, default_value_t = 0.0)]
    temperature: f64,
    /// Choose among this many of the likeliest tokens only; 0 for all.
    #[arg(long, default_value_t = 0)]
    top_k: usize,
    /// Choose among the likeliest tokens that together reach this probability.
    #[arg(long, default_value_t = 1.0)]
    top_p: f64,
    /// Another seed makes other choices.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

pub fn run(args: Args) -> Result<()> {
    ensure!(args.temperature >= 0.0 && args.temperature.is_finite(), "--temperature must be 0 or above");
    ensure!(args.top_p > 0.0 && args.top_p <= 1.0, "--top-p must lie in (0, 1]");
    let opened = args.base.open()?;
    let tokenizer = opened.tokenizer()?;
    let mut ids = tokenizer.encode_with_special(&args.prompt)?;
    if ids.is_empty() {
        ids.push(tokenizer.end_of_text());
    }
    let sampling =
        Sampling { temperature: args.temperature, top_k: args.top_k, top_p: args.top_p, seed: Seed(args.seed) };
    let mut generator = block_on(Generator::start(&opened.model, &ids, args.tokens, sampling))?;

    let mut out = std::io::stdout().lock();
    write!(out, "{}", args.prompt)?;
    // Decoded with the prompt before it: some tokenizers drop a text's first space.
    let mut shown = tokenizer.decode(&ids)?.len();
    for _ in 0..args.tokens {
        let Some(token) = block_on(generator.next())?.filter(|token| !tokenizer.ends(*token)) else { break };
        ids.push(token);
        let text = tokenizer.decode(&ids)?;
        // A character of several bytes may still lack some: it shows as U+FFFD until it is whole.
        let whole = text.trim_end_matches('\u{FFFD}');
        if let Some(new) = whole.get(shown..) {
            write!(out, "{new}")?;
            out.flush()?;
            shown = whole.len();
        }
    }
    let text = tokenizer.decode(&ids)?;
    Ok(writeln!(out, "{}", text.get(shown..).unwrap_or(""))?)
}
