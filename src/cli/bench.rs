//! `lab bench`: times fixed work on the native engine; `./lab bench` sets it beside the browser and other libraries.

use crate::engine::train::bench::bench;
use crate::plan::bench::BenchSize;
use crate::platform::native::device;
use crate::spec::{MethodKind, Precision};
use anyhow::Result;
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
    /// What computes.
    #[arg(long, value_enum, default_value_t)]
    device: device::Choice,
    /// Count what a step asks of the GPU in place of timing it.
    #[cfg(feature = "native-gpu")]
    #[arg(long)]
    launches: bool,
    /// Print JSON, one line a measurement.
    #[arg(long)]
    json: bool,
}

impl Args {
    fn sizes(&self) -> impl Iterator<Item = BenchSize> {
        let wanted = |size: &BenchSize| self.size.as_ref().is_none_or(|wanted| *wanted == format!("{size:?}"));
        BenchSize::ALL.into_iter().filter(wanted)
    }
}

pub fn run(args: Args) -> Result<()> {
    #[cfg(feature = "native-gpu")]
    if args.launches {
        return count(&args);
    }
    let opened = device::open(args.device)?;
    eprintln!("on {}", opened.name);
    let clock = Instant::now();
    let now = || clock.elapsed().as_secs_f64() * 1e3;
    for size in args.sizes() {
        for method in MethodKind::ALL {
            for &precision in &args.base_precision {
                // What trains every weight has no base that could rest.
                let Ok(on) = method.method().on(precision) else { continue };
                let timing = pollster::block_on(bench(size, on, [args.warmup, args.steps], &opened.device, now))?;
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

/// Prints what one step of each method asks of the GPU, once every kernel is compiled.
#[cfg(feature = "native-gpu")]
fn count(args: &Args) -> Result<()> {
    use crate::platform::native::launches::Launches;
    Launches::watch();
    let opened = device::open(device::Choice::Gpu)?;
    eprintln!("on {}", opened.name);
    for size in args.sizes() {
        for method in MethodKind::ALL {
            println!("{size:?} {method}: {}", pollster::block_on(Launches::of_a_step(size, method, &opened.device))?);
        }
    }
    Ok(())
}
