//! What one transaction changes.

use super::{
    codec::{self, CodecError, Record},
    tables::{Key, Table},
};
use crate::words::Timestamp;
use std::collections::BTreeMap;

/// Rows to write and delete, and entries to add to the history: all of it or nothing.
///
/// A row named twice keeps the last word. Entries keep their order; the store numbers them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    changes: BTreeMap<Table, BTreeMap<Key, Option<Vec<u8>>>>,
    history: Vec<(Timestamp, Vec<u8>)>,
}

impl Batch {
    /// A batch that changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes the row `key` of `table`.
    ///
    /// # Errors
    /// [`CodecError`] when `record` does not fit a row.
    pub fn put<R: Record>(
        &mut self,
        table: Table,
        key: impl Into<Key>,
        record: &R,
    ) -> Result<(), CodecError> {
        self.change(table, key.into(), Some(codec::encode(record)?));
        Ok(())
    }

    /// Removes the row `key` of `table`; a row that is not there stays so.
    pub fn delete(&mut self, table: Table, key: impl Into<Key>) {
        self.change(table, key.into(), None);
    }

    /// Adds `entry`, which happened `at`, to the history.
    ///
    /// # Errors
    /// [`CodecError`] when `entry` does not fit a row.
    pub fn record<R: Record>(&mut self, at: Timestamp, entry: &R) -> Result<(), CodecError> {
        self.history.push((at, codec::encode(entry)?));
        Ok(())
    }

    /// Whether the batch changes nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.history.is_empty()
    }

    /// Every change of a row, by table and key; no bytes mean deletion.
    pub fn changes(&self) -> impl Iterator<Item = (Table, &Key, Option<&[u8]>)> {
        self.changes.iter().flat_map(|(table, rows)| {
            rows.iter().map(|(key, value)| (*table, key, value.as_deref()))
        })
    }

    /// The entries for the history, oldest first.
    pub fn history(&self) -> impl Iterator<Item = (Timestamp, &[u8])> {
        self.history.iter().map(|(at, entry)| (*at, entry.as_slice()))
    }

    pub(super) fn by_table(&self) -> &BTreeMap<Table, BTreeMap<Key, Option<Vec<u8>>>> {
        &self.changes
    }

    fn change(&mut self, table: Table, key: Key, value: Option<Vec<u8>>) {
        self.changes.entry(table).or_default().insert(key, value);
    }
}
