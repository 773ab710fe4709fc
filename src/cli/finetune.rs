//! `lab finetune`: one run on a file's examples, or on one of the lab's own tasks, from a base folder to an adapter
//! or a model folder.

use super::method::MethodSettings;
use crate::data::user::{self, ColumnChoice, File, READ_LIMIT, ReadOptions, UserData};
use crate::data::{Prepared, Splits};
use crate::engine::adapt::{RunCard, RunExport};
use crate::engine::formats::{Checkpoint, ModelFile};
use crate::engine::model::Decoder;
use crate::engine::text::TextTokenizer;
use crate::engine::train::{Callbacks, Outcome, RunData, Session, TrainError, drive};
use crate::plan::estimate::{Estimate, longest_sequence};
use crate::platform::native::device::{self, Choice};
use crate::platform::native::{folder, memory};
use crate::record::{DataReport, EvalPoint, Reading, RunRecord};
use crate::seed::Seed;
use crate::spec::{
    Base, DataSpec, Method, MethodKind, Precision, RunSpec, SPEC_VERSION, Schedule, Source, TrainConfig,
};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use pollster::block_on;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The base model: a Hugging Face folder (config.json, model.safetensors, tokenizer.json).
    #[arg(long, value_name = "DIR")]
    base: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    read: ReadArgs,
    /// Distinct training examples; if not given, all of a file's, or 256 of a task's.
    #[arg(long)]
    examples: Option<usize>,
    /// full, lora, prompt or scratch.
    #[arg(long)]
    method: MethodKind,
    /// How the frozen base rests in memory under LoRA and prompt tuning: f32, f16, int8 or nf4 (QLoRA's 4 bits).
    #[arg(long, value_name = "PRECISION", default_value_t)]
    base_precision: Precision,
    #[command(flatten)]
    settings: MethodSettings,
    #[command(flatten)]
    train: TrainArgs,
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where the result goes: a PEFT adapter, or a full model.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Write a full model with the LoRA adapter merged in, instead of the adapter.
    #[arg(long)]
    merge: bool,
    /// Print the run's record as JSON.
    #[arg(long)]
    json: bool,
    /// What computes.
    #[arg(long, value_enum, default_value_t)]
    device: Choice,
}

#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
struct DataArgs {
    /// Your examples: .txt, .md, .csv, .tsv, .json or .jsonl. May be given several times.
    #[arg(long, value_name = "FILE")]
    data: Vec<PathBuf>,
    /// One of the lab's own tasks, by its id.
    #[arg(long, value_name = "ID")]
    task: Option<String>,
}

#[derive(clap::Args, Debug)]
struct ReadArgs {
    /// Which columns or fields hold what, instead of a guess by their names: prompt=NAME,completion=NAME, or
    /// completion=NAME alone. A name may be a path (answers.text.0), a prompt several (question+context).
    #[arg(long, value_name = "COLUMNS", conflicts_with = "task")]
    columns: Option<ColumnChoice>,
    /// Leave out lines that cannot be read, and say how many, instead of refusing the file.
    #[arg(long, conflicts_with = "task")]
    skip_bad_lines: bool,
}

#[derive(clap::Args, Debug)]
struct TrainArgs {
    /// Optimizer steps, at most.
    #[arg(long)]
    steps: Option<usize>,
    /// Passes over the examples, at most.
    #[arg(long)]
    epochs: Option<f64>,
    #[arg(long)]
    batch: Option<usize>,
    /// Batches whose gradients make one step.
    #[arg(long)]
    accumulate: Option<usize>,
    /// Tokens of an example, at most; if not given, as many as a file's examples need, within the base's context and
    /// the free memory.
    #[arg(long)]
    sequence: Option<usize>,
    #[arg(long)]
    learning_rate: Option<f64>,
    #[arg(long, value_enum)]
    schedule: Option<ScheduleArg>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ScheduleArg {
    Constant,
    Cosine,
    Linear,
}

pub fn run(args: Args) -> Result<()> {
    let mut checkpoint =
        Checkpoint::open(folder::Folder::open(&args.base)?).with_context(|| args.base.display().to_string())?;
    checkpoint.check().with_context(|| args.base.display().to_string())?;
    checkpoint.notes.iter().for_each(|note| eprintln!("{note}"));
    let Some(tokenizer) = checkpoint.tokenizer.clone() else {
        bail!("{}: tokenizer.json is missing; fine-tuning on text needs it", args.base.display());
    };
    let method = args.settings.apply(args.method)?.on(args.base_precision)?;
    let data = args.data.read(&args.read)?;
    let mut settings = args.train.config(&method);
    if let (Data::Own(data), None) = (&data, args.train.sequence) {
        let longest = longest_sequence(checkpoint.config(), &method, &settings, memory::available());
        settings.sequence = data.sequence(&tokenizer, longest)?;
    }
    // As the page draws it, so that the same seed is the same run.
    let (data, splits, reading) =
        data.for_run(&tokenizer, settings.sequence, args.examples, Seed(args.seed).derive("subset", 0))?;
    let spec = RunSpec {
        version: SPEC_VERSION,
        base: Base { name: checkpoint.tensors.files().name(), sha256: checkpoint.sha256()? },
        train: settings,
        method,
        data,
        seed: Seed(args.seed),
    };
    spec.check()?;
    let estimate = Estimate::of(checkpoint.config(), &spec.method, &spec.train);
    let mut data = RunData::of(&spec, &splits, &tokenizer, None)?;
    data.report.reading = reading;
    show(&data.report);
    eprintln!("about {} MB of memory, {:.1} GFLOP a step", estimate.bytes() / 1_000_000, estimate.step_flops / 1e9);
    if let Some(available) = memory::available() {
        estimate.check(available)?;
    }
    let config = checkpoint.config().clone();
    let opened = device::open(args.device)?;
    let base = Decoder::load_as(spec.method.base_precision(), &config, &mut checkpoint, &opened.device)?;
    let outcome = train(&base, &spec, data, opened.name)?;
    let files = result(&args, &mut checkpoint, &tokenizer, &outcome)?;
    folder::write(&args.out, &files)?;
    if args.json {
        println!("{}", outcome.record.to_json());
    } else {
        summarise(&outcome.record, base.bytes(), &args.out);
    }
    Ok(())
}

/// What is learned from.
enum Data {
    Task(String),
    Own(Box<UserData>),
}

impl DataArgs {
    fn read(&self, how: &ReadArgs) -> Result<Data> {
        if let Some(id) = &self.task {
            return Ok(Data::Task(id.clone()));
        }
        let files = self.data.iter().map(|path| folder::read_start(path, READ_LIMIT)).collect::<Result<Vec<File>>>()?;
        let name = files.first().map_or_else(String::new, |file| file.name.clone());
        let options = ReadOptions { columns: how.columns.clone(), skip_malformed: how.skip_bad_lines };
        Ok(Data::Own(Box::new(user::read(&name, &files, &options)?)))
    }
}

impl Data {
    /// The run's data, their splits, and what became of what was read.
    fn for_run(
        self,
        tokenizer: &TextTokenizer,
        sequence: usize,
        examples: Option<usize>,
        subset: Seed,
    ) -> Result<(DataSpec, Splits, Reading)> {
        match self {
            Data::Task(id) => {
                let spec = DataSpec { source: Source::Task(id), examples: examples.unwrap_or(256), subset };
                let splits = Splits::for_run(&spec, None)?;
                Ok((spec, splits, Reading::default()))
            }
            Data::Own(data) => {
                let Prepared { splits, reading } = data.prepare(tokenizer, sequence)?;
                let source = Source::User { name: data.name, sha256: data.sha256.clone() };
                let examples = examples.unwrap_or(splits.train.len());
                let spec = DataSpec { source, examples, subset };
                let splits = Splits::for_run(&spec, Some((&data.sha256, &splits)))?;
                Ok((spec, splits, reading))
            }
        }
    }
}

/// Says on stderr what will be learned.
fn show(report: &DataReport) {
    report.sentences().iter().for_each(|sentence| eprintln!("{sentence}"));
    for (at, example) in report.examples.iter().enumerate() {
        eprintln!("example {}, prompt {:?}\n           target {:?}", at + 1, example.prompt, example.target);
    }
}

impl TrainArgs {
    fn config(&self, method: &Method) -> TrainConfig {
        let default = TrainConfig::default_for(method.kind());
        TrainConfig {
            max_steps: self.steps.unwrap_or(default.max_steps),
            max_epochs: self.epochs.unwrap_or(default.max_epochs),
            batch_size: self.batch.unwrap_or(default.batch_size),
            accumulate: self.accumulate.unwrap_or(default.accumulate),
            sequence: self.sequence.unwrap_or(default.sequence),
            learning_rate: self.learning_rate.unwrap_or(default.learning_rate),
            schedule: self.schedule.map_or(default.schedule, |schedule| match schedule {
                ScheduleArg::Constant => Schedule::Constant,
                ScheduleArg::Cosine => Schedule::Cosine,
                ScheduleArg::Linear => Schedule::Linear,
            }),
            ..default
        }
    }
}

/// Says each evaluation on stderr.
struct Printed(Instant);

impl Callbacks for Printed {
    type Error = TrainError;

    fn now(&self) -> f64 {
        1e3 * self.0.elapsed().as_secs_f64()
    }

    fn evaluated(&mut self, point: EvalPoint, of: usize) {
        let (step, loss, seconds) = (point.step, point.evaluation.nats_per_token, self.0.elapsed().as_secs_f64());
        eprintln!("step {step} of {of}: dev loss {loss:.4} nats/token, {seconds:.1} s");
    }
}

fn train(base: &Decoder, spec: &RunSpec, data: RunData, device: String) -> Result<Outcome> {
    let start = Instant::now();
    let mut session = Session::new(base, spec, data)?;
    block_on(drive(&mut session, &mut Printed(start)))?;
    Ok(block_on(session.finish(start.elapsed().as_secs_f64(), super::made_on(device)))?)
}

/// The files to write: an adapter, or a full model where all weights were trained or the adapter is merged.
fn result(
    args: &Args,
    checkpoint: &mut Checkpoint<folder::Folder>,
    tokenizer: &TextTokenizer,
    outcome: &Outcome,
) -> Result<Vec<ModelFile>> {
    let description = checkpoint.description.clone();
    let base = args.base.canonicalize().unwrap_or_else(|_| args.base.clone());
    let export = RunExport {
        card: RunCard::of(&outcome.record)?,
        tensors: &outcome.tensors,
        description: &description,
        base: &base.to_string_lossy(),
        tokenizer: Some(tokenizer),
    };
    Ok(if args.merge { export.merged(checkpoint)? } else { export.files()? })
}

fn summarise(record: &RunRecord, base_bytes: u64, out: &Path) {
    println!("{} on {} examples, {} steps", record.spec.method.kind(), record.spec.data.examples, record.steps);
    println!("trained {} of {} parameters", record.trained_parameters, record.parameters.total);
    let precision = record.spec.method.base_precision();
    println!(
        "base  test loss {:.4} nats/token, held in {precision}: {} kB",
        record.base_test.nats_per_token,
        base_bytes / 1000
    );
    println!("tuned test loss {:.4} nats/token (best on dev at step {})", record.test.nats_per_token, record.best_step);
    if let Some(sampled) = &record.sampled {
        println!("{}", sampled.sentence());
    }
    println!("written to {}", out.display());
}
