//! `state.redb`: the one writer, and readers for other threads.

use super::{
    batch::Batch,
    error::{Doing, StoreError},
    format::{Format, OpenFacts},
    handle::Handle,
    history::{self, HistoryRow},
    tables::{self, Key, KeyShape, Table},
};
use crate::words::Sequence;
use redb::{Durability, StorageBackend, WriteTransaction};
use std::collections::BTreeMap;

/// The format of `state.redb` today.
pub(super) const FORMAT: Format =
    Format { purpose: "state", version: 1, steps: &[], create: tables::create_all };

/// The open file, with the right to change it. See the promise in [`super`].
///
/// Dropping it closes the file without a word about errors; [`Store::close`] has them.
#[derive(Debug)]
pub struct Store {
    reader: Reader,
}

/// The right to read an open [`Store`] from any thread. Every call sees one consistent moment.
///
/// Once the store is closed or dropped every call answers [`StoreError::Closed`]; the owner hands
/// out a new reader after opening again.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) handle: Handle,
}

/// What [`Store::apply`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Number of the newest entry in the history; 0 while it is empty.
    pub last_sequence: Sequence,
}

impl Store {
    /// Opens the file behind `backend`, or makes one when it is empty. Verifies every page of it,
    /// repairs what a crash left, migrates an older format in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Newer`] (the rows are untouched),
    /// [`StoreError::Damaged`], [`StoreError::Foreign`], or a failing disk: nothing is lost by
    /// trying again later.
    pub fn open(backend: impl StorageBackend, facts: &OpenFacts) -> Result<Self, StoreError> {
        Self::open_as(&FORMAT, backend, facts)
    }

    pub(super) fn open_as(
        format: &Format,
        backend: impl StorageBackend,
        facts: &OpenFacts,
    ) -> Result<Self, StoreError> {
        let handle = Handle::open(backend, true)?;
        format.prepare(&handle, facts)?;
        Ok(Self { reader: Reader { handle } })
    }

    /// Makes `batch` durable, in one transaction. An empty batch costs nothing.
    ///
    /// # Errors
    /// See the promise in [`super`]: ask [`StoreError::needs_reopen`].
    pub fn apply(&mut self, batch: &Batch) -> Result<Applied, StoreError> {
        if batch.is_empty() {
            return Ok(Applied { last_sequence: self.reader.last_sequence()? });
        }
        let head = self.reader.handle.write(Durability::Immediate, |transaction| {
            for (table, changes) in batch.by_table() {
                change_rows(transaction, *table, changes)?;
            }
            history::append(transaction, batch.history())
        })?;
        Ok(Applied { last_sequence: head.sequence })
    }

    /// A handle for reading, cheap to clone and good on any thread.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// See [`Reader::rows`].
    ///
    /// # Errors
    /// As there.
    pub fn rows(&self, table: Table) -> Result<Vec<(Key, Vec<u8>)>, StoreError> {
        self.reader.rows(table)
    }

    /// See [`Reader::history`].
    ///
    /// # Errors
    /// As there.
    pub fn history(&self, from: Sequence, limit: usize) -> Result<Vec<HistoryRow>, StoreError> {
        self.reader.history(from, limit)
    }

    /// Closes the file; waits for readers' calls under way.
    ///
    /// # Errors
    /// A failing disk. Everything applied is durable all the same.
    pub fn close(self) -> Result<(), StoreError> {
        self.reader.handle.close()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Every applied batch is durable already; `close` is for whoever wants the error.
        drop(self.reader.handle.close());
    }
}

impl Reader {
    /// Every row of `table` in key order, values in their envelopes.
    ///
    /// # Errors
    /// A failing disk or a damaged file.
    pub fn rows(&self, table: Table) -> Result<Vec<(Key, Vec<u8>)>, StoreError> {
        let mut rows = Vec::new();
        self.handle.read(|transaction| match table.key_shape() {
            KeyShape::Text => {
                let stored = transaction.open_table(table.text()).doing(READING)?;
                tables::each_row(&stored, |key, value| {
                    rows.push((Key::from(key), value.to_vec()));
                    Ok(())
                })
            }
            KeyShape::Number => {
                let stored = transaction.open_table(table.number()).doing(READING)?;
                tables::each_row(&stored, |key, value| {
                    rows.push((Key::from(key), value.to_vec()));
                    Ok(())
                })
            }
        })?;
        Ok(rows)
    }

    /// At most `limit` entries of the history from `from` on, oldest first, each checked against
    /// its hash and its neighbour.
    ///
    /// # Errors
    /// [`StoreError::History`] for an edited or damaged entry; a failing disk.
    pub fn history(&self, from: Sequence, limit: usize) -> Result<Vec<HistoryRow>, StoreError> {
        self.handle.read(|transaction| history::page(transaction, from, limit))
    }

    /// At most `limit` entries older than `before`, newest first. `Sequence(u64::MAX)` starts at
    /// the newest; the last entry of one page is `before` of the next.
    ///
    /// # Errors
    /// As [`Reader::history`].
    pub fn history_before(
        &self,
        before: Sequence,
        limit: usize,
    ) -> Result<Vec<HistoryRow>, StoreError> {
        self.handle.read(|transaction| {
            let newest = history::head(transaction)?.sequence.0;
            let end = before.0.min(newest.saturating_add(1)).max(1);
            let wanted = u64::try_from(limit).unwrap_or(u64::MAX).min(end - 1);
            let length = usize::try_from(wanted).unwrap_or(usize::MAX);
            let mut page = history::page(transaction, Sequence(end - wanted), length)?;
            page.reverse();
            Ok(page)
        })
    }

    /// Walks the whole chain of the history; answers the number of its newest entry.
    ///
    /// # Errors
    /// [`StoreError::History`] at the first entry that is missing, edited or damaged.
    pub fn verify_history(&self) -> Result<Sequence, StoreError> {
        let walked = self.handle.read(|transaction| history::walk(transaction, |_, _| Ok(())))?;
        Ok(walked.sequence)
    }

    /// Number of the newest entry in the history; 0 while it is empty.
    ///
    /// # Errors
    /// A failing disk or a damaged file.
    pub fn last_sequence(&self) -> Result<Sequence, StoreError> {
        self.handle.read(|transaction| Ok(history::head(transaction)?.sequence))
    }
}

const READING: &str = "reading rows";
const WRITING: &str = "writing rows";

fn change_rows(
    transaction: &WriteTransaction,
    table: Table,
    changes: &BTreeMap<Key, Option<Vec<u8>>>,
) -> Result<(), StoreError> {
    match table.key_shape() {
        KeyShape::Text => {
            let mut rows = transaction.open_table(table.text()).doing(WRITING)?;
            for (key, value) in changes {
                let Key::Text(text) = key else { return Err(wrong_key(table, key)) };
                change_row(&mut rows, text.as_str(), value.as_deref())?;
            }
        }
        KeyShape::Number => {
            let mut rows = transaction.open_table(table.number()).doing(WRITING)?;
            for (key, value) in changes {
                let Key::Number(number) = key else { return Err(wrong_key(table, key)) };
                change_row(&mut rows, *number, value.as_deref())?;
            }
        }
    }
    Ok(())
}

fn change_row<K: redb::Key + 'static>(
    rows: &mut redb::Table<'_, K, &'static [u8]>,
    key: K::SelfType<'_>,
    value: Option<&[u8]>,
) -> Result<(), StoreError> {
    match value {
        Some(value) => rows.insert(key, value).map(drop),
        None => rows.remove(key).map(drop),
    }
    .doing(WRITING)
}

fn wrong_key(table: Table, key: &Key) -> StoreError {
    StoreError::WrongKey { table, key: key.to_string() }
}
