//! `lab logits`: what a model says after every token of a text, for checking against other tools.

use super::base;
use crate::data::Tokenizer;
use anyhow::{Result, ensure};
use std::io::Write;

#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    base: base::Args,
    #[command(flatten)]
    input: Input,
    /// Print JSON: `ids`, and `logits` with a row of the vocabulary for every position.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
struct Input {
    /// A text, tokenised with the special tokens that the model's tokenizer adds.
    #[arg(long)]
    text: Option<String>,
    /// Token ids, such as 1,2,3.
    #[arg(long, value_delimiter = ',')]
    ids: Vec<u32>,
}

pub fn run(args: Args) -> Result<()> {
    let mut opened = args.base.open()?;
    let ids = match &args.input.text {
        Some(text) => opened.tokenizer()?.whole(text)?,
        None => args.input.ids,
    };
    ensure!(!ids.is_empty(), "the text has no tokens: give at least one");
    let model = &mut opened.model;
    model.ensure_positions(model.virtual_tokens() + ids.len())?;
    let logits = model.logits(model.hidden(model.ids(&ids)?, 1, None));
    let values: Vec<f32> = logits.into_data().try_into_vec().map_err(|error| anyhow::anyhow!("{error}"))?;
    let rows: Vec<&[f32]> = values.chunks(opened.model.config().vocab_size).collect();

    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &serde_json::json!({"ids": ids, "logits": rows}))?;
        return Ok(writeln!(out)?);
    }
    writeln!(out, "{:>8}  {:<16} likeliest next tokens and their logits", "id", "token")?;
    let spell = |id: u32| match &opened.checkpoint.tokenizer {
        Some(tokenizer) => tokenizer.decode(&[id]).map_or_else(|_| id.to_string(), |text| format!("{text:?}")),
        None => id.to_string(),
    };
    for (id, row) in ids.iter().zip(rows) {
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by(|a, b| row[*b].total_cmp(&row[*a]));
        let best: Vec<String> =
            order.iter().take(5).map(|&next| format!("{} {:.4}", spell(next as u32), row[next])).collect();
        writeln!(out, "{id:>8}  {:<16} {}", spell(*id), best.join("  "))?;
    }
    Ok(())
}
