//! What of a file could not be read: refused, or left out where the visitor asked for that.

use super::{File, ReadOptions, UserError};
use crate::record::LeftOut;

/// Records that could not be used: how many, the first and why, and the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    /// "line", or "record" where lines say nothing.
    place: &'static str,
    count: usize,
    first: usize,
    last: usize,
    reason: String,
}

impl Malformed {
    pub fn by(place: &'static str) -> Self {
        Malformed { place, count: 0, first: 0, last: 0, reason: String::new() }
    }

    /// `reason` is asked for the first only: a file may have millions.
    pub fn add(&mut self, at: usize, reason: impl FnOnce() -> String) {
        if self.count == 0 || at < self.first {
            (self.first, self.reason) = (at, reason());
        }
        self.last = self.last.max(at);
        self.count += 1;
    }

    pub fn place(&self) -> &'static str {
        self.place
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// What was left out and why, or the refusal. `of`: lines or records of the file; `cut`: it ends where our own
    /// limit does.
    pub fn settle(
        mut self,
        file: &File,
        of: usize,
        cut: bool,
        options: &ReadOptions,
    ) -> Result<Option<LeftOut>, UserError> {
        // The last record of a cut file is no one's mistake.
        if cut && self.count > 0 && self.last + 1 >= of {
            self.count -= 1;
        }
        let Malformed { place, count, first, reason, .. } = self;
        match (count, options.skip_malformed) {
            (0, _) => Ok(None),
            (_, true) => {
                let reason = format!("malformed {place}s of {}, the first {place} {first}: {reason}", file.name);
                Ok(Some(LeftOut { count: count as u64, reason }))
            }
            (_, false) => {
                let file = file.name.clone();
                Err(UserError::Malformed { file, place, at: first, reason, malformed: count, of })
            }
        }
    }
}
