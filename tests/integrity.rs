//! The look at every page of a study's database: it finds damage, and no writer notices it.
//!
//! Beside real Optuna with `CAPPUCCINO_OPTUNA_PYTHON`: interpreters that can import it, separated
//! by `:`.

use cappuccino_headless::observe::study::integrity::{Verdict, look};
use rusqlite::Connection;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn database(folder: &Path, journal: &str) -> PathBuf {
    let path = folder.join(format!("{journal}.db"));
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode={journal};
             CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT);
             CREATE INDEX i ON t (text);
             WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 20000)
             INSERT INTO t SELECT x, hex(randomblob(20)) FROM n;"
        ))
        .unwrap();
    path
}

#[test]
fn a_damaged_page_is_found_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = folder.path().join("copy");
    for journal in ["delete", "wal"] {
        let path = database(folder.path(), journal);
        assert_eq!(look(&path, &scratch), Verdict::Whole, "{journal}");
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&[0xff; 100], 40 * 4096).unwrap();
        let Verdict::Damaged(why) = look(&path, &scratch) else { panic!("{journal}: not found") };
        assert!(why.contains(&format!("{journal}.db is damaged")), "{why}");
        file.write_all_at(b"no database at all", 0).unwrap();
        assert!(matches!(look(&path, &scratch), Verdict::Damaged(_)), "{journal}");
        assert!(!scratch.exists());
    }
    let missing = look(&folder.path().join("none.db"), &scratch);
    assert!(matches!(missing, Verdict::Unknown(_)));
}

#[test]
fn a_writer_in_the_middle_of_a_transaction_is_not_waited_for_for_long() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path(), "delete");
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch("BEGIN EXCLUSIVE; INSERT INTO t (text) VALUES ('x')").unwrap();
    let verdict = look(&path, &folder.path().join("copy"));
    assert!(matches!(verdict, Verdict::Unknown(_)), "{verdict:?}");
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(look(&path, &folder.path().join("copy")), Verdict::Whole);
}

#[test]
fn real_optuna_writes_on_while_every_page_is_looked_at_over_and_over() {
    let Some(pythons) = std::env::var_os("CAPPUCCINO_OPTUNA_PYTHON") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("optuna/worker.py");
    for python in std::env::split_paths(&pythons) {
        for journal in ["delete", "wal"] {
            let folder = tempfile::tempdir().unwrap();
            let (db, scratch) = (folder.path().join("s.db"), folder.path().join("copy"));
            let make = "import optuna, sys; optuna.create_study(study_name='s', \
                        direction='maximize', storage='sqlite:///' + sys.argv[1])";
            let made = Command::new(&python).args(["-W", "ignore", "-c", make]).arg(&db).status();
            assert!(made.unwrap().success());
            let set = Connection::open(&db).unwrap();
            set.pragma_update(None, "journal_mode", journal).unwrap();
            drop(set);
            let workers: Vec<_> = (0..3)
                .map(|seed: u32| {
                    Command::new(&python)
                        .args(["-W", "ignore"])
                        .arg(&script)
                        .args(["--study", "s", "--journal", journal, "--direction", "maximize"])
                        .args(["--seconds", "15", "--seed", &seed.to_string(), "--db"])
                        .arg(&db)
                        .stdout(Stdio::piped())
                        .spawn()
                        .unwrap()
                })
                .collect();
            let (began, mut whole, mut unknown) = (Instant::now(), 0, 0);
            while began.elapsed() < Duration::from_secs(14) {
                match look(&db, &scratch) {
                    Verdict::Whole => whole += 1,
                    Verdict::Unknown(_) => unknown += 1,
                    Verdict::Damaged(why) => panic!("{journal}: {why}"),
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            let mut trials = 0;
            for worker in workers {
                let output = worker.wait_with_output().unwrap();
                assert!(output.status.success());
                let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
                assert_eq!(said["errors"].as_array().unwrap().len(), 0, "{said}");
                trials += said["trials"].as_u64().unwrap();
            }
            println!(
                "{} {journal}: {whole} looks, {unknown} not possible, {trials} trials",
                python.display()
            );
            assert!(whole > 0 && trials > 0);
        }
    }
}
