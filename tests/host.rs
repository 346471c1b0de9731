//! The process host with real processes: nothing is doubled, every end is known, trees die whole.
//!
//! `CAPPUCCINO_HOST_ROUNDS=N` fuzzes N rounds (100 by default) from `CAPPUCCINO_HOST_SEED=S`.

use cappuccino_core::words::{ExitStatus, Generation, Probe, ProcessReport, Span};
use cappuccino_headless::host::LaunchError;
use cappuccino_headless::host::record::{self, RunRecord};
use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use support::fuzz::Fuzz;
use support::process::{PATIENCE, Rig, kill_9, lives, name};
use support::wait::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");

fn pid_in(path: &Path) -> u32 {
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
    let refused = rig.host.stop(&name("w"), &identity, libc::SIGKILL, Span(0));
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

/// A process that is given this pid; nothing when the kernel does not let the next pid be chosen.
fn stranger_with(pid: u32) -> Option<Child> {
    let next = until("the pid comes round", PATIENCE, || {
        if let Err(error) = fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()) {
            return Some(Err(error));
        }
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        if child.id() == pid {
            return Some(Ok(child));
        }
        // Somebody else on this machine was faster.
        child.kill().unwrap();
        child.wait().unwrap();
        None
    });
    next.inspect_err(|error| println!("skipped: the next pid cannot be chosen: {error}")).ok()
}

#[test]
fn who_got_the_pid_of_a_dead_life_is_neither_taken_for_it_nor_signalled() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    rig.launch("w", 1, "exec sleep 1000").unwrap();
    let identity = rig.started();
    drop(rig);
    kill_9(identity.shim_pid);
    kill_9(identity.pid);
    let place = format!("/proc/{}", identity.pid);
    until("its pid is free", PATIENCE, || (!Path::new(&place).exists()).then_some(()));
    let Some(mut stranger) = stranger_with(identity.pid) else { return };
    let mut rig = Rig::new(folder.path(), PROGRAM);
    let last = Some((Generation(1), ExitStatus::Unknown));
    assert_eq!(rig.probe("w"), ProcessReport::Probed(Probe::Free(last)));
    assert!(rig.try_stop("w", &identity).is_err());
    rig.launch("w", 2, "true").unwrap();
    rig.started();
    rig.exited();
    assert!(lives(stranger.id()), "it was ended in the place of another");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

/// From Linux 6.15 on the kernel tells a stranger how a process ended.
fn kernel_tells_strangers() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).flat_map(str::parse::<u32>);
    (numbers.next().unwrap(), numbers.next().unwrap()) >= (6, 15)
}

#[test]
fn how_a_life_ended_is_known_although_its_shim_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    let go = folder.path().join("go");
    let cases = [
        ("exit 3", ExitStatus::Code(3), false),
        ("kill -SEGV $$", ExitStatus::Signal(libc::SIGSEGV), false),
        ("exit 4", ExitStatus::Code(4), true),
        ("kill -KILL $$", ExitStatus::Signal(libc::SIGKILL), true),
    ];
    for (generation, (end, status, another_runner)) in (1..).zip(cases) {
        let script = format!("ulimit -c 0; while [ ! -e go ]; do sleep 0.01; done; {end}");
        rig.launch("w", generation, &script).unwrap();
        let identity = rig.started();
        kill_9(identity.shim_pid);
        until("the shim is gone", PATIENCE, || (!lives(identity.shim_pid)).then_some(()));
        if another_runner {
            drop(rig);
            rig = Rig::new(folder.path(), PROGRAM);
            let held = Probe::Held(Generation(generation), identity);
            assert_eq!(rig.probe("w"), ProcessReport::Probed(held));
        }
        fs::write(&go, "").unwrap();
        let (ended, told) = rig.exited();
        assert_eq!(ended, Generation(generation));
        assert!(told == status || !kernel_tells_strangers(), "{end}: {told:?}");
        // It is on record as well: a runner that dies before it has told loses nothing.
        drop(rig);
        rig = Rig::new(folder.path(), PROGRAM);
        assert_eq!(rig.probe("w"), ProcessReport::Probed(Probe::Free(Some((ended, told)))));
        fs::remove_file(&go).unwrap();
    }
}

#[test]
fn a_program_is_on_record_before_its_first_instruction() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    let place = folder.path().join("run/w.run").display().to_string();
    // `cat` itself is the program: what it reads is there when it begins.
    rig.launch_command("w", 8, ["cat", &place].map(String::from).to_vec()).unwrap();
    let identity = rig.started();
    rig.exited();
    let log = fs::read_to_string(folder.path().join("w.log")).unwrap();
    let record: RunRecord = serde_json::from_str(&log).unwrap();
    assert_eq!((record.generation, record.identity().unwrap()), (Generation(8), identity));
}

/// The runner's loop asks; whatever has to be waited for is told later.
#[test]
fn looking_at_a_slot_never_keeps_the_caller_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    rig.launch("w", 1, "true").unwrap();
    rig.started();
    rig.exited();
    // Somebody who never says who he is.
    let lock = fs::OpenOptions::new().write(true).open(folder.path().join("run/w.lock")).unwrap();
    lock.lock().unwrap();
    let asked = Instant::now();
    assert_eq!(rig.look("w"), None);
    assert!(asked.elapsed() < Duration::from_millis(50), "it took {:?}", asked.elapsed());
    match rig.next_report() {
        ProcessReport::Probed(Probe::Unidentified(why)) => assert!(why.contains("w.lock"), "{why}"),
        other => panic!("nobody can know who that is: {other:?}"),
    }
    // Somebody who goes away while we look is noticed at once.
    assert_eq!(rig.look("w"), None);
    drop(lock);
    let last = Some((Generation(1), ExitStatus::Code(0)));
    assert_eq!(rig.next_report(), ProcessReport::Probed(Probe::Free(last)));
}

/// Each forks the next into a session of its own and goes, without end: never the same pid twice.
const FUGITIVE: &str = "[ -e run ] || exit; setsid sh fugitive.sh &";

#[test]
fn a_stop_leaves_nobody_not_even_those_who_flee_while_it_lasts() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fugitive.sh"), FUGITIVE).unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    let script = "trap '' TERM; sh fugitive.sh; (setsid sh -c 'sleep 1000 & sleep 1000' &); \
        echo > ready; while :; do sleep 1000; done";
    for (generation, shim_dies) in [(1, false), (2, true)] {
        rig.launch("w", generation, script).unwrap();
        let identity = rig.started();
        let ready = folder.path().join("ready");
        until("they have fled", PATIENCE, || ready.exists().then_some(()));
        fs::remove_file(ready).unwrap();
        if shim_dies {
            kill_9(identity.shim_pid);
            until("the shim is gone", PATIENCE, || (!lives(identity.shim_pid)).then_some(()));
        }
        let asked = Instant::now();
        rig.stop("w", &identity);
        let (_, status) = rig.exited();
        let after_grace = asked.elapsed().saturating_sub(Duration::from_millis(300));
        println!("everybody was gone {after_grace:?} after the grace");
        assert_eq!(rig.family("w"), Vec::<u32>::new(), "survivors");
        assert_eq!(status, ExitStatus::Signal(libc::SIGKILL), "it ignored SIGTERM");
        assert!(after_grace < Duration::from_secs(2), "{after_grace:?}");
    }
}

/// What version 1 of the shim wrote while it ran.
fn first_version(record: &RunRecord) -> String {
    let (shim, process) = (record.shim, record.process);
    serde_json::json!({
        "version": 1, "generation": record.generation, "boot": record.boot,
        "shim_pid": shim.pid, "shim_start_ticks": shim.start_ticks,
        "pid": process.pid, "start_ticks": process.start_ticks,
    })
    .to_string()
}

#[test]
fn a_life_of_an_older_program_is_adopted_and_its_end_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    rig.launch("w", 3, "while [ ! -e go ]; do sleep 0.01; done; exit 5").unwrap();
    let identity = rig.started();
    drop(rig);
    let path = folder.path().join("run/w.run");
    let record = record::read::<RunRecord>(&path).unwrap().unwrap();
    fs::write(&path, first_version(&record)).unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    let held = ProcessReport::Probed(Probe::Held(Generation(3), identity));
    assert_eq!(rig.probe("w"), held);
    fs::write(folder.path().join("go"), "").unwrap();
    assert_eq!(rig.exited(), (Generation(3), ExitStatus::Code(5)));
}

#[test]
fn whom_a_newer_program_recorded_is_neither_doubled_nor_touched() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    rig.launch("w", 1, "exec sleep 1000").unwrap();
    let identity = rig.started();
    drop(rig);
    let path = folder.path().join("run/w.run");
    let record = fs::read_to_string(&path).unwrap();
    fs::write(&path, r#"{"version":99,"who":"knows"}"#).unwrap();
    let mut rig = Rig::new(folder.path(), PROGRAM);
    match rig.probe("w") {
        ProcessReport::Probed(Probe::Unidentified(why)) => {
            assert!(why.contains("run the newer program"), "{why}");
        }
        other => panic!("nobody can know who that is: {other:?}"),
    }
    // Even without its lock.
    fs::remove_file(folder.path().join("run/w.lock")).unwrap();
    assert!(matches!(rig.launch("w", 2, "true"), Err(LaunchError::SlotTaken { .. })));
    assert!(rig.host.stop(&name("w"), &identity, libc::SIGKILL, Span(0)).is_err());
    assert!(lives(identity.pid));
    fs::write(&path, record).unwrap();
    assert!(matches!(rig.probe("w"), ProcessReport::Probed(Probe::Held(..))));
    rig.stop("w", &identity);
    rig.exited();
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn random_kills_of_runner_shim_and_process_double_nothing_and_lose_no_end() {
    let rounds = setting("CAPPUCCINO_HOST_ROUNDS", 100);
    let seed = setting("CAPPUCCINO_HOST_SEED", 20_261_124);
    println!("CAPPUCCINO_HOST_SEED={seed} CAPPUCCINO_HOST_ROUNDS={rounds}");
    let folder = tempfile::tempdir().unwrap();
    let mut fuzz = Fuzz::new(folder.path(), PROGRAM, seed);
    for _ in 0..rounds {
        fuzz.round();
    }
    println!("{:?}", fuzz.conclude());
}
