//! What the page's fold and its lists cost with thousands of records: `cargo bench --features ui --bench page_state`.
//! Each line's figure is the median of 50 events, in microseconds.

use std::hint::black_box;
use std::time::Instant;
use tunelab::job::fake::{opened, record};
use tunelab::job::*;
use tunelab::record::ModelCard;
use tunelab::spec::{Base, MethodKind, ModelConfig, RunSpec};
use tunelab::ui::state::pace::all_left;
use tunelab::ui::state::results;
use tunelab::ui::state::settings::Settings;
use tunelab::ui::state::{Input, Order, State};

const RECORDS: usize = 10_000;

fn median(mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..50)
        .map(|_| {
            let start = Instant::now();
            run();
            1e6 * start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn card() -> ModelCard {
    let config = ModelConfig::ladder(512, 64, 32, 2);
    ModelCard { name: "small".into(), sha256: "32".into(), bytes: 1, config, pretraining: None, origin: None }
}

/// The job that a worker was given last.
fn given(orders: &[Order]) -> Option<(WorkerId, JobId, RunSpec)> {
    orders.iter().find_map(|order| match order {
        Order::Send(worker, Command::Start { id, job: Job::Train(spec) }) => Some((*worker, *id, (**spec).clone())),
        _ => None,
    })
}

fn main() {
    let settings = Settings { methods: vec![MethodKind::Full], seeds: 16, ..Settings::default() };
    let mut state = State::new(settings.clone());
    let fold = |state: &mut State, input| state.fold(0.0, input);
    fold(&mut state, Input::Opened);
    fold(&mut state, Input::Shelf(Ok(vec![card()])));
    let cell = state.planned().expect("a plan")[0].1.clone();
    let records = (0..RECORDS).map(|examples| {
        let mut spec = cell.clone();
        spec.data.examples = 100_000 + examples;
        record(spec)
    });
    fold(&mut state, Input::Records(records.collect()));
    let event = |worker, event| Input::Heard(worker, Heard::Event(event));
    fold(&mut state, Input::Play);
    let mut orders = fold(&mut state, event(1, opened(PROTOCOL_VERSION)));
    // What a worker reads before it trains is answered at once.
    while given(&orders).is_none() {
        let read = orders.iter().find_map(|order| match order {
            Order::Send(worker, command @ Command::Start { .. }) => Some((*worker, command.clone())),
            _ => None,
        });
        let (worker, command) = read.expect("a worker is given something");
        orders = fake::Fake::answer(&command)
            .into_iter()
            .flat_map(|heard| fold(&mut state, Input::Heard(worker, heard)))
            .collect();
    }
    let (worker, id, spec) = given(&orders).expect("a run");
    let (step, of, nats_per_token) = (5, 10, Some(4.0));
    let stepped = Progress::Stepped { step, of, nats_per_token, tokens_per_second: 1000.0, share: 0.5 };
    let stepped = Event::Job(id, JobEvent::Progress(stepped));
    println!(
        "Stepped: {:.0}",
        median(|| {
            fold(&mut state, event(worker, stepped.clone()));
        })
    );

    let output = Output::Trained { record: Box::new(record(spec)), kept: true };
    let finished = Event::Job(id, JobEvent::Done(output));
    let before = state.clone();
    println!(
        "Finished, with a copy of the state: {:.0}",
        median(|| {
            let mut state = before.clone();
            fold(&mut state, event(worker, finished.clone()));
        })
    );
    println!(
        "A copy of the state: {:.0}",
        median(|| {
            black_box(before.clone());
        })
    );
    println!(
        "Counts: {:.0}",
        median(|| {
            black_box(state.queue.counts());
        })
    );
    println!(
        "Time left: {:.0}",
        median(|| {
            black_box(all_left(&state));
        })
    );
    let base = Base { name: "small".into(), sha256: "32".into() };
    let source = cell.data.source;
    println!(
        "Groups for plots and fits: {:.0}",
        median(|| {
            black_box(results::groups(&state, &base, &source));
        })
    );
}
