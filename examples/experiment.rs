//! An experiment without a page: full fine-tuning and LoRA at three sizes of one task, then the law of each.
//! `cargo run --example experiment --features native`

use anyhow::{Context, Result};
use burn::tensor::Device;
use pollster::block_on;
use std::path::Path;
use tunelab::data::Splits;
use tunelab::engine::formats::Checkpoint;
use tunelab::engine::model::Decoder;
use tunelab::engine::train::{Progress, RunData, Session};
use tunelab::laws::{Options, Point, Report, fit};
use tunelab::plan::grid::Experiment;
use tunelab::platform::native::folder::Folder;
use tunelab::record::Provenance;
use tunelab::spec::{Base, MethodKind, Precision, Source, TrainConfig};

pub fn laws_of(sizes: &[usize]) -> Result<Report> {
    let mut files = Checkpoint::open(Folder::open(Path::new("www/models/story-50k"))?)?;
    let base = Base { name: "story-50k".into(), sha256: files.sha256()? };
    let tokenizer = files.tokenizer.take().context("the base has no tokenizer")?;
    let config = files.config().clone();
    let model = Decoder::load_as(Precision::F32, &config, &mut files, &Device::flex())?;

    let methods = [MethodKind::Full, MethodKind::Lora].map(|kind| (kind.method(), TrainConfig::default_for(kind)));
    let source = Source::Task("headlines".into());
    let plan = Experiment { bases: vec![base], source, methods: methods.into(), sizes: sizes.into(), seeds: 1 };
    let mut points = Vec::new();
    for spec in plan.cells() {
        let data = RunData::of(&spec, &Splits::for_run(&spec.data, None)?, &tokenizer, None)?;
        let mut run = Session::new(&model, &spec, data)?;
        while block_on(run.advance())? != Progress::Finished {}
        let made = Provenance { device: "native CPU".into(), lab: "an example".into(), date: String::new() };
        let record = block_on(run.finish(0.0, made))?.record;
        points.push(Point::new(spec.method.kind().id(), spec.data.examples as f64, record.test.nats_per_token));
    }
    Ok(fit(&points, &Options::default()))
}

#[allow(dead_code, reason = "the tests call what it calls")]
fn main() -> Result<()> {
    print!("{}", laws_of(&[16, 32, 64, 128])?.to_text());
    Ok(())
}
