//! Records of the system that was here before become lines of the history: nothing but lines, so
//! that no machine and no effect can come of them.

use super::batch::Batch;
use super::error::{InRow, StoreError};
use super::state::Store;
use crate::words::{Note, Sequence, Timestamp};
use std::collections::BTreeSet;

/// Lines read at a time.
const PAGE: usize = 500;

/// A record: its file, when as written there, what.
pub type Imported = (String, String, String);

impl Store {
    /// Adds those of `records` that the history does not have yet, in one transaction, dated `now`;
    /// how many those were.
    ///
    /// # Errors
    /// As [`Store::apply`]; then none was added, or a reopened store tells.
    pub fn import(&mut self, now: Timestamp, records: &[Imported]) -> Result<usize, StoreError> {
        let known = self.imported()?;
        let mut batch = Batch::new();
        let mut added: usize = 0;
        for record in records.iter().filter(|record| !known.contains(*record)) {
            let (file, at, text) = record.clone();
            batch.record(now, &Note::Imported(file, at, text)).in_row("history", "of an import")?;
            added = added.saturating_add(1);
        }
        self.apply(&batch)?;
        Ok(added)
    }

    /// The records that were imported before.
    fn imported(&self) -> Result<BTreeSet<Imported>, StoreError> {
        let (reader, mut known, mut from) = (self.reader(), BTreeSet::new(), Sequence(1));
        loop {
            let page = reader.entries(from, PAGE)?;
            let Some(last) = page.last() else { return Ok(known) };
            from = Sequence(last.sequence.0.saturating_add(1));
            for entry in page {
                if let Note::Imported(file, at, text) = entry.note {
                    known.insert((file, at, text));
                }
            }
        }
    }
}
