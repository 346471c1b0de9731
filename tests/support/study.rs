//! Studies as Optuna writes them, made by hand so that a test can make them odd.

use rusqlite::{Connection, params};
use std::path::Path;

/// The tables of Optuna 3.2 to 5.0 (alembic v3.2.0.a) that a reader looks at.
const TABLES: &str = "
CREATE TABLE studies (study_id INTEGER NOT NULL, study_name VARCHAR(512) NOT NULL, PRIMARY KEY (study_id));
CREATE TABLE version_info (version_info_id INTEGER NOT NULL, schema_version INTEGER,
  library_version VARCHAR(256), PRIMARY KEY (version_info_id));
CREATE TABLE study_directions (study_direction_id INTEGER NOT NULL, direction VARCHAR(8) NOT NULL,
  study_id INTEGER NOT NULL, objective INTEGER NOT NULL, PRIMARY KEY (study_direction_id), UNIQUE (study_id, objective));
CREATE TABLE trials (trial_id INTEGER NOT NULL, number INTEGER, study_id INTEGER, state VARCHAR(8) NOT NULL,
  datetime_start DATETIME, datetime_complete DATETIME, PRIMARY KEY (trial_id));
CREATE INDEX ix_trials_study_id ON trials (study_id);
CREATE TABLE trial_user_attributes (trial_user_attribute_id INTEGER NOT NULL, trial_id INTEGER,
  key VARCHAR(512), value_json TEXT, PRIMARY KEY (trial_user_attribute_id), UNIQUE (trial_id, key));
CREATE TABLE trial_system_attributes (trial_system_attribute_id INTEGER NOT NULL, trial_id INTEGER,
  key VARCHAR(512), value_json TEXT, PRIMARY KEY (trial_system_attribute_id), UNIQUE (trial_id, key));
CREATE TABLE trial_params (param_id INTEGER NOT NULL, trial_id INTEGER, param_name VARCHAR(512),
  param_value FLOAT, distribution_json TEXT, PRIMARY KEY (param_id), UNIQUE (trial_id, param_name));
CREATE TABLE trial_values (trial_value_id INTEGER NOT NULL, trial_id INTEGER NOT NULL,
  objective INTEGER NOT NULL, value FLOAT, value_type VARCHAR(7) NOT NULL,
  PRIMARY KEY (trial_value_id), UNIQUE (trial_id, objective));
CREATE TABLE trial_intermediate_values (trial_intermediate_value_id INTEGER NOT NULL,
  trial_id INTEGER NOT NULL, step INTEGER NOT NULL, intermediate_value FLOAT,
  intermediate_value_type VARCHAR(7) NOT NULL, PRIMARY KEY (trial_intermediate_value_id), UNIQUE (trial_id, step));
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL);
INSERT INTO alembic_version VALUES ('v3.2.0.a');
INSERT INTO version_info VALUES (1, 12, '5.0.0');
";

/// A database being written by a test.
pub struct Writer {
    pub connection: Connection,
    clock: u32,
}

impl Writer {
    pub fn create(path: &Path) -> Self {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch(TABLES).unwrap();
        Self { connection, clock: 0 }
    }

    /// A new study; SQLite hands the lowest free id out again.
    pub fn study(&mut self, name: &str, directions: &[&str]) -> i64 {
        self.connection.execute("INSERT INTO studies (study_name) VALUES (?1)", [name]).unwrap();
        let id = self.connection.last_insert_rowid();
        for (objective, direction) in directions.iter().enumerate() {
            self.connection
                .execute(
                    "INSERT INTO study_directions (direction, study_id, objective) VALUES (?1,?2,?3)",
                    params![direction, id, objective as i64],
                )
                .unwrap();
        }
        id
    }

    /// A running trial.
    pub fn begin(&mut self, study: i64) -> i64 {
        // Milliseconds, so that no two trials start at one.
        self.clock += 1000;
        let started = format!("2026-01-01 00:00:00.{:06}", self.clock);
        self.begin_at(study, &started)
    }

    /// A running trial that started at this time.
    pub fn begin_at(&mut self, study: i64, started: &str) -> i64 {
        self.connection
            .execute(
                "INSERT INTO trials (number, study_id, state, datetime_start) VALUES \
                 ((SELECT count(*) FROM trials WHERE study_id=?1), ?1, 'RUNNING', ?2)",
                params![study, started],
            )
            .unwrap();
        self.connection.last_insert_rowid()
    }

    /// Its value, as `trial_values` has it.
    pub fn value(&mut self, trial: i64, objective: i64, value: Option<f64>, kind: &str) {
        self.connection
            .execute(
                "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?1,?2,?3,?4)",
                params![trial, objective, value, kind],
            )
            .unwrap();
    }

    pub fn system_attr(&mut self, trial: i64, key: &str, json: &str) {
        self.connection
            .execute(
                "INSERT INTO trial_system_attributes (trial_id, key, value_json) VALUES (?1,?2,?3)",
                params![trial, key, json],
            )
            .unwrap();
    }

    pub fn state(&mut self, trial: i64, state: &str) {
        self.connection
            .execute("UPDATE trials SET state=?2 WHERE trial_id=?1", params![trial, state])
            .unwrap();
    }

    /// A trial that began and completed with a finite value.
    pub fn complete(&mut self, study: i64, value: f64) -> i64 {
        let trial = self.begin(study);
        self.value(trial, 0, Some(value), "FINITE");
        self.state(trial, "COMPLETE");
        trial
    }

    /// As `optuna.delete_study` does.
    pub fn delete_study(&mut self, study: i64) {
        for sql in [
            "DELETE FROM trial_values WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id=?1)",
            "DELETE FROM trials WHERE study_id=?1",
            "DELETE FROM study_directions WHERE study_id=?1",
            "DELETE FROM studies WHERE study_id=?1",
        ] {
            self.connection.execute(sql, [study]).unwrap();
        }
    }
}
