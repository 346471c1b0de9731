//! What running trials say of their workers: the user attributes `pid` and `host`, and heartbeats.

use crate::host::identity::alive_since;
use crate::observe::study::datetime;
use crate::observe::study::error::StudyError;
use crate::observe::study::open::open;
use cappuccino_core::words::study::Summary;
use cappuccino_core::words::{Moment, Span};
use rusqlite::{Connection, OptionalExtension};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::Path;

/// What was read at one moment.
pub(super) struct Claims {
    of: BTreeMap<i64, Claim>,
    host: String,
}

#[derive(Default)]
struct Claim {
    pid: Option<u32>,
    host: Option<String>,
    heartbeat_age: Option<Span>,
}

impl Claims {
    /// Reads what these trials say, in one short snapshot.
    ///
    /// # Errors
    /// The database cannot be read now.
    pub(super) fn read(
        database: &Path,
        running: &[Summary],
        now: Moment,
    ) -> Result<Self, StudyError> {
        let name = rustix::system::uname();
        let host = name.nodename().to_string_lossy().into_owned();
        let mut of = BTreeMap::new();
        if !running.is_empty() {
            let sqlite = |source| StudyError::Sqlite { path: database.to_owned(), source };
            let connection = open(database)?;
            let transaction = connection.unchecked_transaction().map_err(sqlite)?;
            for trial in running {
                let claim = claim(&connection, trial.trial_id.0, now).map_err(sqlite)?;
                of.insert(trial.trial_id.0, claim);
            }
            transaction.finish().map_err(sqlite)?;
        }
        Ok(Self { of, host })
    }

    /// Whether the worker that a trial names has ended; nothing when it names none of this host.
    /// `seen` is when the trial was first seen running: who began later under its number is
    /// another.
    pub(super) fn worker_ended(&self, trial: &Summary, seen: Moment) -> Option<bool> {
        let claim = self.of.get(&trial.trial_id.0)?;
        let is_here = claim.host.as_ref().is_none_or(|host| *host == self.host);
        let pid = claim.pid.filter(|_| is_here)?;
        Some(alive_since(pid).is_none_or(|began| began > seen.uptime))
    }

    pub(super) fn heartbeat_age(&self, trial: &Summary) -> Option<Span> {
        self.of.get(&trial.trial_id.0)?.heartbeat_age
    }
}

fn claim(connection: &Connection, trial: i64, now: Moment) -> rusqlite::Result<Claim> {
    let mut claim = Claim::default();
    let mut statement = connection.prepare_cached(
        "SELECT \"key\", value_json FROM trial_user_attributes \
         WHERE trial_id=?1 AND \"key\" IN ('pid', 'host')",
    )?;
    let mut rows = statement.query([trial])?;
    while let Some(row) = rows.next()? {
        let value: Json = serde_json::from_str(&row.get::<_, String>(1)?).unwrap_or(Json::Null);
        match row.get_ref(0)?.as_str()? {
            "pid" => claim.pid = pid(&value),
            _ => claim.host = value.as_str().map(str::to_owned),
        }
    }
    claim.heartbeat_age = heartbeat(connection, trial)?
        .and_then(|text| datetime::parse(&text))
        .map(|at| Span(now.wall.since(at).0.max(0)));
    Ok(claim)
}

fn pid(value: &Json) -> Option<u32> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u32::try_from(number).ok()
}

/// The last heartbeat, by the database's clock, which is UTC; none before Optuna 3.0.
fn heartbeat(connection: &Connection, trial: i64) -> rusqlite::Result<Option<String>> {
    let has_table = connection
        .prepare_cached(
            "SELECT 1 FROM sqlite_master WHERE type='table' AND name='trial_heartbeats'",
        )?
        .exists([])?;
    if !has_table {
        return Ok(None);
    }
    connection
        .prepare_cached("SELECT heartbeat FROM trial_heartbeats WHERE trial_id=?1")?
        .query_row([trial], |row| row.get(0))
        .optional()
}
