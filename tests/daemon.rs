//! The real program with real processes: it is killed at random moments and must never double a
//! process, lose what it acknowledged, or fail to find its way back.
//!
//! `CAPPUCCINO_KILLS=N` kills the runner N times (30 by default), `CAPPUCCINO_KILL_SEED=S` starts
//! from that seed; the seed is printed.

use cappuccino_core::api::{CommandBody, Status};
use cappuccino_core::words::{ExitStatus, Note, RevisionId};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use std::time::Duration;
use support::daemon::{PATIENCE, Site};
use support::wait::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn live(status: &Status) -> Option<RevisionId> {
    (status.deployment.phase == "live").then(|| status.deployment.live.as_ref().map(|r| r.id))?
}

fn trader_pid(status: &Status) -> Option<u32> {
    status.processes.iter().find(|process| process.name.as_str() == "trader")?.pid
}

/// A running site that deployed one model, then a better one.
fn two_models() -> (Site, RevisionId, RevisionId) {
    let mut site = Site::new(PROGRAM, "");
    site.finish_trial(1.0);
    site.start_and_wait();
    let first = until("the first model is live", PATIENCE, || live(&site.status().unwrap()));
    site.finish_trial(2.0);
    let second = until("the second model is live", PATIENCE, || {
        live(&site.status().unwrap()).filter(|revision| *revision != first)
    });
    (site, first, second)
}

#[test]
fn a_better_trial_goes_live_and_a_rollback_brings_the_former_model_back() {
    let (site, first, second) = two_models();
    let reason = "test".to_owned();
    site.ask("rollback", CommandBody::Rollback { to: None, hold: true, reason }).unwrap();
    let status = until("the first model is live again", PATIENCE, || {
        let status = site.status().unwrap();
        (live(&status) == Some(first)).then_some(status)
    });
    let pid = trader_pid(&status).unwrap();
    let commands = std::fs::read_to_string(site.root().join("trader.oracle")).unwrap();
    let last = commands.lines().last().unwrap();
    assert!(last.contains(&pid.to_string()) && last.ends_with(" 0"), "trial 0 runs: {last}");
    assert_eq!(status.deployment.holds.len(), 1, "the undone trial is held");
    assert_ne!(first, second);
    assert_eq!(site.doubles(), Vec::<String>::new());
}

/// Flips one bit in the middle of a file, in its place or in a copy that takes its place.
fn flip(file: &std::path::Path, in_place: bool) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    if in_place {
        let mut rights = std::fs::metadata(file).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut rights, 0o644);
        std::fs::set_permissions(file, rights).unwrap();
    } else {
        std::fs::remove_file(file).unwrap();
    }
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn a_stored_model_with_one_flipped_bit_is_never_traded() {
    for (name, in_place) in [("actor.pth", true), ("stored_agent/actor.pth", false)] {
        let (site, first, second) = two_models();
        let status = site.status().unwrap();
        let before = trader_pid(&status);
        let damaged = status.deployment.revisions.iter().find(|revision| revision.id == first);
        let content = damaged.unwrap().content.unwrap();
        flip(&site.workspace().models_dir().join(content.to_string()).join(name), in_place);
        let reason = "test".to_owned();
        site.ask("rollback", CommandBody::Rollback { to: None, hold: true, reason }).unwrap();
        let status = until("the damaged model is judged", PATIENCE, || {
            let status = site.status().unwrap();
            let mut revisions = status.deployment.revisions.iter();
            revisions
                .any(|one| one.id == first && one.standing.contains("damaged"))
                .then_some(status)
        });
        assert_eq!(live(&status), Some(second), "{name}: the present model trades on");
        assert_eq!(trader_pid(&status), before, "{name}: it was not even stopped");
        assert_eq!(site.doubles(), Vec::<String>::new());
    }
}

#[test]
fn a_clean_stop_leaves_nothing_and_a_new_start_brings_everything_back() {
    let mut site = Site::new(PROGRAM, "");
    site.finish_trial(1.0);
    site.start_and_wait();
    let first = until("a model is live", PATIENCE, || live(&site.status().unwrap()));
    site.ask("stop", CommandBody::Shutdown { keep_processes: false }).unwrap();
    assert!(site.wait_for_end().success());
    for (_, pid) in site.lives("trader").into_iter().chain(site.lives("worker")) {
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "{pid} survived the stop");
    }
    site.start_and_wait();
    until("the same model trades again", PATIENCE, || {
        let status = site.status().unwrap();
        (live(&status) == Some(first)).then(|| trader_pid(&status))?
    });
}

#[test]
fn processes_left_running_are_adopted_not_doubled() {
    let mut site = Site::new(PROGRAM, "");
    site.finish_trial(1.0);
    site.start_and_wait();
    until("a model is live", PATIENCE, || live(&site.status().unwrap()));
    let before = trader_pid(&site.status().unwrap()).unwrap();
    site.ask("leave", CommandBody::Shutdown { keep_processes: true }).unwrap();
    assert!(site.wait_for_end().success());
    site.start_and_wait();
    let after =
        until("the trader is known again", PATIENCE, || trader_pid(&site.status().unwrap()));
    assert_eq!(before, after);
    assert_eq!(site.lives("trader").len(), 1);
}

#[test]
fn a_runner_that_was_suspended_finds_what_ended_meanwhile_once() {
    let mut site = Site::new(PROGRAM, "");
    site.start_and_wait();
    let (life, pid) = until("the worker lives", PATIENCE, || site.lives("worker").pop());
    until("the runner knows it", PATIENCE, || {
        let status = site.status().ok()?;
        status.processes.iter().find(|one| one.pid == Some(pid)).map(|_| ())
    });
    let signal = |pid: u32, signal| {
        // SAFETY: plain system calls on this test's own runner and worker.
        unsafe { libc::kill(i32::try_from(pid).unwrap(), signal) };
    };
    signal(site.runner_pid(), libc::SIGSTOP);
    signal(pid, libc::SIGKILL);
    until("the worker is gone", PATIENCE, || (!support::process::lives(pid)).then_some(()));
    assert_eq!(site.lives("worker").len(), 1, "nobody starts anything while it sleeps");
    signal(site.runner_pid(), libc::SIGCONT);
    until("the next one lives", PATIENCE, || (site.lives("worker").len() == 2).then_some(()));
    let ends = site.history().into_iter().filter(|entry| {
        matches!(&entry.note, Note::ProcessExited(_, ended, status, false)
            if ended.0 == life && *status == ExitStatus::Signal(libc::SIGKILL))
    });
    assert_eq!(ends.count(), 1);
    assert_eq!(site.doubles(), Vec::<String>::new());
}

#[test]
fn kill_9_of_the_runner_at_random_moments_doubles_and_loses_nothing() {
    let kills = setting("CAPPUCCINO_KILLS", 30);
    let seed = setting("CAPPUCCINO_KILL_SEED", 20_261_124);
    println!("CAPPUCCINO_KILL_SEED={seed} CAPPUCCINO_KILLS={kills}");
    let mut fate = ChaCha8Rng::seed_from_u64(seed);
    let mut site = Site::new(PROGRAM, "");
    let mut value = 1.0;
    site.finish_trial(value);
    let mut acknowledged = BTreeSet::new();
    for round in 0..kills {
        site.start();
        for action in 0..fate.random_range(0..5) {
            std::thread::sleep(Duration::from_millis(fate.random_range(0..120)));
            let id = format!("request-{round}-{action}");
            let reason = "fuzz".to_owned();
            let command = match fate.random_range(0..6) {
                0 | 1 => {
                    value *= 1.1;
                    site.finish_trial(value);
                    continue;
                }
                2 | 3 => CommandBody::Rollback { to: None, hold: false, reason },
                4 => CommandBody::Restart { process: support::desk::name("trader") },
                _ => CommandBody::Restart { process: support::desk::name("worker") },
            };
            if site.ask(&id, command).is_ok() {
                acknowledged.insert(id);
            }
        }
        std::thread::sleep(Duration::from_millis(fate.random_range(0..150)));
        site.kill();
        assert_eq!(site.doubles(), Vec::<String>::new(), "round {round}, seed {seed}");
    }
    site.start_and_wait();
    // The trader says which trial it runs; that is the truth the record must agree with.
    until("the trader runs the model that is recorded as live", Duration::from_secs(60), || {
        let status = site.status().unwrap();
        let (_, pid, revision) = (live(&status)?, trader_pid(&status)?, status.deployment.live?);
        let oracle = std::fs::read_to_string(site.root().join("trader.oracle")).unwrap();
        let runs = oracle.lines().find(|line| line.contains(&format!(" {pid} ")))?;
        runs.ends_with(&format!(" {}", revision.trial)).then_some(())
    });
    let asked: BTreeSet<String> = site
        .history()
        .into_iter()
        .filter_map(|entry| match entry.note {
            Note::Asked(id, ..) => Some(id.0),
            _ => None,
        })
        .collect();
    let lost: Vec<_> = acknowledged.difference(&asked).collect();
    assert!(lost.is_empty(), "acknowledged but not in the history: {lost:?}");
    let lives = site.lives("trader");
    let generations: BTreeSet<u64> = lives.iter().map(|(generation, _)| *generation).collect();
    assert_eq!(generations.len(), lives.len(), "a generation was started twice");
    assert_eq!(site.doubles(), Vec::<String>::new());
    println!(
        "{kills} kills: {} requests acknowledged, {} lives of the trader, {} of the worker, \
         0 doubled, 0 lost",
        acknowledged.len(),
        lives.len(),
        site.lives("worker").len()
    );
}

#[test]
fn a_second_runner_is_refused_with_the_reason() {
    let mut site = Site::new(PROGRAM, "");
    site.start_and_wait();
    let second = site.word(&["run"]).output().unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("another runner"), "{said}");
    assert!(site.status().is_ok(), "the first one is untouched");
}

#[test]
fn a_mistake_in_the_configuration_is_shown_in_its_line_with_the_remedy() {
    let site = Site::new(PROGRAM, "stop_grase = \"1s\"\n");
    let refused = site.word(&["run"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("cappuccino.toml:") && said.contains("stop_grase = "), "{said}");
    assert!(said.contains("help: did you mean `stop_grace`?"), "{said}");
}

#[test]
fn a_missing_study_is_an_alert_with_its_remedy_and_not_an_end() {
    let mut site = Site::new(PROGRAM, "");
    std::fs::remove_file(site.root().join("optuna.db")).unwrap();
    site.start_and_wait();
    let alert = until("the alert is raised", PATIENCE, || {
        let alerts = site.status().unwrap().alerts;
        alerts.into_iter().find(|alert| alert.key == "study/unavailable")
    });
    assert!(alert.text.contains("there is no study database at"), "{}", alert.text);
    assert!(alert.text.contains("correct study.database"), "{}", alert.text);
}

#[test]
fn a_model_whose_files_never_come_is_rejected_and_the_live_one_stays() {
    let mut site = Site::new(PROGRAM, "");
    let config = site.root().join("cappuccino.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("settle = \"0s\"", "settle = \"0s\"\nsettle_deadline = \"2s\"");
    std::fs::write(&config, text).unwrap();
    site.finish_trial(1.0);
    site.start_and_wait();
    let first = until("a model is live", PATIENCE, || live(&site.status().unwrap()));
    // A link in the model's place is nothing to follow.
    site.finish_trial_with(2.0, |folder| {
        std::fs::remove_file(folder.join("actor.pth")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.join("actor.pth")).unwrap();
    });
    let rejected = until("the second one is rejected", PATIENCE, || {
        let revisions = site.status().unwrap().deployment.revisions;
        revisions.into_iter().find(|revision| revision.standing.starts_with("rejected"))
    });
    assert!(rejected.standing.contains("did not settle in time"), "{}", rejected.standing);
    assert!(site.runner_log().contains("actor.pth is not a regular file"), "{}", site.runner_log());
    assert_eq!(live(&site.status().unwrap()), Some(first));
}
