//! Following one study: what changed since the last look, in snapshots of a few milliseconds.
//!
//! Finished trials never change, so only two kinds are read: those after the highest id seen, and
//! those that were not finished. Everything is read again when the file, the study or a trial is
//! not the one it was: SQLite hands the same ids out again after a deletion.

use super::catalog::Catalog;
use super::error::{StudyError, is_busy};
use super::open::open;
use super::rows::{self, CHUNK, Chunk, OPEN_CHUNK};
use super::schema::{self, Schema};
use super::source::StudySource;
use super::{datetime, rows::study_names};
use cappuccino_core::words::study::{Counts, ResyncReason};
use cappuccino_core::words::{Moment, Span, StudyIdentity, Timestamp};
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Time between two audits of the counts.
const AUDIT_EVERY: Span = Span::minutes(10);

/// What a look found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Poll {
    /// Nothing was written since the last look.
    Unchanged,
    /// A writer was committing; look again.
    Busy,
    /// There is no such file.
    Missing,
    /// Optuna is just making it.
    Initialising,
    /// The study is not in it; those that are.
    StudyAbsent(Vec<String>),
    /// This is new.
    Changed(Delta),
}

/// What is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// Which study it is.
    pub identity: StudyIdentity,
    /// Why everything was read again, if it was.
    pub resync: Option<ResyncReason>,
    /// Trials by state.
    pub counts: Counts,
    /// How many trials finished since the last look.
    pub finished: usize,
    /// Rows that make no sense and were left out.
    pub damaged: usize,
}

/// A reader of one study. Belongs to one thread.
pub struct StudyReader {
    source: StudySource,
    connection: Option<Connection>,
    file: Option<(u64, u64)>,
    version: Option<i64>,
    known: Option<Known>,
    pending: ResyncReason,
    audited: Option<Moment>,
    catalog: Arc<RwLock<Catalog>>,
    longest: Duration,
}

/// What is known of the study that is followed.
struct Known {
    identity: StudyIdentity,
    schema: Schema,
    objective: i64,
    highest: i64,
    /// Start of the trial with the highest id: SQLite hands the highest id out again when that
    /// trial is deleted.
    newest_started: Option<Timestamp>,
    unfinished: BTreeSet<i64>,
}

/// Why a round of reading ended early.
enum Stop {
    Sqlite(rusqlite::Error),
    Resync(ResyncReason),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl StudyReader {
    /// A reader that has not looked yet.
    pub fn new(source: StudySource) -> Self {
        Self {
            source,
            connection: None,
            file: None,
            version: None,
            known: None,
            pending: ResyncReason::FirstLoad,
            audited: None,
            catalog: Arc::default(),
            longest: Duration::ZERO,
        }
    }

    /// The trials read so far.
    pub fn catalog(&self) -> Arc<RwLock<Catalog>> {
        self.catalog.clone()
    }

    /// The longest time a snapshot was held.
    pub const fn longest_snapshot(&self) -> Duration {
        self.longest
    }

    /// Looks at the study.
    ///
    /// # Errors
    /// [`StudyError`]; the next look starts afresh.
    pub fn poll(&mut self, now: Moment) -> Result<Poll, StudyError> {
        match self.look(now) {
            Ok(poll) => Ok(poll),
            Err(StudyError::Sqlite { source, .. }) if is_busy(&source) => Ok(Poll::Busy),
            Err(error) => {
                self.connection = None;
                self.version = None;
                Err(error)
            }
        }
    }

    fn look(&mut self, now: Moment) -> Result<Poll, StudyError> {
        if let Some(poll) = self.look_at_file()? {
            return Ok(poll);
        }
        let path = self.source.database.clone();
        let sqlite = |source| explain(&path, source);
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => open(&path)?,
        };
        let version: Result<i64, _> =
            connection.query_row("PRAGMA data_version", [], |row| row.get(0));
        let outcome = version.map_err(sqlite).and_then(|version| {
            let audit = self.audited.is_none_or(|last| now.since(last) >= AUDIT_EVERY);
            if self.version == Some(version) && !audit {
                return Ok(Poll::Unchanged);
            }
            let poll = self.read(&connection, now, audit)?;
            if matches!(poll, Poll::Changed(_) | Poll::Unchanged) {
                self.version = Some(version);
            }
            Ok(poll)
        });
        self.connection = Some(connection);
        outcome
    }

    /// Whether the file is the one that was read; an answer when there is nothing to read.
    fn look_at_file(&mut self) -> Result<Option<Poll>, StudyError> {
        let path = &self.source.database;
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.forget(ResyncReason::FileReplaced);
                return Ok(Some(Poll::Missing));
            }
            Err(source) => return Err(StudyError::Unreadable { path: path.clone(), source }),
        };
        let file = (metadata.dev(), metadata.ino());
        if self.file.is_some_and(|before| before != file) {
            self.forget(ResyncReason::FileReplaced);
        }
        self.file = Some(file);
        Ok((metadata.len() == 0).then_some(Poll::Initialising))
    }

    /// Forgets what was read: another file or study takes its place.
    fn forget(&mut self, reason: ResyncReason) {
        if self.known.take().is_some() {
            self.pending = reason;
        }
        self.connection = None;
        self.version = None;
        self.file = None;
    }

    fn read(
        &mut self,
        connection: &Connection,
        now: Moment,
        audit: bool,
    ) -> Result<Poll, StudyError> {
        let path = self.source.database.clone();
        let Some(schema) = schema::read(connection, &path)? else { return Ok(Poll::Initialising) };
        let sqlite = |source| explain(&path, source);
        let name = match &self.source.name {
            Some(name) => name.clone(),
            None => match study_names(connection).map_err(sqlite)?.as_slice() {
                [only] => only.clone(),
                names => return Ok(Poll::StudyAbsent(names.to_vec())),
            },
        };
        let Some(identity) = rows::identity(connection, &name).map_err(sqlite)? else {
            self.known = None;
            self.pending = ResyncReason::StudyRecreated;
            return Ok(Poll::StudyAbsent(study_names(connection).map_err(sqlite)?));
        };
        self.follow(connection, schema, identity, now, audit).map_err(sqlite)
    }

    /// Reads what is new, from the beginning if need be. A study that is replaced while it is
    /// read is read again, once; the next look goes on from there.
    fn follow(
        &mut self,
        connection: &Connection,
        schema: Schema,
        identity: StudyIdentity,
        now: Moment,
        audit: bool,
    ) -> rusqlite::Result<Poll> {
        let same = self
            .known
            .as_ref()
            .is_some_and(|known| known.schema == schema && is_same(&known.identity, &identity));
        if self.known.is_some() && !same {
            self.known = None;
            self.pending = ResyncReason::StudyRecreated;
        }
        let changed_identity = self.known.as_ref().is_some_and(|known| known.identity != identity);
        let resync = self.known.is_none().then_some(self.pending);
        let mut known = match self.known.take() {
            Some(known) => Known { identity, ..known },
            None => self.begin(schema, identity),
        };
        let outcome = self.catch_up(connection, &mut known, resync.is_some(), now, audit);
        match outcome {
            Ok((finished, damaged, touched)) => {
                let counts = self.catalog.read().unwrap_or_else(PoisonError::into_inner).counts();
                let identity = known.identity.clone();
                self.known = Some(known);
                if audit {
                    self.audited = Some(now);
                }
                if resync.is_none() && !touched && !changed_identity {
                    return Ok(Poll::Unchanged);
                }
                Ok(Poll::Changed(Delta { identity, resync, counts, finished, damaged }))
            }
            Err(Stop::Resync(reason)) => {
                self.pending = reason;
                self.version = None;
                Ok(Poll::Busy)
            }
            Err(Stop::Sqlite(error)) => {
                // What was read is sound; go on from there at the next look.
                if resync.is_none() {
                    self.known = Some(known);
                }
                Err(error)
            }
        }
    }

    fn begin(&self, schema: Schema, identity: StudyIdentity) -> Known {
        let objective = self.source.objective.unwrap_or(0);
        // Of several objectives one must be chosen, or none decides.
        let decides = identity.directions.len() == 1 || self.source.objective.is_some();
        let direction = identity.directions.get(objective).copied().filter(|_| decides);
        let mut catalog = self.catalog.write().unwrap_or_else(PoisonError::into_inner);
        *catalog = Catalog::new(direction);
        Known {
            identity,
            schema,
            objective: i64::try_from(objective).unwrap_or(0),
            highest: 0,
            newest_started: None,
            unfinished: BTreeSet::new(),
        }
    }

    fn catch_up(
        &mut self,
        connection: &Connection,
        known: &mut Known,
        from_scratch: bool,
        now: Moment,
        audit: bool,
    ) -> Result<(usize, usize, bool), Stop> {
        let (mut finished, mut damaged, mut touched) = (0, 0, false);
        let open: Vec<i64> = known.unfinished.iter().copied().collect();
        for ids in open.chunks(OPEN_CHUNK) {
            let chunk = self.snapshot(connection, known, |connection, known| {
                rows::trials_named(connection, known.schema, known.objective, ids)
            })?;
            if chunk.rows.len() + chunk.damaged < ids.len() {
                return Err(Stop::Resync(ResyncReason::TrialDeleted));
            }
            damaged += chunk.damaged;
            let (ended, changed) = self.take(known, &chunk, Some(now));
            finished += ended;
            touched |= changed;
        }
        loop {
            let chunk = self.snapshot(connection, known, |connection, known| {
                let study = known.identity.study_id;
                rows::trials_after(connection, known.schema, study, known.objective, known.highest)
            })?;
            damaged += chunk.damaged;
            let calibrate = (!from_scratch).then_some(now);
            let (ended, changed) = self.take(known, &chunk, calibrate);
            finished += ended;
            touched |= changed;
            if chunk.rows.len() + chunk.damaged < CHUNK {
                break;
            }
        }
        if audit && !self.agrees(connection, known)? {
            return Err(Stop::Resync(ResyncReason::AuditMismatch));
        }
        Ok((finished, damaged, touched))
    }

    /// One short read transaction, in which the study is checked to be still the same.
    fn snapshot(
        &mut self,
        connection: &Connection,
        known: &Known,
        read: impl FnOnce(&Connection, &Known) -> rusqlite::Result<Chunk>,
    ) -> Result<Chunk, Stop> {
        let transaction = connection.unchecked_transaction()?;
        let present = rows::identity(connection, &known.identity.name)?;
        // Only from the first row on is a lock held; before, we may wait for a writer's.
        let began = Instant::now();
        if present.is_none_or(|present| !is_same(&known.identity, &present)) {
            return Err(Stop::Resync(ResyncReason::StudyRecreated));
        }
        if let Some(started) = known.newest_started
            && rows::started(connection, known.highest)? != Some(started)
        {
            return Err(Stop::Resync(ResyncReason::TrialDeleted));
        }
        let chunk = read(connection, known)?;
        transaction.finish()?;
        self.longest = self.longest.max(began.elapsed());
        Ok(chunk)
    }

    /// Takes a chunk into the catalog; how many trials ended, and whether anything changed.
    fn take(&self, known: &mut Known, chunk: &Chunk, seen_live: Option<Moment>) -> (usize, bool) {
        let mut catalog = self.catalog.write().unwrap_or_else(PoisonError::into_inner);
        let (mut finished, mut touched) = (0, false);
        for row in &chunk.rows {
            let before = catalog.state_of(row.trial_id);
            touched |= before != Some(row.state);
            catalog.put(row);
            if row.trial_id >= known.highest {
                known.highest = row.trial_id;
                known.newest_started = row.started;
            }
            if row.state.is_finished() {
                known.unfinished.remove(&row.trial_id);
                finished += 1;
                if let (Some(now), Some(stamp), Some(_)) = (seen_live, row.completed, before)
                    && let Some(offset) = datetime::offset(stamp, now.wall)
                {
                    catalog.calibrate(offset);
                }
            } else {
                known.unfinished.insert(row.trial_id);
            }
        }
        for (trial_id, name, value) in &chunk.params {
            if let Some(name) = chunk.names.get(*name) {
                catalog.put_param(*trial_id, name, *value);
            }
        }
        (finished, touched)
    }

    fn agrees(&self, connection: &Connection, known: &Known) -> rusqlite::Result<bool> {
        let (count, highest, complete) = rows::totals(connection, known.identity.study_id)?;
        let catalog = self.catalog.read().unwrap_or_else(PoisonError::into_inner);
        let as_count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        // A writer may have added trials since the last snapshot; only a lack is a mismatch.
        Ok(count >= as_count(catalog.counts().total())
            && highest >= known.highest
            && complete >= as_count(catalog.counts().complete))
    }
}

/// The same study, perhaps with its first trial now.
fn is_same(before: &StudyIdentity, now: &StudyIdentity) -> bool {
    let anchored = before.anchor.is_none() || before.anchor == now.anchor;
    anchored
        && before.name == now.name
        && before.study_id == now.study_id
        && before.directions == now.directions
}

fn explain(path: &std::path::Path, source: rusqlite::Error) -> StudyError {
    let readonly_rollback = source.sqlite_error().map(|error| error.extended_code)
        == Some(rusqlite::ffi::SQLITE_READONLY_ROLLBACK);
    if readonly_rollback {
        StudyError::HotJournal(path.to_owned())
    } else {
        StudyError::Sqlite { path: path.to_owned(), source }
    }
}
