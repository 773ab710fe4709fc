//! How long it still takes: for a run from its own pace, for the experiment from the pace of its methods so far. Work is
//! counted in forward passes, evaluations included. Estimates only; the clock's readings come with the events.

use crate::data::{TASK_DEV, TASK_TEST};
use crate::plan::evaluation::Evaluations;
use crate::spec::{MethodKind, RunId, RunSpec, Source};
use crate::ui::state::{Live, Millis, State};
use std::collections::BTreeMap;

/// Seconds until this run ends, once it has shown a pace.
pub fn run_left(live: &Live) -> Option<f64> {
    let done = live.share - live.began_share;
    let seconds: f64 = seconds(live.seen - live.began);
    (done > 0.0 && seconds > 0.0).then(|| seconds / done * (1.0 - live.share).max(0.0))
}

fn seconds(millis: Millis) -> f64 {
    millis / 1000.0
}

/// Seconds until every waiting and running cell is done, once any run has shown a pace. Early stops end sooner.
pub fn all_left(state: &State) -> Option<f64> {
    let pace = Pace::of(state);
    let mut total = 0.0;
    for (id, spec, cell) in state.queue.cells() {
        use crate::plan::queue::CellState::{Pending, Running};
        match cell {
            Pending => total += pace.run(spec)?,
            Running => total += state.live.get(id).and_then(run_left).or_else(|| pace.run(spec))?,
            _ => {}
        }
    }
    Some(total / state.most_workers() as f64)
}

/// Seconds for runs not yet queued: the preview beside Play.
pub fn preview(state: &State, cells: &[(RunId, RunSpec)]) -> Option<f64> {
    let pace = Pace::of(state);
    let left = cells.iter().filter(|(id, _)| !state.is_done(id));
    let total = left.map(|(_, cell)| pace.run(cell)).sum::<Option<f64>>()?;
    Some(total / state.most_workers() as f64)
}

/// Seconds and work per method and base, from finished runs on this machine and from what trains now.
struct Pace<'a> {
    state: &'a State,
    spent: BTreeMap<(MethodKind, &'a str), (f64, f64)>,
}

/// The evaluations of a run; none where its base or its data are not here.
fn evaluations(state: &State, spec: &RunSpec) -> Option<Evaluations> {
    let card = state.cards().iter().find(|card| card.name == spec.base.name)?;
    let splits = match &spec.data.source {
        Source::Task(_) => [TASK_DEV, TASK_TEST],
        own => state.summary(own).map(|summary| [summary.dev_examples as usize, summary.test_examples as usize])?,
    };
    Some(Evaluations::of(&card.config, &spec.method, &spec.train, spec.data.examples, splits))
}

/// A run's work. A worker tests a base once for all runs on the same data.
fn work(state: &State, spec: &RunSpec) -> Option<f64> {
    Some(evaluations(state, spec)?.work(false) as f64)
}

impl Pace<'_> {
    fn of(state: &State) -> Pace<'_> {
        let mut spent: BTreeMap<_, (f64, f64)> = BTreeMap::new();
        // The same for all seeds, of which there may be thousands.
        let mut known: BTreeMap<_, (&RunSpec, Option<Evaluations>)> = BTreeMap::new();
        for record in state.queue.records().filter(|record| !state.is_precomputed(&record.id)) {
            let spec = &record.spec;
            let found =
                known.entry((key(spec), spec.data.examples)).or_insert_with(|| (spec, evaluations(state, spec)));
            if (&found.0.method, &found.0.train, &found.0.data.source) != (&spec.method, &spec.train, &spec.data.source)
            {
                *found = (spec, evaluations(state, spec));
            }
            let Some(evaluations) = found.1 else { continue };
            let steps = record.spec.train.steps(record.spec.data.examples);
            let work = evaluations.done(record.steps, steps, record.dev.len()) + evaluations.test_batches();
            let sum = spent.entry(key(&record.spec)).or_default();
            (sum.0, sum.1) = (sum.0 + record.wall_seconds, sum.1 + work as f64);
        }
        for (id, live) in &state.live {
            if let Some((spec, _)) = state.queue.cell(id)
                && let Some(work) = work(state, spec)
            {
                let sum = spent.entry(key(spec)).or_default();
                sum.0 += seconds(live.seen - live.began);
                sum.1 += work * (live.share - live.began_share);
            }
        }
        Pace { state, spent }
    }

    /// Seconds of a whole run: by its own method and base, else by the mean of all.
    fn run(&self, spec: &RunSpec) -> Option<f64> {
        let own = self.spent.get(&key(spec)).copied();
        let all = || self.spent.values().fold((0.0, 0.0), |sum, each| (sum.0 + each.0, sum.1 + each.1));
        let (seconds, done) = own.filter(|(_, done)| *done > 0.0).unwrap_or_else(all);
        (done > 0.0).then_some(seconds / done * work(self.state, spec)?)
    }
}

fn key(spec: &RunSpec) -> (MethodKind, &str) {
    (spec.method.kind(), &spec.base.name)
}

/// "40 s", "3 min", "1 h 20 min".
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "unknown".into();
    }
    let whole = seconds.round() as u64;
    match whole {
        0..=1 => "1 s".into(),
        2..=89 => format!("{whole} s"),
        90..=3569 => format!("{} min", (seconds / 60.0).round()),
        _ => {
            let minutes = (seconds / 60.0).round() as u64;
            format!("{} h {} min", minutes / 60, minutes % 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_as_people_do() {
        for (seconds, text) in
            [(0.2, "1 s"), (42.4, "42 s"), (200.0, "3 min"), (4800.0, "1 h 20 min"), (f64::NAN, "unknown")]
        {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn a_run_is_judged_by_its_own_pace_since_it_went_on() {
        let live = Live { share: 0.75, began_share: 0.5, began: 1000.0, seen: 6000.0, ..Live::default() };
        assert_eq!(run_left(&live), Some(5.0));
        assert_eq!(run_left(&Live { share: 0.5, ..live }), None);
    }
}
