//! Other programs as judges of model files, and trials as a real study database holds them.

use cappuccino_core::words::ids::{TrialId, TrialNumber};
use cappuccino_core::words::trial::{Choice, Distribution, Param, TrialDetail, TrialState, Value};
use rusqlite::{Connection, Row};
use std::path::Path;
use std::process::Command;

/// The Python interpreters named in the environment variable, separated by `:`; when there are
/// none, prints why `story` is skipped.
pub fn pythons(variable: &str, story: &str) -> Vec<String> {
    let Ok(list) = std::env::var(variable) else {
        eprintln!("skipped: {story} needs {variable}=/path/to/python[:/path/to/another]");
        return Vec::new();
    };
    list.split(':').filter(|path| !path.is_empty()).map(str::to_owned).collect()
}

/// Runs a Python program and repeats what it says; returns what it printed.
pub fn run_python(python: &str, program: &str, arguments: &[&Path]) -> String {
    let output = Command::new(python).arg("-c").arg(program).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{python}: {said}");
    eprint!("{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every trial of the database, by id.
pub fn trials(db: &Path) -> Vec<TrialDetail> {
    let db = Connection::open(db).unwrap();
    let sql = "SELECT trial_id, number, state, CAST(datetime_start AS TEXT), \
               CAST(datetime_complete AS TEXT) FROM trials ORDER BY trial_id";
    rows(&db, sql, |row| {
        let id: i64 = row.get(0)?;
        Ok(TrialDetail {
            trial_id: TrialId(id),
            number: TrialNumber(row.get(1)?),
            state: state(&row.get::<_, String>(2)?),
            values: rows(&db, &of(id, "value, value_type", "trial_values", "objective"), value),
            datetime_start: row.get(3)?,
            datetime_complete: row.get(4)?,
            params: rows(
                &db,
                &of(id, "param_name, param_value, distribution_json", "trial_params", "param_id"),
                param,
            ),
            user_attrs: attributes(&db, id, "trial_user_attributes"),
            system_attrs: attributes(&db, id, "trial_system_attributes"),
            intermediate_values: rows(
                &db,
                &of(
                    id,
                    "intermediate_value, intermediate_value_type, step",
                    "trial_intermediate_values",
                    "step",
                ),
                |row| Ok((row.get(2)?, number(row)?)),
            ),
        })
    })
}

fn rows<T>(
    db: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Vec<T> {
    let mut statement = db.prepare(sql).unwrap();
    let rows = statement.query_map([], read).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn of(id: i64, columns: &str, table: &str, order: &str) -> String {
    format!("SELECT {columns} FROM {table} WHERE trial_id = {id} ORDER BY {order}")
}

fn attributes(db: &Connection, id: i64, table: &str) -> Vec<(String, String)> {
    let sql = of(id, "\"key\", value_json", table, "\"key\"");
    rows(db, &sql, |row| Ok((row.get(0)?, row.get(1)?)))
}

fn state(name: &str) -> TrialState {
    match name {
        "RUNNING" => TrialState::Running,
        "COMPLETE" => TrialState::Complete,
        "PRUNED" => TrialState::Pruned,
        "FAIL" => TrialState::Failed,
        "WAITING" => TrialState::Waiting,
        other => panic!("no trial state: {other}"),
    }
}

fn number(row: &Row<'_>) -> rusqlite::Result<f64> {
    Ok(match row.get::<_, String>(1)?.as_str() {
        "INF_POS" => f64::INFINITY,
        "INF_NEG" => f64::NEG_INFINITY,
        "NAN" => f64::NAN,
        _finite => row.get(0)?,
    })
}

fn value(row: &Row<'_>) -> rusqlite::Result<Value> {
    number(row).map(|number| match number {
        f64::INFINITY => Value::PositiveInfinity,
        f64::NEG_INFINITY => Value::NegativeInfinity,
        finite => Value::Finite(finite),
    })
}

fn param(row: &Row<'_>) -> rusqlite::Result<Param> {
    let json: serde_json::Value = serde_json::from_str(&row.get::<_, String>(2)?).unwrap();
    let attributes = &json["attributes"];
    let (low, high) = (&attributes["low"], &attributes["high"]);
    let log = attributes["log"] == true;
    let distribution = match json["name"].as_str().unwrap() {
        "FloatDistribution" => Distribution::Float {
            low: low.as_f64().unwrap(),
            high: high.as_f64().unwrap(),
            log,
            step: attributes["step"].as_f64(),
        },
        "IntDistribution" => Distribution::Int {
            low: low.as_i64().unwrap(),
            high: high.as_i64().unwrap(),
            log,
            step: attributes["step"].as_i64().unwrap(),
        },
        _categorical => Distribution::Categorical {
            choices: attributes["choices"].as_array().unwrap().iter().map(choice).collect(),
        },
    };
    Ok(Param { name: row.get(0)?, internal: row.get(1)?, distribution })
}

fn choice(json: &serde_json::Value) -> Choice {
    match json {
        serde_json::Value::Null => Choice::Null,
        serde_json::Value::Bool(value) => Choice::Bool(*value),
        serde_json::Value::String(text) => Choice::Text(text.clone()),
        number => {
            number.as_i64().map_or_else(|| Choice::Float(number.as_f64().unwrap()), Choice::Int)
        }
    }
}
