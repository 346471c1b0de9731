//! Representative states and events of every machine, for the generated transition tables.

use crate::desk::{identity, name, study, trial};
use crate::network;
use cappuccino_core::machines::alert;
use cappuccino_core::machines::deployment::{self, Attempt, Cutover, Deployment};
use cappuccino_core::machines::process::{self, Believed, Goal, Process, Then, Trust};
use cappuccino_core::machines::study::Study;
use cappuccino_core::machines::{Answer, Step, Tell};
use cappuccino_core::words::{
    Cause, Command, DeploymentId, DeploymentPolicy, DeploymentReport, Digest, ExitStatus, Fault,
    Generation, LanesPolicy, LivenessPolicy, Moment, Probe, ProcessPolicy, ProcessReport, Promote,
    Readiness, Revision, RevisionId, Role, Sign, Signs, Span, Standing, StudyReport,
};
use std::collections::BTreeMap;

/// A long time after everything in the tables began.
fn much_later() -> Moment {
    Moment::default().plus(Span::hours(1000))
}

/// One line of a table.
pub struct Line {
    pub state: String,
    pub event: String,
    pub answer: String,
}

pub fn describe<S>(answer: Answer<S>, place: impl Fn(&S) -> String) -> String {
    match answer {
        Answer::Moved(Step { next, tells, effects, .. }) => {
            let mut text = format!("→ {}", place(&next));
            for effect in effects {
                text.push_str(&format!("; asks: {effect}"));
            }
            for tell in tells {
                text.push_str(&match tell {
                    Tell::Trader(event) => format!("; tells the trader {event:?}"),
                    Tell::Deployment(event) => format!("; tells the deployment {}", short(&event)),
                    Tell::Alert(key, alert::Event::Raise { .. }) => format!("; raises {}", key.0),
                    Tell::Alert(
                        _,
                        alert::Event::Clear
                        | alert::Event::Tick
                        | alert::Event::Acknowledge(..)
                        | alert::Event::Unacknowledge,
                    ) => String::new(),
                });
            }
            text
        }
        Answer::Unchanged(why) => format!("unchanged: {why:?}"),
        Answer::Refused(refusal) => format!("refused: {refusal}"),
    }
}

fn short(event: &deployment::Event) -> String {
    let text = format!("{event:?}");
    text.split(['(', ' ', '{']).next().unwrap_or_default().to_owned()
}

/// Every phase of a process, wanted and not.
fn processes() -> Vec<(&'static str, Process)> {
    let since = Moment::default();
    let wait = Span::seconds(10);
    let status = ExitStatus::Code(1);
    let running =
        |ready, trust| process::Phase::Running { identity: identity(7), since, ready, trust };
    let stopping = |then| process::Phase::Stopping {
        identity: identity(7),
        ending: Generation(4),
        since,
        then,
    };
    let unknown = |believed| process::Phase::Unknown { since, believed, trust: Trust::Full };
    let phases = [
        ("stopped", process::Phase::Stopped),
        ("done", process::Phase::Done(status)),
        ("starting", process::Phase::Starting { since, trust: Trust::Full }),
        ("running", running(false, Trust::Full)),
        ("ready", running(true, Trust::Full)),
        ("ready (half-open)", running(true, Trust::HalfOpen)),
        ("stopping", stopping(Then::FollowGoal)),
        ("stopping for good", stopping(Then::Stay)),
        ("stopping (hung)", stopping(Then::Fail(Fault::Hung, Trust::Full))),
        ("backoff", process::Phase::Backoff { since, wait }),
        ("cooldown", process::Phase::Cooldown { since, wait }),
        ("unknown (start asked)", unknown(Believed::Asked)),
        ("unknown (was alive)", unknown(Believed::Alive)),
        ("unknown (start refused)", unknown(Believed::Refused)),
        ("unknown (was ready)", unknown(Believed::Ready)),
        ("waiting", process::Phase::Waiting { since, trust: Trust::Full }),
    ];
    phases
        .into_iter()
        .map(|(label, phase)| {
            let runs = Some(RevisionId(1));
            let goal = Goal::Up(runs);
            (label, Process { generation: Generation(4), goal, runs, phase, ..Process::default() })
        })
        .collect()
}

fn process_events() -> Vec<(&'static str, process::Event)> {
    use ProcessReport::{Exited, LaunchFailed, Looked, Probed, Ready, SlotTaken, Started};
    let signs = |minutes: i64, gibibytes: u64| Signs {
        silent: BTreeMap::from([Sign::Log, Sign::Cpu].map(|sign| (sign, Span::minutes(minutes)))),
        memory_bytes: Some(gibibytes << 30),
        ..Signs::default()
    };
    let excused = Signs { excuse: Some("the disk is busy".into()), ..signs(60, 1) };
    let now = Generation(4);
    let status = ExitStatus::Code(0);
    let reported = process::Event::Reported;
    vec![
        ("wanted down", process::Event::Want(Goal::Down)),
        ("wanted as it is", process::Event::Want(Goal::Up(Some(RevisionId(1))))),
        ("wanted with another model", process::Event::Want(Goal::Up(Some(RevisionId(2))))),
        ("started", reported(Started(now, identity(7)))),
        ("an earlier life started", reported(Started(Generation(3), identity(3)))),
        ("could not be started", reported(LaunchFailed(now, "not found".into()))),
        ("slot taken", reported(SlotTaken(now))),
        ("ended", reported(Exited(now, status.clone()))),
        ("an earlier life ended", reported(Exited(Generation(3), status.clone()))),
        ("looked: nobody, no record", reported(Probed(Probe::Free(None)))),
        ("looked: nobody, it ended", reported(Probed(Probe::Free(Some((now, status)))))),
        ("looked: it lives", reported(Probed(Probe::Held(now, identity(7))))),
        ("looked: a stray lives", reported(Probed(Probe::Held(Generation(9), identity(9))))),
        ("looked: start failed", reported(Probed(Probe::NotStarted(now, "why".into())))),
        (
            "looked: an earlier start failed",
            reported(Probed(Probe::NotStarted(Generation(3), "why".into()))),
        ),
        ("looked: unidentified", reported(Probed(Probe::Unidentified("somebody".into())))),
        ("shown to be ready", reported(Ready(now))),
        ("an earlier life shown to be ready", reported(Ready(Generation(3)))),
        ("looked at: well", reported(Looked(now, signs(0, 1)))),
        ("looked at: silent", reported(Looked(now, signs(60, 1)))),
        ("looked at: silent, and the machine is busy", reported(Looked(now, excused))),
        ("looked at: nearly too much memory", reported(Looked(now, signs(0, 12)))),
        ("looked at: too much memory", reported(Looked(now, signs(0, 13)))),
        ("all workers failed", process::Event::Pause(Span::minutes(5))),
        ("restart asked", process::Event::Restart),
        ("reset asked", process::Event::Reset),
        ("runner came up", process::Event::Booted(now)),
        ("runner came up with an old backup", process::Event::Booted(Generation(8))),
        ("runner goes down", process::Event::ShuttingDown),
        ("every deadline over", process::Event::Tick),
    ]
}

pub fn process_lines() -> Vec<Line> {
    let name = name("trader");
    let limit = Span::minutes(10);
    let limits = BTreeMap::from([(Sign::Log, limit), (Sign::Cpu, limit)]);
    let policy = ProcessPolicy {
        ready: Readiness::Proven { deadline: Span::minutes(1) },
        liveness: LivenessPolicy { limits, agreeing: 2 },
        memory_limit_bytes: Some(12 << 30),
        ..ProcessPolicy::of(Role::Trader)
    };
    let now = much_later();
    let context = process::Context { name: &name, policy: &policy, now, waits_for: None };
    let mut lines = Vec::new();
    for (state, process) in processes() {
        for (event, told) in process_events() {
            let answer = process::step(context, &process, &told);
            let place = |next: &Process| {
                let text = format!("{:?}", next.phase);
                text.split(['(', ' ', '{']).next().unwrap_or_default().to_lowercase()
            };
            lines.push(Line {
                state: state.into(),
                event: event.into(),
                answer: describe(answer, place),
            });
        }
    }
    lines
}

/// Every phase of a deployment: revision 0 trades as a shadow, 1 is good, 2 is live, 3 is the
/// candidate.
fn deployments() -> Vec<Deployment> {
    let since = Moment::default();
    let attempt = || Attempt {
        deployment: DeploymentId(5),
        revision: RevisionId(3),
        live: Some(RevisionId(2)),
        cause: Cause::Automatic,
        superseded: 0,
        since,
    };
    let cutover = || Cutover {
        deployment: DeploymentId(5),
        from: Some(RevisionId(2)),
        to: RevisionId(3),
        cause: Cause::Automatic,
        ends: 2,
        since,
    };
    use deployment::Phase;
    let phases = vec![
        Phase::Watching,
        Phase::Live { revision: RevisionId(2), since },
        Phase::Settling(attempt()),
        Phase::Staging(attempt()),
        Phase::Validating(attempt()),
        Phase::AwaitingApproval(attempt()),
        Phase::Ready(attempt()),
        Phase::RollingBack(Attempt { revision: RevisionId(1), ..attempt() }),
        Phase::Draining(cutover()),
        Phase::Starting(cutover()),
        Phase::Probation(cutover()),
        Phase::Halting("it failed".into()),
        Phase::Halted("it failed".into()),
    ];
    phases
        .into_iter()
        .map(|phase| {
            let mut deployment = Deployment::default();
            deployment.slot.phase = phase;
            deployment.slot.deployments = 5;
            deployment.slot.revisions = 3;
            deployment.slot.followed = Some(study("first"));
            deployment.slot.seen = Some(study("first"));
            for (id, standing) in [
                (0, Standing::Superseded),
                (1, Standing::Good),
                (2, Standing::Good),
                (3, Standing::Candidate),
            ] {
                let revision = Revision {
                    id: RevisionId(id),
                    candidate: trial(id as i64, id as f64),
                    created: since,
                    content: Some(Digest([id as u8; 32])),
                    standing,
                };
                deployment.revisions.insert(RevisionId(id), revision);
            }
            deployment
        })
        .collect()
}

fn deployment_events() -> Vec<(&'static str, deployment::Event)> {
    use deployment::Event;
    let reported = |report| Event::Reported(DeploymentId(5), report);
    let asked = |command| Event::Asked { actor: "you".into(), command };
    let reason = || "because".to_owned();
    let (now, next) = (Some(RevisionId(2)), Some(RevisionId(3)));
    let figures = || "3 bp per bar".to_owned();
    let guarded = |revision| Event::GuardTripped(revision, "30 % lost".into());
    let (hold, to) = (true, None);
    let number = trial(9, 9.0).number;
    let trial_id = trial(9, 9.0).trial_id;
    vec![
        ("another study seen", Event::StudySeen(study("second"))),
        ("a better trial", Event::Proposed(trial(9, 9.0))),
        ("a worse trial", Event::Proposed(trial(8, -9.0))),
        ("files settled", reported(DeploymentReport::FilesSettled)),
        ("staged", reported(DeploymentReport::Staged(Digest([9; 32])))),
        ("staging failed", reported(DeploymentReport::StagingFailed("changed".into()))),
        ("valid", reported(DeploymentReport::Validated(network::sound()))),
        ("invalid", reported(DeploymentReport::Validated(network::refused("a weight is NaN")))),
        ("hostile", reported(DeploymentReport::Validated(network::hostile("os.system")))),
        ("intact", reported(DeploymentReport::Verified(Ok(())))),
        ("damaged", reported(DeploymentReport::Verified(Err("digest differs".into())))),
        ("late report", Event::Reported(DeploymentId(1), DeploymentReport::FilesSettled)),
        ("trader ready with the new model", Event::TraderReady(next)),
        ("trader ready with another", Event::TraderReady(Some(RevisionId(99)))),
        ("trader with the new model ended", Event::TraderExited(next, "signal 9".into())),
        ("trader with the live model gave up", Event::TraderExhausted(now, "signal 9".into())),
        ("trader with the new model gave up", Event::TraderExhausted(next, "signal 9".into())),
        ("guard stops the live model", guarded(RevisionId(2))),
        ("guard stops the new model", guarded(RevisionId(3))),
        ("a shadow trades worse", Event::RivalWorse(RevisionId(0), figures())),
        ("a shadow trades better", Event::RivalBetter(RevisionId(0), RevisionId(2), figures())),
        ("no trader lives", Event::TraderVacant),
        ("deploy asked", asked(Command::Deploy { candidate: trial(9, 0.5), reason: reason() })),
        ("rollback asked", asked(Command::Rollback { to, hold, reason: reason() })),
        ("hold asked", asked(Command::Hold { trial_id, number, reason: reason() })),
        ("unhold asked", asked(Command::Unhold { trial_id, number })),
        ("approved", asked(Command::Approve)),
        ("declined", asked(Command::Reject { reason: reason() })),
        ("pause asked", asked(Command::Pause { pin: false, reason: reason() })),
        ("pin asked", asked(Command::Pause { pin: true, reason: reason() })),
        ("resume asked", asked(Command::Resume)),
        ("every deadline over", Event::Tick),
    ]
}

pub fn deployment_lines() -> Vec<Line> {
    let lanes = LanesPolicy { promote: Promote::Auto, ..LanesPolicy::default() };
    let policy = DeploymentPolicy { lanes, ..DeploymentPolicy::default() };
    let context = deployment::Context { policy: &policy, now: much_later() };
    let mut lines = Vec::new();
    for deployment in deployments() {
        for (event, told) in deployment_events() {
            let answer = deployment::step(context, &deployment, &told);
            lines.push(Line {
                state: deployment.slot.phase.name(),
                event: event.into(),
                answer: describe(answer, |next: &Deployment| next.slot.phase.name()),
            });
        }
    }
    lines
}

pub fn study_lines() -> Vec<Line> {
    let since = Moment::default();
    let states = [
        ("unseen", Study::Unseen),
        ("following", Study::Following { identity: study("first"), best: None }),
        ("lost", Study::Lost { identity: study("first"), since }),
    ];
    let events = [
        ("seen, nothing new", StudyReport::Seen { identity: study("first"), best: None }),
        (
            "seen, a new best trial",
            StudyReport::Seen { identity: study("first"), best: Some(trial(1, 1.0)) },
        ),
        ("another study seen", StudyReport::Seen { identity: study("second"), best: None }),
        ("unavailable", StudyReport::Unavailable("the database is missing".into())),
    ];
    let mut lines = Vec::new();
    for (state, study) in &states {
        for (event, report) in &events {
            let answer = cappuccino_core::machines::study::step(since, study, report);
            let place = |next: &Study| match next {
                Study::Unseen => "unseen".to_owned(),
                Study::Following { .. } => "following".to_owned(),
                Study::Lost { .. } => "lost".to_owned(),
            };
            let (state, event) = ((*state).to_owned(), (*event).to_owned());
            lines.push(Line { state, event, answer: describe(answer, place) });
        }
    }
    lines
}
