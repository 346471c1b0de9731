//! Processes that are not well, and processes that depend on each other: what the machines decide,
//! with a clock that the test turns.

use cappuccino_core::engine::Engine;
use cappuccino_core::fleet;
use cappuccino_core::machines::process::Phase;
use cappuccino_core::words::{
    Effect, ExitStatus, Fault, LivenessPolicy, Note, Observation, Policy, ProcessPolicy,
    ProcessReport, Readiness, Role, Sequence, Sign, Signs, Span,
};
use std::collections::{BTreeMap, BTreeSet};
use support::desk::{Desk, launches, name, trial};

const FAILED: ExitStatus = ExitStatus::Code(1);

fn workers(count: usize, change: impl Fn(usize, &mut ProcessPolicy)) -> Policy {
    let mut policy = Policy::default();
    for number in 1..=count {
        let mut own = ProcessPolicy::of(Role::Worker);
        change(number, &mut own);
        policy.processes.insert(name(&format!("w{number}")), own);
    }
    policy
}

fn notes(desk: &Desk) -> Vec<Note> {
    let entries = desk.store().reader().entries(Sequence(1), usize::MAX).unwrap();
    entries.into_iter().map(|entry| entry.note).collect()
}

fn alert(desk: &Desk, key: &str) -> Option<String> {
    let alerts = &desk.world().alerts;
    let found = alerts.iter().find(|(known, _)| known.0 == key)?;
    found.1.trouble().map(|trouble| trouble.text.clone())
}

fn phase<'a>(desk: &'a Desk, process: &str) -> &'a Phase {
    &desk.world().processes[&name(process)].phase
}

#[test]
fn a_crash_loop_of_a_day_starts_rarely_and_is_told_three_times() {
    let (mut desk, _) = Desk::new(workers(1, |_, _| ()));
    let begin = desk.now;
    let mut starts = vec![Span::ZERO];
    while desk.now.since(begin) < Span::hours(24) {
        desk.started("w1", 100);
        desk.exited("w1", FAILED);
        while !matches!(phase(&desk, "w1"), Phase::Starting { .. }) {
            desk.pass(Span::seconds(1));
        }
        starts.push(desk.now.since(begin));
    }
    let most = |window: Span| {
        let in_window = |from: &Span| {
            starts.iter().filter(|at| *at >= from && at.0 < from.0 + window.0).count()
        };
        starts.iter().map(in_window).max().unwrap()
    };
    let late: Vec<_> = starts.iter().filter(|at| **at >= Span::minutes(10)).collect();
    println!(
        "24 h: {} starts, at most {} in 10 min, {} after the first 10 min",
        starts.len(),
        most(Span::minutes(10)),
        late.len()
    );
    assert!(most(Span::minutes(10)) <= 5, "{starts:?}");
    assert!(late.len() <= 48, "{} probes a day", late.len());
    let notes = notes(&desk);
    let told = notes.iter().filter_map(|note| match note {
        Note::AlertFired(key, _, times) => Some((key.as_str(), *times)),
        Note::AlertFlapping(key, ..) | Note::AlertResolved(key, ..) => Some((key.as_str(), 0)),
        _ => None,
    });
    let key = "process/w1/cooling";
    assert_eq!(told.collect::<Vec<_>>(), [(key, 1), (key, 2), (key, 3)], "one cause, one alert");
}

#[test]
fn a_trader_that_never_shows_that_it_is_ready_is_a_failed_start() {
    let mut policy = support::desk::small_policy();
    let trader = policy.processes.get_mut(&name("trader")).unwrap();
    trader.ready = Readiness::Proven { deadline: Span::seconds(20) };
    let (mut desk, _) = Desk::new(policy);
    desk.seen(Some(trial(1, 1.0)));
    desk.prepare();
    let asked = desk.started("trader", 50);
    let watches = |effect: &Effect| matches!(effect, Effect::AwaitReady { .. });
    assert!(asked.iter().any(watches), "{asked:?}");
    desk.pass(Span::seconds(19));
    assert_eq!(desk.world().deployment.slot.phase.name(), "starting");
    let effects = desk.pass(Span::seconds(1));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Stop { .. })), "{effects:?}");
    desk.exited("trader", ExitStatus::Signal(15));
    let told = notes(&desk);
    let condemned = |note: &Note| matches!(note, Note::ProcessCondemned(_, _, Fault::NotReady, _));
    assert!(told.iter().any(condemned), "{told:?}");
    assert_eq!(desk.world().processes[&name("trader")].tally.failures, 1);
    // Its next life shows it, and only then does the probation begin.
    desk.pass(Span::seconds(2));
    desk.started("trader", 51);
    assert_eq!(desk.world().deployment.slot.phase.name(), "starting");
    let generation = desk.generation("trader");
    desk.process("trader", ProcessReport::Ready(generation));
    assert_eq!(desk.world().deployment.slot.phase.name(), "on probation");
    let late = desk.process("trader", ProcessReport::Ready(generation));
    assert!(late.is_empty(), "{late:?}");
}

#[test]
fn what_was_ready_before_the_runner_was_killed_is_ready_after_it() {
    let policy = workers(1, |_, own| own.ready = Readiness::Proven { deadline: Span::minutes(1) });
    let (mut desk, _) = Desk::new(policy);
    desk.started("w1", 7);
    let generation = desk.generation("w1");
    desk.process("w1", ProcessReport::Ready(generation));
    desk.restart();
    let held = cappuccino_core::words::Probe::Held(generation, support::desk::identity(7));
    let effects = desk.process("w1", ProcessReport::Probed(held));
    assert!(effects.is_empty(), "nothing to watch for: {effects:?}");
    let effects = desk.pass(Span::hours(2));
    assert!(effects.is_empty(), "and no deadline for it: {effects:?}");
}

#[test]
fn a_hanging_process_is_ended_only_when_two_signs_agree_and_nothing_excuses_them() {
    let ten = Span::minutes(10);
    let limits = BTreeMap::from([(Sign::Log, ten), (Sign::Cpu, ten)]);
    let policy = workers(1, |_, own| {
        own.liveness = LivenessPolicy { limits: limits.clone(), agreeing: 2 };
    });
    let (mut desk, _) = Desk::new(policy);
    desk.started("w1", 7);
    let generation = desk.generation("w1");
    let look = |desk: &mut Desk, log: i64, cpu: i64, excuse: Option<&str>| {
        let silent = [(Sign::Log, Span::minutes(log)), (Sign::Cpu, Span::minutes(cpu))];
        let silent = silent.into_iter().collect();
        let signs = Signs { silent, excuse: excuse.map(str::to_owned), memory_bytes: None };
        desk.process("w1", ProcessReport::Looked(generation, signs))
    };
    assert!(look(&mut desk, 60, 1, None).is_empty());
    assert!(look(&mut desk, 1, 60, None).is_empty());
    assert_eq!(alert(&desk, "process/w1/quiet"), None, "the other sign shows that it lives");
    assert!(look(&mut desk, 60, 60, Some("the machine slept")).is_empty());
    let quiet = alert(&desk, "process/w1/quiet").expect("no sign is fresh");
    assert!(quiet.contains("no log line for 10m"), "{quiet}");
    assert!(look(&mut desk, 1, 60, None).is_empty());
    assert_eq!(alert(&desk, "process/w1/quiet"), None, "it is over");
    let effects = look(&mut desk, 60, 60, None);
    assert!(matches!(effects[..], [Effect::Stop { .. }]), "{effects:?}");
    desk.exited("w1", ExitStatus::Signal(9));
    assert!(matches!(phase(&desk, "w1"), Phase::Backoff { .. }), "an ordinary failure");
    let hung = |note: &Note| matches!(note, Note::ProcessCondemned(_, _, Fault::Hung, _));
    assert!(notes(&desk).iter().any(hung));
    assert_eq!(alert(&desk, "process/w1/quiet"), None, "the quiet one is gone");
}

#[test]
fn the_only_sign_that_is_looked_for_is_told_when_it_is_missing_and_ends_nothing() {
    let policy = workers(1, |_, own| {
        let limits = BTreeMap::from([(Sign::Log, Span::minutes(10))]);
        own.liveness = LivenessPolicy { limits, agreeing: 2 };
    });
    let (mut desk, _) = Desk::new(policy);
    desk.started("w1", 7);
    let silent = BTreeMap::from([(Sign::Log, Span::hours(1))]);
    let signs = Signs { silent, ..Signs::default() };
    let effects = desk.process("w1", ProcessReport::Looked(desk.generation("w1"), signs));
    assert_eq!(effects, []);
    assert!(alert(&desk, "process/w1/quiet").unwrap().contains("no log line for 10m"));
}

#[test]
fn a_process_over_its_memory_is_restarted_and_warned_of_before() {
    let policy = workers(1, |_, own| own.memory_limit_bytes = Some(1000 << 20));
    let (mut desk, _) = Desk::new(policy);
    desk.started("w1", 7);
    let generation = desk.generation("w1");
    let look = |desk: &mut Desk, mebibytes: u64| {
        let signs = Signs { memory_bytes: Some(mebibytes << 20), ..Signs::default() };
        desk.process("w1", ProcessReport::Looked(generation, signs))
    };
    assert!(look(&mut desk, 899).is_empty() && alert(&desk, "process/w1/memory").is_none());
    assert!(look(&mut desk, 950).is_empty());
    assert!(alert(&desk, "process/w1/memory").unwrap().contains("1000 MiB"));
    let effects = look(&mut desk, 1001);
    assert!(matches!(effects[..], [Effect::Stop { .. }]), "{effects:?}");
    // The runner is killed while it ends: the end is a failure all the same.
    desk.restart();
    let last = Some((generation, ExitStatus::Signal(15)));
    desk.process("w1", ProcessReport::Probed(cappuccino_core::words::Probe::Free(last)));
    assert!(matches!(phase(&desk, "w1"), Phase::Backoff { .. }), "{:?}", phase(&desk, "w1"));
    assert_eq!(desk.world().processes[&name("w1")].tally.failures, 1);
}

#[test]
fn workers_that_fail_together_pause_together_with_one_alert() {
    let (mut desk, _) = Desk::new(workers(3, |_, _| ()));
    for (pid, worker) in [(1, "w1"), (2, "w2"), (3, "w3")] {
        desk.started(worker, pid);
    }
    desk.pass(Span::hours(1));
    for worker in ["w1", "w2", "w3"] {
        desk.exited(worker, FAILED);
    }
    let raised = |desk: &Desk| -> Vec<String> {
        let all = notes(desk);
        all.into_iter()
            .filter_map(|note| match note {
                Note::AlertFired(key, _, 1) => Some(key),
                _ => None,
            })
            .collect()
    };
    assert_eq!(raised(&desk), [fleet::group_alert().0]);
    // They come back one after the other, and fail again: nothing new is told.
    let effects = desk.pass(Span::seconds(299));
    assert_eq!(effects, [], "nobody is started during the pause");
    let first = desk.pass(Span::seconds(2));
    assert_eq!((launches(&first, "w1"), launches(&first, "w2")), (1, 0));
    desk.started("w1", 11);
    desk.exited("w1", FAILED);
    assert_eq!(launches(&desk.pass(Span::seconds(10)), "w2"), 1);
    desk.started("w2", 12);
    desk.exited("w2", FAILED);
    assert_eq!(launches(&desk.pass(Span::seconds(10)), "w3"), 1);
    desk.started("w3", 13);
    assert_eq!(raised(&desk).len(), 1, "{:?}", raised(&desk));
    desk.pass(Span::minutes(20));
    assert_eq!(alert(&desk, "workers/failing"), None, "one is healthy: the cause is gone");
}

#[test]
fn one_failing_worker_is_no_shared_cause() {
    let (mut desk, _) = Desk::new(workers(2, |_, _| ()));
    desk.started("w1", 1);
    desk.started("w2", 2);
    desk.pass(Span::seconds(10));
    desk.exited("w1", FAILED);
    assert_eq!(alert(&desk, "workers/failing"), None);
    assert!(matches!(phase(&desk, "w1"), Phase::Backoff { .. }));
    desk.exited("w2", ExitStatus::Code(0));
    assert_eq!(alert(&desk, "workers/failing"), None, "done is not failed");
}

#[test]
fn starts_wait_for_readiness_and_stops_come_in_reverse() {
    let (mut desk, effects) = Desk::new(workers(3, |number, own| match number {
        2 => own.after = vec![name("w1")],
        3 => own.after = vec![name("w2"), name("w1")],
        _ => (),
    }));
    let started = |effects: &[Effect]| ["w1", "w2", "w3"].map(|worker| launches(effects, worker));
    assert_eq!(started(&effects), [1, 0, 0]);
    desk.started("w1", 1);
    assert!(matches!(phase(&desk, "w2"), Phase::Waiting { .. }));
    let effects = desk.pass(Span::seconds(5));
    assert_eq!(started(&effects), [0, 1, 0], "w1 is ready");
    desk.started("w2", 2);
    // The runner is killed in the middle: the order holds.
    desk.restart();
    let generation = desk.generation("w2");
    for (worker, pid) in [("w1", 1), ("w2", 2)] {
        let held = cappuccino_core::words::Probe::Held(generation, support::desk::identity(pid));
        desk.process(worker, ProcessReport::Probed(held));
    }
    let effects = desk.pass(Span::seconds(5));
    assert_eq!(started(&effects), [0, 0, 1]);
    desk.started("w3", 3);
    desk.pass(Span::seconds(5));
    let effects = desk.observe(&Observation::ShuttingDown);
    let stopped = |effects: &[Effect]| -> Vec<String> {
        let stops = effects.iter().filter_map(|effect| match effect {
            Effect::Stop { process, .. } => Some(process.to_string()),
            _ => None,
        });
        stops.collect()
    };
    assert_eq!(stopped(&effects), ["w3"]);
    assert_eq!(stopped(&desk.exited("w3", ExitStatus::Signal(15))), ["w2"]);
    assert_eq!(stopped(&desk.exited("w2", ExitStatus::Signal(15))), ["w1"]);
    desk.exited("w1", ExitStatus::Signal(15));
    assert!(desk.world().is_at_rest());
}

#[test]
fn an_exit_code_can_say_that_another_try_is_useless() {
    let policy = workers(1, |_, own| own.no_restart_codes = BTreeSet::from([3]));
    let (mut desk, _) = Desk::new(policy);
    desk.started("w1", 1);
    desk.exited("w1", ExitStatus::Code(3));
    assert!(matches!(phase(&desk, "w1"), Phase::Done(ExitStatus::Code(3))));
    assert_eq!(launches(&desk.pass(Span::hours(5)), "w1"), 0);
}

#[test]
fn what_is_seen_together_is_decided_as_one_after_the_other() {
    let policy = workers(3, |_, _| ());
    let (mut desk, _) = Desk::new(policy.clone());
    for (pid, worker) in [(1, "w1"), (2, "w2"), (3, "w3")] {
        desk.started(worker, pid);
    }
    desk.pass(Span::hours(1));
    let generation = desk.generation("w1");
    let seen = |worker: &str, report| Observation::Process(name(worker), report);
    let together = [
        seen("w1", ProcessReport::Exited(generation, FAILED)),
        seen("w2", ProcessReport::Exited(generation, FAILED)),
        // Told twice, as after a restart of the runner.
        seen("w1", ProcessReport::Exited(generation, FAILED)),
        Observation::Tick,
    ];
    let mut engine = Engine::new(policy.clone(), desk.world().clone());
    let all = engine.decide_all(desk.now, &together);
    let mut notes = Vec::new();
    for observation in &together {
        let decision = engine.decide(desk.now, observation);
        notes.extend(decision.notes().to_vec());
        engine.advance(decision.commit_in_memory());
    }
    assert_eq!(all.notes(), notes);
    let mut at_once = Engine::new(policy, desk.world().clone());
    at_once.advance(all.commit_in_memory());
    assert_eq!(at_once.world(), engine.world());
}
