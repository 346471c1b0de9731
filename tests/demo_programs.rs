//! The demonstration's worker as a real process, and its study as real Optuna sees it.

use cappuccino_headless::demo::error::DemoError;
use cappuccino_headless::demo::optuna_writer::StudyWriter;
use cappuccino_headless::demo::worker::{self, WorkerArgs};
use clap::{Args, Command, FromArgMatches};
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::Duration;
use support::demo::{arguments, start, terminate, wait_for};
use support::model::{pythons, run_python};

const LIMIT: Duration = Duration::from_secs(30);
/// Training takes as long as the machine is slow.
const PATIENCE: Duration = Duration::from_secs(300);

fn play<A: Args + FromArgMatches>(run: impl Fn(&A) -> Result<(), DemoError>) {
    let Some(arguments) = arguments() else { return };
    let matches = A::augment_args(Command::new("program")).get_matches_from(arguments);
    let code = match run(&A::from_arg_matches(&matches).unwrap()) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{error}");
            error.exit_code()
        }
    };
    std::process::exit(code.into());
}

#[test]
#[ignore = "a program that other tests start"]
fn program_worker() {
    play::<WorkerArgs>(worker::run);
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

fn start_worker(folder: &Path, index: usize, speed: &str) -> Child {
    let (db, models) = (path(folder, "study.db"), path(folder, "models"));
    let index_text = index.to_string();
    let arguments =
        ["--study-db", &db, "--models", &models, "--speed", speed, "--index", &index_text];
    start("program_worker", &arguments, &folder.join(format!("worker-{index}.log")))
}

fn count(folder: &Path, state: &str) -> i64 {
    let Ok(db) = Connection::open(folder.join("study.db")) else { return 0 };
    db.busy_timeout(LIMIT).unwrap();
    let sql = "SELECT count(*) FROM trials WHERE state = ?1";
    db.query_row(sql, [state], |row| row.get(0)).unwrap_or(0)
}

fn log(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_default()
}

#[test]
fn a_worker_that_is_told_to_stop_fails_its_trial_and_leaves_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let mut worker = start_worker(folder.path(), 0, "2");
    wait_for("a trial begun after two others", LIMIT, || {
        count(folder.path(), "COMPLETE") >= 2 && count(folder.path(), "RUNNING") == 1
    });
    assert_eq!(terminate(&mut worker), Some(0), "{}", log(folder.path(), "worker-0.log"));
    assert_eq!((count(folder.path(), "RUNNING"), count(folder.path(), "FAIL")), (0, 1));
    let (best, _growth) = StudyWriter::open(&folder.path().join("study.db"), "demo")
        .unwrap()
        .best()
        .unwrap()
        .unwrap();
    let model = folder.path().join("models").join(worker::folder_name(best));
    assert!(model.join("actor.pth").is_file() && model.join("critic.pth").is_file());
}

/// Runs three workers until the best grew by more than 1 % twice and `trials` are complete.
fn three_workers(folder: &Path, trials: i64, speed: &str) {
    let mut workers: Vec<Child> = (0..3).map(|index| start_worker(folder, index, speed)).collect();
    wait_for("a trial", LIMIT, || count(folder, "COMPLETE") >= 1);
    let study = StudyWriter::open(&folder.join("study.db"), "demo").unwrap();
    let (mut incumbent, mut improvements) = (0.0, 0);
    wait_for("a study that gets better", PATIENCE, || {
        let best = study.best().unwrap().map_or(0.0, |(_, growth)| growth);
        if best > incumbent * 1.01 {
            (incumbent, improvements) = (best, improvements + 1);
        }
        improvements >= 2 && count(folder, "COMPLETE") >= trials
    });
    for worker in &mut workers {
        assert_eq!(terminate(worker), Some(0));
    }
}

#[test]
fn real_optuna_reads_and_continues_a_study_of_three_workers() {
    let pythons = pythons("CAPPUCCINO_OPTUNA_PYTHON", "loading our study with Optuna");
    if pythons.is_empty() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    three_workers(folder.path(), 20, "8");
    let db = folder.path().join("study.db");
    for python in pythons {
        let (best, _growth) = StudyWriter::open(&db, "demo").unwrap().best().unwrap().unwrap();
        let states = ["COMPLETE", "PRUNED", "FAIL"].map(|state| count(folder.path(), state));
        let [complete, pruned, failed] = states;
        let total = complete + pruned + failed;
        let copy = folder.path().join("copy.db");
        fs::copy(&db, &copy).unwrap();
        let said = run_python(&python, include_str!("python/load_study.py"), &[&copy]);
        assert_eq!(said.trim_end(), format!("{best} {total} {complete} {pruned} {failed}"));
        eprintln!("{python}: best trial, trials, complete, pruned, failed: {}", said.trim_end());
    }
}
