//! The defects of the scripts that this program replaces, one test each, by name.
//!
//! Those about reading the study, files and real processes are tested where those are; here are
//! the ones of judgement and memory.

use cappuccino_core::machines::deployment::Phase;
use cappuccino_core::machines::process;
use cappuccino_core::words::{
    Command, Effect, ExitStatus, Generation, Note, Probe, ProcessReport, Sequence, Span, Standing,
};
use rand::SeedableRng;
use support::desk::{Desk, identity, launches, name, small_policy, study, trial};

/// The ancestor sorted ascending whatever the study's direction, and deployed its worst trial.
#[test]
fn defect_wrong_direction() {
    let (mut desk, _) = Desk::new(small_policy());
    let live = desk.deploy(trial(1, 1.0), 100);
    desk.seen(Some(trial(2, 0.1)));
    assert_eq!(desk.world().deployment.slot.phase.under_way(), None, "a smaller value is worse");
    assert_eq!(desk.world().deployment.slot.phase.live(), Some(live));
    desk.seen(Some(trial(3, 2.0)));
    assert!(matches!(desk.world().deployment.slot.phase, Phase::Settling(_)));
}

/// It took the absolute value of the improvement, so a much worse model passed the threshold.
#[test]
fn t8_defect_abs_threshold() {
    let (mut desk, _) = Desk::new(small_policy());
    desk.deploy(trial(1, 1.0), 100);
    desk.seen(Some(trial(2, -50.0)));
    assert_eq!(desk.world().deployment.slot.phase.under_way(), None);
    let why = desk.world().deployment.slot.declined.clone().unwrap().why.to_string();
    assert!(why.contains("-51"), "the decline tells the signed gain: {why}");
}

/// It looked models up by `trial_id` that were written by `number`.
#[test]
fn t7_defect_id_number_mix_up() {
    let (mut desk, _) = Desk::new(small_policy());
    let live = desk.deploy(trial(7, 1.0), 100);
    let revision = &desk.world().deployment.revisions[&live];
    assert_eq!((revision.candidate.number.0, revision.candidate.trial_id.0), (7, 1007));
    // Holding number 8 by its own row id must not hold the trial whose row id is 8.
    desk.ask(Command::Hold {
        trial_id: trial(8, 0.0).trial_id,
        number: trial(8, 0.0).number,
        reason: "test".into(),
    })
    .unwrap();
    assert_eq!(desk.world().deployment.excluded(&study("first")), [trial(8, 0.0).trial_id]);
    desk.seen(Some(trial(8, 9.0)));
    assert_eq!(desk.world().deployment.slot.phase.under_way(), None, "trial 8 is held");
}

/// Deployer and watchdog both started the trader, each in its own way.
#[test]
fn defect_two_owners_of_the_trader() {
    let (mut desk, _) = Desk::new(small_policy());
    desk.deploy(trial(1, 1.0), 100);
    // The trader dies and waits for its restart while a better model arrives.
    desk.exited("trader", ExitStatus::Code(1));
    desk.seen(Some(trial(2, 2.0)));
    let cutover = desk.prepare();
    assert_eq!(launches(&cutover, "trader"), 1, "the slot was vacant: exactly one start");
    let later = desk.pass(Span::seconds(20));
    assert_eq!(launches(&later, "trader"), 0, "the old restart is forgotten: {later:?}");
    let trader = &desk.world().processes[&name("trader")];
    assert_eq!(trader.goal, process::Goal::Up(desk.world().deployment.slot.phase.live()));
}

/// It spawned first and saved its state after: a crash between the two doubled the trader.
#[test]
fn defect_state_saved_after_spawn() {
    let (mut desk, effects) = Desk::new(small_policy());
    assert_eq!(launches(&effects, "worker"), 1);
    // The runner dies before or after it performs that start: nobody knows which.
    let effects = desk.restart();
    assert_eq!(launches(&effects, "worker"), 0, "nothing is started before somebody has looked");
    assert!(effects.contains(&Effect::Probe { process: name("worker") }));
    let alive = Probe::Held(desk.generation("worker"), identity(70));
    assert_eq!(desk.process("worker", ProcessReport::Probed(alive)), [], "it lives: adopted");
    // Had it not been performed, the look finds nobody and the start is made up for, uncounted.
    let (mut desk, _) = Desk::new(small_policy());
    desk.restart();
    let effects = desk.process("worker", ProcessReport::Probed(Probe::Free(None)));
    assert_eq!(launches(&effects, "worker"), 1);
    assert_eq!(desk.world().processes[&name("worker")].tally.failures, 0);
}

/// Restarts that failed at once were not counted, so they went on for ever.
#[test]
fn defect_uncounted_failed_restarts() {
    let (mut desk, _) = Desk::new(small_policy());
    let mut starts = 1;
    for _ in 0..50 {
        desk.exited("worker", ExitStatus::Code(1));
        starts += launches(&desk.pass(Span::seconds(6)), "worker");
    }
    let worker = &desk.world().processes[&name("worker")];
    assert!(starts <= 6, "{starts} starts in five minutes");
    assert!(worker.tally.failures >= 4, "{:?}", worker.tally);
    assert!(desk.world().alerts.keys().any(|key| key.0 == "process/worker/cooling"));
}

/// One minute of health reset the counter, so a process that died every two minutes never
/// reached its budget.
#[test]
fn defect_counter_reset_by_one_healthy_minute() {
    let (mut desk, _) = Desk::new(small_policy());
    for pid in 100..104 {
        desk.started("worker", pid);
        desk.pass(Span::seconds(61));
        desk.exited("worker", ExitStatus::Code(1));
        desk.pass(Span::seconds(30));
    }
    let phase = &desk.world().processes[&name("worker")].phase;
    assert!(matches!(phase, process::Phase::Cooldown { .. }), "{phase:?}");
}

/// It believed pid files: after a reboot the pid belonged to somebody else.
#[test]
fn defect_stale_pid() {
    let (mut desk, _) = Desk::new(small_policy());
    desk.started("worker", 100);
    let before = desk.generation("worker");
    desk.restart();
    // Somebody lives in the slot, but it is no life that the record wants.
    let stray = Probe::Held(Generation(before.0 + 5), identity(4321));
    let effects = desk.process("worker", ProcessReport::Probed(stray));
    let stop = Effect::Stop {
        process: name("worker"),
        generation: Generation(before.0 + 5),
        identity: identity(4321),
    };
    assert_eq!(effects, [stop], "it ends, by its full identity, before anything starts");
    // A report about a life that is not the present one changes nothing.
    let world = desk.world().clone();
    desk.process("worker", ProcessReport::Exited(Generation(1000), ExitStatus::Code(0)));
    assert_eq!(desk.world().processes, world.processes);
}

/// Its state was a JSON file written in place: a crash left half of it.
#[test]
fn defect_non_atomic_state() {
    let (mut desk, _) = Desk::new(small_policy());
    desk.deploy(trial(1, 1.0), 100);
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let committed = desk.world().clone();
    let (_, revision) = {
        desk.seen(Some(trial(2, 2.0)));
        desk.world().deployment.slot.phase.under_way().unwrap()
    };
    desk.disk.power_cut(&mut rng);
    desk.restart();
    // State, revision and history go together: all there, since the commit was acknowledged.
    assert_ne!(desk.world().deployment, committed.deployment);
    assert_eq!(desk.world().deployment.revisions[&revision].standing, Standing::Candidate);
    let history = desk.store().reader().entries(Sequence(1), 1000).unwrap();
    let began = |note: &Note| matches!(note, Note::DeploymentBegan(_, id, ..) if *id == revision);
    assert_eq!(history.iter().filter(|entry| began(&entry.note)).count(), 1);
    desk.store().reader().verify_history().unwrap();
}

/// It had no rollback at all.
#[test]
fn defect_no_rollback() {
    let (mut desk, _) = Desk::new(small_policy());
    let first = desk.deploy(trial(1, 1.0), 100);
    let second = desk.deploy(trial(2, 2.0), 200);
    assert_ne!(first, second);
    desk.ask(Command::Rollback { to: None, hold: true, reason: "it loses".into() }).unwrap();
    let phase = desk.world().deployment.slot.phase.clone();
    assert!(matches!(&phase, Phase::RollingBack(attempt) if attempt.revision == first));
    desk.reported(cappuccino_core::words::DeploymentReport::Verified(Ok(())));
    desk.cut_over(300);
    assert_eq!(desk.world().deployment.slot.phase.live(), Some(first));
    assert_eq!(desk.world().processes[&name("trader")].runs, Some(first));
    desk.seen(Some(trial(2, 2.0)));
    assert_eq!(desk.world().deployment.slot.phase.under_way(), None, "what was undone is held");
}

/// A rollback by hand was undone seconds later by the next improvement.
#[test]
fn a_rollback_lasts_at_least_the_dwell() {
    let (mut desk, _) = Desk::new(small_policy());
    desk.deploy(trial(1, 1.0), 100);
    desk.deploy(trial(2, 2.0), 200);
    desk.ask(Command::Rollback { to: None, hold: true, reason: "it loses".into() }).unwrap();
    desk.reported(cappuccino_core::words::DeploymentReport::Verified(Ok(())));
    desk.cut_over(300);
    desk.seen(Some(trial(3, 3.0)));
    assert_eq!(desk.world().deployment.slot.phase.under_way(), None, "too soon");
    desk.pass(desk.policy.deployment.min_dwell);
    assert!(desk.world().deployment.slot.phase.under_way().is_some(), "by itself, afterwards");
}
