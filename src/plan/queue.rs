//! The queue of an experiment's cells. A plain state machine: whoever runs cells (a pool of browser workers, the
//! command line) takes one, reports what became of it, and asks what is left.

use crate::record::RunRecord;
use crate::spec::{RunId, RunSpec};
use std::collections::{HashMap, HashSet};

/// How often a cell whose worker died is tried again before it counts as failed.
const TRIES: u32 = 3;

/// What became of a cell so far.
#[derive(Clone, Debug, PartialEq)]
pub enum CellState {
    Pending,
    Running,
    Done(Box<RunRecord>),
    Failed(String),
}

/// Cells in running order. With thousands of finished ones an event still costs little: counts are kept, and what is
/// pending is looked for from where the last was found.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    /// In running order.
    cells: Vec<Cell>,
    /// Where each stands.
    index: HashMap<RunId, usize>,
    counts: Counts,
    /// No cell before this one is pending.
    first_pending: usize,
    revision: u64,
}

#[derive(Clone, Debug)]
struct Cell {
    id: RunId,
    spec: RunSpec,
    state: CellState,
    tries: u32,
}

/// How many cells are in which state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counts {
    pub pending: usize,
    pub running: usize,
    pub done: usize,
    pub failed: usize,
}

impl Counts {
    /// The count of cells in this state.
    pub fn of(&mut self, state: &CellState) -> &mut usize {
        match state {
            CellState::Pending => &mut self.pending,
            CellState::Running => &mut self.running,
            CellState::Done(_) => &mut self.done,
            CellState::Failed(_) => &mut self.failed,
        }
    }
}

impl Queue {
    /// Adds cells behind those already there; a cell that is known keeps its state.
    pub fn extend(&mut self, cells: impl IntoIterator<Item = RunSpec>) {
        for spec in cells {
            self.add(spec.id(), spec);
        }
    }

    fn add(&mut self, id: RunId, spec: RunSpec) {
        if !self.index.contains_key(&id) {
            self.index.insert(id.clone(), self.cells.len());
            self.counts.pending += 1;
            self.cells.push(Cell { id, spec, state: CellState::Pending, tries: 0 });
        }
    }

    /// Puts cells at the head of the queue: the point a visitor just asked for comes next. A failed cell gets
    /// another chance.
    pub fn extend_first(&mut self, cells: impl IntoIterator<Item = RunSpec>) {
        let cells: Vec<RunSpec> = cells.into_iter().collect();
        let first: HashMap<RunId, usize> = cells.iter().map(RunSpec::id).zip(0..).collect();
        self.extend(cells);
        for id in first.keys() {
            if self.at(id).is_some_and(|cell| matches!(cell.state, CellState::Failed(_))) {
                self.set(id, CellState::Pending);
                self.retried(id, |_| 0);
            }
        }
        // Stable: the others keep their order.
        self.cells.sort_by_key(|cell| first.get(&cell.id).copied().unwrap_or(first.len()));
        self.reindex();
    }

    /// The next pending cell, now running.
    pub fn take(&mut self) -> Option<RunSpec> {
        let pending = |cell: &Cell| cell.state == CellState::Pending;
        let found = self.cells[self.first_pending..].iter().position(pending);
        self.first_pending = found.map_or(self.cells.len(), |found| self.first_pending + found);
        let Cell { id, spec, .. } = self.cells.get(self.first_pending)?.clone();
        self.set(&id, CellState::Running);
        self.retried(&id, |tries| tries + 1);
        Some(spec)
    }

    /// A record came out, of this queue's cell or from an earlier visit.
    pub fn finish(&mut self, record: RunRecord) {
        let id = record.id.clone();
        self.add(id.clone(), record.spec.clone());
        self.set(&id, CellState::Done(Box::new(record)));
    }

    /// The cell itself cannot be trained (its loss diverged, its data are missing).
    pub fn fail(&mut self, id: &RunId, reason: impl Into<String>) {
        self.set(id, CellState::Failed(reason.into()));
    }

    /// The worker was stopped or died: the cell waits again, until it has had its tries.
    pub fn give_back(&mut self, id: &RunId, reason: &str) {
        let Some(tries) = self.running(id) else { return };
        let given_up = || CellState::Failed(format!("given up after {TRIES} tries: {reason}"));
        self.set(id, if tries >= TRIES { given_up() } else { CellState::Pending });
    }

    /// A visitor stopped the cell: it waits again and the try does not count.
    pub fn put_back(&mut self, id: &RunId) {
        if self.running(id).is_some() {
            self.set(id, CellState::Pending);
            self.retried(id, |tries| tries.saturating_sub(1));
        }
    }

    /// Forgets cells that have not begun.
    pub fn clear_pending(&mut self) {
        self.retain(|cell| cell.state != CellState::Pending);
    }

    /// Forgets these cells and what came of them, so that they can be run anew.
    pub fn forget(&mut self, ids: &HashSet<RunId>) {
        self.retain(|cell| !ids.contains(&cell.id));
    }

    fn retain(&mut self, keeps: impl FnMut(&Cell) -> bool) {
        self.cells.retain(keeps);
        self.counts = Counts::default();
        for cell in &self.cells {
            *self.counts.of(&cell.state) += 1;
        }
        self.reindex();
    }

    fn reindex(&mut self) {
        self.index = self.cells.iter().map(|cell| cell.id.clone()).zip(0..).collect();
        self.first_pending = 0;
        self.revision += 1;
    }

    fn at(&self, id: &RunId) -> Option<&Cell> {
        self.cells.get(*self.index.get(id)?)
    }

    /// How often a running cell was begun.
    fn running(&self, id: &RunId) -> Option<u32> {
        self.at(id).filter(|cell| cell.state == CellState::Running).map(|cell| cell.tries)
    }

    fn retried(&mut self, id: &RunId, tries: impl FnOnce(u32) -> u32) {
        if let Some(&at) = self.index.get(id) {
            self.cells[at].tries = tries(self.cells[at].tries);
        }
    }

    fn set(&mut self, id: &RunId, state: CellState) {
        let Some(&at) = self.index.get(id) else { return };
        let before = std::mem::replace(&mut self.cells[at].state, state);
        let after = &self.cells[at].state;
        *self.counts.of(&before) -= 1;
        *self.counts.of(after) += 1;
        if *after == CellState::Pending {
            self.first_pending = self.first_pending.min(at);
        }
        self.revision += u64::from(matches!(before, CellState::Done(_)) || matches!(after, CellState::Done(_)));
    }

    /// Whether a record of this cell is here.
    pub fn is_done(&self, id: &RunId) -> bool {
        self.at(id).is_some_and(|cell| matches!(cell.state, CellState::Done(_)))
    }

    /// Another number whenever the records are others.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Every cell in running order.
    pub fn cells(&self) -> impl Iterator<Item = (&RunId, &RunSpec, &CellState)> {
        self.cells.iter().map(|cell| (&cell.id, &cell.spec, &cell.state))
    }

    /// One cell.
    pub fn cell(&self, id: &RunId) -> Option<(&RunSpec, &CellState)> {
        self.at(id).map(|cell| (&cell.spec, &cell.state))
    }

    /// What came of a cell that is done.
    pub fn record(&self, id: &RunId) -> Option<&RunRecord> {
        match &self.at(id)?.state {
            CellState::Done(record) => Some(record.as_ref()),
            _ => None,
        }
    }

    /// The records of finished cells, in running order.
    pub fn records(&self) -> impl Iterator<Item = &RunRecord> {
        self.cells().filter_map(|(_, _, state)| match state {
            CellState::Done(record) => Some(record.as_ref()),
            _ => None,
        })
    }

    /// How many cells are in which state.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use crate::spec::{Base, DataSpec, MethodKind, SPEC_VERSION, Source, TrainConfig};

    fn spec(examples: usize) -> RunSpec {
        RunSpec {
            version: SPEC_VERSION,
            base: Base { name: "b".into(), sha256: "0".into() },
            method: MethodKind::Full.method(),
            data: DataSpec { source: Source::Task("t".into()), examples, subset: Seed(0) },
            train: TrainConfig::default_for(MethodKind::Full),
            seed: Seed(0),
        }
    }

    #[test]
    fn a_died_worker_loses_no_cell_until_it_has_had_its_tries() {
        let mut queue = Queue::default();
        queue.extend([spec(64)]);
        let id = spec(64).id();
        for _ in 0..TRIES {
            assert!(queue.take().is_some());
            queue.give_back(&id, "the worker ended");
        }
        assert!(queue.take().is_none());
        assert_eq!(queue.counts(), Counts { failed: 1, ..Counts::default() });
    }

    #[test]
    fn stopping_by_hand_costs_no_try() {
        let mut queue = Queue::default();
        queue.extend([spec(64)]);
        for _ in 0..10 {
            assert!(queue.take().is_some());
            queue.put_back(&spec(64).id());
        }
        assert_eq!(queue.counts().pending, 1);
    }

    #[test]
    fn an_asked_for_point_comes_next() {
        let mut queue = Queue::default();
        queue.extend([spec(64), spec(128)]);
        queue.extend_first([spec(96), spec(128)]);
        let order: Vec<_> = std::iter::from_fn(|| queue.take()).map(|s| s.data.examples).collect();
        assert_eq!(order, [96, 128, 64]);
    }

    #[test]
    fn counts_and_order_hold_whatever_happens() {
        let mut queue = Queue::default();
        queue.extend((1..=6).map(spec));
        let ids: Vec<RunId> = (1..=6).map(|examples| spec(examples).id()).collect();
        queue.take();
        queue.take();
        queue.give_back(&ids[0], "died");
        queue.fail(&ids[1], "diverged");
        queue.extend_first([spec(2), spec(9)]);
        assert_eq!(queue.take().map(|spec| spec.data.examples), Some(2), "a failed cell that is asked for comes again");
        queue.forget(&[ids[2].clone()].into());
        queue.put_back(&ids[1]);
        queue.fail(&ids[5], "its data are gone");
        let counted = queue.cells().fold(Counts::default(), |mut counts, (_, _, state)| {
            *counts.of(state) += 1;
            counts
        });
        assert_eq!((queue.counts(), counted.pending, counted.failed), (counted, 5, 1));
        let rest: Vec<_> = std::iter::from_fn(|| queue.take()).map(|spec| spec.data.examples).collect();
        assert_eq!(rest, [2, 9, 1, 4, 5]);
    }

    #[test]
    fn clearing_keeps_what_began() {
        let mut queue = Queue::default();
        queue.extend([spec(64), spec(128)]);
        queue.take();
        queue.clear_pending();
        assert_eq!(queue.counts(), Counts { running: 1, ..Counts::default() });
        assert_eq!(queue.cells().count(), 1);
    }
}
