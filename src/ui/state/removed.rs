//! What the visitor removed and may still bring back: it is out of sight at once, and gone with the message that offers to
//! undo it.

use crate::job::{AdapterCard, Job};
use crate::record::RunRecord;
use crate::spec::RunId;
use crate::ui::state::*;
use std::collections::HashSet;

#[derive(Clone, Debug)]
pub(super) enum Removed {
    Runs(Vec<RunRecord>),
    Adapter(AdapterCard),
}

impl State {
    /// Finished runs of this machine on the chosen data: those that can be cleared.
    pub fn clearable(&self) -> Vec<RunId> {
        let source = self.source();
        let own = self.queue.records().filter(|record| !self.is_precomputed(&record.id));
        own.filter(|record| Some(&record.spec.data.source) == source.as_ref()).map(|record| record.id.clone()).collect()
    }

    pub(super) fn remove_runs(&mut self, runs: &[RunId]) {
        let ids: HashSet<RunId> = runs.iter().cloned().collect();
        let records: Vec<RunRecord> = self.queue.records().filter(|record| ids.contains(&record.id)).cloned().collect();
        self.queue.forget(&records.iter().map(|record| record.id.clone()).collect());
        match records.len() {
            0 => {}
            1 => self.remove(Removed::Runs(records), "The run is removed.".into()),
            count => self.remove(Removed::Runs(records), format!("{count} runs are removed.")),
        }
    }

    pub(super) fn remove_adapter(&mut self, id: &str) {
        let Some(at) = self.jobs.adapters.iter().position(|card| card.id == id) else { return };
        let card = self.jobs.adapters.remove(at);
        let words = format!("“{}” is removed.", card.name);
        self.remove(Removed::Adapter(card), words);
    }

    fn remove(&mut self, what: Removed, words: String) {
        self.say(Level::Information, words);
        if let Some(notice) = self.notices.last_mut() {
            notice.undo = true;
            self.removed.push((notice.id, what));
        }
    }

    /// Adapters that are kept, without those that are about to go.
    pub(super) fn set_adapters(&mut self, mut adapters: Vec<AdapterCard>) {
        let goes = |card: &AdapterCard| {
            self.removed.iter().any(|(_, removed)| matches!(removed, Removed::Adapter(gone) if gone.id == card.id))
        };
        adapters.retain(|card| !goes(card));
        self.jobs.adapters = adapters;
    }

    /// One that is added again is to stay.
    pub(super) fn keep_adapters(&mut self) {
        self.removed.retain(|(_, removed)| !matches!(removed, Removed::Adapter(_)));
    }

    pub(super) fn undo(&mut self, notice: u32) {
        for (_, removed) in self.removed.extract_if(.., |(id, _)| *id == notice).collect::<Vec<_>>() {
            match removed {
                Removed::Runs(records) => records.into_iter().for_each(|record| self.queue.finish(record)),
                Removed::Adapter(card) => self.jobs.adapters.push(card),
            }
        }
        self.notices.retain(|each| each.id != notice);
    }

    /// Removes for good what no message offers to bring back any more.
    pub(super) fn carry_out(&mut self, orders: &mut Vec<Order>) {
        let notices = &self.notices;
        let gone = self.removed.extract_if(.., |(id, _)| !notices.iter().any(|notice| notice.id == *id));
        for (_, removed) in gone.collect::<Vec<_>>() {
            match removed {
                Removed::Runs(records) => {
                    // One that was trained again meanwhile stays.
                    let ids = records.into_iter().map(|record| record.id).filter(|id| !self.queue.is_done(id));
                    orders.push(Order::Forget(ids.collect()));
                }
                Removed::Adapter(card) => self.ask(Job::RemoveAdapter { id: card.id }, orders),
            }
        }
    }
}
