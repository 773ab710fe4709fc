//! Runs a queue's cells on the workers of an executor, one cell a worker: what an experiment needs that has no page.

use super::{Backend, Command, Event, Executor, Heard, Job, JobEvent, JobId, Output, PROTOCOL_VERSION, WorkerId};
use crate::plan::queue::Queue;
use crate::spec::{RunId, RunSpec};
use std::collections::BTreeMap;

/// Which worker runs which cell. The caller hears its executor and hands on what it hears.
#[derive(Debug, Default)]
pub struct Pool {
    last: u32,
    /// Each worker's cell, if it has one.
    workers: BTreeMap<WorkerId, Option<(JobId, RunSpec)>>,
}

/// A cell ended; the queue knows what came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    Finished(RunId),
    Failed(Box<RunSpec>, String),
}

impl Pool {
    /// Starts so many workers.
    pub fn start(workers: u32, executor: &mut impl Executor) -> Pool {
        let mut pool = Pool::default();
        (1..=workers.max(1)).for_each(|worker| pool.spawn(worker, executor));
        pool
    }

    fn spawn(&mut self, worker: WorkerId, executor: &mut impl Executor) {
        self.workers.insert(worker, None);
        executor.spawn(worker, Backend::Cpu);
        executor.send(worker, Command::Open { version: PROTOCOL_VERSION, backend: Backend::Cpu });
    }

    /// Whether nothing runs, and nothing waits that any worker could run.
    pub fn is_done(&self, queue: &Queue) -> bool {
        let idle = self.workers.values().all(Option::is_none);
        idle && (self.workers.is_empty() || queue.counts().pending == 0)
    }

    /// Takes in what was heard of a worker, and gives it the next cell where it is free.
    pub fn hear(
        &mut self,
        worker: WorkerId,
        heard: Heard,
        queue: &mut Queue,
        executor: &mut impl Executor,
    ) -> Option<Ended> {
        let reason = match heard {
            Heard::Event(Event::Opened { .. }) => {
                self.give(worker, queue, executor);
                return None;
            }
            Heard::Event(Event::Job(id, event)) => return self.hear_job(worker, id, event, queue, executor),
            Heard::Event(Event::Log { .. } | Event::Adapters(_) | Event::NotKept { .. }) => return None,
            Heard::Event(Event::CannotOpen { reason } | Event::DeviceLost { reason }) | Heard::Died(reason) => reason,
            Heard::Event(Event::OtherBuild { .. }) | Heard::Unreadable => "it is of another build".into(),
        };
        // The worker is gone. One that had a cell is replaced, until the queue gives that cell up.
        executor.end(worker);
        if let Some((_, spec)) = self.workers.remove(&worker).flatten() {
            queue.give_back(&spec.id(), &reason);
            self.spawn(worker, executor);
        }
        None
    }

    fn hear_job(
        &mut self,
        worker: WorkerId,
        id: JobId,
        event: JobEvent,
        queue: &mut Queue,
        executor: &mut impl Executor,
    ) -> Option<Ended> {
        let cell = self.workers.get_mut(&worker)?;
        if !event.is_last() || cell.as_ref().is_none_or(|(running, _)| *running != id) {
            return None;
        }
        let (_, spec) = cell.take()?;
        let ended = match event {
            JobEvent::Done(Output::Trained { record, .. }) => {
                let run = record.id.clone();
                queue.finish(*record);
                Some(Ended::Finished(run))
            }
            JobEvent::Failed(reason) => {
                queue.fail(&spec.id(), reason.clone());
                Some(Ended::Failed(Box::new(spec), reason))
            }
            _ => {
                queue.put_back(&spec.id());
                None
            }
        };
        self.give(worker, queue, executor);
        ended
    }

    fn give(&mut self, worker: WorkerId, queue: &mut Queue, executor: &mut impl Executor) {
        let Some(cell) = self.workers.get_mut(&worker).filter(|cell| cell.is_none()) else { return };
        let Some(spec) = queue.take() else { return };
        self.last += 1;
        let id = JobId(self.last);
        *cell = Some((id, spec.clone()));
        executor.send(worker, Command::Start { id, job: Job::Train(Box::new(spec)) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::fake::Fake;
    use crate::plan::grid::Experiment;
    use crate::spec::{Base, MethodKind, Source, TrainConfig};

    fn queue() -> Queue {
        let method = |kind: MethodKind| (kind.method(), TrainConfig::default_for(kind));
        let experiment = Experiment {
            bases: vec![Base { name: "b".into(), sha256: "0".into() }],
            source: Source::Task("t".into()),
            methods: vec![method(MethodKind::Full), method(MethodKind::Lora)],
            sizes: vec![16, 32, 64],
            seeds: 2,
        };
        let mut queue = Queue::default();
        queue.extend(experiment.cells());
        queue
    }

    /// Runs all; every `crash`th cell's worker dies.
    fn run(workers: u32, crash: usize) -> (Queue, Vec<Ended>) {
        let (mut queue, mut fake, mut ended, mut begun) = (queue(), Fake::default(), Vec::new(), 0);
        let mut pool = Pool::start(workers, &mut fake);
        while let Some((worker, command)) = fake.next() {
            begun += usize::from(matches!(command, Command::Start { .. }));
            let crashes = matches!(command, Command::Start { .. }) && begun % crash == 0;
            let heard = if crashes { vec![Heard::Died("crashed".into())] } else { Fake::answer(&command) };
            for heard in heard {
                ended.extend(pool.hear(worker, heard, &mut queue, &mut fake));
            }
        }
        assert!(pool.is_done(&queue));
        (queue, ended)
    }

    #[test]
    fn every_cell_is_run_whatever_the_number_of_workers_and_whoever_crashes() {
        for (workers, crash) in [(1, usize::MAX), (3, usize::MAX), (20, usize::MAX), (1, 3), (3, 4)] {
            let (queue, ended) = run(workers, crash);
            assert_eq!((queue.counts().done, ended.len()), (12, 12), "{workers} workers, each {crash}th dies");
        }
    }

    #[test]
    fn a_cell_whose_workers_always_die_is_given_up() {
        let (queue, _) = run(2, 1);
        assert_eq!(queue.counts().failed, 12);
    }
}
