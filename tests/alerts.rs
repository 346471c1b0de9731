//! Alerts over hours and days: the original's flood, flapping, silences, clocks that jump.

use cappuccino_core::engine::Engine;
use cappuccino_core::machines::alert::{Alert, Key};
use cappuccino_core::words::{
    AlertChange, AlertsPolicy, BootId, Command, ExitStatus, GpuVitals, Moment, Note, Observation,
    Pattern, Policy, ProcessName, ProcessPolicy, Refusal, Request, RequestId, RestartRule,
    RevisionId, Role, Severity, SilenceId, Span, StudyReport, Timestamp, TradesDigest, Trading,
    Vitals,
};
use cappuccino_core::world::World;
use support::desk;

/// An engine, its clock, and every note about an alert with the minute of its writing.
struct Desk {
    engine: Engine,
    now: Moment,
    told: Vec<(i64, Note)>,
    asked: u32,
}

impl Desk {
    fn new(alerts: AlertsPolicy) -> Self {
        let mut policy = Policy { alerts, ..Policy::default() };
        let worker = ProcessName::new("worker-1").unwrap();
        policy.processes.insert(worker, ProcessPolicy::of(Role::Worker));
        let now = Moment { wall: Timestamp(1_795_500_000_000), boot: BootId(1), uptime: Span(0) };
        Self { engine: Engine::new(policy, World::default()), now, told: Vec::new(), asked: 0 }
    }

    fn take(&mut self, observation: &Observation) -> Option<Result<(), Refusal>> {
        let decision = self.engine.decide(self.now, observation);
        let minute = self.now.uptime.0 / 60_000;
        let news = decision.notes().iter().filter(|note| !matches!(note, Note::Asked(..)));
        self.told.extend(news.cloned().map(|note| (minute, note)));
        self.engine.advance(decision.commit_in_memory()).answer
    }

    /// Time passes, with a tick whenever the engine wants one.
    fn wait(&mut self, span: Span) {
        let end = self.now.plus(span);
        loop {
            let left = end.since(self.now);
            let due = self.engine.deadline(self.now).filter(|due| *due < left);
            let Some(due) = due else { break };
            self.now = self.now.plus(due.max(Span(1)));
            self.take(&Observation::Tick);
        }
        self.now = end;
    }

    fn ask(&mut self, command: Command) -> Result<(), Refusal> {
        self.asked += 1;
        let id = RequestId(format!("request {}", self.asked));
        let request = Request { id, actor: "ada".into(), expected: None, command };
        self.take(&Observation::Asked(request)).unwrap()
    }

    fn silence(&mut self, pattern: &str, lasts: Span) -> Result<(), Refusal> {
        let (pattern, reason) = (Pattern(pattern.into()), "the fan is being changed".into());
        self.ask(Command::Silence { pattern, lasts, reason })
    }

    fn at_celsius(&mut self, celsius: f64) {
        let gpu = GpuVitals { temperature_celsius: Some(celsius), ..GpuVitals::default() };
        self.take(&Observation::Vitals(Vitals { gpus: vec![gpu], ..Vitals::default() }));
    }

    fn disk(&mut self, percent: f64) {
        let disk_used_percent = Some(percent);
        self.take(&Observation::Vitals(Vitals { disk_used_percent, ..Vitals::default() }));
    }

    fn alert(&self, key: &str) -> Alert {
        self.engine.world().alerts.get(&Key(key.into())).cloned().unwrap_or_default()
    }

    /// What was told, in short.
    fn story(&self) -> Vec<String> {
        let short = |(minute, note): &(i64, Note)| {
            let what = match note {
                Note::AlertFired(_, trouble, times) => format!("{} {times}", trouble.severity),
                Note::AlertFlapping(..) => "flaps".to_owned(),
                Note::AlertResolved(_, _, _, told) => {
                    (if *told { "over" } else { "over unsaid" }).to_owned()
                }
                Note::AlertMuted(..) => "muted".to_owned(),
                other => format!("{other:?}"),
            };
            format!("{minute}: {what}")
        };
        self.told.iter().map(short).collect()
    }
}

fn unreadable(why: &str) -> Observation {
    Observation::Study(StudyReport::Unavailable(why.into()))
}

fn seen() -> Observation {
    let (identity, best) = (support::desk::study("s"), None);
    Observation::Study(StudyReport::Seen { identity, best })
}

#[test]
fn defect_the_original_s_flood_of_99_alerts_is_told_five_times() {
    let mut desk = Desk::new(AlertsPolicy::default());
    // The ring in its committed state: 50 and 49 of these in turn, over 55 minutes.
    let texts = ["Restart failed", "Health check failed: No processes running (expected 1)"];
    for turn in 0..99 {
        desk.take(&unreadable(texts[turn % 2]));
        desk.wait(Span(55 * 60_000 / 99));
    }
    desk.take(&seen());
    desk.wait(Span::hours(10));
    let ours = |line: &&String| !line.contains("Study");
    let story = desk.story();
    let told: Vec<&String> = story.iter().filter(ours).collect();
    assert_eq!(
        told,
        ["0: warning 1", "5: warning 2", "15: warning 3", "35: warning 4", "54: over"]
    );
}

#[test]
fn a_day_of_flapping_every_minute_is_told_six_times() {
    let mut desk = Desk::new(AlertsPolicy::default());
    for minute in 0..24 * 60 {
        desk.disk(if minute % 2 == 0 { 91.0 } else { 50.0 });
        desk.wait(Span::minutes(1));
    }
    assert_eq!(desk.alert("disk/space").name(), "flapping");
    desk.wait(Span::hours(1));
    assert_eq!(desk.alert("disk/space"), Alert::Quiet, "it is forgotten");
    let story = desk.story();
    assert_eq!(
        story,
        ["0: warning 1", "1: over", "2: warning 1", "3: over", "4: flaps", "1469: over"]
    );
}

#[test]
fn what_is_critical_is_repeated_until_somebody_looks_after_it() {
    let mut desk = Desk::new(AlertsPolicy::default());
    desk.at_celsius(90.0);
    desk.wait(Span::hours(24));
    let minutes: Vec<i64> = desk.told.iter().map(|(minute, _)| *minute).collect();
    assert_eq!(minutes, [0, 5, 15, 35, 75, 155, 315, 555, 795, 1035, 1275]);
    let (alert, reason) = ("gpu/0/temperature".to_owned(), "I order a fan".to_owned());
    desk.ask(Command::Acknowledge { alert: alert.clone(), reason: reason.clone() }).unwrap();
    desk.wait(Span::hours(48));
    assert_eq!(desk.told.len(), 11, "{:?}", desk.story());
    // Less urgent is no news to whoever looks after it; more urgent than that is again.
    desk.at_celsius(81.0);
    assert_eq!(desk.alert("gpu/0/temperature").name(), "acknowledged");
    desk.at_celsius(90.0);
    assert_eq!(desk.alert("gpu/0/temperature").name(), "firing");
    assert_eq!(desk.told.len(), 12);
    let again = Command::Acknowledge { alert: alert.clone(), reason };
    desk.ask(again.clone()).unwrap();
    desk.ask(again.clone()).unwrap();
    desk.ask(Command::Unacknowledge { alert: alert.clone() }).unwrap();
    let refusal = desk.ask(Command::Unacknowledge { alert: alert.clone() }).unwrap_err();
    assert_eq!(refusal, Refusal::NotAcknowledged(alert.clone()));
    desk.at_celsius(50.0);
    assert_eq!(desk.ask(again).unwrap_err(), Refusal::NothingToAcknowledge(alert));
}

#[test]
fn a_warm_card_that_becomes_hot_is_news() {
    let mut desk = Desk::new(AlertsPolicy::default());
    for celsius in [80.0, 81.0, 85.0, 83.0, 90.0, 81.0, 70.0] {
        desk.at_celsius(celsius);
        desk.wait(Span::minutes(1));
    }
    assert_eq!(desk.story(), ["0: warning 1", "2: critical 1", "5: warning 1", "6: over"]);
}

#[test]
fn patience_before_and_after_hides_what_passes_by_itself() {
    let mut policy = AlertsPolicy::default();
    let change = AlertChange {
        raise_after: Some(Span::minutes(2)),
        keep: Some(Span::minutes(10)),
        ..AlertChange::default()
    };
    policy.changes.push((Pattern("disk/*".into()), change));
    let mut desk = Desk::new(policy);
    desk.disk(91.0);
    desk.wait(Span::minutes(1));
    assert_eq!(desk.alert("disk/space").name(), "pending");
    desk.disk(50.0);
    assert_eq!(desk.alert("disk/space"), Alert::Quiet);
    for percent in [91.0, 91.0, 91.0, 50.0, 91.0, 50.0, 91.0, 50.0] {
        desk.disk(percent);
        desk.wait(Span::minutes(1));
    }
    assert_eq!(desk.alert("disk/space").name(), "ending");
    desk.wait(Span::hours(1));
    assert_eq!(desk.story(), ["3: warning 1", "18: over"]);
}

#[test]
fn a_clock_that_jumps_neither_raises_an_alert_nor_delays_one() {
    let mut policy = AlertsPolicy::default();
    policy.usual.raise_after = Span::minutes(10);
    let mut desk = Desk::new(policy);
    desk.disk(91.0);
    desk.now.wall = desk.now.wall.plus(Span::hours(24 * 365));
    desk.take(&Observation::Tick);
    assert_eq!(desk.alert("disk/space").name(), "pending");
    desk.now.wall = desk.now.wall.plus(Span::hours(-24 * 400));
    desk.wait(Span::minutes(11));
    assert_eq!(desk.story(), ["10: warning 1"]);
    desk.now.wall = desk.now.wall.plus(Span::hours(24 * 30));
    desk.wait(Span::minutes(6));
    assert_eq!(desk.story(), ["10: warning 1", "15: warning 2"]);
}

#[test]
fn a_silence_ends_by_itself_and_what_is_still_wrong_is_told_then() {
    let mut desk = Desk::new(AlertsPolicy::default());
    desk.silence("gpu/*", Span::hours(2)).unwrap();
    desk.at_celsius(82.0);
    desk.wait(Span::hours(1));
    desk.at_celsius(70.0);
    desk.wait(Span::minutes(50));
    desk.at_celsius(82.0);
    desk.wait(Span::minutes(20));
    let story = desk.story();
    let silence = desk.told.iter().find(|(_, note)| matches!(note, Note::SilenceEnded(..)));
    assert_eq!(silence.unwrap().0, 120);
    assert_eq!(story[..3], ["0: muted", "60: over unsaid", "110: muted"]);
    assert_eq!(story[4..], ["120: warning 1", "125: warning 2"]);
    // One that is ended by hand.
    desk.silence("*", Span::hours(2)).unwrap();
    let id = *desk.engine.world().silences.keys().next().unwrap();
    desk.ask(Command::Unsilence { silence: id }).unwrap();
    assert_eq!(
        desk.ask(Command::Unsilence { silence: SilenceId(99) }).unwrap_err(),
        Refusal::UnknownSilence(SilenceId(99))
    );
    assert!(desk.silence("gpu/*", Span::ZERO).is_err());
    assert!(desk.silence("gpu/*", Span::hours(10_000)).is_err());
    assert!(desk.silence("", Span::hours(1)).is_err());
}

#[test]
fn what_follows_from_a_lost_card_is_not_told_until_the_card_is_back() {
    let mut desk = Desk::new(AlertsPolicy::default());
    let hot = GpuVitals { temperature_celsius: Some(82.0), ..GpuVitals::default() };
    let lost = Some("GPU 1 fell off the bus".to_owned());
    let vitals = Vitals { gpus: vec![hot], gpu_lost: lost, ..Vitals::default() };
    desk.take(&Observation::Vitals(vitals.clone()));
    assert_eq!(desk.story(), ["0: critical 1", "0: muted"]);
    desk.wait(Span::minutes(3));
    desk.take(&Observation::Vitals(Vitals { gpu_lost: None, ..vitals }));
    assert_eq!(desk.story()[2..], ["3: over", "3: warning 1"]);
    assert_eq!(desk.alert("gpu/0/temperature").episode().unwrap().told.times, 1);
}

#[test]
fn what_is_down_is_told_until_it_runs_again_or_nobody_wants_it() {
    let mut policy = desk::small_policy();
    let worker = desk::name("worker");
    policy.processes.get_mut(&worker).unwrap().restart = RestartRule::Never;
    let (mut desk, _) = desk::Desk::new(policy);
    let alert = |desk: &desk::Desk| {
        let alerts = &desk.world().alerts;
        alerts.get(&Key("process/worker/down".into())).map_or("quiet", Alert::name)
    };
    let ends = |desk: &mut desk::Desk| {
        desk.started("worker", 10);
        desk.exited("worker", ExitStatus::Code(3));
        assert_eq!(alert(desk), "firing");
    };
    ends(&mut desk);
    desk.ask(Command::Restart { process: worker.clone() }).unwrap();
    desk.started("worker", 11);
    assert_eq!(alert(&desk), "resolved", "it runs");
    desk.exited("worker", ExitStatus::Code(0));
    assert_eq!(alert(&desk), "resolved", "a process that is done is not missed");
    desk.ask(Command::Restart { process: worker.clone() }).unwrap();
    ends(&mut desk);
    desk.restart();
    assert_eq!(alert(&desk), "firing", "a restart of the runner mends nothing");
    desk.policy.processes.remove(&worker);
    desk.restart();
    assert_eq!(alert(&desk), "resolved", "what is not configured any more is not missed");
}

#[test]
fn trades_of_six_hours_are_told_together_once_and_of_each_revision_by_itself() {
    let mut desk = Desk::new(AlertsPolicy::default());
    let start = desk.now.wall;
    let look = |desk: &mut Desk, revision: u64, trades: u64, growth: f64| {
        let (revision, silent) = (RevisionId(revision), Some(Span::ZERO));
        let trading = Trading {
            revision,
            rows: 100,
            growth,
            drawdown: 0.0,
            market_growth: None,
            silent,
            trades,
            rivals: vec![],
        };
        desk.take(&Observation::Trading(trading));
    };
    // What was traded before the first look is no news.
    look(&mut desk, 3, 10, 0.10);
    for hour in 1..=5 {
        desk.wait(Span::hours(1));
        look(&mut desk, 3, 10 + hour, 0.12);
    }
    assert_eq!(desk.story().len(), 0, "{:?}", desk.story());
    desk.wait(Span::hours(1));
    look(&mut desk, 3, 22, 0.155);
    look(&mut desk, 3, 22, 0.155);
    desk.wait(Span::hours(7));
    look(&mut desk, 3, 22, 0.17);
    // The next model begins anew; its first look is its start.
    look(&mut desk, 4, 2, -0.01);
    desk.wait(Span::hours(6));
    look(&mut desk, 4, 3, -0.02);
    let digest = |revision, trades, growth, from: i64, to: i64| {
        let at = |hours| start.plus(Span::hours(hours));
        let revision = RevisionId(revision);
        Note::Traded(TradesDigest { revision, trades, growth, from: at(from), to: at(to) })
    };
    let told: Vec<Note> = desk.told.into_iter().map(|(_, note)| note).collect();
    let expected =
        [digest(3, 12, 1.155 / 1.10 - 1.0, 0, 6), digest(4, 1, 0.98 / 0.99 - 1.0, 13, 19)];
    assert_eq!(told, expected);
}

#[test]
fn an_alert_s_urgency_can_be_configured() {
    let mut policy = AlertsPolicy::default();
    let severity = Some(Severity::Info);
    let change = AlertChange { severity, ..AlertChange::default() };
    policy.changes.push((Pattern("disk/space".into()), change));
    let mut desk = Desk::new(policy);
    desk.disk(99.0);
    assert_eq!(desk.story(), ["0: info 1"]);
}
