//! Everything about one trial: what is handed on with its model.

use super::decode;
use super::error::{StudyError, is_busy};
use super::open::open;
use super::schema;
use cappuccino_core::words::trial::Param;
use cappuccino_core::words::{TrialDetail, TrialId, TrialNumber, TrialState, Value};
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;
use std::time::Duration;

/// How often a locked database is asked, each time for as long as [`open`] waits, and the pause
/// between: some ten seconds, far below any deadline of a deployment.
const TRIES: u32 = 25;
const PAUSE: Duration = Duration::from_millis(100);

/// Reads one trial whole, through a short connection of its own.
///
/// # Errors
/// [`StudyError`]: the trial is gone, or the database cannot be read.
pub fn read_trial(database: &Path, trial_id: TrialId) -> Result<TrialDetail, StudyError> {
    let connection = open(database)?;
    let sqlite = |source| StudyError::Sqlite { path: database.to_owned(), source };
    let schema = schema::read(&connection, database)?.ok_or(StudyError::NoTrial(trial_id.0))?;
    let transaction = connection.unchecked_transaction().map_err(sqlite)?;
    let detail = read(&connection, schema, trial_id.0).map_err(sqlite)?;
    transaction.finish().map_err(sqlite)?;
    detail.ok_or(StudyError::NoTrial(trial_id.0))
}

/// As [`read_trial`], for a thread that may wait: a writer that holds the database for some seconds
/// says nothing about the trial.
///
/// # Errors
/// [`StudyError`]: the trial is gone, or the database cannot be read, or is locked for good.
pub fn read_trial_patiently(database: &Path, trial_id: TrialId) -> Result<TrialDetail, StudyError> {
    for _try in 1..TRIES {
        match read_trial(database, trial_id) {
            Err(StudyError::Sqlite { source, .. }) if is_busy(&source) => {
                std::thread::sleep(PAUSE);
            }
            answer => return answer,
        }
    }
    read_trial(database, trial_id)
}

/// The trials of this number: one, when the study is named or the database holds only one.
///
/// # Errors
/// [`StudyError`]: the database cannot be read.
pub fn trials_numbered(
    database: &Path,
    study: Option<&str>,
    number: TrialNumber,
) -> Result<Vec<TrialId>, StudyError> {
    let connection = open(database)?;
    let find = || {
        let mut statement = connection.prepare(
            "SELECT trial_id FROM trials JOIN studies USING (study_id) \
             WHERE number=?1 AND (?2 IS NULL OR study_name=?2) LIMIT 2",
        )?;
        let found = statement.query_map((number.0, study), |row| row.get(0).map(TrialId))?;
        found.collect::<rusqlite::Result<Vec<_>>>()
    };
    find().map_err(|source| StudyError::Sqlite { path: database.to_owned(), source })
}

fn read(
    connection: &Connection,
    schema: schema::Schema,
    id: i64,
) -> rusqlite::Result<Option<TrialDetail>> {
    let row = connection
        .query_row(
            "SELECT number, state, datetime_start, datetime_complete FROM trials WHERE trial_id=?1",
            [id],
            |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?)),
        )
        .optional()?;
    let Some((number, state, datetime_start, datetime_complete)) = row else { return Ok(None) };
    Ok(Some(TrialDetail {
        trial_id: TrialId(id),
        number: TrialNumber(number),
        state: decode::state(&state).unwrap_or(TrialState::Failed),
        values: values(connection, schema, id)?,
        datetime_start,
        datetime_complete,
        params: params(connection, id)?,
        user_attrs: attributes(connection, "trial_user_attributes", id)?,
        system_attrs: attributes(connection, "trial_system_attributes", id)?,
        intermediate_values: intermediate(connection, schema, id)?,
    }))
}

fn values(
    connection: &Connection,
    schema: schema::Schema,
    id: i64,
) -> rusqlite::Result<Vec<Value>> {
    let kind = if schema.value_type { "value_type" } else { "NULL" };
    let mut statement = connection.prepare(&format!(
        "SELECT value, {kind} FROM trial_values WHERE trial_id=?1 ORDER BY objective"
    ))?;
    let rows = statement.query_map([id], |row| {
        let kind: Option<String> = row.get(1)?;
        Ok(decode::value(row.get(0)?, kind.as_deref()))
    })?;
    rows.filter_map(rusqlite::Result::transpose).collect()
}

fn params(connection: &Connection, id: i64) -> rusqlite::Result<Vec<Param>> {
    let mut statement = connection.prepare(
        "SELECT param_name, param_value, distribution_json FROM trial_params \
         WHERE trial_id=?1 ORDER BY param_id",
    )?;
    let rows = statement.query_map([id], |row| {
        let json: String = row.get(2)?;
        let (name, internal) = (row.get(0)?, row.get(1)?);
        Ok(decode::distribution(&json).map(|distribution| Param { name, internal, distribution }))
    })?;
    rows.filter_map(rusqlite::Result::transpose).collect()
}

fn attributes(
    connection: &Connection,
    table: &str,
    id: i64,
) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection
        .prepare(&format!("SELECT key, value_json FROM {table} WHERE trial_id=?1 ORDER BY 1"))?;
    statement.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn intermediate(
    connection: &Connection,
    schema: schema::Schema,
    id: i64,
) -> rusqlite::Result<Vec<(i64, f64)>> {
    let kind = if schema.intermediate_value_type { "intermediate_value_type" } else { "NULL" };
    let mut statement = connection.prepare(&format!(
        "SELECT step, intermediate_value, {kind} FROM trial_intermediate_values \
         WHERE trial_id=?1 ORDER BY step"
    ))?;
    let rows = statement.query_map([id], |row| {
        let kind: Option<String> = row.get(2)?;
        let value = decode::value(row.get(1)?, kind.as_deref());
        Ok((row.get(0)?, value.map_or(f64::NAN, Value::as_f64)))
    })?;
    rows.collect()
}
