//! The page's fold, driven without a browser: fake workers do every job at once, their losses from a known law.

use std::collections::BTreeSet;
use tunelab::data::tasks::Task;
use tunelab::data::user::ColumnChoice;
use tunelab::job::fake::{Fake, done, opened, record};
use tunelab::job::*;
use tunelab::laws::{AnalysisRequest, Point, analyse};
use tunelab::plan::estimate::Estimate;
use tunelab::record::*;
use tunelab::spec::*;
use tunelab::ui::state::results::{self, Joint};
use tunelab::ui::state::settings::{DataChoice, Horizontal, Settings};
use tunelab::ui::state::shelf::{MODEL_WORKER, Stage, WASM_BYTES};
use tunelab::ui::state::*;

/// A page with fake workers.
struct Page {
    state: State,
    fake: Fake,
    kept: usize,
    /// Another tab trains.
    elsewhere: bool,
    orders: Vec<Order>,
    clock: f64,
}

impl Page {
    fn open(settings: Settings) -> Page {
        let (state, fake) = (State::new(settings), Fake::default());
        let mut page = Page { state, fake, kept: 0, elsewhere: false, orders: Vec::new(), clock: 0.0 };
        page.hear(Input::Opened);
        page.hear(Input::Shelf(Ok(vec![card("small", 32), card("large", 64)])));
        page
    }

    fn hear(&mut self, input: Input) {
        self.clock += 10.0;
        for order in self.state.fold(self.clock, input) {
            self.orders.push(order.clone());
            match order {
                Order::Spawn(worker, backend) => self.fake.spawn(worker, backend),
                Order::End(worker) => self.fake.end(worker),
                Order::Send(worker, command) => self.fake.send(worker, command),
                Order::Keep(_) => self.kept += 1,
                Order::Claim if self.elsewhere => self.hear(Input::Claim(Claim::Waits)),
                Order::Claim => self.hear(Input::Claim(Claim::Held)),
                _ => {}
            }
        }
    }

    fn hear_event(&mut self, worker: WorkerId, event: Event) {
        self.hear(Input::Heard(worker, Heard::Event(event)));
    }

    fn hear_job(&mut self, worker: WorkerId, id: JobId, event: JobEvent) {
        self.hear_event(worker, Event::Job(id, event));
    }

    fn dies(&mut self, worker: WorkerId, reason: &str) {
        self.hear(Input::Heard(worker, Heard::Died(reason.into())));
    }

    /// Lets workers do what they were told until one is told what `until` waits for; gives that, or none at rest.
    fn work_until(&mut self, until: impl Fn(&Command) -> bool) -> Option<(WorkerId, Command)> {
        for _ in 0..10_000 {
            let (worker, command) = self.fake.next()?;
            if until(&command) {
                return Some((worker, command));
            }
            for heard in Fake::answer(&command) {
                self.hear(Input::Heard(worker, heard));
            }
        }
        panic!("the page and its workers never come to rest");
    }

    fn work(&mut self) {
        assert_eq!(self.work_until(|_| false), None);
    }

    /// The job of this kind that a worker was given last; it is left to the test.
    fn given(&mut self, is_wanted: impl Fn(&Job) -> bool) -> (WorkerId, JobId) {
        self.work_until(|command| matches!(command, Command::Start { job, .. } if is_wanted(job))).map_or_else(
            || panic!("no worker was given such a job"),
            |(worker, command)| match command {
                Command::Start { id, .. } => (worker, id),
                other => panic!("{other:?}"),
            },
        )
    }

    /// Lets workers work until one is to train; the cell is left to the test.
    fn training(&mut self) -> (WorkerId, JobId, RunSpec) {
        match self.work_until(is_run) {
            Some((worker, Command::Start { id, job: Job::Train(spec) })) => (worker, id, *spec),
            other => panic!("a run, not {other:?}"),
        }
    }

    fn planned(&self) -> Vec<RunSpec> {
        self.state.planned().expect("a plan").iter().map(|(_, spec)| spec.clone()).collect()
    }

    fn done(&self) -> Vec<(MethodKind, usize, u64)> {
        let key = |r: &RunRecord| (r.spec.method.kind(), r.spec.data.examples, r.spec.seed.0);
        self.state.records().map(key).collect()
    }

    fn said(&self, part: &str) -> bool {
        self.state.notices.iter().any(|notice| notice.text.contains(part))
    }
}

fn is_run(command: &Command) -> bool {
    matches!(command, Command::Start { job: Job::Train(_), .. })
}

fn card(name: &str, width: usize) -> ModelCard {
    let pretraining = Pretraining {
        corpus: "stories".into(),
        tokens: 1_000_000,
        seed: 1,
        learning_rate: 1e-3,
        test_nats_per_token: 2.0,
        test_bits_per_byte: 1.0,
        curve: vec![],
        commit: String::new(),
    };
    let config = ModelConfig::ladder(512, 64, width, 2);
    let pretraining = Some(pretraining);
    ModelCard { name: name.into(), sha256: format!("{width}"), bytes: 100_000, config, pretraining, origin: None }
}

/// Two methods, three sizes, one seed.
fn small() -> Settings {
    Settings {
        methods: vec![MethodKind::Full, MethodKind::Lora],
        smallest: 64,
        largest: 256,
        seeds: 1,
        ..Settings::default()
    }
}

#[test]
fn play_trains_every_cell_small_sizes_first_and_keeps_each_record() {
    let mut page = Page::open(small());
    page.hear(Input::Play);
    page.work();
    use MethodKind::{Full, Lora};
    let expected = [(Full, 64, 0), (Lora, 64, 0), (Full, 128, 0), (Lora, 128, 0), (Full, 256, 0), (Lora, 256, 0)];
    assert_eq!(page.done(), expected);
    assert_eq!((page.kept, page.state.phase), (6, Phase::Idle));
    assert!(page.said("All 6 runs are finished"), "{:?}", page.state.notices);
    let base = Base { name: "small".into(), sha256: "32".into() };
    let groups = results::groups(&page.state, &base, &Source::Task(Task::DEFAULT.into()));
    let names: Vec<_> = groups.iter().map(|group| (group.name.as_str(), group.runs.len())).collect();
    assert_eq!(names, [("Full fine-tuning", 3), ("LoRA", 3)]);
}

/// A second way of training from scratch: both are told apart by what they are, and both are there for the transfer.
#[test]
fn variants_of_a_method_are_known_by_their_settings_not_by_their_names() {
    let methods = vec![MethodKind::Lora, MethodKind::Scratch];
    let first = Settings { methods: methods.clone(), ..small() };
    let mut page = Page::open(first.clone());
    page.hear(Input::Play);
    page.work();
    let groups = |page: &Page, base: &str, sha256: &str| {
        let base = Base { name: base.into(), sha256: sha256.into() };
        results::groups(&page.state, &base, &Source::Task(Task::DEFAULT.into()))
    };
    let alone = groups(&page, "small", "32");
    let name = |key: &str, groups: &[results::Group]| results::names(groups).get(key).cloned().unwrap_or_default();
    let scratch = alone[1].key.clone();
    assert_eq!((name(&scratch, &alone).as_str(), alone.len()), ("From scratch", 2));
    // Another rate, and the same again on another base.
    let rates = [(MethodKind::Scratch, 0.007)].into();
    page.hear(Input::Settings(Box::new(Settings { rates, ..first.clone() })));
    page.hear(Input::Play);
    page.work();
    page.hear(Input::Shelf(Ok(vec![card("small", 32), card("large", 64)])));
    page.hear(Input::Settings(Box::new(Settings { bases: vec!["large".into()], ..first })));
    page.hear(Input::Play);
    page.work();
    let both = groups(&page, "small", "32");
    let kinds: Vec<MethodKind> = both.iter().map(|group| group.kind()).collect();
    assert_eq!(kinds, [MethodKind::Lora, MethodKind::Scratch, MethodKind::Scratch]);
    assert_eq!(both.iter().map(|group| &group.key).collect::<BTreeSet<_>>().len(), 3);
    assert!(both.iter().any(|group| group.key == scratch), "the key of a group does not change with its neighbours");
    assert!(groups(&page, "large", "64").iter().any(|group| group.key == scratch), "nor with the base");
    let names = results::names(&results::groups_of_all(&page.state));
    assert_eq!(names.values().collect::<BTreeSet<_>>().len(), 3, "{names:?}");
    let question = AnalysisRequest {
        points: results::points(&both, Horizontal::Examples),
        scratch: both[1..].iter().map(|group| group.key.clone()).collect(),
        names,
        ..AnalysisRequest::default()
    };
    let found = analyse(&question);
    let said: Vec<_> = found.transfers.iter().map(|t| (t.name.as_str(), t.report.rows.len())).collect();
    assert_eq!(said, [("LoRA", 3), ("LoRA", 3)]);
}

#[test]
fn the_finished_experiment_is_there_at_once_and_play_goes_on_from_it() {
    let mut page = Page::open(small());
    let records = page.planned().into_iter().map(record).collect();
    page.hear(Input::Precomputed(records));
    assert_eq!(page.done().len(), 6);
    page.hear(Input::Play);
    page.work();
    assert_eq!(page.done().len(), 12, "a second seed of every cell");
    assert!(page.said("seed 2 was added"), "{:?}", page.state.notices);
    assert_eq!(page.kept, 6, "only what was trained here is kept");
}

#[test]
fn put_away_the_finished_experiment_is_trained_here() {
    let mut page = Page::open(small());
    let records = page.planned().into_iter().map(record).collect();
    page.hear(Input::Precomputed(records));
    page.hear(Input::PutAway(true));
    assert_eq!(page.done(), []);
    assert!(page.planned().iter().all(|spec| !page.state.is_done(&spec.id())), "they are to train again");
    page.hear(Input::Play);
    page.work();
    assert_eq!((page.done().len(), page.kept), (6, 6));
}

#[test]
fn a_size_that_has_no_run_is_trained_next() {
    let mut page = Page::open(small());
    page.hear(Input::Play);
    page.work_until(is_run).expect("a first run");
    page.hear(Input::Point { examples: 1000, of: None });
    // The run that was under way is lost to this test; what comes next is the point.
    let waiting: Vec<usize> = page.state.queue.cells().map(|(_, spec, _)| spec.data.examples).take(2).collect();
    assert_eq!(waiting, [1000, 1000]);
}

#[test]
fn a_size_asked_for_of_one_method_trains_that_one_as_it_is_set_there() {
    let mut page = Page::open(small());
    let rate = TrainConfig { learning_rate: 0.02, ..TrainConfig::default_for(MethodKind::Lora) };
    let of = (MethodKind::Lora.method(), rate);
    page.hear(Input::Point { examples: 96, of: Some(Box::new(of.clone())) });
    assert!(
        page.state.is_coming(&of, 96) && page.said("Next: LoRA on 96 examples, seed 1."),
        "{:?}",
        page.state.notices
    );
    page.work();
    assert_eq!(page.done(), [(MethodKind::Lora, 96, 0)]);
    assert!(page.state.records().all(|record| record.spec.train == of.1) && !page.state.is_coming(&of, 96));
}

#[test]
fn asking_for_a_size_again_adds_a_seed() {
    let mut page = Page::open(small());
    for _ in 0..2 {
        page.hear(Input::Point { examples: 64, of: None });
        page.work();
    }
    use MethodKind::{Full, Lora};
    let mut done = page.done();
    done.sort();
    assert_eq!(done, [(Full, 64, 0), (Full, 64, 1), (Lora, 64, 0), (Lora, 64, 1)]);
}

#[test]
fn a_crashed_worker_costs_no_finished_run_and_its_cell_is_trained_again() {
    let mut page = Page::open(small());
    page.hear(Input::Play);
    for _ in 0..2 {
        let (worker, id, spec) = page.training();
        let output = Output::Trained { record: Box::new(record(spec)), kept: true };
        page.hear_event(worker, done(id, output));
    }
    let (worker, ..) = page.training();
    page.dies(worker, "out of memory");
    assert_eq!(page.done().len(), 2);
    assert!(page.fake.ended.contains(&worker));
    assert!(page.said("out of memory"), "{:?}", page.state.notices);
    page.work();
    assert_eq!(page.done().len(), 6);
}

#[test]
fn a_dead_worker_is_followed_by_one_for_each_run_that_waits() {
    let mut page = Page::open(Settings { methods: vec![MethodKind::Full], largest: 64, ..small() });
    page.state.cores = 4;
    page.hear(Input::Play);
    let (worker, ..) = page.training();
    page.dies(worker, "out of memory");
    assert_eq!(page.state.workers.len(), 1, "one run, one worker");
    page.work();
    assert_eq!((page.done().len(), page.state.workers.len()), (1, 1));
}

#[test]
fn what_the_storage_does_not_take_ends_no_run_and_is_said() {
    let mut page = Page::open(small());
    page.hear(Input::Play);
    let (worker, id, spec) = page.training();
    let refuse = |what| Event::NotKept { what, reason: "it is full".into() };
    page.hear_event(worker, refuse(Unkept::Checkpoint));
    let said = |page: &Page| page.state.unstored.sentence().unwrap_or_default();
    assert!(said(&page).contains("it is full") && said(&page).contains("checkpoints"), "{}", said(&page));
    page.hear_event(worker, refuse(Unkept::Weights(spec.id())));
    let output = Output::Trained { record: Box::new(record(spec.clone())), kept: false };
    page.hear_event(worker, done(id, output));
    page.hear(Input::NotKept(Unkept::Record(spec.id()), "it is full".into()));
    page.work();
    assert_eq!((page.done().len(), page.kept), (6, 6), "the runs go on");
    assert!(said(&page).contains("the result of a run; the tuned weights of a run"), "{}", said(&page));
    // Who alone has the weights completes with them, whichever worker is free.
    page.state.cores = 4;
    page.hear(Input::Settings(Box::new(Settings { seeds: 2, ..small() })));
    page.hear(Input::Play);
    let model = ModelRef::Tuned { base: "small".into(), run: spec.id() };
    let asks = vec![(model.clone(), Context::Text("x".into()))];
    page.hear(Input::Complete { asks: asks.clone(), sampling: Sampling::default(), beside: false });
    let (asked, _) = page.given(|job| matches!(job, Job::Generate { .. }));
    assert_eq!(asked, worker);
    // Room made, the record is tried again.
    page.hear(Input::RoomMade);
    assert_eq!(page.orders.last(), Some(&Order::Keep(Box::new(record(spec.clone())))));
    assert!(!said(&page).contains("result"), "{}", said(&page));
    page.dies(worker, "out of memory");
    assert!(page.state.unstored.is_lost(&spec.id()) && said(&page).is_empty());
}

#[test]
fn one_tab_trains_and_the_other_follows() {
    let mut page = Page::open(small());
    page.elsewhere = true;
    page.hear(Input::Play);
    page.work();
    assert_eq!((page.state.claim, page.done()), (Claim::Waits, vec![]));
    // Its runs come by themselves.
    let others: Vec<RunRecord> = page.planned().into_iter().take(2).map(record).collect();
    page.hear(Input::Records(others));
    assert_eq!((page.done().len(), page.state.phase), (2, Phase::Playing));
    // The other is closed.
    page.hear(Input::Claim(Claim::Held));
    page.work();
    assert_eq!((page.done().len(), page.kept), (6, 4), "each run is trained by one tab");
    let told = page.orders.iter().filter(|order| matches!(order, Order::Tell(_)));
    assert_eq!((told.count(), page.state.claim), (4, Claim::None));
    assert_eq!(page.orders.iter().filter(|order| **order == Order::Release).count(), 1);
    // Where the other trains everything, this one is done too.
    let mut page = Page::open(small());
    page.elsewhere = true;
    page.hear(Input::Play);
    page.hear(Input::Records(page.planned().into_iter().map(record).collect()));
    assert_eq!((page.state.phase, page.state.claim), (Phase::Idle, Claim::None));
    assert!(page.said("Every run is finished"), "{:?}", page.state.notices);
}

#[test]
fn a_run_left_half_done_is_named_and_goes_on_when_asked() {
    let mut page = Page::open(small());
    let spec = page.planned()[3].clone();
    let begun = Begun { spec: spec.clone(), step: 40, of: 96 };
    page.hear(Input::Begun(vec![begun.clone()]));
    page.work();
    assert_eq!((page.state.begun.len(), page.done()), (1, vec![]), "nothing trains unasked");
    page.hear(Input::GoOn);
    assert_eq!(page.training().2, spec, "and it alone");
    assert_eq!((page.state.begun.len(), page.state.queue.counts().pending), (0, 0));
    page.hear(Input::Begun(vec![begun]));
    page.hear(Input::Discard);
    assert_eq!(page.orders.last(), Some(&Order::Discard(vec![spec.id()])));
}

#[test]
fn a_page_out_of_sight_leaves_a_checkpoint() {
    let mut page = Page::open(small());
    page.hear(Input::Play);
    let (worker, id, _) = page.training();
    page.hear(Input::Hidden);
    assert_eq!(page.orders.last(), Some(&Order::Send(worker, Command::Keep(id))));
}

#[test]
fn the_visitors_data_are_kept_and_come_back() {
    let own = Settings { data: DataChoice::Own, ..small() };
    let text = || DataRequest::Text { name: "mine".into(), text: "a".into(), options: ReadOptions::default() };
    let mut page = Page::open(own.clone());
    assert_eq!(page.orders.iter().filter(|order| **order == Order::RecallData).count(), 1);
    page.hear(Input::OwnData(text()));
    page.work();
    assert!(page.orders.contains(&Order::KeepData(text())));
    let mut page = Page::open(own);
    page.hear(Input::Recalled(Some(text())));
    page.work();
    assert_eq!(page.state.own.request, Some(text()));
    assert!(!page.orders.contains(&Order::KeepData(text())), "they lie there already");
    assert!(page.planned().iter().all(|spec| matches!(spec.data.source, Source::User { .. })));
    assert!(!Page::open(small()).orders.contains(&Order::RecallData), "looked for only where they are chosen");
}

#[test]
fn the_time_left_counts_evaluations() {
    let mut page = Page::open(Settings { methods: vec![MethodKind::Full], largest: 64, ..small() });
    page.hear(Input::Play);
    let (worker, id, spec) = page.training();
    let mut progress = |progress| page.hear_job(worker, id, JobEvent::Progress(progress));
    progress(Progress::Started { step: 0, of: 6, share: 0.0 });
    let (step, of, nats_per_token) = (6, 6, Some(2.0));
    progress(Progress::Stepped { step, of, nats_per_token, tokens_per_second: 10.0, share: 0.1 });
    let left = |page: &Page| pace::run_left(&page.state.live[&spec.id()]).expect("a pace");
    assert!((left(&page) - 0.09).abs() < 1e-9, "{}", left(&page));
    let evaluating = Progress::Evaluating { measured: Measured::Test, batch: 20, of: 32, share: 0.6 };
    page.hear_job(worker, id, JobEvent::Progress(evaluating));
    let live = &page.state.live[&spec.id()];
    assert_eq!(live.evaluating, Some((Measured::Test, 20, 32)));
    assert!(left(&page) < 0.02, "{}", left(&page));
}

#[test]
fn what_is_removed_comes_back_until_its_message_goes() {
    let mut page = Page::open(small());
    page.hear(Input::Play);
    page.work();
    let runs = page.state.clearable();
    let clear = |page: &mut Page| {
        page.hear(Input::RemoveRuns(runs.clone()));
        let notice = page.state.notices.iter().rfind(|notice| notice.undo).expect("an offer to undo");
        assert_eq!((page.done(), notice.text.as_str()), (vec![], "6 runs are removed."));
        notice.id
    };
    let notice = clear(&mut page);
    page.hear(Input::Undo(notice));
    assert_eq!(page.done().len(), 6);
    let forgets = |order: &Order| matches!(order, Order::Forget(_));
    assert!(!page.orders.iter().any(forgets));
    let notice = clear(&mut page);
    // More to tell does not take the offer away.
    (0..5).for_each(|index| page.hear(Input::Say(Level::Information, format!("{index}"))));
    assert!(!page.orders.iter().any(forgets));
    page.hear(Input::Dismiss(notice));
    let forgotten = page.orders.iter().rfind(|order| forgets(order));
    assert_eq!(forgotten, Some(&Order::Forget(runs)));
    // They are to train again.
    page.hear(Input::Play);
    page.work();
    assert_eq!(page.done().len(), 6);

    let card = AdapterCard {
        id: "a".into(),
        name: "mine".into(),
        base: Base { name: "small".into(), sha256: "32".into() },
        method: MethodKind::Lora.method(),
        bytes: 1,
        test_nats_per_token: None,
    };
    let worker = *page.state.workers.keys().next().expect("a worker");
    page.hear_event(worker, Event::Adapters(vec![card.clone()]));
    page.hear(Input::RemoveAdapter("a".into()));
    // A worker that tells of it again meanwhile does not bring it back.
    page.hear_event(worker, Event::Adapters(vec![card.clone()]));
    assert!(page.state.jobs.adapters.is_empty());
    let notice = page.state.notices.last().expect("a message").id;
    page.hear(Input::Undo(notice));
    assert_eq!(page.state.jobs.adapters, [card]);
    page.hear(Input::RemoveAdapter("a".into()));
    let notice = page.state.notices.last().expect("a message").id;
    page.hear(Input::Dismiss(notice));
    page.given(|job| matches!(job, Job::RemoveAdapter { .. }));
}

#[test]
fn a_lost_device_gets_a_new_worker() {
    let mut page = Page::open(small());
    page.hear(Input::Play);
    let (worker, ..) = page.training();
    page.hear_event(worker, Event::DeviceLost { reason: "reset".into() });
    page.work();
    assert_eq!(page.done().len(), 6);
    assert!(page.said("the GPU was lost: reset"), "{:?}", page.state.notices);
    assert!(page.fake.ended.contains(&worker));
}

#[test]
fn a_worker_that_never_starts_is_given_up_with_words() {
    let mut page = Page::open(small());
    page.hear(Input::Play);
    while let Some((worker, _)) = page.fake.waiting.pop_front() {
        page.dies(worker, "no WebAssembly");
    }
    assert_eq!((page.fake.ended.len(), page.state.phase), (3, Phase::Idle));
    assert!(page.said("does not start: no WebAssembly"), "{:?}", page.state.notices);
}

#[test]
fn a_gpu_that_cannot_be_opened_leaves_the_work_to_the_cpu_once_and_says_why() {
    let refuse = || Event::CannotOpen { reason: "no adapter".into() };
    let mut page = Page::open(Settings { backend: Backend::WebGpu, ..small() });
    page.hear(Input::Play);
    let (worker, start) = page.fake.waiting.pop_front().expect("a start");
    assert!(matches!(start, Command::Open { backend: Backend::WebGpu, .. }));
    page.hear_event(worker, refuse());
    assert!(page.said("WebGPU could not be started (no adapter)"), "{:?}", page.state.notices);
    let starts: Vec<_> = page.fake.waiting.iter().map(|(_, command)| command.clone()).collect();
    assert!(matches!(starts[..], [Command::Open { backend: Backend::Cpu, .. }]), "{starts:?}");
    page.work();
    assert_eq!((page.done().len(), page.fake.ended.clone()), (6, vec![worker]));
    assert!(page.state.device.as_ref().is_some_and(|device| device.reason.contains("no adapter")));
    // Chosen again, it is tried again.
    page.hear(Input::Settings(Box::new(small())));
    page.hear(Input::Settings(Box::new(Settings { backend: Backend::WebGpu, ..small() })));
    assert!(matches!(page.fake.waiting.back(), Some((_, Command::Open { backend: Backend::WebGpu, .. }))));
    // The CPU's cannot be replaced.
    let mut page = Page::open(small());
    page.hear(Input::OwnData(DataRequest::Text {
        name: "x".into(),
        text: "x".into(),
        options: ReadOptions::default(),
    }));
    page.hear(Input::Play);
    let (worker, _) = page.fake.waiting.pop_front().expect("a start");
    page.hear_event(worker, refuse());
    assert_eq!((page.fake.waiting.len(), page.state.phase), (0, Phase::Idle));
    assert!(page.said("does not start: no adapter") && !page.state.own.is_reading(), "{:?}", page.state.notices);
}

#[test]
fn a_gpu_whose_worker_dies_at_each_start_leaves_the_work_to_the_cpu() {
    let mut page = Page::open(Settings { backend: Backend::WebGpu, ..small() });
    page.hear(Input::Play);
    while page.fake.ended.len() < 3 {
        let (worker, _) = page.fake.waiting.pop_front().expect("a start");
        page.dies(worker, "a panic");
    }
    page.work();
    assert_eq!(page.done().len(), 6);
}

#[test]
fn a_worker_of_another_build_ends_with_words_whichever_side_sees_it() {
    let says: [fn(WorkerId) -> Input; 3] = [
        |worker| Input::Heard(worker, Heard::Event(opened(PROTOCOL_VERSION + 1))),
        |worker| Input::Heard(worker, Heard::Event(Event::OtherBuild { version: PROTOCOL_VERSION - 1 })),
        |worker| Input::Heard(worker, Heard::Unreadable),
    ];
    for says in says {
        let mut page = Page::open(small());
        page.hear(Input::Play);
        let (worker, _) = page.fake.waiting.pop_front().expect("a start");
        page.hear(says(worker));
        assert!(page.said("different versions. Reload the page"), "{:?}", page.state.notices);
        assert_eq!(
            (page.fake.ended.clone(), page.fake.waiting.len(), page.state.phase),
            (vec![worker], 0, Phase::Idle)
        );
    }
}

#[test]
fn a_failed_cell_is_said_and_the_others_go_on() {
    let mut page = Page::open(small());
    page.hear(Input::Play);
    let (worker, id, _) = page.training();
    page.hear_job(worker, id, JobEvent::Progress(Progress::Started { step: 0, of: 10, share: 0.0 }));
    page.hear_job(worker, id, JobEvent::Failed("the loss is NaN.".into()));
    page.work();
    assert_eq!((page.done().len(), page.state.queue.counts().failed), (5, 1));
}

#[test]
fn what_keeps_a_run_from_beginning_is_said_once() {
    let mut page = Page::open(small());
    for _ in 0..2 {
        page.hear(Input::Play);
        let (worker, id, _) = page.training();
        page.hear_job(worker, id, JobEvent::Failed("the base is not there.".into()));
        page.work();
        assert_eq!((page.state.phase, page.done().len()), (Phase::Idle, 0));
    }
    let said = page.state.notices.iter().filter(|notice| notice.text.contains("the base is not there"));
    assert_eq!(said.count(), 1, "{:?}", page.state.notices);
    page.hear(Input::Play);
    page.work();
    assert_eq!(page.done().len(), 6, "what was refused is tried again");
}

#[test]
fn warnings_wait_to_be_read() {
    let mut page = Page::open(small());
    for index in 0..6 {
        page.hear(Input::Say(Level::Warning, format!("warning {index}")));
        page.hear(Input::Say(Level::Information, format!("information {index}")));
    }
    for index in 0..6 {
        assert!(page.said(&format!("warning {index}")));
        assert_eq!(page.said(&format!("information {index}")), index > 2);
    }
}

#[test]
fn the_precomputed_belong_to_their_own_experiment() {
    let mut page = Page::open(small());
    let records: Vec<RunRecord> = page.planned().into_iter().map(record).collect();
    page.hear(Input::Precomputed(records));
    assert_eq!(page.state.precomputed_here(), 6);
    let other = Task::ALL.into_iter().map(Task::id).find(|&id| id != Task::DEFAULT).unwrap();
    page.hear(Input::Settings(Box::new(Settings { data: DataChoice::Task(other.into()), ..small() })));
    assert_eq!(page.state.precomputed_here(), 0);
    page.hear(Input::Settings(Box::new(small())));
    page.hear(Input::Play);
    page.work();
    assert!(page.said("seed 2 was added") && page.said("All 6 runs are finished"), "{:?}", page.state.notices);
    page.hear(Input::Settings(Box::new(small())));
    page.hear(Input::Play);
    page.work();
    assert!(page.said("seed 3 was added"), "seed 2 has nothing to train: {:?}", page.state.notices);
    page.state.notices.clear();
    page.hear(Input::Settings(Box::new(Settings { data: DataChoice::Task(other.into()), ..small() })));
    page.hear(Input::Play);
    page.work();
    assert!(page.said("All 6 runs are finished"), "those trained, not those that were there: {:?}", page.state.notices);
}

#[test]
fn pause_holds_resume_goes_on_and_stop_forgets_what_waits() {
    let mut page = Page::open(small());
    page.hear(Input::Play);
    let (worker, id, _) = page.training();
    page.hear(Input::Pause);
    assert_eq!(page.fake.waiting.pop_front(), Some((worker, Command::Pause(id))));
    page.hear(Input::Play);
    assert_eq!(page.fake.waiting.pop_front(), Some((worker, Command::Resume(id))));
    page.hear(Input::Stop);
    assert_eq!(page.fake.waiting.pop_front(), Some((worker, Command::Stop(id))));
    page.hear_job(worker, id, JobEvent::Stopped);
    page.work();
    assert_eq!((page.state.phase, page.state.queue.cells().count()), (Phase::Idle, 0));
    page.hear(Input::Play);
    page.work();
    assert_eq!(page.done().len(), 6, "after a stop, Play trains everything");
}

#[test]
fn settings_changed_while_it_trains_replace_what_waits() {
    let mut page = Page::open(small());
    page.hear(Input::Play);
    page.work_until(is_run).expect("a run");
    page.hear(Input::Settings(Box::new(Settings { methods: vec![MethodKind::Prompt], ..small() })));
    let waiting = page.state.queue.cells().filter(|(_, spec, _)| spec.method.kind() == MethodKind::Prompt).count();
    assert_eq!((waiting, page.state.queue.counts().pending), (3, 3));
}

#[test]
fn another_device_starts_new_workers_and_loses_nothing() {
    let mut page = Page::open(small());
    page.hear(Input::Play);
    let (worker, _) = page.work_until(is_run).expect("a run");
    page.hear(Input::Settings(Box::new(Settings { backend: Backend::Cpu, ..small() })));
    assert!(page.fake.ended.contains(&worker));
    let start = page.fake.waiting.iter().find(|(_, command)| matches!(command, Command::Open { .. }));
    assert!(matches!(start, Some((_, Command::Open { backend: Backend::Cpu, .. }))));
    page.work();
    assert_eq!(page.done().len(), 6);
}

#[test]
fn data_that_cannot_be_read_leave_what_was_loaded() {
    let text =
        |name: &str| DataRequest::Text { name: name.into(), text: "…".into(), options: ReadOptions::default() };
    let mut page = Page::open(Settings { data: DataChoice::Own, ..small() });
    page.hear(Input::Play);
    assert!(page.said("Your data are not read yet"), "{:?}", page.state.notices);
    page.hear(Input::OwnData(text("good")));
    page.work();
    let good = page.state.own.source.clone();
    assert!(good.is_some());
    page.hear(Input::OwnData(text("bad")));
    let (worker, id) = page.given(|job| matches!(job, Job::ReadData { .. }));
    page.hear_job(worker, id, JobEvent::Failed("not UTF-8".into()));
    assert_eq!(page.state.own.source, good);
    assert_eq!(page.state.own.problem.as_deref(), Some("not UTF-8"));
    page.hear(Input::Play);
    page.work();
    assert_eq!(page.done().len(), 6, "the good data are still trained on");
}

#[test]
fn data_that_wait_for_a_choice_of_columns_offer_it() {
    let own = DataRequest::Text { name: "own".into(), text: "…".into(), options: ReadOptions::default() };
    let mut page = Page::open(Settings { data: DataChoice::Own, ..small() });
    page.hear(Input::OwnData(own.clone()));
    let (worker, id) = page.given(|job| matches!(job, Job::ReadData { .. }));
    let columns = ["question".to_string(), "one".into(), "two".into()];
    page.hear_job(worker, id, JobEvent::Partial(Partial::Columns(columns.to_vec())));
    page.hear_job(worker, id, JobEvent::Failed("which column answers “question”?".into()));
    assert_eq!(page.state.own.unread_columns, columns);
    let choice = ColumnChoice { prompt: Some("question".into()), completion: "two".into() };
    let options = ReadOptions { columns: Some(choice), ..ReadOptions::default() };
    page.hear(Input::OwnData(own.clone().with_options(options.clone())));
    let (worker, id) = page.given(|job| matches!(job, Job::ReadData { .. }));
    page.hear_job(worker, id, JobEvent::Failed("no example remains".into()));
    assert_eq!(page.state.own.unread_columns, columns, "another choice may be better");
    page.hear(Input::OwnData(own.with_options(options)));
    page.work();
    assert!(page.state.own.unread_columns.is_empty() && page.state.own.source.is_some());
}

#[test]
fn own_data_choose_the_sequence_within_context_and_memory() {
    let own = DataRequest::Text { name: "own".into(), text: "…".into(), options: ReadOptions::default() };
    let settings = Settings { data: DataChoice::Own, ..small() };
    let mut page = Page::open(settings.clone());
    page.hear(Input::OwnData(own));
    assert!(page.state.planned().is_err(), "how much is read of an example is not known yet");
    page.work();
    let sequences = |page: &Page| page.planned().iter().map(|spec| spec.train.sequence).collect::<BTreeSet<_>>();
    let wanted = page.state.summary(&page.state.source().unwrap()).unwrap().sequence;
    assert_ne!(wanted, TrainConfig::SEQUENCE);
    assert_eq!(sequences(&page), [wanted].into());

    // What the visitor says goes before what the data say, and is what the data are counted with.
    page.hear(Input::Settings(Box::new(Settings { sequence: Some(32), ..settings.clone() })));
    assert_eq!(sequences(&page), [32].into());
    let counts = |command: &Command| matches!(command, Command::Start { job: Job::ReadData { counted, .. }, .. } if counted.sequence == Some(32));
    let (worker, command) = page.work_until(counts).expect("the data are counted anew");
    Fake::answer(&command).into_iter().for_each(|heard| page.hear(Input::Heard(worker, heard)));
    page.hear(Input::Settings(Box::new(settings.clone())));
    assert_eq!(sequences(&page), [wanted].into());

    // 1,000 examples to train on: larger sizes are all of them.
    page.hear(Input::Settings(Box::new(Settings { smallest: 256, largest: 4096, ..settings.clone() })));
    let sizes: BTreeSet<_> = page.planned().iter().map(|spec| spec.data.examples).collect();
    assert_eq!(sizes, [256, 512, 1000].into());
    page.hear(Input::Point { examples: 4096, of: None });
    assert_eq!(page.training().2.data.examples, 1000);
    assert!(page.said("1000 examples to train on, not 4096"), "{:?}", page.state.notices);
    page.hear(Input::Stop);
    page.hear(Input::Settings(Box::new(settings.clone())));

    // Less memory, shorter examples: as many tokens as fit, the same for every method.
    let fits = |page: &Page| {
        let estimates = page
            .planned()
            .into_iter()
            .map(|spec| Estimate::of(&card(&spec.base.name, 32).config, &spec.method, &spec.train).bytes());
        estimates.max().unwrap()
    };
    let memory = fits(&page) - 1;
    page.state.memory = memory;
    page.hear(Input::Settings(Box::new(page.state.settings.clone())));
    let shorter = sequences(&page);
    assert!(shorter.len() == 1 && *shorter.first().unwrap() < wanted && fits(&page) <= memory, "{shorter:?}");
}

#[test]
fn a_base_that_has_arrived_is_not_on_its_way() {
    let mut page = Page::open(small());
    let (worker, id) = page.given(|job| matches!(job, Job::ReadData { .. }));
    for (loaded, is_coming) in [(50, true), (100, false)] {
        let fetching = Progress::Fetching { base: "small".into(), loaded, total: Some(100) };
        page.hear_job(worker, id, JobEvent::Progress(fetching));
        assert_eq!(page.state.fetching.is_some(), is_coming, "{loaded} of 100 bytes");
    }
}

#[test]
fn more_cores_bring_more_workers_on_the_cpu() {
    for (cores, workers) in [(1, 1), (2, 2), (4, 3), (32, 4)] {
        let mut page = Page::open(small());
        page.state.cores = cores;
        page.hear(Input::Play);
        page.work();
        assert_eq!((page.state.workers.len(), page.done().len()), (workers, 6), "{cores} cores");
    }
    // One run needs one worker, also while this one reads the data.
    let mut page = Page::open(Settings { methods: vec![MethodKind::Full], smallest: 16, largest: 16, ..small() });
    page.state.cores = 4;
    page.hear(Input::Play);
    assert_eq!(page.planned().len(), 1);
    page.work();
    assert_eq!((page.state.workers.len(), page.done().len()), (1, 1));
}

#[test]
fn base_and_tuned_complete_the_same_prompt() {
    let mut page = Page::open(small());
    page.hear(Input::Play);
    page.work();
    let run = page.state.records().next().expect("a record").id.clone();
    let models = [ModelRef::Base("small".into()), ModelRef::Tuned { base: "small".into(), run }];
    let asks = models.iter().map(|model| (model.clone(), Context::Text("Once".into()))).collect();
    page.hear(Input::Complete { asks, sampling: Sampling::default(), beside: false });
    page.work();
    let completions = page.state.jobs.completions.iter().map(|(_, completion)| completion);
    let said: Vec<_> = completions.map(|c| (c.model.clone(), c.text.as_str(), c.done)).collect();
    assert_eq!(said, [(models[0].clone(), "Once …", true), (models[1].clone(), "Once …", true)]);
}

#[test]
fn completions_stop_and_others_stay_beside() {
    let mut page = Page::open(small());
    page.work();
    let ask = |name: &str| (ModelRef::Base(name.into()), Context::Text("Once".into()));
    page.hear(Input::Complete { asks: vec![ask("small")], sampling: Sampling::default(), beside: false });
    page.hear(Input::CancelCompletions);
    assert!(matches!(page.fake.waiting.back(), Some((_, Command::Stop(_)))));
    assert!(!page.state.jobs.is_completing());
    page.hear(Input::Complete { asks: vec![ask("large")], sampling: Sampling::default(), beside: true });
    assert_eq!(page.state.jobs.completions.len(), 2);
    page.hear(Input::Complete { asks: vec![], sampling: Sampling::default(), beside: false });
    assert_eq!(page.state.jobs.completions.len(), 0);
}

#[test]
fn an_adapter_is_kept_or_refused_and_a_dead_worker_says_so() {
    let mut page = Page::open(small());
    page.work();
    let add = |page: &mut Page| {
        page.hear(Input::AddAdapter { name: "mine".into(), base: "small".into() });
        let added = page.given(|job| matches!(job, Job::AddAdapter { .. }));
        assert!(page.state.jobs.is_adding());
        added
    };
    let (worker, id) = add(&mut page);
    page.hear_job(worker, id, JobEvent::Failed("no such layer".into()));
    assert_eq!(page.state.jobs.adapter_problem.as_deref(), Some("“mine” was not added: no such layer."));
    assert!(!page.state.jobs.is_adding());

    let (worker, _) = add(&mut page);
    assert_eq!(page.state.jobs.adapter_problem, None);
    page.dies(worker, "struck");
    assert!(page.state.jobs.adapter_problem.as_deref().is_some_and(|problem| problem.contains("the worker ended")));
    page.work();

    let (worker, id) = add(&mut page);
    let base = Base { name: "small".into(), sha256: "32".into() };
    let method = MethodKind::Lora.method();
    let card = AdapterCard { id: "1".into(), name: "mine".into(), base, method, bytes: 9, test_nats_per_token: None };
    page.hear_event(worker, Event::Adapters(vec![card.clone()]));
    page.hear_event(worker, done(id, Output::AdaptersChanged));
    assert!(!page.state.jobs.is_adding());
    assert_eq!(page.state.jobs.adapters, [card]);
}

#[test]
fn the_axis_counts_examples_or_tokens() {
    let mut page = Page::open(small());
    page.hear(Input::Play);
    page.work();
    let base = Base { name: "small".into(), sha256: "32".into() };
    let groups = results::groups(&page.state, &base, &page.state.source().expect("a source"));
    let first = |horizontal| results::points(&groups, horizontal)[0].d;
    assert_eq!((first(Horizontal::Examples), first(Horizontal::Tokens)), (64.0, 1280.0));
}

/// A model of the visitor's, as its worker describes it once it is checked.
fn own(name: &str, kept: bool) -> ModelCard {
    let origin = Origin { family: "gpt_neox".into(), dtype: "F16".into(), from: "a folder".into(), kept };
    ModelCard { pretraining: None, origin: Some(origin), ..card(name, 32) }
}

fn summary(config: ModelConfig) -> ModelSummary {
    let bytes = 2 * config.parameters().total;
    let flops_per_second = 1e9;
    ModelSummary {
        family: "gpt_neox".into(),
        dtype: "F16".into(),
        config,
        bytes,
        here: 0,
        notes: Vec::new(),
        flops_per_second,
    }
}

/// Loads a model: inspected, wanted, loaded.
fn load(page: &mut Page, offer: u32, source: ModelSource, card: ModelCard) {
    page.hear(Input::InspectModel { offer, source });
    let (worker, id) = page.given(|job| matches!(job, Job::InspectModel { .. }));
    assert_eq!(worker, MODEL_WORKER);
    page.hear_event(worker, done(id, Output::Inspected(Box::new(summary(card.config.clone())))));
    page.hear(Input::LoadModel { offer, keep: true });
    let (worker, id) = page.given(|job| matches!(job, Job::LoadModel { .. }));
    page.hear_event(worker, done(id, Output::Loaded(Box::new(card))));
}

fn files(offer: u32, label: &str) -> ModelSource {
    ModelSource::Files { offer, label: label.into() }
}

#[test]
fn a_loaded_model_is_a_base_like_any_other_and_its_worker_rests() {
    let mut page = Page::open(small());
    page.work();
    let host = "https://hub.example".to_string();
    load(&mut page, 1, ModelSource::Hub { host, address: "a/b@v1".into() }, own("a/b@v1", true));
    let to_shelf = page.fake.waiting.iter().filter(|(worker, _)| *worker == MODEL_WORKER).count();
    assert_eq!(
        (to_shelf, page.fake.ended.clone()),
        (0, vec![MODEL_WORKER; 2]),
        "its memory is given back after a look and a load"
    );
    assert_eq!(page.state.settings.bases, ["a/b@v1"]);
    page.hear(Input::Play);
    let is_data = |command: &Command| matches!(command, Command::Start { job: Job::ReadData { .. }, .. });
    let (worker, counted) = page.work_until(is_data).expect("its tokens are counted");
    assert!(matches!(&counted, Command::Start { job: Job::ReadData { counted, .. }, .. } if counted.base == "a/b@v1"));
    page.fake.waiting.push_front((worker, counted));
    page.work();
    let bases: Vec<_> = page.state.records().map(|record| record.spec.base.name.clone()).collect();
    assert!(!bases.is_empty() && bases.iter().all(|base| base == "a/b@v1"), "{bases:?}");
}

#[test]
fn dropped_models_get_names_of_their_own_and_go_without_a_trace() {
    let mut page = Page::open(small());
    for (request, name) in [(1, "small 2"), (2, "small 3")] {
        load(&mut page, request, files(request, "small"), own(name, false));
        assert!(page.state.cards().iter().any(|card| card.name == name));
    }
    page.hear(Input::InspectModel { offer: 3, source: files(3, "small") });
    assert_eq!(page.state.models.loads[0].name, "small 4");
    page.hear(Input::RemoveModel("small 2".into()));
    assert!(page.state.cards().iter().all(|card| card.name != "small 2"));
}

#[test]
fn a_link_to_a_model_that_is_not_here_says_so_instead_of_taking_another() {
    let mut page = Page::open(Settings { bases: vec!["a/b".into()], ..small() });
    page.hear(Input::Play);
    assert!(page.said("“a/b”") && page.said("Load this model first"), "{:?}", page.state.notices);
    assert!(page.work_until(is_run).is_none());
}

#[test]
fn what_does_not_fit_is_refused_with_what_would() {
    let mut page = Page::open(small());
    page.state.memory = 3_000_000;
    page.hear(Input::Play);
    assert!(page.said("does not fit into this browser") && page.said("smaller batch"), "{:?}", page.state.notices);
    page.state.memory = u64::MAX;
    let fits = |page: &Page, config| page.state.fits(&summary(config));
    let config = ModelConfig::ladder(50_000, 1024, 1600, 48);
    assert!(fits(&page, config.clone()).iter().all(|fit| fit.verdict.is_ok() && fit.seconds.is_some_and(|s| s > 1.0)));
    page.state.memory = WASM_BYTES;
    assert!(fits(&page, config).iter().all(|fit| fit.verdict.is_err()));
}

#[test]
fn sequences_end_where_learned_positions_do() {
    let mut page = Page::open(Settings { methods: vec![MethodKind::Lora, MethodKind::Prompt], ..small() });
    let mut short = own("short", true);
    (short.config.position, short.config.context) = (Position::Learned, 40);
    load(&mut page, 1, files(1, "short"), short);
    let sequences: Vec<_> = page.planned().iter().take(2).map(|spec| spec.train.sequence).collect();
    assert_eq!(sequences, [40, 24], "virtual tokens take places too");
}

#[test]
fn a_law_in_model_size_takes_one_family() {
    let mut page = Page::open(Settings { methods: vec![MethodKind::Lora], ..small() });
    for (request, name) in [(1, "neox 14m"), (2, "neox 31m")] {
        load(&mut page, request, files(request, name), own(name, true));
    }
    let mut settings = page.state.settings.clone();
    settings.bases.push("small".into());
    page.hear(Input::Settings(Box::new(settings.clone())));
    page.hear(Input::Play);
    page.work();
    assert_eq!(page.done().len(), 9);
    let chosen = |page: &mut Page, bases: &[&str]| {
        let bases = bases.iter().map(|base| base.to_string()).collect();
        page.hear(Input::Settings(Box::new(Settings { bases, ..settings.clone() })));
        results::joint_points(&page.state, Joint::Size, Horizontal::Examples).len()
    };
    assert_eq!(chosen(&mut page, &["neox 14m", "neox 31m"]), 6);
    assert_eq!(chosen(&mut page, &["small"]), 3);
}

#[test]
fn joint_laws_vary_one_factor_at_a_time() {
    let bases = ["small", "large", "small at 2M"].map(String::from).to_vec();
    let mut page = Page::open(Settings { bases, methods: vec![MethodKind::Lora], ..small() });
    let mut longer = card("small at 2M", 32);
    longer.pretraining.as_mut().expect("how it was made").tokens = 2_000_000;
    page.hear(Input::Shelf(Ok(vec![card("small", 32), card("large", 64), longer])));
    page.hear(Input::Play);
    page.work();
    let of = |joint| results::joint_points(&page.state, joint, Horizontal::Examples);
    let values = |points: &[Point]| points.iter().filter_map(|p| p.n.map(|n| n as u64)).collect::<BTreeSet<_>>();
    let [small, large] = [32, 64].map(|width| card("", width).config.parameters().non_embedding);
    assert_eq!(values(&of(Joint::Size)), [small, large].into());
    assert_eq!(values(&of(Joint::Pretraining)), [1_000_000, 2_000_000].into());
    let both = of(Joint::Both);
    let factor = |name: &str| both.iter().filter(|p| p.factor.as_deref() == Some(name)).cloned().collect::<Vec<_>>();
    assert_eq!(values(&factor("model size")), [small, large].into());
    assert_eq!(values(&factor("pretraining tokens")), [1_000_000, 2_000_000].into());
    assert_eq!(both.len(), 12, "the chosen base stands in both");
}

#[test]
fn a_worker_of_the_shelf_that_dies_costs_only_what_it_was_doing() {
    let mut page = Page::open(small());
    page.hear(Input::InspectModel { offer: 1, source: files(1, "x") });
    page.dies(MODEL_WORKER, "out of memory");
    assert!(
        matches!(&page.state.models.loads[0].stage, Stage::Refused { reason, .. } if reason.contains("out of memory"))
    );
    page.hear(Input::Play);
    page.work();
    assert_eq!(page.done().len(), 6);
}
