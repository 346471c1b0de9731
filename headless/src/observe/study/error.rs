//! What can be wrong with a study's database, with the remedy.

use std::path::PathBuf;

/// Why a study cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// SQLite refuses.
    #[error("{path}: {source}; {}", remedy(source))]
    Sqlite {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A crashed writer left a journal that only somebody with write access can roll back.
    #[error(
        "{0} has to be recovered after a crash and may not be written from here; start a worker, \
         or give this user write access to the file and its folder"
    )]
    HotJournal(PathBuf),
    /// The schema is older than Optuna 2.4.
    #[error(
        "{path} has the schema of an old Optuna ({revision}); run `optuna storage upgrade` on it"
    )]
    TooOld {
        /// Which file.
        path: PathBuf,
        /// Its alembic revision.
        revision: String,
    },
    /// Something in a row makes no sense.
    #[error("{path}: {what}; check the database with `PRAGMA integrity_check`")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What.
        what: String,
    },
    /// The file cannot be looked at.
    #[error("{path}: {source}; check the rights of its folder")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The trial is not there (any more).
    #[error("the study has no trial with id {0} any more; it was deleted")]
    NoTrial(i64),
}

/// What to do about a refusal of SQLite's.
fn remedy(source: &rusqlite::Error) -> &'static str {
    if is_busy(source) {
        "somebody is writing to it just now, try again"
    } else {
        "check that the file is Optuna's database and may be read"
    }
}

/// Whether somebody else is writing just now: no error, try again.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    #[test]
    fn a_study_that_is_being_written_is_not_taken_for_another_file() {
        let said = |code| {
            let source = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            StudyError::Sqlite { path: "optuna.db".into(), source }.to_string()
        };
        assert!(
            said(ffi::SQLITE_BUSY).ends_with("just now, try again"),
            "{}",
            said(ffi::SQLITE_BUSY)
        );
        assert!(said(ffi::SQLITE_NOTADB).ends_with("Optuna's database and may be read"));
    }
}
