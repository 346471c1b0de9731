//! Beside real Optuna: three of its workers write while we read; they never notice, and our best
//! trial is always theirs.
//!
//! Needs `CAPPUCCINO_OPTUNA_PYTHON`: interpreters that can import optuna, separated by `:`.
//! `CAPPUCCINO_OPTUNA_SECONDS=N` per combination of interpreter, journal and direction (10 by
//! default).

use cappuccino_core::words::TrialState;
use cappuccino_headless::clock::Clock;
use cappuccino_headless::observe::study::reader::{Poll, StudyReader};
use cappuccino_headless::observe::study::source::StudySource;
use serde_json::Value as Json;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

const WORKERS: u64 = 3;
/// Time between two looks, and between two comparisons.
const POLL_EVERY: Duration = Duration::from_millis(20);
const COMPARE_EVERY: Duration = Duration::from_secs(2);

struct Oracle {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    fn new(python: &Path, db: &Path) -> Self {
        let mut child = Command::new(python)
            .arg(script("oracle.py"))
            .arg(db)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output) }
    }

    fn ask(&mut self, line: &str) -> Json {
        writeln!(self.input, "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{line}: {error}: {answer}"))
    }

    fn best(&mut self) -> Option<i64> {
        self.ask("best s")["best"].as_i64()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("optuna").join(name)
}

struct Beside {
    reader: StudyReader,
    clock: Clock,
    polls: u64,
    busy: u64,
}

impl Beside {
    fn look(&mut self) {
        self.polls += 1;
        match self.reader.poll(self.clock.now()).unwrap() {
            Poll::Busy => self.busy += 1,
            Poll::Unchanged | Poll::Changed(_) | Poll::Initialising | Poll::StudyAbsent(_) => {}
            Poll::Missing => panic!("the database is gone"),
        }
    }

    /// Looks until a look was not in a writer's way.
    fn look_well(&mut self) {
        let before = self.busy;
        self.look();
        if self.busy > before {
            std::thread::sleep(Duration::from_millis(5));
            self.look_well();
        }
    }

    /// Place of a trial among the best, from 0; none comes last.
    fn rank(&self, number: Option<i64>) -> usize {
        let ranking = self.reader.catalog().read().unwrap().best_first(usize::MAX);
        let place = ranking.iter().position(|trial| Some(trial.number.0) == number);
        place.unwrap_or(usize::MAX)
    }

    fn best(&self) -> Option<i64> {
        self.reader.catalog().read().unwrap().best().map(|trial| trial.number.0)
    }
}

fn worker(
    python: &Path,
    db: &Path,
    journal: &str,
    direction: &str,
    seconds: u64,
    seed: u64,
) -> Child {
    Command::new(python)
        .args(["-W", "ignore"])
        .arg(script("worker.py"))
        .args(["--study", "s", "--journal", journal, "--direction", direction])
        .args(["--seconds", &seconds.to_string(), "--seed", &seed.to_string(), "--db"])
        .arg(db)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Reads beside three writers for a while; compares all along and at the end.
fn live_beside(python: &Path, journal: &str, direction: &str, seconds: u64) {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("s.db");
    let mut oracle = Oracle::new(python, &db);
    let version = oracle.ask(&format!("make s {direction} {journal}"))["version"].clone();
    let source = StudySource { database: db.clone(), name: Some("s".into()), objective: None };
    let clock = Clock::new().unwrap();
    let mut beside = Beside { reader: StudyReader::new(source), clock, polls: 0, busy: 0 };
    let mut compared = 0;
    // The second half is another study of the same name, with the same ids.
    for (half, seed) in [(0_u64, 1_u64), (1, 100)] {
        let workers: Vec<Child> = (0..WORKERS)
            .map(|n| worker(python, &db, journal, direction, seconds / 2, seed + n))
            .collect();
        let (began, mut last) = (Instant::now(), Instant::now());
        while began.elapsed() < Duration::from_secs(seconds / 2) {
            beside.look();
            std::thread::sleep(POLL_EVERY);
            if last.elapsed() > COMPARE_EVERY {
                last = Instant::now();
                beside.look_well();
                let before = beside.best();
                let theirs = oracle.best();
                beside.look_well();
                // The best may have changed more than once while Optuna answered.
                let rank = |number: Option<i64>| beside.rank(number);
                assert!(
                    rank(theirs) <= rank(before) && rank(beside.best()) <= rank(theirs),
                    "Optuna says {theirs:?}, we said {before:?} before and {:?} after",
                    beside.best()
                );
                compared += 1;
            }
        }
        let mut trials = 0;
        for worker in workers {
            let output = worker.wait_with_output().unwrap();
            let told: Json = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(told["errors"].as_array().unwrap().len(), 0, "{told}");
            trials += told["trials"].as_u64().unwrap();
        }
        beside.look_well();
        assert_eq!(beside.best(), oracle.best(), "at the end of half {half}");
        compared += 1;
        let catalog = beside.reader.catalog();
        let counts = catalog.read().unwrap().counts();
        assert_eq!(counts.running + counts.waiting, 0);
        assert_eq!(counts.total(), trials);
        let newest = catalog.read().unwrap().newest(1);
        assert_ne!(newest[0].state, TrialState::Running);
        println!(
            "optuna {version} {journal} {direction}: {trials} trials, {} polls ({} busy), \
             {compared} comparisons equal, 0 errors in the workers, longest snapshot {:.1?}",
            beside.polls,
            beside.busy,
            beside.reader.longest_snapshot()
        );
        if half == 0 {
            oracle.ask("delete s");
            oracle.ask(&format!("make s {direction} {journal}"));
        }
    }
}

#[test]
fn three_real_workers_never_notice_us_and_our_best_is_theirs() {
    let Ok(pythons) = std::env::var("CAPPUCCINO_OPTUNA_PYTHON") else {
        println!("skipped: CAPPUCCINO_OPTUNA_PYTHON names no interpreter with optuna");
        return;
    };
    let seconds = std::env::var("CAPPUCCINO_OPTUNA_SECONDS");
    let seconds = seconds.ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    std::thread::scope(|scope| {
        for python in pythons.split(':') {
            for (journal, direction) in [("delete", "minimize"), ("wal", "maximize")] {
                scope.spawn(move || live_beside(Path::new(python), journal, direction, seconds));
            }
        }
    });
}
