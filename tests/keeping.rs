//! Words that need no runner: the record it left, backups, checks, logs.

use cappuccino_core::words::{Note, Timestamp};
use cappuccino_headless::clock::Clock;
use cappuccino_headless::keeper::open_store;
use cappuccino_headless::samples::open_samples;
use insta::assert_snapshot;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use support::api::every_note;
use support::cli::{Told, empty_workspace, left_workspace, tell, word};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");

fn say(root: &Path, words: &[&str]) -> Told {
    tell(&mut word(PROGRAM, root, words), root)
}

fn parse(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn without_a_runner_the_record_is_read_and_that_is_said() {
    let folder = left_workspace(every_note());
    for (name, words) in [
        ("left_status", &["status"][..]),
        ("left_history", &["history", "--limit", "2"]),
        ("left_why", &["why", "412"]),
        ("left_why_unknown", &["why", "7"]),
        ("left_check", &["check"]),
    ] {
        assert_snapshot!(name, say(folder.path(), words));
    }
    let told = say(folder.path(), &["status", "--json"]);
    let status = parse(&told.out);
    assert_eq!(status["runner_up"], false);
    assert!(status.get("study").is_none(), "nobody looks at the study: {told}");
    let file = folder.path().join("history.json");
    let told = say(folder.path(), &["export", "history.json"]);
    assert_eq!(told.code, 0, "{told}");
    let export = parse(&std::fs::read_to_string(file).unwrap());
    assert_eq!(export["entries"].as_array().unwrap().len(), every_note().len());
}

#[test]
fn check_finds_a_flipped_bit_and_a_wrong_key() {
    let folder = left_workspace(every_note());
    let state = folder.path().join(".cappuccino/state.redb");
    let mut bytes = std::fs::read(&state).unwrap();
    let sentence = b"it crashed";
    let place = bytes.windows(sentence.len()).position(|part| part == sentence).unwrap();
    bytes[place] ^= 1;
    std::fs::write(&state, bytes).unwrap();
    std::fs::write(folder.path().join("cappuccino.toml"), "[study]\ndatabas = \"x\"\n").unwrap();
    let told = say(folder.path(), &["check"]);
    assert_eq!(told.code, 1, "{told}");
    assert!(told.out.contains("configuration:\n  [WORKSPACE]/cappuccino.toml:2:1:"), "{told}");
    assert!(told.out.contains("cappuccino restore"), "{told}");
    assert!(told.err.ends_with("error: 2 finding(s), listed above\nhelp: each names its remedy; check again afterwards\n"), "{told}");
}

/// What is certainly wrong is a finding; what may still come is only said.
#[test]
fn check_names_programs_that_cannot_be_run_and_scripts_that_are_not_there_yet() {
    let folder = left_workspace([Note::RunnerStarted]);
    let configuration = folder.path().join("cappuccino.toml");
    let process = |name: &str, rest: &str| {
        format!("[[process]]\nname = \"{name}\"\nrole = \"other\"\ncommand = {rest}\n")
    };
    let study = "[study]\ndatabase = \"absent.db\"\nname = \"s\"\n";
    let worker = study.to_owned() + &process("worker", "[\"sh\", \"train.sh\"]");
    let absent = process("absent", "[\"no-such-program\"]");
    let elsewhere = process("elsewhere", "[\"sh\"]\ndirectory = \"nowhere\"");
    std::fs::write(&configuration, [worker.clone(), absent, elsewhere].concat()).unwrap();
    let told = say(folder.path(), &["check"]);
    assert_eq!(told.code, 1, "{told}");
    for part in [
        "absent:\n  `no-such-program` is no program that can be run",
        "elsewhere:\n  its folder [WORKSPACE]/nowhere is not there",
        "not yet: worker: train.sh is not in [WORKSPACE]",
        "error: 2 finding(s)",
    ] {
        assert!(told.to_string().contains(part), "{part}: {told}");
    }
    std::fs::write(&configuration, worker).unwrap();
    std::fs::write(folder.path().join("train.sh"), "exit 0\n").unwrap();
    let told = say(folder.path(), &["check"]);
    assert!(told.code == 0 && !told.out.contains("train.sh"), "{told}");
}

#[test]
fn a_backup_brings_back_a_damaged_state_and_nothing_is_thrown_away() {
    let folder = left_workspace(every_note());
    let state = folder.path().join(".cappuccino/state.redb");
    let told = say(folder.path(), &["backup"]);
    assert!(
        told.out.starts_with("backup written to [WORKSPACE]/.cappuccino/backups/state-"),
        "{told}"
    );
    let backup = std::fs::read_dir(folder.path().join(".cappuccino/backups")).unwrap();
    let backup = backup.map(|entry| entry.unwrap().path()).next().unwrap();
    let backup = backup.to_str().unwrap();
    std::fs::write(&state, "garbage").unwrap();
    let restored = say(folder.path(), &["restore", backup]);
    assert_eq!(restored.code, 0, "{restored}");
    assert_eq!(std::fs::read(state.with_extension("redb.before-restore")).unwrap(), b"garbage");
    let lines = say(folder.path(), &["history"]).out.lines().count();
    assert_eq!(lines, every_note().len());
    let again = say(folder.path(), &["restore", backup]);
    assert!(again.out.contains("state.redb.before-restore-2"), "{again}");
    assert_eq!(std::fs::read(state.with_extension("redb.before-restore")).unwrap(), b"garbage");
}

/// Points of the one series that was measured.
fn measured(metrics: &Path) -> Vec<f64> {
    let samples = open_samples(metrics, Timestamp(0)).unwrap();
    let points = samples.reader().points("load", Timestamp(0), Timestamp(9_000)).unwrap();
    points.unwrap().into_iter().map(|(_, value)| value).collect()
}

fn measure(metrics: &Path, at: i64) {
    let mut samples = open_samples(metrics, Timestamp(0)).unwrap();
    samples.write(Timestamp(at), &[("load", 0.5)]).unwrap();
    samples.close().unwrap();
}

#[test]
fn metrics_are_saved_with_the_state_and_mended_from_the_copy_when_they_are_damaged() {
    let folder = left_workspace([Note::RunnerStarted]);
    let metrics = folder.path().join(".cappuccino/metrics.redb");
    measure(&metrics, 1_000);
    assert_eq!(say(folder.path(), &["backup"]).code, 0);
    let backups = folder.path().join(".cappuccino/backups");
    let names = std::fs::read_dir(&backups).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    let [copy, state] = names.as_slice() else { panic!("{names:?}") };
    assert!(copy.starts_with("metrics-") && state.starts_with("state-"), "{names:?}");
    let restore = |told: &str| {
        let file = format!(".cappuccino/backups/{state}");
        let restored = say(folder.path(), &["restore", &file]);
        assert!(restored.code == 0 && restored.out.contains(told), "{restored}");
        restored
    };

    // Sound ones stay as they are, newer than the state or not.
    measure(&metrics, 2_000);
    assert!(!restore("the state is that of").out.contains("metrics"));
    assert_eq!(measured(&metrics).len(), 2);
    let told = say(folder.path(), &["check"]);
    assert!(told.code == 0 && told.out.contains("rows of metrics read"), "{told}");

    std::fs::write(&metrics, "garbage").unwrap();
    let told = say(folder.path(), &["check"]);
    assert!(told.code == 1 && told.out.contains("metrics:"), "{told}");
    restore("the metrics are those of");
    assert_eq!(measured(&metrics).len(), 1);
    assert_eq!(std::fs::read(metrics.with_extension("redb.before-restore")).unwrap(), b"garbage");

    // Neither they nor their copy keep the state from being saved and restored.
    std::fs::write(&metrics, "garbage").unwrap();
    std::fs::write(backups.join(copy), "garbage").unwrap();
    let told = say(folder.path(), &["backup"]);
    assert!(told.code == 0 && told.err.contains("the metrics have no backup"), "{told}");
    restore("the metrics stay as they are");
    assert_eq!(std::fs::read(&metrics).unwrap(), b"garbage");
}

#[test]
fn a_backup_named_from_within_its_folder_mends_the_metrics_and_their_absence_is_said() {
    let folder = left_workspace([Note::RunnerStarted]);
    let metrics = folder.path().join(".cappuccino/metrics.redb");
    measure(&metrics, 1_000);
    assert_eq!(say(folder.path(), &["backup"]).code, 0);
    let backups = folder.path().join(".cappuccino/backups");
    let find = |kind: &str| {
        let mut found = std::fs::read_dir(&backups).unwrap().map(|entry| entry.unwrap().path());
        found.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(kind)).unwrap()
    };
    let (state, copy) = (find("state-"), find("metrics-"));
    let state = state.file_name().unwrap().to_str().unwrap();
    let restore = || {
        let mut restore = word(PROGRAM, folder.path(), &["restore", state]);
        tell(restore.current_dir(&backups), folder.path())
    };
    std::fs::write(&metrics, "garbage").unwrap();
    let told = restore();
    assert!(told.out.contains("the metrics are those of"), "{told}");
    assert_eq!(measured(&metrics), [0.5]);

    std::fs::remove_file(copy).unwrap();
    for what in ["damaged", "missing"] {
        std::fs::write(&metrics, "garbage").unwrap();
        if what == "missing" {
            std::fs::remove_file(&metrics).unwrap();
        }
        let told = restore();
        let said = format!("the metrics are {what}, and [WORKSPACE]/.cappuccino/backups holds no");
        assert!(told.code == 0 && told.out.contains(&said), "{told}");
    }
}

#[test]
fn a_backup_that_is_none_is_refused_and_the_state_stays() {
    let folder = left_workspace([Note::RunnerStarted]);
    let state = folder.path().join(".cappuccino/state.redb");
    let before = std::fs::read(&state).unwrap();
    let bad = folder.path().join("bad");
    for content in [&b""[..], b"garbage", &before[..before.len() / 2]] {
        std::fs::write(&bad, content).unwrap();
        let told = say(folder.path(), &["restore", "bad"]);
        assert!(told.err.contains("no sound backup") && told.code == 1, "{told}");
    }
    assert_eq!(say(folder.path(), &["restore", "nowhere"]).code, 1);
    assert_eq!(std::fs::read(&state).unwrap(), before);
    let left: Vec<_> = std::fs::read_dir(folder.path().join(".cappuccino")).unwrap().collect();
    assert_eq!(left.len(), 1, "no half copy stays behind: {left:?}");
}

#[test]
fn a_state_that_is_held_without_a_socket_is_explained() {
    let folder = left_workspace([Note::RunnerStarted]);
    let state = folder.path().join(".cappuccino/state.redb");
    let held = open_store(&state, Clock::new().unwrap()).unwrap();
    let told = say(folder.path(), &["history"]);
    assert!(told.err.contains("although no runner answers"), "{told}");
    assert_eq!(say(folder.path(), &["restore", "x"]).code, 1);
    held.close().unwrap();
    assert_eq!(say(folder.path(), &["history"]).code, 0);
}

#[test]
fn logs_are_read_from_their_file_and_followed_through_a_cut() {
    let folder = empty_workspace();
    let logs = folder.path().join(".cappuccino/logs");
    std::fs::create_dir_all(&logs).unwrap();
    let log = logs.join("worker-1.log");
    std::fs::write(&log, "one\ntwo\nthree\n").unwrap();
    assert_eq!(say(folder.path(), &["logs", "worker-1", "-n", "2"]).out, "two\nthree\n");
    let missing = say(folder.path(), &["logs", "worker-9"]);
    assert_snapshot!(missing, @r"
    --- stderr
    error: there is no log of `worker-9`
    help: there are logs of worker-1
    --- exit 1
    ");
    let mut follower = word(PROGRAM, folder.path(), &["logs", "worker-1", "-f", "-n", "1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "three");
    std::fs::write(&log, "cut\n").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "cut");
    std::fs::rename(&log, logs.join("old")).unwrap();
    std::fs::write(&log, "new\n").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "new");
    follower.kill().unwrap();
    follower.wait().unwrap();
}
