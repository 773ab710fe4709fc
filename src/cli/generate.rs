//! `lab generate`: a text continued, token by token as it is chosen.

use super::base;
use crate::data::{Message, Tokenizer, plain_chat};
use crate::engine::model::{Continuation, Generator};
use crate::job::Sampling;
use anyhow::{Result, ensure};
use pollster::block_on;
use std::io::Write;

#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    base: base::Args,
    /// The text to continue.
    #[arg(long, required_unless_present = "chat", conflicts_with = "chat")]
    prompt: Option<String>,
    /// A conversation to answer, in the model's chat template: the user's turn, the assistant's, and so on.
    #[arg(long, value_name = "TURN")]
    chat: Vec<String>,
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
    let ids = match args.chat.is_empty() {
        true => tokenizer.opened(args.prompt.as_deref().unwrap_or_default(), false)?,
        false => {
            let role = |at: usize| if at.is_multiple_of(2) { "user" } else { "assistant" };
            let turns = args.chat.iter().enumerate();
            let messages: Vec<Message> = turns.map(|(at, text)| Message::new(role(at), text.as_str())).collect();
            match tokenizer.chat_at(&messages, true, super::now())? {
                Some(text) => tokenizer.opened(&text, true)?,
                None => tokenizer.opened(&plain_chat(&messages, true), false)?,
            }
        }
    };
    let sampling = Sampling {
        max_tokens: args.tokens,
        temperature: args.temperature,
        top_k: args.top_k,
        top_p: args.top_p,
        seed: args.seed,
    };
    let mut generator = block_on(Generator::start(&opened.model, &ids, sampling))?;

    let mut out = std::io::stdout().lock();
    if args.chat.is_empty() {
        write!(out, "{}", args.prompt.as_deref().unwrap_or_default())?;
    }
    let mut said = Continuation::of(ids, tokenizer)?;
    let mut shown = 0;
    for _ in 0..args.tokens {
        let Some(token) = block_on(generator.next())?.filter(|token| !tokenizer.stops(*token)) else { break };
        said.push(token);
        let text = said.text(tokenizer)?;
        let whole = text.trim_end_matches('\u{FFFD}');
        if let Some(new) = whole.get(shown..) {
            write!(out, "{new}")?;
            out.flush()?;
            shown = whole.len();
        }
    }
    Ok(writeln!(out, "{}", said.text(tokenizer)?.get(shown..).unwrap_or(""))?)
}
