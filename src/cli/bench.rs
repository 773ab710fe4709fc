//! `lab bench`: times fixed work on the native engine; `./lab bench` sets it beside the browser and other libraries.

use crate::engine::train::bench::bench;
use crate::plan::bench::BenchSize;
use crate::spec::{MethodKind, Precision};
use anyhow::Result;
use burn::tensor::Device;
use serde_json::json;
use std::time::Instant;

#[derive(clap::Args)]
pub struct Args {
    /// One size alone.
    #[arg(long, value_parser = ["Small", "Medium"])]
    size: Option<String>,
    /// Steps before the clock starts.
    #[arg(long, default_value_t = 5)]
    warmup: usize,
    /// Steps that are timed; the median counts.
    #[arg(long, default_value_t = 40)]
    steps: usize,
    /// How the frozen base of LoRA and prompt tuning rests: f32, f16, int8, nf4.
    #[arg(long, value_delimiter = ',', default_value = "f32")]
    base_precision: Vec<Precision>,
    /// Print JSON, one line a measurement.
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> Result<()> {
    let clock = Instant::now();
    let now = || clock.elapsed().as_secs_f64() * 1e3;
    let wanted = |size: &BenchSize| args.size.as_ref().is_none_or(|wanted| *wanted == format!("{size:?}"));
    for size in BenchSize::ALL.into_iter().filter(wanted) {
        for method in MethodKind::ALL {
            for &precision in &args.base_precision {
                // What trains every weight has no base that could rest.
                let Ok(on) = method.method().on(precision) else { continue };
                let timing = pollster::block_on(bench(size, on, [args.warmup, args.steps], &Device::flex(), now))?;
                if args.json {
                    let line = json!({ "size": size, "method": method, "precision": precision, "timing": timing });
                    println!("{line}");
                } else {
                    let (ms, tokens) = (timing.ms_per_step, timing.tokens_per_second());
                    println!("{size:?} {method}, base in {precision}: {ms:.2} ms a step, {tokens:.0} tokens a second");
                }
            }
        }
    }
    Ok(())
}
