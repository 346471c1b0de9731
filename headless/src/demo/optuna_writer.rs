//! Writes a study as Optuna 5.0 does, so that Optuna itself can go on with it.
//!
//! Source of the schema and of the order of writes: `optuna/storages/_rdb/` (models.py,
//! storage.py) of Optuna 5.0; alembic revision v3.2.0.a. Every transaction is short and begins as
//! a write, so that several workers take turns instead of failing on each other.

use super::error::DemoError;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a writer waits for its turn.
const BUSY: Duration = Duration::from_secs(5);

/// One connection to the database of a study that is maximised.
pub struct StudyWriter {
    path: PathBuf,
    db: Connection,
    study_id: i64,
}

/// A trial that is being evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenTrial {
    /// Row id.
    pub trial_id: i64,
    /// Number within the study.
    pub number: i64,
}

/// A hyperparameter as `suggest_…` stores it.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// Its name.
    pub name: &'static str,
    /// The number itself, or the index of the choice.
    pub internal: f64,
    /// `distribution_to_json` of where it was drawn from.
    pub distribution: serde_json::Value,
}

/// How a trial ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ending {
    /// With this finite value.
    Complete(f64),
    /// Early; the last reported value is kept, as Optuna does.
    Pruned(f64),
    /// Without a value.
    Failed,
}

impl StudyWriter {
    /// Opens the database, creating file, schema and study where they are missing.
    ///
    /// # Errors
    /// [`DemoError::Database`].
    pub fn open(path: &Path, study: &str) -> Result<Self, DemoError> {
        let database = |source| DemoError::Database { path: path.to_owned(), source };
        let open = || {
            let mut db = Connection::open(path)?;
            db.busy_timeout(BUSY)?;
            let study_id = ensure_study(&mut db, study)?;
            Ok((db, study_id))
        };
        let (db, study_id) = open().map_err(database)?;
        Ok(Self { path: path.to_owned(), db, study_id })
    }

    /// Starts a trial; its number is allotted within the transaction that creates it.
    ///
    /// # Errors
    /// [`DemoError::Database`].
    pub fn start_trial(&mut self) -> Result<OpenTrial, DemoError> {
        let study_id = self.study_id;
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO trials (study_id, state, datetime_start) VALUES (?1, 'RUNNING', ?2)",
                params![study_id, utc_now()],
            )?;
            let trial_id = transaction.last_insert_rowid();
            let number = transaction.query_row(
                "SELECT count(*) FROM trials WHERE study_id = ?1 AND trial_id < ?2",
                params![study_id, trial_id],
                |row| row.get(0),
            )?;
            transaction.execute(
                "UPDATE trials SET number = ?1 WHERE trial_id = ?2",
                params![number, trial_id],
            )?;
            Ok(OpenTrial { trial_id, number })
        })
    }

    /// Stores hyperparameters, each in a transaction of its own as Optuna does.
    ///
    /// # Errors
    /// [`DemoError::Database`].
    pub fn suggest(
        &mut self,
        trial: OpenTrial,
        suggestions: &[Suggestion],
    ) -> Result<(), DemoError> {
        for suggestion in suggestions {
            let Suggestion { name, internal, distribution } = suggestion;
            self.write(|transaction| {
                transaction.execute(
                    "INSERT INTO trial_params (trial_id, param_name, param_value, \
                     distribution_json) VALUES (?1, ?2, ?3, ?4)",
                    params![trial.trial_id, name, internal, distribution.to_string()],
                )
            })?;
        }
        Ok(())
    }

    /// Stores a user attribute.
    ///
    /// # Errors
    /// [`DemoError::Database`].
    pub fn set_user_attr(
        &mut self,
        trial: OpenTrial,
        key: &str,
        value: &serde_json::Value,
    ) -> Result<(), DemoError> {
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO trial_user_attributes (trial_id, \"key\", value_json) \
                 VALUES (?1, ?2, ?3) \
                 ON CONFLICT (trial_id, \"key\") DO UPDATE SET value_json = excluded.value_json",
                params![trial.trial_id, key, value.to_string()],
            )
        })?;
        Ok(())
    }

    /// Stores an intermediate value; it must be finite.
    ///
    /// # Errors
    /// [`DemoError::Database`].
    pub fn report(&mut self, trial: OpenTrial, step: i64, value: f64) -> Result<(), DemoError> {
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, \
                 intermediate_value_type) VALUES (?1, ?2, ?3, 'FINITE')",
                params![trial.trial_id, step, value],
            )
        })?;
        Ok(())
    }

    /// Ends a trial: value and state become visible together.
    ///
    /// # Errors
    /// [`DemoError::TrialTaken`] when it is no longer running; [`DemoError::Database`].
    pub fn finish(&mut self, trial: OpenTrial, ending: Ending) -> Result<(), DemoError> {
        let (state, value) = match ending {
            Ending::Complete(value) => ("COMPLETE", Some(value)),
            Ending::Pruned(value) => ("PRUNED", Some(value)),
            Ending::Failed => ("FAIL", None),
        };
        let was_running = self.write(|transaction| {
            let updated = transaction.execute(
                "UPDATE trials SET state = ?1, datetime_complete = ?2 \
                 WHERE trial_id = ?3 AND state = 'RUNNING'",
                params![state, utc_now(), trial.trial_id],
            )?;
            if let (1, Some(value)) = (updated, value) {
                transaction.execute(
                    "INSERT INTO trial_values (trial_id, objective, value, value_type) \
                     VALUES (?1, 0, ?2, 'FINITE')",
                    params![trial.trial_id, value],
                )?;
            }
            Ok(updated == 1)
        })?;
        if was_running { Ok(()) } else { Err(DemoError::TrialTaken { number: trial.number }) }
    }

    /// Number and value of the best complete trial; of equals the oldest.
    ///
    /// # Errors
    /// [`DemoError::Database`].
    pub fn best(&self) -> Result<Option<(i64, f64)>, DemoError> {
        self.db
            .query_row(
                "SELECT number, value FROM trials JOIN trial_values USING (trial_id) \
                 WHERE study_id = ?1 AND state = 'COMPLETE' AND value_type = 'FINITE' \
                 AND NOT EXISTS (SELECT 1 FROM trial_user_attributes AS attribute \
                 WHERE attribute.trial_id = trials.trial_id AND attribute.key = 'planted') \
                 ORDER BY value DESC, trial_id LIMIT 1",
                [self.study_id],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
            .map_err(|source| DemoError::Database { path: self.path.clone(), source })
    }

    fn write<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, DemoError> {
        in_transaction(&mut self.db, work)
            .map_err(|source| DemoError::Database { path: self.path.clone(), source })
    }
}

fn in_transaction<T>(
    db: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let result = work(&transaction)?;
    transaction.commit()?;
    Ok(result)
}

/// Creates schema and study unless they are there; returns the study's id.
fn ensure_study(db: &mut Connection, name: &str) -> rusqlite::Result<i64> {
    in_transaction(db, |transaction| {
        let has_schema = transaction
            .query_row("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'", [], |_row| {
                Ok(())
            })
            .optional()?;
        if has_schema.is_none() {
            transaction.execute_batch(include_str!("optuna_schema.sql"))?;
        }
        let known = transaction
            .query_row("SELECT study_id FROM studies WHERE study_name = ?1", [name], |row| {
                row.get(0)
            })
            .optional()?;
        if let Some(study_id) = known {
            return Ok(study_id);
        }
        transaction.execute("INSERT INTO studies (study_name) VALUES (?1)", [name])?;
        let study_id = transaction.last_insert_rowid();
        transaction.execute(
            "INSERT INTO study_directions (direction, study_id, objective) \
             VALUES ('MAXIMIZE', ?1, 0)",
            [study_id],
        )?;
        Ok(study_id)
    })
}

/// Now as Optuna 5.0 stores it: UTC without saying so, microseconds.
fn utc_now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S.%6f").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(path: &Path) -> Vec<(i64, String, Option<f64>)> {
        let db = Connection::open(path).unwrap();
        let sql = "SELECT number, state, value FROM trials LEFT JOIN trial_values \
                   USING (trial_id) ORDER BY trial_id";
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn trials_end_once_and_the_best_is_the_best_complete_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("study.db");
        let mut writer = StudyWriter::open(&path, "demo").unwrap();
        assert_eq!(writer.best().unwrap(), None);
        let endings =
            [Ending::Complete(1.0), Ending::Pruned(9.0), Ending::Failed, Ending::Complete(2.0)];
        for ending in endings {
            let trial = writer.start_trial().unwrap();
            writer.finish(trial, ending).unwrap();
            let again = writer.finish(trial, Ending::Complete(99.0));
            assert!(matches!(again, Err(DemoError::TrialTaken { .. })));
        }
        assert_eq!(writer.best().unwrap(), Some((3, 2.0)));
        let expected = [
            (0, "COMPLETE".to_owned(), Some(1.0)),
            (1, "PRUNED".to_owned(), Some(9.0)),
            (2, "FAIL".to_owned(), None),
            (3, "COMPLETE".to_owned(), Some(2.0)),
        ];
        assert_eq!(states(&path), expected);
    }

    #[test]
    fn three_writers_at_once_never_share_a_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("study.db");
        let work = || {
            let mut writer = StudyWriter::open(&path, "demo").unwrap();
            for _trial in 0..10 {
                let trial = writer.start_trial().unwrap();
                writer.set_user_attr(trial, "pid", &1.into()).unwrap();
                writer.finish(trial, Ending::Complete(1.0)).unwrap();
            }
        };
        std::thread::scope(|scope| {
            for _writer in 0..3 {
                scope.spawn(work);
            }
        });
        let numbers: Vec<i64> = states(&path).into_iter().map(|(number, ..)| number).collect();
        assert_eq!(numbers, (0..30).collect::<Vec<_>>());
    }
}
