//! `lab bench`: times fixed work on the native engine; `./lab bench` sets it beside the browser and other libraries.

use crate::plan::bench::BenchSize;
use crate::spec::MethodKind;
use crate::train::bench::bench;
use anyhow::Result;
use burn::tensor::Device;
use std::time::Instant;

#[derive(clap::Args)]
pub struct Args {
    /// Steps before the clock starts.
    #[arg(long, default_value_t = 5)]
    warmup: usize,
    /// Steps that are timed; the median counts.
    #[arg(long, default_value_t = 40)]
    steps: usize,
    /// Print JSON, one line a measurement.
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> Result<()> {
    let clock = Instant::now();
    let now = || clock.elapsed().as_secs_f64() * 1e3;
    for size in BenchSize::ALL {
        for method in MethodKind::ALL {
            let timing = pollster::block_on(bench(size, method, [args.warmup, args.steps], &Device::flex(), now))?;
            if args.json {
                println!("{}", serde_json::json!({ "size": size, "method": method, "timing": timing }));
            } else {
                println!(
                    "{size:?} {method}: {:.2} ms a step, {:.0} tokens a second",
                    timing.ms_per_step,
                    timing.tokens_per_second()
                );
            }
        }
    }
    Ok(())
}
