//! The process host with real processes: nothing is doubled, every end is known, trees die whole.
//!
//! `CAPPUCCINO_HOST_ROUNDS=N` fuzzes N rounds (60 by default) from `CAPPUCCINO_HOST_SEED=S`.

use cappuccino_core::words::{ExitStatus, Generation, Probe, ProcessReport};
use cappuccino_headless::host::LaunchError;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;
use support::process::{PATIENCE, Rig, kill_9, lives};
use support::wait::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");

fn pid_in(path: &std::path::Path) -> u32 {
    until("a pid is written", PATIENCE, || fs::read_to_string(path).ok()?.trim().parse().ok())
}

#[test]
fn every_way_to_end_is_told_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    let cases = [
        ("exit 0", ExitStatus::Code(0)),
        ("exit 3", ExitStatus::Code(3)),
        ("kill -TERM $$", ExitStatus::Signal(libc::SIGTERM)),
        ("kill -KILL $$", ExitStatus::Signal(libc::SIGKILL)),
    ];
    for (generation, (script, status)) in (1..).zip(cases) {
        rig.launch("w", generation, script).unwrap();
        rig.started();
        assert_eq!(rig.exited(), (Generation(generation), status), "{script}");
    }
}

#[test]
fn a_process_gets_its_environment_its_folder_and_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    rig.launch("w", 7, "echo $GREETING $CAPPUCCINO_GENERATION; pwd; echo oops >&2").unwrap();
    rig.started();
    rig.exited();
    let log = fs::read_to_string(folder.path().join("w.log")).unwrap();
    let place = folder.path().canonicalize().unwrap();
    assert_eq!(log, format!("hello 7\n{}\noops\n", place.display()));
}

#[test]
fn a_command_that_cannot_be_started_says_why_and_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plain"), "").unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    let plain = folder.path().join("plain").display().to_string();
    for (generation, (program, said)) in
        (1..).zip([("no-such-program".to_owned(), "was not found"), (plain, "chmod +x")])
    {
        rig.launch_command("w", generation, vec![program]).unwrap();
        match rig.next_report() {
            ProcessReport::LaunchFailed(found, why) => {
                assert_eq!(found, Generation(generation));
                assert!(why.contains(said), "{why}");
            }
            other => panic!("expected a failed launch, got {other:?}"),
        }
    }
}

#[test]
fn a_slot_holds_one_life_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    rig.launch("w", 1, "exec sleep 1000").unwrap();
    let first = rig.started();
    assert!(matches!(rig.launch("w", 2, "true"), Err(LaunchError::SlotTaken { .. })));
    rig.stop("w", &first);
    assert_eq!(rig.exited(), (Generation(1), ExitStatus::Signal(libc::SIGTERM)));
    rig.launch("w", 2, "true").unwrap();
    rig.started();
}

#[test]
fn the_whole_tree_dies_even_what_left_its_session() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    let script = "trap '' TERM; \
        (setsid sh -c 'sh -c \"echo \\$\\$ > grandchild; exec sleep 1000\" &' &); \
        sleep 1000 & echo $! > child; while :; do wait; done";
    rig.launch("w", 1, script).unwrap();
    let identity = rig.started();
    let pids = ["child", "grandchild"].map(|name| pid_in(&folder.path().join(name)));
    rig.stop("w", &identity);
    let (_, status) = rig.exited();
    assert_eq!(status, ExitStatus::Signal(libc::SIGKILL), "it ignored SIGTERM");
    for pid in pids {
        assert!(!lives(pid), "{pid} survived");
    }
}

#[test]
fn a_life_survives_its_runner_and_its_end_is_still_known() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    rig.launch("w", 1, "while [ ! -e go ]; do sleep 0.01; done; exit 5").unwrap();
    let identity = rig.started();
    drop(rig);
    let mut rig = Rig::new(folder.path(), PROGRAM);
    let found = rig.probe("w");
    assert_eq!(found, ProcessReport::Probed(Probe::Held(Generation(1), identity)));
    fs::write(folder.path().join("go"), "").unwrap();
    assert_eq!(rig.exited(), (Generation(1), ExitStatus::Code(5)));
}

#[test]
fn an_end_that_no_runner_saw_is_on_record() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    rig.launch("w", 4, "while [ ! -e go ]; do sleep 0.01; done; exit 6").unwrap();
    let identity = rig.started();
    drop(rig);
    fs::write(folder.path().join("go"), "").unwrap();
    until("it has ended", PATIENCE, || (!lives(identity.shim_pid)).then_some(()));
    let mut rig = Rig::new(folder.path(), PROGRAM);
    let last = Some((Generation(4), ExitStatus::Code(6)));
    assert_eq!(rig.probe("w"), ProcessReport::Probed(Probe::Free(last)));
}

#[test]
fn a_life_that_was_killed_with_its_shim_unseen_did_live() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    rig.launch("w", 9, "exec sleep 1000").unwrap();
    let identity = rig.started();
    drop(rig);
    kill_9(identity.shim_pid);
    kill_9(identity.pid);
    until("both are gone", PATIENCE, || {
        (!lives(identity.shim_pid) && !lives(identity.pid)).then_some(())
    });
    let mut rig = Rig::new(folder.path(), PROGRAM);
    let last = Some((Generation(9), ExitStatus::Unknown));
    assert_eq!(rig.probe("w"), ProcessReport::Probed(Probe::Free(last)));
}

/// Daemon libraries close every descriptor they inherit, the slot's lock among them.
#[test]
fn a_program_that_closed_the_lock_is_not_doubled_when_its_shim_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    let script = "for f in /proc/$$/fd/*; do n=${f##*/}; [ $n -gt 2 ] && exec {n}>&-; done; \
        touch closed; exec sleep 1000";
    let command = ["bash", "-c", script].map(String::from).to_vec();
    rig.launch_command("w", 1, command).unwrap();
    let identity = rig.started();
    let closed = folder.path().join("closed");
    until("the descriptors are closed", PATIENCE, || closed.exists().then_some(()));
    drop(rig);
    kill_9(identity.shim_pid);
    until("the shim is gone", PATIENCE, || (!lives(identity.shim_pid)).then_some(()));
    let mut rig = Rig::new(folder.path(), PROGRAM);
    assert!(matches!(rig.launch("w", 2, "true"), Err(LaunchError::SlotTaken { .. })));
    let held = ProcessReport::Probed(Probe::Held(Generation(1), identity.clone()));
    assert_eq!(rig.probe("w"), held, "it is adopted, not swept");
    assert!(lives(identity.pid));
    rig.stop("w", &identity);
    assert_eq!(rig.exited(), (Generation(1), ExitStatus::Signal(libc::SIGTERM)));
    rig.launch("w", 2, "true").unwrap();
    rig.started();
}

#[test]
fn a_killed_shim_leaves_no_way_to_double_its_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    rig.launch("w", 1, "sleep 1000 & exec sleep 1000").unwrap();
    let identity = rig.started();
    kill_9(identity.shim_pid);
    until("the shim is gone", PATIENCE, || (!lives(identity.shim_pid)).then_some(()));
    assert!(matches!(rig.launch("w", 2, "true"), Err(LaunchError::SlotTaken { .. })));
    assert!(rig.poll(Duration::from_millis(200)).is_none(), "nothing ended yet");
    rig.stop("w", &identity);
    assert_eq!(rig.exited(), (Generation(1), ExitStatus::Signal(libc::SIGTERM)));
    rig.launch("w", 2, "true").unwrap();
}

#[test]
fn defect_stale_pid_is_never_signalled() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    rig.launch("w", 1, "true").unwrap();
    let mut identity = rig.started();
    rig.exited();
    // The pid is now somebody else's: ours. Whoever signals it by number kills this test.
    identity.pid = std::process::id();
    identity.shim_pid = std::process::id();
    let name = cappuccino_core::words::ProcessName::new("w").unwrap();
    let refused = rig.host.stop(&name, &identity, libc::SIGKILL, cappuccino_core::words::Span(0));
    assert!(refused.is_err());
    let record = fs::read_to_string(folder.path().join("run/w.run")).unwrap();
    let old = format!("\"boot\":\"{}", &record.split("\"boot\":\"").nth(1).unwrap()[..32]);
    fs::write(
        folder.path().join("run/w.run"),
        record.replace(&old, "\"boot\":\"00000000000000000000000000000001"),
    )
    .unwrap();
    assert!(matches!(rig.probe("w"), ProcessReport::Probed(Probe::Free(_))));
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Notes each life, and any other that lives beside it. A zombie that nobody has reaped is dead.
const LIFE: &str = "while read -r g p; do \
     state=$(cut -d' ' -f3 /proc/$p/stat 2>/dev/null); \
     [ -n \"$state\" ] && [ \"$state\" != Z ] && [ \"$p\" != $$ ] && \
     echo \"$g $p beside $CAPPUCCINO_GENERATION $$\" >> double; \
     done < oracle; echo \"$CAPPUCCINO_GENERATION $$\" >> oracle; exec sleep 1000";

/// Never two lives at a time; generations grow; every life but the last has exactly one end.
fn judge(folder: &std::path::Path, ends: &BTreeMap<Generation, u32>) {
    let double = fs::read_to_string(folder.join("double")).unwrap_or_default();
    assert_eq!(double, "", "two lives at a time");
    let oracle = fs::read_to_string(folder.join("oracle")).unwrap();
    let lived: Vec<u64> =
        oracle.lines().filter_map(|line| line.split(' ').next()?.parse().ok()).collect();
    assert!(lived.is_sorted_by(|a, b| a < b), "generations grow: {lived:?}");
    for generation in &lived[..lived.len() - 1] {
        assert_eq!(ends.get(&Generation(*generation)), Some(&1), "life {generation} of {lived:?}");
    }
    println!("{} lives, each with one end, never two at a time", lived.len());
}

#[test]
fn random_kills_of_runner_shim_and_process_double_nothing_and_lose_no_end() {
    let rounds = setting("CAPPUCCINO_HOST_ROUNDS", 60);
    let seed = setting("CAPPUCCINO_HOST_SEED", 20_261_124);
    println!("CAPPUCCINO_HOST_SEED={seed} CAPPUCCINO_HOST_ROUNDS={rounds}");
    let mut fate = ChaCha8Rng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    fs::write(folder.path().join("oracle"), "").unwrap();
    let mut generation = 0;
    let mut ends: BTreeMap<Generation, u32> = BTreeMap::new();
    let mut identity = None;
    for _ in 0..rounds {
        if identity.is_none() {
            generation += 1;
            match rig.launch("w", generation, LIFE) {
                Ok(()) => {}
                Err(LaunchError::SlotTaken { .. }) => panic!("round lost track of a life"),
                Err(error) => panic!("{error}"),
            }
            identity = Some(rig.started());
        }
        let present = identity.clone().unwrap();
        std::thread::sleep(Duration::from_millis(fate.random_range(0..10)));
        match fate.random_range(0..4) {
            0 => kill_9(present.pid),
            1 => kill_9(present.shim_pid),
            2 => {
                kill_9(present.shim_pid);
                kill_9(present.pid);
            }
            _ => {
                drop(rig);
                rig = Rig::new(folder.path(), PROGRAM);
                if fate.random_range(0..2) == 0 {
                    kill_9(present.pid);
                }
            }
        }
        // As the runner does: look, and act on what is found.
        identity = match rig.probe("w") {
            ProcessReport::Probed(Probe::Held(found, identity)) => {
                assert_eq!(found, Generation(generation));
                Some(identity)
            }
            _ => Some(present),
        };
        while let Some(report) = rig.poll(Duration::from_millis(60)) {
            if let ProcessReport::Exited(ended, _) = report {
                *ends.entry(ended).or_insert(0) += 1;
                identity = None;
            }
        }
        if identity.is_some()
            && let ProcessReport::Probed(Probe::Free(last)) = rig.probe("w")
        {
            // It ended while no runner was there, or under one that is gone.
            assert!(last.is_none_or(|(last, _)| last.0 <= generation));
            *ends.entry(Generation(generation)).or_insert(0) += 1;
            identity = None;
        }
    }
    judge(folder.path(), &ends);
    if let Some(last) = identity {
        rig.stop("w", &last);
        rig.exited();
    }
}
