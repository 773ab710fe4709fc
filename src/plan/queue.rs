//! The queue of an experiment's cells. A plain state machine: whoever runs cells (a pool of browser workers, the
//! command line) takes one, reports what became of it, and asks what is left.

use crate::record::RunRecord;
use crate::spec::{RunId, RunSpec};
use std::collections::BTreeMap;

/// How often a cell whose worker died is tried again before it counts as failed.
const TRIES: u32 = 3;

/// How far a cell is.
#[derive(Clone, Debug, PartialEq)]
pub enum CellState {
    Pending,
    Running,
    Done(Box<RunRecord>),
    Failed(String),
}

/// Cells in running order, with what became of each.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    /// In running order.
    order: Vec<RunId>,
    cells: BTreeMap<RunId, Cell>,
}

#[derive(Clone, Debug)]
struct Cell {
    spec: RunSpec,
    state: CellState,
    tries: u32,
}

/// Cells by state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counts {
    pub pending: usize,
    pub running: usize,
    pub done: usize,
    pub failed: usize,
}

impl Queue {
    /// Adds cells behind those already there; a cell that is known keeps its state.
    pub fn extend(&mut self, cells: impl IntoIterator<Item = RunSpec>) {
        for spec in cells {
            let id = spec.id();
            if !self.cells.contains_key(&id) {
                self.order.push(id.clone());
                self.cells.insert(id, Cell { spec, state: CellState::Pending, tries: 0 });
            }
        }
    }

    /// Puts cells at the head of the queue: the point a visitor just asked for comes next. A failed cell gets
    /// another chance.
    pub fn extend_first(&mut self, cells: impl IntoIterator<Item = RunSpec>) {
        let cells: Vec<RunSpec> = cells.into_iter().collect();
        let ids: Vec<RunId> = cells.iter().map(RunSpec::id).collect();
        self.extend(cells);
        for id in &ids {
            if let Some(cell) = self.cells.get_mut(id)
                && matches!(cell.state, CellState::Failed(_))
            {
                cell.state = CellState::Pending;
                cell.tries = 0;
            }
        }
        self.order.retain(|id| !ids.contains(id));
        self.order.splice(0..0, ids);
    }

    /// The next pending cell, now running.
    pub fn take(&mut self) -> Option<RunSpec> {
        let id = self.order.iter().find(|id| self.cells[*id].state == CellState::Pending)?;
        let cell = self.cells.get_mut(id)?;
        cell.state = CellState::Running;
        cell.tries += 1;
        Some(cell.spec.clone())
    }

    /// A record came out, of this queue's cell or from an earlier visit.
    pub fn finish(&mut self, record: RunRecord) {
        let id = record.id.clone();
        self.extend([record.spec.clone()]);
        if let Some(cell) = self.cells.get_mut(&id) {
            cell.state = CellState::Done(Box::new(record));
        }
    }

    /// The cell itself cannot be trained (its loss diverged, its data are missing).
    pub fn fail(&mut self, id: &RunId, reason: impl Into<String>) {
        if let Some(cell) = self.cells.get_mut(id) {
            cell.state = CellState::Failed(reason.into());
        }
    }

    /// The worker was stopped or died: the cell waits again, until it has had its tries.
    pub fn give_back(&mut self, id: &RunId, reason: &str) {
        if let Some(cell) = self.cells.get_mut(id)
            && cell.state == CellState::Running
        {
            cell.state = if cell.tries >= TRIES {
                CellState::Failed(format!("given up after {TRIES} tries: {reason}"))
            } else {
                CellState::Pending
            };
        }
    }

    /// A visitor stopped the cell: it waits again and the try does not count.
    pub fn put_back(&mut self, id: &RunId) {
        if let Some(cell) = self.cells.get_mut(id)
            && cell.state == CellState::Running
        {
            cell.state = CellState::Pending;
            cell.tries = cell.tries.saturating_sub(1);
        }
    }

    /// Forgets cells that have not begun.
    pub fn clear_pending(&mut self) {
        self.cells.retain(|_, cell| cell.state != CellState::Pending);
        self.order.retain(|id| self.cells.contains_key(id));
    }

    /// Forgets these cells and what came of them, so that they can be run anew.
    pub fn forget(&mut self, ids: &[RunId]) {
        self.cells.retain(|id, _| !ids.contains(id));
        self.order.retain(|id| self.cells.contains_key(id));
    }

    /// Whether a cell has its record.
    pub fn is_done(&self, id: &RunId) -> bool {
        self.cells.get(id).is_some_and(|cell| matches!(cell.state, CellState::Done(_)))
    }

    /// Every cell in running order.
    pub fn cells(&self) -> impl Iterator<Item = (&RunId, &RunSpec, &CellState)> {
        self.order.iter().map(|id| (id, &self.cells[id].spec, &self.cells[id].state))
    }

    /// Of the finished cells, in order.
    pub fn records(&self) -> impl Iterator<Item = &RunRecord> {
        self.cells().filter_map(|(_, _, state)| match state {
            CellState::Done(record) => Some(record.as_ref()),
            _ => None,
        })
    }

    /// How many cells are in each state.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for cell in self.cells.values() {
            match cell.state {
                CellState::Pending => counts.pending += 1,
                CellState::Running => counts.running += 1,
                CellState::Done(_) => counts.done += 1,
                CellState::Failed(_) => counts.failed += 1,
            }
        }
        counts
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
    fn clearing_keeps_what_began() {
        let mut queue = Queue::default();
        queue.extend([spec(64), spec(128)]);
        queue.take();
        queue.clear_pending();
        assert_eq!(queue.counts(), Counts { running: 1, ..Counts::default() });
        assert_eq!(queue.cells().count(), 1);
    }
}
