//! Which of Optuna's schemas a database has, and which columns that gives.

use super::error::StudyError;
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;

/// Alembic revisions before the multi-objective schema of Optuna 2.4: same table names, other
/// meaning.
const TOO_OLD: [&str; 3] = ["v0.9.0.a", "v1.2.0.a", "v1.3.0.a"];

/// What a database can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// `trial_values.value_type` is there (3.0 and later): infinities are NULL with a type.
    pub value_type: bool,
    /// `trial_intermediate_values.intermediate_value_type` is there (3.0 and later).
    pub intermediate_value_type: bool,
}

/// Reads the schema; nothing while the database is still being made.
///
/// # Errors
/// [`StudyError::TooOld`], or SQLite refuses.
pub fn read(connection: &Connection, path: &Path) -> Result<Option<Schema>, StudyError> {
    let sqlite = |source| StudyError::Sqlite { path: path.to_owned(), source };
    for table in ["studies", "study_directions", "trials", "trial_values", "alembic_version"] {
        if !has_table(connection, table).map_err(sqlite)? {
            return check_age(connection, path).map(|()| None);
        }
    }
    let Some(_revision) = revision(connection).map_err(sqlite)? else { return Ok(None) };
    check_age(connection, path)?;
    Ok(Some(Schema {
        value_type: has_column(connection, "trial_values", "value_type").map_err(sqlite)?,
        intermediate_value_type: has_column(
            connection,
            "trial_intermediate_values",
            "intermediate_value_type",
        )
        .map_err(sqlite)?,
    }))
}

fn check_age(connection: &Connection, path: &Path) -> Result<(), StudyError> {
    let sqlite = |source| StudyError::Sqlite { path: path.to_owned(), source };
    if !has_table(connection, "alembic_version").map_err(sqlite)? {
        return Ok(());
    }
    match revision(connection).map_err(sqlite)? {
        Some(revision) if TOO_OLD.contains(&revision.as_str()) => {
            Err(StudyError::TooOld { path: path.to_owned(), revision })
        }
        Some(_) | None => Ok(()),
    }
}

fn revision(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT version_num FROM alembic_version", [], |row| row.get(0)).optional()
}

fn has_table(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    connection
        .query_row(
            "SELECT 1 FROM sqlite_master WHERE type='table' AND name=?1",
            [table],
            |_| Ok(()),
        )
        .optional()
        .map(|found| found.is_some())
}

fn has_column(connection: &Connection, table: &str, column: &str) -> rusqlite::Result<bool> {
    connection
        .query_row("SELECT 1 FROM pragma_table_info(?1) WHERE name=?2", [table, column], |_| Ok(()))
        .optional()
        .map(|found| found.is_some())
}
