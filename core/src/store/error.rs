//! Why the store could not do something, in words that name the way out.

use super::{codec::CodecError, tables::Table};
use crate::words::Timestamp;
use std::io;

/// A failure of the store. Texts say what, why, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the file.
    #[error(
        "another runner owns this data file; stop it first (`cappuccino stop`), or choose another \
         workspace"
    )]
    Locked,
    /// The file was written by a newer cappuccino. It was not touched.
    #[error(
        "the data file has format {found}, written by cappuccino {app_version}; this version \
         knows up to format {known} and changed no row: upgrade cappuccino to {app_version} or \
         later"
    )]
    Newer {
        /// Format of the file.
        found: u32,
        /// Newest format known here.
        known: u32,
        /// Version that last opened the file for writing.
        app_version: String,
    },
    /// The file's format is older than any migration starts from.
    #[error(
        "the data file has format {found}, which this version no longer migrates; open it once \
         with cappuccino {app_version} or an older one that does"
    )]
    Obsolete {
        /// Format of the file.
        found: u32,
        /// Version that last opened the file for writing.
        app_version: String,
    },
    /// The file is something else.
    #[error(
        "the file is not a data file of cappuccino ({why}); choose another workspace, or restore \
         the latest backup with `cappuccino restore`"
    )]
    Foreign {
        /// What was found instead.
        why: String,
    },
    /// The database under the rows is damaged.
    #[error(
        "the data file is damaged ({why}); restore the latest backup with `cappuccino restore`"
    )]
    Damaged {
        /// What is wrong with it.
        why: String,
    },
    /// One row is damaged, misplaced, too new or too large.
    #[error("{table} row {key}: {source}")]
    Row {
        /// Name of the table.
        table: String,
        /// The row's key.
        key: String,
        /// What is wrong with it.
        source: CodecError,
    },
    /// The history is not the one that was written.
    #[error(
        "the history is broken at entry {sequence} ({why}): it was edited, or the file is damaged; \
         restore the latest backup with `cappuccino restore`"
    )]
    History {
        /// First entry that is wrong.
        sequence: u64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A key of the wrong shape for its table: a defect of the caller.
    #[error("table {} does not have keys like {key}; this is a defect, please report it", table.name())]
    WrongKey {
        /// The table.
        table: Table,
        /// The key.
        key: String,
    },
    /// More series, or more samples in one tick, than the file is made for.
    #[error("{what} exceed the limit of {limit}; remove entries from the configuration")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: usize,
    },
    /// A sample of a series that was never defined: a defect of the caller.
    #[error("no series has the number {number}; this is a defect, please report it")]
    UnknownSeries {
        /// The number.
        number: u32,
    },
    /// A sample from before the time that may still change, or from after the year 9999.
    #[error(
        "a sample of {at} cannot be kept: samples may be from {from} on, what was before is \
         already summed up; check the clock"
    )]
    OutOfTime {
        /// When the sample says it was measured.
        at: Timestamp,
        /// The earliest time that a sample may have.
        from: Timestamp,
    },
    /// The disk is full.
    #[error("the disk is full ({doing}: {source}); free space, the runner then goes on by itself")]
    DiskFull {
        /// What was being done.
        doing: &'static str,
        /// The system's words.
        source: io::Error,
    },
    /// The storage failed.
    #[error(
        "{doing} failed ({why}); check the disk (`dmesg`, `smartctl`), the runner opens the file \
         again by itself"
    )]
    Storage {
        /// What was being done.
        doing: &'static str,
        /// The storage's words.
        why: String,
    },
    /// The commit failed: the batch is on the disk either whole or not at all.
    #[error(
        "the last change may or may not have reached the disk; the file must be opened and read \
         again before anything acts on it: {cause}"
    )]
    OutcomeUnknown {
        /// Why the commit failed.
        cause: Box<StoreError>,
    },
    /// A backup was not made. The store itself is unharmed.
    #[error(
        "the backup was not made; the data file is unharmed and earlier backups remain: {cause}"
    )]
    Backup {
        /// Why not.
        cause: Box<StoreError>,
    },
    /// The store behind this reader is closed.
    #[error("the data file was closed; ask again once the runner has opened it")]
    Closed,
}

impl StoreError {
    /// Whether the open store or samples that answered this must be dropped, opened again and
    /// read again. Until then every further change is refused.
    pub const fn needs_reopen(&self) -> bool {
        match self {
            Self::OutcomeUnknown { .. }
            | Self::DiskFull { .. }
            | Self::Storage { .. }
            | Self::Damaged { .. }
            | Self::Closed => true,
            Self::Backup { .. }
            | Self::Locked
            | Self::Newer { .. }
            | Self::Obsolete { .. }
            | Self::Foreign { .. }
            | Self::Row { .. }
            | Self::History { .. }
            | Self::WrongKey { .. }
            | Self::TooMany { .. }
            | Self::UnknownSeries { .. }
            | Self::OutOfTime { .. } => false,
        }
    }

    /// Whether freeing space on the disk is the remedy.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::OutcomeUnknown { cause } | Self::Backup { cause } => cause.is_disk_full(),
            Self::DiskFull { .. } => true,
            Self::Storage { .. }
            | Self::Damaged { .. }
            | Self::Closed
            | Self::Locked
            | Self::Newer { .. }
            | Self::Obsolete { .. }
            | Self::Foreign { .. }
            | Self::Row { .. }
            | Self::History { .. }
            | Self::WrongKey { .. }
            | Self::TooMany { .. }
            | Self::UnknownSeries { .. }
            | Self::OutOfTime { .. } => false,
        }
    }

    fn from_io(doing: &'static str, error: io::Error) -> Self {
        use io::ErrorKind::{InvalidData, QuotaExceeded, StorageFull, UnexpectedEof};
        let kind = error.kind();
        if matches!(kind, StorageFull | QuotaExceeded) {
            Self::DiskFull { doing, source: error }
        } else if kind == InvalidData {
            Self::Foreign { why: error.to_string() }
        } else if kind == UnexpectedEof {
            Self::Damaged { why: "the file is shorter than it should be".into() }
        } else {
            Self::Storage { doing, why: error.to_string() }
        }
    }

    fn from_redb(doing: &'static str, error: redb::Error) -> Self {
        if let redb::Error::Io(error) = error {
            return Self::from_io(doing, error);
        }
        if matches!(error, redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch) {
            return Self::Locked;
        }
        if let redb::Error::Corrupted(why) = error {
            return Self::Damaged { why };
        }
        Self::Storage { doing, why: error.to_string() }
    }
}

impl From<redb::DatabaseError> for StoreError {
    /// What the backend of a file answers before the store sees it: a lock, mostly.
    fn from(error: redb::DatabaseError) -> Self {
        Self::from_redb("opening the file", error.into())
    }
}

/// Says what was being done when the database answered an error.
pub(super) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T, E: Into<redb::Error>> Doing<T> for Result<T, E> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::from_redb(doing, error.into()))
    }
}

/// Says which row a codec error is about.
pub(super) trait InRow<T> {
    fn in_row(self, table: &str, key: impl ToString) -> Result<T, StoreError>;
}

impl<T> InRow<T> for Result<T, CodecError> {
    fn in_row(self, table: &str, key: impl ToString) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Row {
            table: table.to_owned(),
            key: key.to_string(),
            source,
        })
    }
}
