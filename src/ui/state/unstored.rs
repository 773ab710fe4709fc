//! What the browser's storage does not take, in words: a run never ends for it, and the page says at once what is lost
//! when it closes.

use crate::job::{Unkept, WorkerId};
use crate::spec::RunId;
use std::collections::{BTreeMap, BTreeSet};

/// What of this visit is in no storage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unstored {
    /// Why the browser gives no storage at all.
    pub refused: Option<String>,
    /// Why it took no more, as was heard last.
    reason: String,
    checkpoints: bool,
    /// Runs whose weights lie in the memory of the worker that trained them.
    weights: BTreeMap<RunId, WorkerId>,
    /// Runs whose weights went with their worker.
    lost: BTreeSet<RunId>,
    /// Runs whose records are on this page alone.
    pub(super) records: BTreeSet<RunId>,
    adapters: bool,
    data: bool,
}

impl Unstored {
    pub(super) fn add(&mut self, worker: Option<WorkerId>, what: Unkept, reason: String) {
        self.reason = reason;
        match (what, worker) {
            (Unkept::Checkpoint, _) => self.checkpoints = true,
            (Unkept::Weights(run), Some(worker)) => drop(self.weights.insert(run, worker)),
            (Unkept::Weights(run), None) => drop(self.lost.insert(run)),
            (Unkept::Record(run), _) => drop(self.records.insert(run)),
            (Unkept::Adapter, _) => self.adapters = true,
            (Unkept::Data, _) => self.data = true,
        }
    }

    /// What the worker held is gone with it.
    pub(super) fn lose(&mut self, worker: WorkerId) {
        self.lost.extend(self.weights.extract_if(.., |_, holder| *holder == worker).map(|(run, _)| run));
    }

    /// There is room again: what is tried again is heard of again.
    pub(super) fn room_made(&mut self) {
        (self.checkpoints, self.records, self.data) = (false, BTreeSet::new(), false);
    }

    /// The worker that alone has these weights.
    pub fn holder(&self, run: &RunId) -> Option<WorkerId> {
        self.weights.get(run).copied()
    }

    /// Whether a run's weights are gone.
    pub fn is_lost(&self, run: &RunId) -> bool {
        self.lost.contains(run)
    }

    /// What is not kept, and why; none where everything is.
    pub fn sentence(&self) -> Option<String> {
        if let Some(reason) = &self.refused {
            return Some(format!(
                "This browser gives the lab no storage ({reason}). Training goes on, but runs, tuned weights and your own data are gone when this page closes or reloads."
            ));
        }
        let of = |count: usize, what: &str| match count {
            0 => None,
            1 => Some(format!("{what} of a run")),
            _ => Some(format!("{what} of {count} runs")),
        };
        let checkpoints = "checkpoints, so a run that is broken off starts anew".to_string();
        let parts = [
            of(self.records.len(), "the result"),
            of(self.weights.len(), "the tuned weights"),
            self.checkpoints.then_some(checkpoints),
            self.adapters.then(|| "the adapter that you added".to_string()),
            self.data.then(|| "your own data".to_string()),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let reason = &self.reason;
        (!parts.is_empty()).then(|| {
            format!(
                "The browser’s storage takes no more ({reason}). Training goes on, but this is not kept when the page closes: {}.",
                parts.join("; ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_is_named_until_there_is_room() {
        let mut unstored = Unstored::default();
        assert_eq!(unstored.sentence(), None);
        let run = |name: &str| RunId(name.into());
        unstored.add(Some(1), Unkept::Weights(run("a")), "full".into());
        unstored.add(Some(2), Unkept::Weights(run("b")), "full".into());
        unstored.add(Some(2), Unkept::Checkpoint, "full".into());
        unstored.add(None, Unkept::Record(run("b")), "full".into());
        let said = unstored.sentence().unwrap();
        for part in ["(full)", "the result of a run", "the tuned weights of 2 runs", "starts anew"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        unstored.room_made();
        unstored.lose(2);
        assert!(unstored.is_lost(&run("b")) && unstored.holder(&run("a")) == Some(1));
        assert!(unstored.sentence().unwrap().ends_with("closes: the tuned weights of a run."), "{unstored:?}");
        unstored.refused = Some("private window".into());
        assert!(unstored.sentence().unwrap().contains("no storage (private window)"));
    }
}
