//! A copy of the open state, row by row, into a file of its own.
//!
//! redb has no online backup, and copying the bytes of an open file gives garbage. One read
//! transaction written into a new file gives one consistent moment without stopping the writer.

use super::{
    codec,
    error::{Doing, InRow, StoreError},
    handle::Handle,
    history,
    state::Reader,
    tables::{self, HISTORY, KeyShape, META, Table},
};
use crate::words::Sequence;
use redb::{
    Durability, ReadTransaction, StorageBackend, TableDefinition, TableHandle, WriteTransaction,
};
use std::fmt::Display;

impl Reader {
    /// Writes everything into `backend`, which must be empty, and closes it; answers the number
    /// of the newest history entry in the copy. Every row's checksum and the whole history are
    /// verified on the way, so damage never passes into a backup unseen.
    ///
    /// When this answers `Ok` the copy is durable under the name the caller gave it. The caller
    /// writes to a temporary name and renames, so that a backup is there whole or not at all.
    ///
    /// # Errors
    /// [`StoreError::Backup`]: damage in the source, or either disk failing. The store is
    /// unharmed and stays open.
    pub fn backup_to(&self, backend: impl StorageBackend) -> Result<Sequence, StoreError> {
        copy_to(&self.handle, backend, copy_all)
    }
}

/// Writes what `copy` takes of one moment of an open file into `backend`, which must be empty, and
/// closes it.
///
/// # Errors
/// [`StoreError::Backup`]: damage in the source, or either disk failing.
pub(super) fn copy_to<T>(
    source: &Handle,
    backend: impl StorageBackend,
    copy: impl FnOnce(&ReadTransaction, &WriteTransaction) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let copied = || {
        let length = backend.len().map_err(redb::StorageError::from).doing("opening the backup")?;
        if length != 0 {
            let why = "there already is a file of that name".into();
            return Err(StoreError::Foreign { why });
        }
        let target = Handle::open(backend, false)?;
        let answer =
            source.read(|from| target.write(Durability::Immediate, |to| copy(from, to)))?;
        target.close()?;
        Ok(answer)
    };
    copied().map_err(|cause| StoreError::Backup { cause: Box::new(cause) })
}

const DOING: &str = "copying rows";

fn copy_all(from: &ReadTransaction, to: &WriteTransaction) -> Result<Sequence, StoreError> {
    copy_rows(META, from, to)?;
    for table in Table::ALL {
        match table.key_shape() {
            KeyShape::Text => copy_rows(table.text(), from, to)?,
            KeyShape::Number => copy_rows(table.number(), from, to)?,
        }
    }
    let mut rows = to.open_table(HISTORY).doing(DOING)?;
    let head = history::walk(from, |row, bytes| {
        rows.insert(row.sequence.0, bytes).map(drop).doing(DOING)
    })?;
    Ok(head.sequence)
}

fn copy_rows<K>(
    table: TableDefinition<'static, K, &'static [u8]>,
    from: &ReadTransaction,
    to: &WriteTransaction,
) -> Result<(), StoreError>
where
    K: redb::Key + 'static,
    for<'k> K::SelfType<'k>: Display,
{
    let source = from.open_table(table).doing(DOING)?;
    let mut target = to.open_table(table).doing(DOING)?;
    tables::each_row(&source, |key, value| {
        codec::open(value).in_row(table.name(), &key)?;
        target.insert(key, value).map(drop).doing(DOING)
    })
}
