//! A copy of the open samples, and a look at every row of them: what `state.redb` has in `backup`
//! and `check`. Both read one moment while the runner goes on measuring.

use super::{SampleReader, block, head, names::SERIES};
use crate::store::{
    backup::copy_to,
    check::Report,
    codec::{self, CodecError},
    error::{Doing, InRow, StoreError},
    tables::META,
};
use redb::{
    ReadTransaction, ReadableTable, StorageBackend, TableDefinition, TableHandle, WriteTransaction,
};
use std::fmt::Debug;

impl SampleReader {
    /// Writes everything into `backend`, which must be empty, and closes it; answers how many rows
    /// that are. Every row's checksum is verified on the way.
    ///
    /// # Errors
    /// [`StoreError::Backup`]: damage in the source, or either disk failing. The samples are
    /// unharmed and stay open.
    pub fn backup_to(&self, backend: impl StorageBackend) -> Result<u64, StoreError> {
        copy_to(&self.handle, backend, |from, to| {
            let tables = [
                copy_table(META, from, to)?,
                copy_table(SERIES, from, to)?,
                copy_table(head::TICKS, from, to)?,
                copy_table(block::BLOCKS, from, to)?,
                copy_table(block::PIECES, from, to)?,
            ];
            Ok(tables.into_iter().sum())
        })
    }

    /// Checks the envelope of every row of every table.
    ///
    /// # Errors
    /// Only when the file cannot be read at all; what is wrong in it is in the report.
    pub fn check(&self) -> Result<Report, StoreError> {
        self.handle.read(|transaction| {
            let mut report = Report::default();
            check_table(META, transaction, &mut report)?;
            check_table(SERIES, transaction, &mut report)?;
            check_table(head::TICKS, transaction, &mut report)?;
            check_table(block::BLOCKS, transaction, &mut report)?;
            check_table(block::PIECES, transaction, &mut report)?;
            Ok(report)
        })
    }
}

const DOING: &str = "copying samples";

fn copy_table<K>(
    table: TableDefinition<'static, K, &'static [u8]>,
    from: &ReadTransaction,
    to: &WriteTransaction,
) -> Result<u64, StoreError>
where
    K: redb::Key + 'static,
    for<'k> K::SelfType<'k>: Debug,
{
    let source = from.open_table(table).doing(DOING)?;
    let mut target = to.open_table(table).doing(DOING)?;
    let mut rows = 0_u64;
    for row in source.iter().doing(DOING)? {
        let (key, value) = row.doing(DOING)?;
        codec::open(value.value()).in_row(table.name(), format!("{:?}", key.value()))?;
        target.insert(key.value(), value.value()).map(drop).doing(DOING)?;
        rows = rows.saturating_add(1);
    }
    Ok(rows)
}

fn check_table<K>(
    table: TableDefinition<'static, K, &'static [u8]>,
    transaction: &ReadTransaction,
    report: &mut Report,
) -> Result<(), StoreError>
where
    K: redb::Key + 'static,
    for<'k> K::SelfType<'k>: Debug,
{
    let stored = transaction.open_table(table).doing("checking the samples")?;
    for row in stored.iter().doing("checking the samples")? {
        let (key, value) = row.doing("checking the samples")?;
        let sound: Result<_, CodecError> = codec::open(value.value());
        if let Err(error) = sound {
            report.find(format!("{} row {:?}", table.name(), key.value()), error.to_string());
        }
        report.rows = report.rows.saturating_add(1);
    }
    Ok(())
}
