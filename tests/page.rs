//! The page's fold, driven without a browser: a pretend worker answers every order, its losses from a known law.

use std::collections::{BTreeSet, VecDeque};
use tunelab::data::tasks::Task;
use tunelab::laws::{AnalysisRequest, Point, analyse};
use tunelab::protocol::*;
use tunelab::record::*;
use tunelab::spec::*;
use tunelab::ui::state::results::{self, Joint};
use tunelab::ui::state::settings::{DataChoice, Horizontal, Settings};
use tunelab::ui::state::shelf::{LIBRARIAN, Stage, WASM_BYTES};
use tunelab::ui::state::*;

/// A page with pretend workers. What they were told and have not yet done waits in `told`.
struct Page {
    state: State,
    told: VecDeque<(WorkerId, Command)>,
    ended: Vec<WorkerId>,
    kept: usize,
    clock: f64,
}

impl Page {
    fn open(settings: Settings) -> Page {
        let mut page = Page { state: State::new(settings), told: VecDeque::new(), ended: vec![], kept: 0, clock: 0.0 };
        page.hear(Input::Opened);
        page.hear(Input::Shelf(Ok(vec![card("small", 32), card("large", 64)])));
        page
    }

    fn hear(&mut self, input: Input) {
        self.clock += 10.0;
        for order in self.state.fold(self.clock, input) {
            match order {
                Order::Spawn(..) => {}
                Order::End(worker) => {
                    self.ended.push(worker);
                    self.told.retain(|(to, _)| *to != worker);
                }
                Order::Send(worker, command) => self.told.push_back((worker, command)),
                Order::Keep(_) => self.kept += 1,
                Order::Download(_) | Order::Hold { .. } | Order::Release(_) | Order::LetGo(_) => {}
            }
        }
    }

    /// Lets workers do what they were told until one is told what `until` waits for; gives that, or none at rest.
    fn work_until(&mut self, until: impl Fn(&Command) -> bool) -> Option<(WorkerId, Command)> {
        for _ in 0..10_000 {
            let (worker, command) = self.told.pop_front()?;
            if until(&command) {
                return Some((worker, command));
            }
            for event in answer(&command) {
                self.hear(Input::Event(worker, event));
            }
        }
        panic!("the page and its workers never come to rest");
    }

    fn work(&mut self) {
        assert_eq!(self.work_until(|_| false), None);
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
    matches!(command, Command::Run { .. })
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

fn evaluation(nats_per_token: f64) -> Evaluation {
    Evaluation { nats_per_token, bits_per_byte: 1.0, token_accuracy: 0.5, exact_match: 0.1, tokens: 100, examples: 10 }
}

fn record(spec: RunSpec) -> RunRecord {
    let loss = 6.0 * (spec.data.examples as f64).powf(-0.2) * (1.0 + 0.001 * spec.seed.0 as f64);
    RunRecord {
        version: RECORD_VERSION,
        id: spec.id(),
        parameters: ParameterCount { total: 100_000, non_embedding: 60_000 },
        trained_parameters: 100_000,
        curve: vec![CurvePoint { step: 1, nats_per_token: 5.0 }],
        dev: vec![],
        best_step: 1,
        test: evaluation(loss),
        base_test: evaluation(5.0),
        unique_tokens: spec.data.examples as u64 * 20,
        presented_tokens: 1000,
        steps: 10,
        wall_seconds: 1.0,
        made: Provenance { device: "a test".into(), lab: "0".into(), date: "2026-01-01".into() },
        spec,
    }
}

/// What a healthy worker says to a command.
fn answer(command: &Command) -> Vec<Event> {
    match command {
        Command::Start { .. } => vec![ready(PROTOCOL_VERSION)],
        Command::Data { source: DataRequest::Task(id), base } => vec![data_ready(Source::Task(id.clone()), base)],
        Command::Data { source: DataRequest::Files { name, .. } | DataRequest::Text { name, .. }, base } => {
            vec![data_ready(Source::User { name: name.clone(), sha256: format!("hash of {name}") }, base)]
        }
        Command::Run { spec } => {
            let run = spec.id();
            vec![
                Event::Started { run: run.clone(), step: 0, of: 10 },
                Event::Stepped { run, step: 5, of: 10, nats_per_token: Some(4.0), tokens_per_second: 1000.0 },
                Event::Finished { record: Box::new(record((**spec).clone())) },
            ]
        }
        Command::Generate { request, context: Context::Text(prompt), .. } => {
            let text = format!("{prompt} …");
            vec![Event::Generated { request: *request, text, tokens: 1, tokens_per_second: 1.0, done: true }]
        }
        _ => vec![],
    }
}

fn ready(protocol: u32) -> Event {
    let device = DeviceReport { backend: Backend::Cpu, name: "CPU".into(), reason: "a test".into() };
    Event::Ready { protocol, device }
}

fn data_ready(source: Source, base: &str) -> Event {
    let summary = DataSummary {
        name: "data".into(),
        train_examples: 1000,
        dev_examples: 10,
        test_examples: 10,
        bytes: 1000,
        tokens: 500,
        columns: vec![],
        notes: vec![],
        preview: vec![],
    };
    Event::DataReady { source, base: base.into(), summary }
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
        results::groups(&page.state, &base, &Source::Task(Task::Translation.id().into()))
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
    let records: Vec<RunRecord> = page.state.planned().expect("a plan").into_iter().map(record).collect();
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
    let records: Vec<RunRecord> = page.state.planned().expect("a plan").into_iter().map(record).collect();
    page.hear(Input::Precomputed(records));
    page.hear(Input::PutAway(true));
    assert_eq!(page.done(), []);
    page.hear(Input::Play);
    page.work();
    assert_eq!((page.done().len(), page.kept), (6, 6));
}

#[test]
fn a_size_that_has_no_run_is_trained_next() {
    let mut page = Page::open(small());
    page.hear(Input::Play);
    page.work_until(is_run).expect("a first run");
    page.hear(Input::Point { examples: 1000 });
    // The run that was under way is lost to this test; what comes next is the point.
    let waiting: Vec<usize> = page.state.queue.cells().map(|(_, spec, _)| spec.data.examples).take(2).collect();
    assert_eq!(waiting, [1000, 1000]);
}

#[test]
fn asking_for_a_size_again_adds_a_seed() {
    let mut page = Page::open(small());
    for _ in 0..2 {
        page.hear(Input::Point { examples: 64 });
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
    let mut crashed = None;
    for _ in 0..2 {
        let (worker, command) = page.work_until(is_run).expect("a run");
        for event in answer(&command) {
            page.hear(Input::Event(worker, event));
        }
        crashed = Some(worker);
    }
    let (worker, _) = page.work_until(is_run).expect("a third run");
    page.hear(Input::Died(worker, "out of memory".into()));
    assert_eq!(page.done().len(), 2);
    assert!(page.ended.contains(&worker) && crashed.is_some());
    assert!(page.said("out of memory"), "{:?}", page.state.notices);
    page.work();
    assert_eq!(page.done().len(), 6);
}

#[test]
fn a_lost_device_gets_a_new_worker() {
    let mut page = Page::open(small());
    page.hear(Input::Play);
    let (worker, _) = page.work_until(is_run).expect("a run");
    page.hear(Input::Event(worker, Event::DeviceLost { reason: "reset".into() }));
    page.work();
    assert_eq!(page.done().len(), 6);
    assert!(page.said("the GPU was lost: reset"), "{:?}", page.state.notices);
    assert!(page.ended.contains(&worker));
}

#[test]
fn a_worker_that_never_starts_is_given_up_with_words() {
    let mut page = Page::open(small());
    page.hear(Input::Play);
    while let Some((worker, _)) = page.told.pop_front() {
        page.hear(Input::Died(worker, "no WebAssembly".into()));
    }
    assert_eq!((page.ended.len(), page.state.phase), (3, Phase::Idle));
    assert!(page.said("does not start: no WebAssembly"), "{:?}", page.state.notices);
}

#[test]
fn a_gpu_that_cannot_be_opened_leaves_the_work_to_the_cpu_once_and_says_why() {
    let refuse = || Event::CannotStart { reason: "no adapter".into() };
    let mut page = Page::open(Settings { backend: Backend::WebGpu, ..small() });
    page.hear(Input::Play);
    let (worker, start) = page.told.pop_front().expect("a start");
    assert!(matches!(start, Command::Start { backend: Backend::WebGpu, .. }));
    page.hear(Input::Event(worker, refuse()));
    assert!(page.said("WebGPU could not be started (no adapter)"), "{:?}", page.state.notices);
    let starts: Vec<_> = page.told.iter().map(|(_, command)| command.clone()).collect();
    assert!(matches!(starts[..], [Command::Start { backend: Backend::Cpu, .. }]), "{starts:?}");
    page.work();
    assert_eq!((page.done().len(), page.ended.clone()), (6, vec![worker]));
    assert!(page.state.device.as_ref().is_some_and(|device| device.reason.contains("no adapter")));
    // Chosen again, it is tried again.
    page.hear(Input::Settings(Box::new(small())));
    page.hear(Input::Settings(Box::new(Settings { backend: Backend::WebGpu, ..small() })));
    assert!(matches!(page.told.back(), Some((_, Command::Start { backend: Backend::WebGpu, .. }))));
    // The CPU's cannot be replaced.
    let mut page = Page::open(small());
    page.hear(Input::OwnData(DataRequest::Text { name: "x".into(), text: "x".into(), columns: None }));
    page.hear(Input::Play);
    let (worker, _) = page.told.pop_front().expect("a start");
    page.hear(Input::Event(worker, refuse()));
    assert_eq!((page.told.len(), page.state.phase), (0, Phase::Idle));
    assert!(page.said("does not start: no adapter") && !page.state.own.is_reading(), "{:?}", page.state.notices);
}

#[test]
fn a_gpu_whose_worker_dies_at_each_start_leaves_the_work_to_the_cpu() {
    let mut page = Page::open(Settings { backend: Backend::WebGpu, ..small() });
    page.hear(Input::Play);
    while page.ended.len() < 3 {
        let (worker, _) = page.told.pop_front().expect("a start");
        page.hear(Input::Died(worker, "a panic".into()));
    }
    page.work();
    assert_eq!(page.done().len(), 6);
}

#[test]
fn what_a_worker_cannot_do_is_answered() {
    let spec = Page::open(small()).state.planned().expect("a plan").remove(0);
    let (run, request, reason) = (spec.id(), 7, "why".to_string());
    let source = DataRequest::Task("t".into());
    let refused = |command: Command| command.refused(&reason);
    let model = ModelRef::Base("small".into());
    let is_refused = Some(Event::Refused { request, reason: reason.clone() });
    assert_eq!(refused(Command::Run { spec: Box::new(spec) }), Some(Event::Failed { run, reason: reason.clone() }));
    let data = Event::DataRefused { name: "t".into(), reason: reason.clone() };
    assert_eq!(refused(Command::Data { source, base: String::new() }), Some(data));
    assert_eq!(refused(Command::Export { request, model: model.clone(), merged: false }), is_refused);
    let (context, settings) = (Context::Text(String::new()), Sampling::default());
    assert_eq!(refused(Command::Generate { request, model, context, settings }), is_refused);
    assert!(matches!(refused(Command::RemoveAdapter { id: "a".into() }), Some(Event::Log { .. })));
    assert_eq!(refused(Command::Stop), None);
}

#[test]
fn a_worker_of_another_build_ends_with_words_whichever_side_sees_it() {
    let says: [fn(WorkerId) -> Input; 3] = [
        |worker| Input::Event(worker, ready(PROTOCOL_VERSION + 1)),
        |worker| Input::Event(worker, Event::OtherBuild { protocol: PROTOCOL_VERSION - 1 }),
        Input::Unreadable,
    ];
    for says in says {
        let mut page = Page::open(small());
        page.hear(Input::Play);
        let (worker, _) = page.told.pop_front().expect("a start");
        page.hear(says(worker));
        assert!(page.said("different versions. Reload the page"), "{:?}", page.state.notices);
        assert_eq!((page.ended.clone(), page.told.len(), page.state.phase), (vec![worker], 0, Phase::Idle));
    }
}

#[test]
fn a_failed_cell_is_said_and_the_others_go_on() {
    let mut page = Page::open(small());
    page.hear(Input::Play);
    let (worker, command) = page.work_until(is_run).expect("a run");
    let Command::Run { spec } = command else { panic!("a run") };
    page.hear(Input::Event(worker, Event::Failed { run: spec.id(), reason: "the loss is NaN.".into() }));
    page.work();
    assert_eq!((page.done().len(), page.state.queue.counts().failed), (5, 1));
}

#[test]
fn pause_holds_resume_goes_on_and_stop_forgets_what_waits() {
    let mut page = Page::open(small());
    page.hear(Input::Play);
    let (worker, command) = page.work_until(is_run).expect("a run");
    page.hear(Input::Pause);
    assert_eq!(page.told.pop_front(), Some((worker, Command::Pause)));
    page.hear(Input::Play);
    assert_eq!(page.told.pop_front(), Some((worker, Command::Resume)));
    page.hear(Input::Stop);
    assert_eq!(page.told.pop_front(), Some((worker, Command::Stop)));
    let Command::Run { spec } = command else { panic!("a run") };
    page.hear(Input::Event(worker, Event::Stopped { run: spec.id(), step: 3 }));
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
    assert!(page.ended.contains(&worker));
    let start = page.told.iter().find(|(_, command)| matches!(command, Command::Start { .. }));
    assert!(matches!(start, Some((_, Command::Start { backend: Backend::Cpu, .. }))));
    page.work();
    assert_eq!(page.done().len(), 6);
}

#[test]
fn data_that_cannot_be_read_leave_what_was_loaded() {
    let text = |name: &str| DataRequest::Text { name: name.into(), text: "…".into(), columns: None };
    let mut page = Page::open(Settings { data: DataChoice::Own, ..small() });
    page.hear(Input::Play);
    assert!(page.said("Your data are not loaded yet"), "{:?}", page.state.notices);
    page.hear(Input::OwnData(text("good")));
    page.work();
    let good = page.state.own.source.clone();
    assert!(good.is_some());
    page.hear(Input::OwnData(text("bad")));
    let (worker, _) = page.work_until(|command| matches!(command, Command::Data { .. })).expect("a question for data");
    page.hear(Input::Event(worker, Event::DataRefused { name: "bad".into(), reason: "not UTF-8".into() }));
    assert_eq!(page.state.own.source, good);
    assert_eq!(page.state.own.problem.as_deref(), Some("not UTF-8"));
    page.hear(Input::Play);
    page.work();
    assert_eq!(page.done().len(), 6, "the good data are still trained on");
}

#[test]
fn a_base_that_has_arrived_is_not_on_its_way() {
    let mut page = Page::open(small());
    for (loaded, is_coming) in [(50, true), (100, false)] {
        page.hear(Input::Event(1, Event::Fetching { base: "small".into(), loaded, total: Some(100) }));
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
    let completions = page.state.asks.completions.iter().map(|(_, completion)| completion);
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
    assert!(matches!(page.told.back(), Some((_, Command::CancelGenerate { .. }))));
    assert!(!page.state.asks.is_completing());
    page.hear(Input::Complete { asks: vec![ask("large")], sampling: Sampling::default(), beside: true });
    assert_eq!(page.state.asks.completions.len(), 2);
    page.hear(Input::Complete { asks: vec![], sampling: Sampling::default(), beside: false });
    assert_eq!(page.state.asks.completions.len(), 0);
}

#[test]
fn an_adapter_is_kept_or_refused_and_a_dead_worker_says_so() {
    let mut page = Page::open(small());
    page.work();
    let add = |page: &mut Page| {
        page.hear(Input::AddAdapter { name: "mine".into(), base: "small".into() });
        let (worker, command) = page.told.pop_back().expect("a command");
        let Command::AddAdapter { request, .. } = command else { panic!("{command:?}") };
        assert!(page.state.asks.is_adding());
        (worker, request)
    };
    let (worker, request) = add(&mut page);
    page.hear(Input::Event(worker, Event::Refused { request, reason: "no such layer".into() }));
    assert_eq!(page.state.asks.adapter_problem.as_deref(), Some("“mine” was not added: no such layer."));
    assert!(!page.state.asks.is_adding());

    let (worker, _) = add(&mut page);
    assert_eq!(page.state.asks.adapter_problem, None);
    page.hear(Input::Died(worker, "struck".into()));
    assert!(page.state.asks.adapter_problem.as_deref().is_some_and(|problem| problem.contains("the worker ended")));
    page.work();

    let (worker, _) = add(&mut page);
    let base = Base { name: "small".into(), sha256: "32".into() };
    let method = MethodKind::Lora.method();
    let card = AdapterCard { id: "1".into(), name: "mine".into(), base, method, bytes: 9, test_nats_per_token: None };
    page.hear(Input::Event(worker, Event::Adapters(vec![card.clone()])));
    assert!(!page.state.asks.is_adding());
    assert_eq!(page.state.asks.adapters, [card]);
}

#[test]
fn a_worker_of_another_build_is_refused() {
    let mut page = Page::open(small());
    let (worker, _) = page.told.pop_front().expect("a start");
    page.hear(Input::Event(worker, ready(PROTOCOL_VERSION + 1)));
    assert!(page.ended.contains(&worker) && page.said("Reload the page"));
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

fn sight(config: ModelConfig) -> Sight {
    let bytes = 2 * config.parameters().total;
    let flops_per_second = 1e9;
    Sight { family: "gpt_neox".into(), dtype: "F16".into(), config, bytes, here: 0, flops_per_second }
}

/// Loads a model: looked at, wanted, taken.
fn load(page: &mut Page, request: u32, source: ModelSource, card: ModelCard) {
    let shelf = |event| Input::Event(LIBRARIAN, Event::Shelf(event));
    page.hear(Input::Look { request, source });
    page.hear(shelf(ShelfEvent::Seen { request, sight: Box::new(sight(card.config.clone())) }));
    page.hear(Input::Take { request, keep: true });
    page.hear(shelf(ShelfEvent::Taken { request, card: Box::new(card) }));
}

#[test]
fn a_loaded_model_is_a_base_like_any_other_and_its_worker_rests() {
    let mut page = Page::open(small());
    page.work();
    let host = "https://hub.example".to_string();
    load(&mut page, 1, ModelSource::Hub { host, address: "a/b@v1".into() }, own("a/b@v1", true));
    let to_shelf = page.told.iter().filter(|(worker, _)| *worker == LIBRARIAN).count();
    assert_eq!(
        (to_shelf, page.ended.clone()),
        (0, vec![LIBRARIAN; 2]),
        "its memory is given back after a look and a load"
    );
    assert_eq!(page.state.settings.bases, ["a/b@v1"]);
    page.hear(Input::Play);
    let is_data = |command: &Command| matches!(command, Command::Data { .. });
    let (worker, counted) = page.work_until(is_data).expect("its tokens are counted");
    assert!(matches!(&counted, Command::Data { base, .. } if base == "a/b@v1"));
    page.told.push_front((worker, counted));
    page.work();
    let bases: Vec<_> = page.state.records().map(|record| record.spec.base.name.clone()).collect();
    assert!(!bases.is_empty() && bases.iter().all(|base| base == "a/b@v1"), "{bases:?}");
}

#[test]
fn dropped_models_get_names_of_their_own_and_go_without_a_trace() {
    let mut page = Page::open(small());
    for (request, name) in [(1, "small 2"), (2, "small 3")] {
        load(&mut page, request, ModelSource::Files { label: "small".into() }, own(name, false));
        assert!(page.state.cards().iter().any(|card| card.name == name));
    }
    page.hear(Input::Look { request: 3, source: ModelSource::Files { label: "small".into() } });
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
    let fits = |page: &Page, config| page.state.fits(&sight(config));
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
    load(&mut page, 1, ModelSource::Files { label: "short".into() }, short);
    let sequences: Vec<_> = page.state.planned().unwrap().iter().take(2).map(|spec| spec.train.sequence).collect();
    assert_eq!(sequences, [40, 24], "virtual tokens take places too");
}

#[test]
fn a_law_in_model_size_takes_one_family() {
    let mut page = Page::open(Settings { methods: vec![MethodKind::Lora], ..small() });
    for (request, name) in [(1, "neox 14m"), (2, "neox 31m")] {
        load(&mut page, request, ModelSource::Files { label: name.into() }, own(name, true));
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
    page.hear(Input::Look { request: 1, source: ModelSource::Files { label: "x".into() } });
    page.hear(Input::Died(LIBRARIAN, "out of memory".into()));
    assert!(
        matches!(&page.state.models.loads[0].stage, Stage::Refused { reason, .. } if reason.contains("out of memory"))
    );
    page.hear(Input::Play);
    page.work();
    assert_eq!(page.done().len(), 6);
}
