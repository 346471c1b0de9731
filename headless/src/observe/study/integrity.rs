//! Whether the study's database is whole: every page of it is looked at now and then, without its
//! writers noticing.
//!
//! With a write-ahead log a reader blocks nobody, so the file itself is checked. Without one a
//! reader of seconds makes training trials fail (Optuna waits 5 s for a lock): there a copy is
//! checked, made in one go when the file is small, and piece by piece when nobody writes.

use super::error::StudyError;
use super::open::open;
use cappuccino_core::words::Span;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// A database up to this size is copied in one go: even a slow disk reads it in half the time that
/// a writer waits.
const SMALL_BYTES: u64 = 256 << 20;
/// A larger one is copied so many pages at a time, and only while nobody writes.
const PAGES_PER_STEP: i32 = 1000;
/// How long nobody must have written.
const IDLE: Duration = Duration::from_mins(1);
/// The first look, and the next after one that was not possible.
const SOON: Span = Span::minutes(10);
/// How often a copy that meets a writer is tried.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(20);

/// What a look found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every page is as it should be.
    Whole,
    /// What is wrong.
    Damaged(String),
    /// It could not be looked at now.
    Unknown(String),
}

/// The running thread; dropping it ends it, at the latest after the look under way.
pub struct IntegrityWatcher {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl IntegrityWatcher {
    /// Looks every so often and tells what it found; `scratch` may hold a copy meanwhile.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        database: PathBuf,
        scratch: PathBuf,
        every: Span,
        tell: impl Fn(Verdict) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (end, ended) = channel::<()>();
        let watch = move || {
            let mut pause = every.min(SOON);
            while ended.recv_timeout(duration(pause)) == Err(RecvTimeoutError::Timeout) {
                let verdict = look(&database, &scratch);
                let is_known = !matches!(verdict, Verdict::Unknown(_));
                pause = if is_known { every } else { every.min(SOON) };
                tell(verdict);
            }
        };
        let thread = Builder::new().name("study-check".to_owned()).spawn(watch)?;
        Ok(Self { end: Some(end), thread: Some(thread) })
    }
}

impl Drop for IntegrityWatcher {
    fn drop(&mut self) {
        drop(self.end.take());
        // A look may take a while; it holds nothing that a next runner needs.
        drop(self.thread.take());
    }
}

fn duration(span: Span) -> Duration {
    Duration::from_millis(u64::try_from(span.0).unwrap_or(0))
}

/// Looks at every page of `database` now; `scratch` is made and removed if a copy is needed.
pub fn look(database: &Path, scratch: &Path) -> Verdict {
    let Ok(file) = std::fs::metadata(database) else {
        return Verdict::Unknown(format!("there is no {}", database.display()));
    };
    let outcome = open(database).map_err(|error| unopened(database, &error));
    let outcome = outcome.and_then(|connection| {
        let mode: String = connection
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))
            .map_err(|error| failed(database, &error))?;
        if mode == "wal" {
            return quick_check(database, &connection);
        }
        let copied = copy(database, &connection, scratch, file.len());
        let checked = copied.and_then(|copy| quick_check(database, &copy));
        remove(scratch);
        checked
    });
    outcome.unwrap_or_else(|verdict| verdict)
}

/// SQLite's own check, without comparing indices to their tables.
fn quick_check(database: &Path, connection: &Connection) -> Result<Verdict, Verdict> {
    let first = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    match first {
        Ok(text) if text == "ok" => Ok(Verdict::Whole),
        Ok(text) => Ok(Verdict::Damaged(damaged(database, text.trim()))),
        Err(error) => Err(failed(database, &error)),
    }
}

fn copy(
    database: &Path,
    source: &Connection,
    scratch: &Path,
    bytes: u64,
) -> Result<Connection, Verdict> {
    let unknown = |why: String| Verdict::Unknown(why);
    if bytes > SMALL_BYTES && !is_idle(database) {
        return Err(unknown("it is large and being written; it is looked at later".to_owned()));
    }
    remove(scratch);
    let mut copy = Connection::open(scratch).map_err(|error| unknown(error.to_string()))?;
    let pages = if bytes > SMALL_BYTES { PAGES_PER_STEP } else { -1 };
    let backup = Backup::new(source, &mut copy).map_err(|error| failed(database, &error))?;
    let began = Instant::now();
    for _ in 0..TRIES.max(u32::try_from(bytes / 4096 / 500).unwrap_or(u32::MAX)) {
        match backup.step(pages) {
            Ok(StepResult::Done) => {
                drop(backup);
                return Ok(copy);
            }
            // Between two steps a writer may come: with what it wrote the copy begins anew.
            Ok(_) if bytes <= SMALL_BYTES || is_idle(database) => std::thread::sleep(PAUSE),
            Ok(_) => return Err(unknown("somebody began to write; it is looked at later".into())),
            Err(error) => return Err(failed(database, &error)),
        }
    }
    let passed = began.elapsed().as_secs();
    Err(unknown(format!("its writers left no time for a copy within {passed} s")))
}

/// Nobody wrote lately: neither the file nor a journal beside it is young.
fn is_idle(database: &Path) -> bool {
    let age =
        std::fs::metadata(database).ok().and_then(|file| file.modified().ok()?.elapsed().ok());
    age.is_some_and(|age| age >= IDLE)
}

fn remove(scratch: &Path) {
    if let Err(error) = std::fs::remove_file(scratch)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!("{} cannot be removed: {error}", scratch.display());
    }
}

fn unopened(database: &Path, error: &StudyError) -> Verdict {
    if let StudyError::Sqlite { source, .. } = error {
        return failed(database, source);
    }
    Verdict::Unknown(error.to_string())
}

/// Damage shows as an error, too; everything else says nothing about the file.
fn failed(database: &Path, error: &rusqlite::Error) -> Verdict {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Verdict::Damaged(damaged(database, &error.to_string()))
        }
        Some(_) | None => Verdict::Unknown(error.to_string()),
    }
}

fn damaged(database: &Path, what: &str) -> String {
    let what = what.lines().last().unwrap_or(what);
    format!("the study's database {} is damaged: {what}", database.display())
}
