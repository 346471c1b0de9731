//! Is everything in the file what was written? Page checksums are verified at every opening;
//! this looks at rows, the history and the set of tables.

use super::{
    codec::{self, CodecError},
    error::{Doing, StoreError},
    history,
    state::Reader,
    tables::{self, HISTORY, KeyShape, META, Table},
};
use redb::{
    MultimapTableHandle, ReadTransaction, ReadableTableMetadata, TableDefinition, TableHandle,
};
use std::fmt::Display;

/// Findings kept in a report; a file this broken needs its backup, not a longer list.
const FINDINGS_LIMIT: usize = 100;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows looked at, history included.
    pub rows: u64,
    /// Entries of the history that are proven sound, from the first.
    pub history: u64,
    /// What is wrong, at most 100; empty for a sound file.
    pub findings: Vec<Finding>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Table and key.
    pub place: String,
    /// What is wrong there, why, and what to do.
    pub problem: String,
}

impl Reader {
    /// Checks every row of every table. `decodes` says whether the layers above can read a sound
    /// envelope; its kind tells it which record to try.
    ///
    /// # Errors
    /// Only when the file cannot be read at all; what is wrong in it is in the report.
    pub fn check(
        &self,
        decodes: &dyn Fn(&[u8]) -> Result<(), CodecError>,
    ) -> Result<Report, StoreError> {
        self.handle.read(|transaction| {
            let mut report = Report::default();
            report.check_table(transaction, META, &|bytes| codec::open(bytes).map(drop))?;
            for table in Table::ALL {
                match table.key_shape() {
                    KeyShape::Text => report.check_table(transaction, table.text(), decodes)?,
                    KeyShape::Number => report.check_table(transaction, table.number(), decodes)?,
                }
            }
            report.check_history(transaction, decodes)?;
            report.check_strangers(transaction)?;
            Ok(report)
        })
    }
}

impl Report {
    fn check_table<K>(
        &mut self,
        transaction: &ReadTransaction,
        table: TableDefinition<'static, K, &'static [u8]>,
        decodes: &dyn Fn(&[u8]) -> Result<(), CodecError>,
    ) -> Result<(), StoreError>
    where
        K: redb::Key + 'static,
        for<'k> K::SelfType<'k>: Display,
    {
        let stored = match transaction.open_table(table) {
            Ok(stored) => stored,
            Err(redb::TableError::Storage(error)) => return Err(error).doing(DOING),
            Err(error) => {
                self.find(table.name(), format!("{error}; {RESTORE}"));
                return Ok(());
            }
        };
        tables::each_row(&stored, |key, value| {
            self.rows = self.rows.saturating_add(1);
            if let Err(error) = decodes(value) {
                self.find(format!("{} row {key}", table.name()), error.to_string());
            }
            Ok(())
        })
    }

    fn check_history(
        &mut self,
        transaction: &ReadTransaction,
        decodes: &dyn Fn(&[u8]) -> Result<(), CodecError>,
    ) -> Result<(), StoreError> {
        let stored = transaction.open_table(HISTORY).doing(DOING)?;
        self.rows = self.rows.saturating_add(stored.len().doing(DOING)?);
        let walked = history::walk(transaction, |row, _| {
            self.history = row.sequence.0;
            if let Err(error) = decodes(&row.entry) {
                self.find(format!("history row {}", row.sequence), error.to_string());
            }
            Ok(())
        });
        match walked {
            Err(error @ (StoreError::History { .. } | StoreError::Row { .. })) => {
                self.find("history", error.to_string());
                Ok(())
            }
            other => other.map(drop),
        }
    }

    fn check_strangers(&mut self, transaction: &ReadTransaction) -> Result<(), StoreError> {
        let known = |name: &str| {
            [META.name(), HISTORY.name()].contains(&name)
                || Table::ALL.iter().any(|table| table.name() == name)
        };
        let strangers: Vec<String> = transaction
            .list_tables()
            .doing(DOING)?
            .map(|table| table.name().to_owned())
            .chain(transaction.list_multimap_tables().doing(DOING)?.map(|t| t.name().to_owned()))
            .filter(|name| !known(name))
            .collect();
        for name in strangers {
            let problem = "no version of this format has such a table: another program wrote to \
                           the file; it is ignored, and left out of backups";
            self.find(name, problem.to_owned());
        }
        Ok(())
    }

    pub(super) fn find(&mut self, place: impl Into<String>, problem: String) {
        if self.findings.len() < FINDINGS_LIMIT {
            self.findings.push(Finding { place: place.into(), problem });
        }
    }
}

const DOING: &str = "checking the data file";
const RESTORE: &str = "restore the latest backup with `cappuccino restore`";
