//! Every word of the command line: what it says, where, and with which exit code.

use cappuccino_core::api::{Accepted, CommandBody, Status};
use cappuccino_core::store::Entry;
use cappuccino_core::words::{Generation, Note, Refusal, RevisionId, TrialNumber};
use cappuccino_headless::serve::port::AskError;
use insta::assert_snapshot;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;
use support::api::{Window, every_note};
use support::cli::{Told, empty_workspace, tell, word};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");
const PATIENCE: Duration = Duration::from_secs(20);

fn say(root: &Path, words: &[&str]) -> Told {
    tell(&mut word(PROGRAM, root, words), root)
}

#[test]
fn without_a_workspace_it_says_where_it_looked() {
    let folder = tempfile::tempdir().unwrap();
    assert_snapshot!(say(folder.path(), &["status"]), @r"
    --- stderr
    error: no workspace: there is no cappuccino.toml in [WORKSPACE] or any folder above it
    help: make one with `cappuccino init`, or name one with --workspace or CAPPUCCINO_WORKSPACE
    --- exit 1
    ");
    let named = say(folder.path(), &["status", "--workspace", "/nowhere"]);
    assert!(named.err.contains("cannot look at /nowhere"), "{named}");
    assert_eq!(named.code, 1);
}

#[test]
fn a_workspace_is_made_where_it_was_asked_for_and_never_over_another() {
    let folder = tempfile::tempdir().unwrap();
    assert_snapshot!(say(folder.path(), &["init", "--workspace", "lab"]), @r"
    wrote lab/cappuccino.toml; say in it where the study is, then try `cappuccino check`
    --- exit 0
    ");
    assert!(folder.path().join("lab/cappuccino.toml").is_file());
    assert!(!folder.path().join("cappuccino.toml").exists());
    assert_snapshot!(say(folder.path(), &["init", "lab"]), @r"
    --- stderr
    error: lab/cappuccino.toml is there already
    help: edit it, or replace it with `cappuccino init --force`
    --- exit 1
    ");
}

#[test]
fn without_a_runner_asking_words_say_how_to_start_one() {
    let folder = empty_workspace();
    for words in [
        &["deploy", "7"][..],
        &["rollback"],
        &["rollback", "--dry-run"],
        &["hold", "7"],
        &["unhold", "7"],
        &["approve"],
        &["reject"],
        &["pause"],
        &["resume"],
        &["restart", "worker-1"],
        &["reset", "worker-1"],
        &["stop"],
        &["watch"],
        &["status", "--watch"],
        &["processes"],
        &["trials"],
        &["trades"],
        &["pnl"],
        &["status"],
        &["history"],
        &["export"],
        &["why"],
        &["backup"],
    ] {
        let told = say(folder.path(), words);
        let expected = "error: no runner is up for this workspace ([WORKSPACE])\n\
                        help: start it with `cappuccino start`\n";
        assert_eq!(
            (told.err.as_str(), told.out.as_str(), told.code),
            (expected, "", 3),
            "{words:?}"
        );
    }
    assert!(!folder.path().join(".cappuccino").exists(), "looking makes nothing");
}

#[test]
fn a_command_line_that_makes_no_sense_is_answered_with_what_would() {
    let folder = empty_workspace();
    let told = say(folder.path(), &["stauts"]);
    assert_eq!(told.code, 2);
    assert!(
        told.err.contains("similar subcommands exist") && told.err.contains("'status'"),
        "{told}"
    );
    assert_eq!(say(folder.path(), &["deploy", "best"]).code, 2);
    assert_eq!(say(folder.path(), &["trials", "--limit", "0"]).code, 2);
    assert_eq!(say(folder.path(), &["restart", "a/b"]).code, 2);
}

#[test]
fn every_word_explains_itself() {
    let folder = tempfile::tempdir().unwrap();
    let help = say(folder.path(), &["--help"]);
    assert_snapshot!("help", help);
    let words: Vec<&str> = help
        .out
        .lines()
        .skip_while(|line| *line != "Words:")
        .skip(1)
        .map_while(|line| line.split_whitespace().next())
        .collect();
    assert!(words.len() >= 27, "{words:?}");
    for name in words {
        let told = say(folder.path(), &[name, "--help"]);
        let first = told.out.lines().next().unwrap_or_default();
        assert!(first.starts_with(char::is_uppercase) && !first.ends_with('.'), "{name}: {told}");
        assert!(told.out.contains(&format!("Usage: cappuccino {name}")), "{name}: {told}");
        assert_eq!(told.code, 0, "{name}");
    }
}

#[test]
fn three_shells_can_complete_the_words() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let told = say(folder.path(), &["completions", shell]);
        assert!(told.out.contains("rollback") && told.code == 0, "{shell}");
    }
}

#[test]
fn a_socket_path_that_is_too_long_is_told_with_its_length() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("d".repeat(60)).join("e".repeat(60));
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(deep.join("cappuccino.toml"), "").unwrap();
    let told = say(&deep, &["stop"]);
    assert_eq!(told.code, 1);
    assert!(told.err.contains("bytes long and the system takes 107"), "{told}");
    assert!(told.err.contains("help: set XDG_RUNTIME_DIR to a short folder"), "{told}");
}

#[test]
fn a_folder_of_somebody_else_is_not_trusted() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can give a folder away");
        return;
    }
    let (folder, runtime) = (empty_workspace(), tempfile::tempdir().unwrap());
    std::fs::set_permissions(runtime.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let theirs = runtime.path().join("cappuccino");
    std::fs::create_dir(&theirs).unwrap();
    chown(&theirs, Some(12345), Some(12345)).unwrap();
    let mut command = word(PROGRAM, folder.path(), &["stop"]);
    let told = tell(command.env("XDG_RUNTIME_DIR", runtime.path()), folder.path());
    let expected = format!("error: {} belongs to user 12345, not to you", theirs.display());
    assert!(told.err.starts_with(&expected), "{told}");
    assert!(told.err.contains("help: work as that user, or have it removed"), "{told}");
    assert_eq!(told.code, 1);
}

#[test]
fn reading_words_show_the_picture() {
    let window = Window::open();
    for (name, words) in [
        ("status", &["status"][..]),
        ("processes", &["processes"]),
        ("trials", &["trials"]),
        ("trials_best", &["trials", "--best", "--limit", "2"]),
        ("trials_one", &["trials", "409"]),
        ("trials_none", &["trials", "999"]),
        ("rollback_dry_run", &["rollback", "--dry-run"]),
        ("rollback_dry_run_unknown", &["rollback", "--dry-run", "--to", "9"]),
    ] {
        assert_snapshot!(name, say(window.root(), words));
    }
    assert_eq!(window.asked(), [], "a dry run asks for nothing");
}

#[test]
fn status_says_what_is_under_way_and_what_is_wrong() {
    let window = Window::open();
    window.show(|status| {
        let deployment = &mut status.deployment;
        deployment.phase = "on probation".into();
        deployment.next = deployment.rollback_target.take();
        deployment.deadline = Some(status.at);
        deployment.halted = Some("three models failed in a row".into());
        status.study.name = Some("evil\u{1b}]0;title\u{7}".into());
        status.alerts.clear();
    });
    assert_snapshot!("status_under_way", say(window.root(), &["status"]));
}

#[test]
fn the_record_is_told_in_sentences() {
    let mut window = Window::open();
    window.remember(every_note());
    let history = say(window.root(), &["history"]);
    assert_snapshot!("history", history);
    assert!(!history.out.contains('\u{1b}'), "a reason cannot move the cursor");
    let last = say(window.root(), &["history", "--limit", "2"]);
    assert_eq!(last.out.lines().count(), 2);
    for (name, words) in [
        ("why", &["why"][..]),
        ("why_trial_failed", &["why", "200"]),
        ("why_trial_declined", &["why", "412"]),
        ("why_process", &["why", "worker-2"]),
        ("why_nobody", &["why", "worker-9"]),
    ] {
        assert_snapshot!(name, say(window.root(), words));
    }
}

#[test]
fn a_trial_that_was_never_considered_has_its_reason() {
    let window = Window::open();
    for (number, reason) in [
        ("413", "trial 413 is running: only complete trials are deployed"),
        ("410", "trial 410 violates a constraint of its study"),
        ("409", "trial 409 has the value inf: only finite values are deployed"),
        ("407", "trial 407 is failed: only complete trials are deployed"),
        ("411", "trial 411 is live as revision 3"),
        (
            "406",
            "trial 406 = 1.1 was never the best while this workspace watched; now it is trial 412 \
             = 1.31",
        ),
        ("999", "the study has no trial 999"),
    ] {
        let told = say(window.root(), &["why", number]);
        assert_eq!((told.out.trim_end(), told.code), (reason, 0), "{told}");
    }
}

#[test]
fn every_reading_word_speaks_json() {
    let mut window = Window::open();
    window.remember(every_note());
    for words in [
        &["status"][..],
        &["processes"],
        &["trials"],
        &["trials", "412"],
        &["why"],
        &["why", "200"],
        &["rollback", "--dry-run"],
        &["check"],
    ] {
        let told = say(window.root(), &[words, &["--json"]].concat());
        let parsed = serde_json::from_str::<serde_json::Value>(&told.out);
        assert!(parsed.is_ok() && told.code == 0, "{words:?}: {told}");
    }
    let status: Status = parse(&say(window.root(), &["status", "--json"]).out);
    assert_eq!(status.deployment.generation, Generation(7));
    let history = say(window.root(), &["history", "--json"]);
    let entries: Vec<Entry> = history.out.lines().map(parse).collect();
    assert_eq!(entries.iter().map(|e| e.note.clone()).collect::<Vec<_>>(), every_note());
    let export: serde_json::Value = parse(&say(window.root(), &["export"]).out);
    assert_eq!(export["entries"].as_array().unwrap().len(), entries.len());
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap()
}

#[test]
fn asking_words_say_what_they_saw_and_who_asks() {
    let window = Window::open();
    for words in [
        &["deploy", "412", "--reason", "it is time"][..],
        &["rollback", "--to", "2", "--no-hold"],
        &["pause", "--pin"],
        &["approve"],
        &["hold", "5"],
        &["restart", "worker-1"],
    ] {
        let told = say(window.root(), words);
        assert_eq!((told.out.as_str(), told.code), ("revision 4 is settling\n", 0), "{told}");
    }
    let asked = window.asked();
    let commands: Vec<_> = asked.iter().map(|request| request.command.clone()).collect();
    let unsaid = || "no reason given".to_owned();
    assert_eq!(
        commands[..3],
        [
            CommandBody::Deploy { trial: TrialNumber(412), reason: "it is time".into() },
            CommandBody::Rollback { to: Some(RevisionId(2)), hold: false, reason: unsaid() },
            CommandBody::Pause { pin: true, reason: unsaid() },
        ]
    );
    let seen: Vec<_> = asked.iter().map(|request| request.expected.map(|g| g.0)).collect();
    assert_eq!(seen, [Some(7), Some(7), Some(7), Some(7), None, None]);
    let mut ids: Vec<_> = asked.iter().map(|request| request.id.clone()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), asked.len(), "every request has its own id");
    assert!(asked.iter().all(|request| request.actor == "ada"));
}

#[test]
fn a_refusal_is_told_with_its_remedy_and_a_code_of_its_own() {
    let window = Window::open();
    window.answer(|request| {
        let refusal = match request.command {
            CommandBody::Approve => Refusal::NothingToApprove,
            CommandBody::Rollback { .. } => {
                Refusal::Stale { expected: Generation(6), actual: Generation(7) }
            }
            _ => return Some(Err(AskError::Store("the disk is full; free space".into()))),
        };
        Some(Err(AskError::Refused(refusal)))
    });
    assert_snapshot!("refused", say(window.root(), &["approve"]));
    assert_snapshot!("stale", say(window.root(), &["rollback"]));
    assert_snapshot!("not_written", say(window.root(), &["resume"]));
}

#[test]
fn stop_returns_when_the_runner_is_really_gone() {
    let mut window = Window::open();
    let (told, stopping) = mpsc::channel();
    window.answer(move |_| {
        told.send(()).unwrap();
        let text = "stopping every process, then the runner".into();
        Some(Ok(Accepted { text, generation: Generation(7) }))
    });
    let impatient = say(window.root(), &["stop", "--timeout", "0"]);
    assert_snapshot!("stop_impatient", impatient);
    stopping.recv().unwrap();
    let (root, stop) = (window.root().to_owned(), word(PROGRAM, window.root(), &["stop"]));
    let waiting = std::thread::spawn(move || tell(&mut { stop }, &root));
    stopping.recv_timeout(PATIENCE).unwrap();
    assert!(!waiting.is_finished(), "the runner still answers");
    window.close();
    assert_snapshot!("stop", waiting.join().unwrap());
}

#[test]
fn a_follower_outlives_the_runner_without_a_gap_or_a_repetition() {
    let mut window = Window::open();
    window.remember(every_note());
    let mut follower = word(PROGRAM, window.root(), &["history", "--limit", "3", "--follow"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (heard, lines) = mpsc::channel();
    let output = BufReader::new(follower.stdout.take().unwrap());
    std::thread::spawn(move || {
        output.lines().map_while(Result::ok).try_for_each(|l| heard.send(l))
    });
    let number = || -> u64 {
        let line = lines.recv_timeout(PATIENCE).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    let first = every_note().len() as u64 - 2;
    assert_eq!([number(), number(), number()], [first, first + 1, first + 2]);
    window.remember([Note::RunnerStopping]);
    assert_eq!(number(), first + 3);
    window.close();
    window.remember([Note::RunnerStarted, Note::RunnerStarted]);
    window.serve();
    assert_eq!([number(), number()], [first + 4, first + 5]);
    window.remember([Note::RunnerStopping]);
    assert_eq!(number(), first + 6);
    follower.kill().unwrap();
    follower.wait().unwrap();
}

#[test]
fn a_full_pipe_or_a_reader_that_left_is_no_failure() {
    let mut window = Window::open();
    for _ in 0..200 {
        window.remember(every_note());
    }
    let mut command = word(PROGRAM, window.root(), &["history", "--limit", "5000"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut String::new()).unwrap();
    drop(output);
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
}
