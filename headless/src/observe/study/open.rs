//! Opening a study's database so that its writers never notice.

use super::error::StudyError;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// How long a read waits for a writer's commit before it gives way.
const BUSY_TIMEOUT: Duration = Duration::from_millis(300);

/// Opens for reading only, but with the right to recover a crashed writer's journal where there
/// is one. Never as immutable, never memory-mapped (a truncated file would kill us).
///
/// # Errors
/// [`StudyError`].
pub(crate) fn open(path: &Path) -> Result<Connection, StudyError> {
    let sqlite = |source| StudyError::Sqlite { path: path.to_owned(), source };
    let common = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, common | OpenFlags::SQLITE_OPEN_READ_WRITE)
        .or_else(|_not_writable| {
            Connection::open_with_flags(path, common | OpenFlags::SQLITE_OPEN_READ_ONLY)
        })
        .map_err(sqlite)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(sqlite)?;
    connection
        .execute_batch("PRAGMA query_only=1; PRAGMA mmap_size=0; PRAGMA cache_size=-512;")
        .map_err(sqlite)?;
    connection.set_prepared_statement_cache_capacity(16);
    Ok(connection)
}
