//! The queries: each returns rows of one snapshot and holds no lock afterwards.

use super::catalog::Row;
use super::datetime;
use super::decode;
use super::schema::Schema;
use cappuccino_core::words::trial::Anchor;
use cappuccino_core::words::{Direction, StudyIdentity, Timestamp, TrialId, TrialState};
use rusqlite::{Connection, OptionalExtension, params};

/// Trials read in one snapshot.
pub(super) const CHUNK: usize = 2000;
/// Open trials looked at in one statement.
pub(super) const OPEN_CHUNK: usize = 500;

/// Trials with everything the catalog wants of them.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) rows: Vec<Row>,
    /// Names of the parameters in `params`.
    pub(super) names: Vec<String>,
    /// Trial, place of the parameter's name, internal value.
    pub(super) params: Vec<(i64, usize, f64)>,
    /// Rows that make no sense.
    pub(super) damaged: usize,
}

/// Names of the studies in the database.
pub(super) fn study_names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT study_name FROM studies ORDER BY 1")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Who the study with this name is now.
pub(super) fn identity(
    connection: &Connection,
    name: &str,
) -> rusqlite::Result<Option<StudyIdentity>> {
    let study_id: Option<i64> = connection
        .prepare_cached("SELECT study_id FROM studies WHERE study_name=?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    let Some(study_id) = study_id else { return Ok(None) };
    let mut statement = connection.prepare_cached(
        "SELECT direction FROM study_directions WHERE study_id=?1 ORDER BY objective",
    )?;
    let names: Vec<String> =
        statement.query_map([study_id], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    // A direction that is not set yet means minimize to Optuna.
    let directions: Vec<Direction> =
        names.iter().map(|name| decode::direction(name).unwrap_or(Direction::Minimize)).collect();
    let anchor = connection
        .prepare_cached(
            "SELECT trial_id, datetime_start FROM trials \
             WHERE study_id=?1 AND datetime_start IS NOT NULL ORDER BY trial_id LIMIT 1",
        )?
        .query_row([study_id], |row| {
            Ok(Anchor { trial_id: TrialId(row.get(0)?), datetime_start: row.get(1)? })
        })
        .optional()?;
    Ok(Some(StudyIdentity { name: name.to_owned(), study_id, directions, anchor }))
}

/// At most [`CHUNK`] trials after `after`, in order of their ids.
pub(super) fn trials_after(
    connection: &Connection,
    schema: Schema,
    study_id: i64,
    objective: i64,
    after: i64,
) -> rusqlite::Result<Chunk> {
    let mut statement = connection.prepare_cached(
        "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials \
         WHERE study_id=?1 AND trial_id>?2 ORDER BY trial_id LIMIT ?3",
    )?;
    let limit = i64::try_from(CHUNK).unwrap_or(i64::MAX);
    let mut chunk = collect(&mut statement, params![study_id, after, limit])?;
    let (Some(first), Some(last)) = (chunk.rows.first(), chunk.rows.last()) else {
        return Ok(chunk);
    };
    let range = (first.trial_id, last.trial_id);
    complete(connection, schema, objective, range, &mut chunk)?;
    Ok(chunk)
}

/// These trials, as they are now; one that is gone is missing from the answer.
pub(super) fn trials_named(
    connection: &Connection,
    schema: Schema,
    objective: i64,
    ids: &[i64],
) -> rusqlite::Result<Chunk> {
    let mut chunk = Chunk::default();
    let mut statement = connection.prepare_cached(
        "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials \
         WHERE trial_id=?1",
    )?;
    for id in ids {
        let mut found = collect(&mut statement, params![id])?;
        if found.rows.iter().any(|row| row.state != TrialState::Waiting) {
            complete(connection, schema, objective, (*id, *id), &mut found)?;
        }
        chunk.rows.append(&mut found.rows);
        for (trial, name, value) in found.params {
            if let Some(name) = found.names.get(name) {
                let place = chunk.place_of_name(name);
                chunk.params.push((trial, place, value));
            }
        }
        chunk.damaged += found.damaged;
    }
    Ok(chunk)
}

fn collect(
    statement: &mut rusqlite::CachedStatement<'_>,
    params: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<Chunk> {
    let mut chunk = Chunk::default();
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        let time = |text: Option<String>| text.and_then(|text| datetime::parse(&text));
        let state = row.get_ref(2)?.as_str().ok().and_then(decode::state);
        let Some(state) = state else {
            chunk.damaged += 1;
            continue;
        };
        chunk.rows.push(Row {
            trial_id: row.get(0)?,
            number: row.get::<_, Option<i64>>(1)?.unwrap_or(-1),
            state,
            value: None,
            feasible: true,
            started: time(row.get(3)?),
            completed: time(row.get(4)?),
        });
    }
    Ok(chunk)
}

/// Adds values, constraints and parameters of the trials in `range`; rows of other studies that
/// lie in it find no trial here and are dropped.
fn complete(
    connection: &Connection,
    schema: Schema,
    objective: i64,
    range: (i64, i64),
    chunk: &mut Chunk,
) -> rusqlite::Result<()> {
    let kind = if schema.value_type { "value_type" } else { "NULL" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT trial_id, value, {kind} FROM trial_values \
         WHERE trial_id BETWEEN ?1 AND ?2 AND objective=?3"
    ))?;
    let mut rows = statement.query(params![range.0, range.1, objective])?;
    while let Some(row) = rows.next()? {
        let Some(trial) = row_of(row.get(0)?, &mut chunk.rows) else { continue };
        let kind = row.get_ref(2)?.as_str_or_null().ok().flatten();
        trial.value = decode::value(row.get(1)?, kind);
        if trial.value.is_none() && trial.state == TrialState::Complete {
            chunk.damaged += 1;
        }
    }
    let mut statement = connection.prepare_cached(
        "SELECT trial_id, key, value_json FROM trial_system_attributes \
         WHERE trial_id BETWEEN ?1 AND ?2 AND (key='constraints' OR key GLOB 'constraints:*')",
    )?;
    let mut rows = statement.query(params![range.0, range.1])?;
    while let Some(row) = rows.next()? {
        let Some(trial) = row_of(row.get(0)?, &mut chunk.rows) else { continue };
        let (key, json) = (row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?);
        trial.feasible &= decode::satisfied(key, json);
    }
    let mut statement = connection.prepare_cached(
        "SELECT trial_id, param_name, param_value FROM trial_params \
         WHERE trial_id BETWEEN ?1 AND ?2",
    )?;
    let mut rows = statement.query(params![range.0, range.1])?;
    while let Some(row) = rows.next()? {
        let trial_id = row.get(0)?;
        if row_of(trial_id, &mut chunk.rows).is_some() {
            let value: Option<f64> = row.get(2)?;
            let place = chunk.place_of_name(row.get_ref(1)?.as_str()?);
            chunk.params.push((trial_id, place, value.unwrap_or(f64::NAN)));
        }
    }
    Ok(())
}

/// The row of a trial; rows are in the order of their ids.
fn row_of(trial_id: i64, rows: &mut [Row]) -> Option<&mut Row> {
    let place = rows.binary_search_by_key(&trial_id, |row| row.trial_id).ok()?;
    rows.get_mut(place)
}

impl Chunk {
    /// The place of a parameter's name; a study has a handful of them.
    fn place_of_name(&mut self, name: &str) -> usize {
        self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        })
    }
}

/// When a trial started, as stored; nothing when it is gone or has not.
pub(super) fn started(
    connection: &Connection,
    trial_id: i64,
) -> rusqlite::Result<Option<Timestamp>> {
    let text: Option<Option<String>> = connection
        .prepare_cached("SELECT datetime_start FROM trials WHERE trial_id=?1")?
        .query_row([trial_id], |row| row.get(0))
        .optional()?;
    Ok(text.flatten().and_then(|text| datetime::parse(&text)))
}

/// What an audit compares: how many trials, the highest id, how many complete.
pub(super) fn totals(connection: &Connection, study_id: i64) -> rusqlite::Result<(i64, i64, i64)> {
    connection.query_row(
        "SELECT count(*), coalesce(max(trial_id), 0), coalesce(sum(state='COMPLETE'), 0) \
         FROM trials WHERE study_id=?1",
        [study_id],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}
