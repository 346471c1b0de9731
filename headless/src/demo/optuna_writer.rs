//! Writes a study the way Optuna 5.0 does, into Optuna's own tables: real Optuna opens the file.
//!
//! The schema is that of alembic revision v3.2.0.a. Every write is one short immediate
//! transaction, so several workers can share the file.

use cappuccino_core::words::Direction;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How long a write waits for another worker's.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// The tables of Optuna 3.2 to 5.0.
const TABLES: &str = include_str!("optuna_schema.sql");

/// A study being written.
pub struct StudyWriter {
    connection: Connection,
    study_id: i64,
}

/// A trial that runs.
#[derive(Clone, Copy, Debug)]
pub struct OpenTrial {
    /// Its row id.
    pub trial_id: i64,
    /// Its number.
    pub number: i64,
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ending {
    /// With this value.
    Complete(f64),
    /// Early, with its last value.
    Pruned(f64),
    /// Without one.
    Failed,
}

impl StudyWriter {
    /// Opens the study `name` in `path`; makes file, tables and study when they are not there.
    ///
    /// # Errors
    /// SQLite refuses.
    pub fn open(path: &Path, name: &str, direction: Direction) -> rusqlite::Result<Self> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        let transaction = immediate(&mut connection)?;
        let made: bool = transaction.query_row(
            "SELECT count(*) > 0 FROM sqlite_master WHERE name='alembic_version'",
            [],
            |row| row.get(0),
        )?;
        if !made {
            transaction.execute_batch(TABLES)?;
        }
        transaction.execute("INSERT OR IGNORE INTO studies (study_name) VALUES (?1)", [name])?;
        let study_id = transaction.query_row(
            "SELECT study_id FROM studies WHERE study_name=?1",
            [name],
            |row| row.get(0),
        )?;
        let direction = match direction {
            Direction::Minimize => "MINIMIZE",
            Direction::Maximize => "MAXIMIZE",
        };
        transaction.execute(
            "INSERT OR IGNORE INTO study_directions (direction, study_id, objective) VALUES (?1,?2,0)",
            params![direction, study_id],
        )?;
        transaction.commit()?;
        Ok(Self { connection, study_id })
    }

    /// Begins a trial; its number is given out inside the transaction, so no two are alike.
    ///
    /// # Errors
    /// SQLite refuses.
    pub fn begin(&mut self) -> rusqlite::Result<OpenTrial> {
        let study = self.study_id;
        let transaction = immediate(&mut self.connection)?;
        transaction.execute(
            "INSERT INTO trials (number, study_id, state, datetime_start) VALUES \
             ((SELECT count(*) FROM trials WHERE study_id=?1), ?1, 'RUNNING', ?2)",
            params![study, utc_now()],
        )?;
        let trial_id = transaction.last_insert_rowid();
        let number = transaction.query_row(
            "SELECT number FROM trials WHERE trial_id=?1",
            [trial_id],
            |row| row.get(0),
        )?;
        transaction.commit()?;
        Ok(OpenTrial { trial_id, number })
    }

    /// A float parameter between `low` and `high`.
    ///
    /// # Errors
    /// SQLite refuses.
    pub fn param(
        &mut self,
        trial: OpenTrial,
        name: &str,
        value: f64,
        (low, high): (f64, f64),
    ) -> rusqlite::Result<()> {
        let distribution = serde_json::json!({
            "name": "FloatDistribution",
            "attributes": {"step": null, "low": low, "high": high, "log": false},
        });
        let transaction = immediate(&mut self.connection)?;
        transaction.execute(
            "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) \
             VALUES (?1,?2,?3,?4)",
            params![trial.trial_id, name, value, distribution.to_string()],
        )?;
        transaction.commit()
    }

    /// User attributes of a trial.
    ///
    /// # Errors
    /// SQLite refuses.
    pub fn attributes(
        &mut self,
        trial: OpenTrial,
        attributes: &[(&str, serde_json::Value)],
    ) -> rusqlite::Result<()> {
        let transaction = immediate(&mut self.connection)?;
        for (key, value) in attributes {
            transaction.execute(
                "INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES (?1,?2,?3)",
                params![trial.trial_id, key, value.to_string()],
            )?;
        }
        transaction.commit()
    }

    /// Ends a trial.
    ///
    /// # Errors
    /// SQLite refuses.
    pub fn end(&mut self, trial: OpenTrial, ending: Ending) -> rusqlite::Result<()> {
        let (state, value) = match ending {
            Ending::Complete(value) => ("COMPLETE", Some(value)),
            Ending::Pruned(value) => ("PRUNED", Some(value)),
            Ending::Failed => ("FAIL", None),
        };
        let transaction = immediate(&mut self.connection)?;
        if let Some(value) = value {
            transaction.execute(
                "INSERT INTO trial_values (trial_id, objective, value, value_type) \
                 VALUES (?1, 0, ?2, 'FINITE')",
                params![trial.trial_id, value],
            )?;
        }
        transaction.execute(
            "UPDATE trials SET state=?2, datetime_complete=?3 WHERE trial_id=?1",
            params![trial.trial_id, state, utc_now()],
        )?;
        transaction.commit()
    }
}

fn immediate(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Now, as Optuna 5.0 writes it: UTC without a zone, microseconds.
fn utc_now() -> String {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since_epoch.as_micros()).unwrap_or(0);
    jiff::Timestamp::from_microsecond(micros).map_or_else(
        |_out_of_range| String::new(),
        |now| now.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string(),
    )
}
