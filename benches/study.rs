//! What it costs to follow a large study: 100 000 trials with 5 parameters each.
//!
//! Prints cold load (time and growth of memory) and the unchanged look; beside them, when
//! `CAPPUCCINO_OPTUNA_PYTHON` names an interpreter, Optuna's own time for the same file.

use cappuccino_headless::clock::Clock;
use cappuccino_headless::observe::study::reader::{Poll, StudyReader};
use cappuccino_headless::observe::study::source::StudySource;
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const TRIALS: i64 = 100_000;
const PARAMS: [&str; 5] = ["lr", "gamma", "layers", "width", "clip"];
const LOOKS: usize = 10_000;
const TABLES: &str = include_str!("../headless/src/demo/optuna_schema.sql");

fn make(path: &Path) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF")?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute("INSERT INTO studies (study_name) VALUES ('large')", [])?;
    transaction.execute(
        "INSERT INTO study_directions (direction, study_id, objective) VALUES ('MAXIMIZE', 1, 0)",
        [],
    )?;
    let distribution = r#"{"name":"FloatDistribution","attributes":{"step":null,"low":0.0,"high":1.0,"log":false}}"#;
    {
        let mut trial = transaction.prepare(
            "INSERT INTO trials (number, study_id, state, datetime_start, datetime_complete) \
             VALUES (?1, 1, 'COMPLETE', '2026-01-01 00:00:00.000000', '2026-01-01 00:01:00.000000')",
        )?;
        let mut value = transaction.prepare(
            "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?1, 0, ?2, 'FINITE')",
        )?;
        let mut param = transaction.prepare(
            "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) \
             VALUES (?1, ?2, ?3, ?4)",
        )?;
        for number in 0..TRIALS {
            trial.execute([number])?;
            let noise = (number * 7919 % 100_003) as f64 / 100_003.0;
            value.execute(params![number + 1, noise])?;
            for (place, name) in PARAMS.iter().enumerate() {
                param.execute(params![
                    number + 1,
                    name,
                    noise / (place + 1) as f64,
                    distribution
                ])?;
            }
        }
    }
    transaction.commit()
}

/// Resident memory of this process in KiB.
fn rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

fn main() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("large-study.db");
    if !path.exists() {
        make(&path).expect("the study cannot be made");
    }
    let source = StudySource { database: path.clone(), name: None, objective: None };
    let clock = Clock::new().expect("no clock");
    let mut reader = StudyReader::new(source);
    let (before, began) = (rss_kib(), Instant::now());
    while !matches!(reader.poll(clock.now()), Ok(Poll::Changed(_))) {}
    let (loaded, grown) = (began.elapsed(), rss_kib() - before);
    let best = reader.catalog().read().unwrap().best().expect("a best trial");
    println!(
        "cold load of {TRIALS} trials x {} parameters: {loaded:.0?}, memory grew by {:.1} MiB, longest \
         snapshot {:.1?}",
        PARAMS.len(),
        grown as f64 / 1024.0,
        reader.longest_snapshot()
    );
    let mut looks: Vec<_> = (0..LOOKS)
        .map(|_| {
            let began = Instant::now();
            assert!(matches!(reader.poll(clock.now()), Ok(Poll::Unchanged)));
            began.elapsed()
        })
        .collect();
    looks.sort();
    println!("unchanged look: p50 {:.1?}, p99 {:.1?}", looks[LOOKS / 2], looks[LOOKS * 99 / 100]);
    println!("our best: trial {}", best.number);
    beside_optuna(&path);
}

/// Optuna's own time for the same questions.
const SCRIPT: &str = "
import resource, time, optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.load_study(study_name=None, storage='sqlite:///DATABASE')
began = time.monotonic()
best = study.best_trial.number
best_time = time.monotonic() - began
began = time.monotonic()
count = len(study.get_trials(deepcopy=False))
all_time = time.monotonic() - began
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f'optuna {optuna.__version__}: best_trial {best_time*1000:.0f} ms (trial {best}),')
print(f'  all {count} trials {all_time:.1f} s, memory {memory:.0f} MiB')
";

fn beside_optuna(path: &Path) {
    let Ok(pythons) = std::env::var("CAPPUCCINO_OPTUNA_PYTHON") else {
        println!("Optuna beside it: CAPPUCCINO_OPTUNA_PYTHON names no interpreter");
        return;
    };
    let script = SCRIPT.replace("DATABASE", &path.display().to_string());
    for python in pythons.split(':') {
        let output = Command::new(python).args(["-W", "ignore", "-c", &script]).output();
        match output {
            Ok(output) => print!("{}", String::from_utf8_lossy(&output.stdout)),
            Err(error) => println!("{python}: {error}"),
        }
    }
}
