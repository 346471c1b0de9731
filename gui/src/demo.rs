//! Built-in sample data: every state of the app without a runner, for a first look, for pictures
//! and for tests. Everything here is invented and says so on the screen.

mod examination;
mod history;
mod link;
mod machine;
mod study;
mod trading;

use crate::chart::window::TimeWindow;
use crate::model::Model;
use crate::news::{Foreseen, News};
use cappuccino_core::api::{
    API_VERSION, AcknowledgedView, AlertView, CommandBody, DeploymentView, Foresight, Hello,
    HoldView, LanesView, ProcessView, RevisionView, SeriesView, SilenceView, Status,
};
use cappuccino_core::words::{
    Digest, Generation, Pattern, ProcessName, RevisionId, Sequence, Severity, SilenceId, Span,
    Timestamp, TrialId, TrialNumber,
};
use std::collections::BTreeMap;

pub use link::DemoLink;

/// What stands in the place of a workspace.
pub const WORKSPACE: &str = "/home/ada/trading (sample data)";
/// The present in pictures and tests.
pub const NOON: Timestamp = Timestamp(1_795_521_600_000);

/// One state of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scene {
    /// All is well.
    Live,
    /// No runner is up.
    NoRunner,
    /// Nobody has answered yet.
    Connecting,
    /// The runner is silent.
    Stale,
    /// The connection broke.
    Lost,
    /// A runner of another version.
    ReadOnly,
    /// The user froze the picture.
    Frozen,
    /// A study without trials, nothing deployed.
    Empty,
    /// The study cannot be read, a process is in cooldown.
    Trouble,
    /// Nothing trades until a person decides.
    Halted,
    /// A rollback is under way.
    RollingBack,
    /// A better model waits for approval.
    Waiting,
}

/// Scenes for which nothing is invented but silence.
const fn is_silent(scene: Scene) -> bool {
    matches!(scene, Scene::NoRunner | Scene::Connecting)
}

/// The app's knowledge in a scene.
pub fn model(scene: Scene, now: Timestamp) -> Model {
    let mut model = Model::new(WORKSPACE.to_owned());
    if !is_silent(scene) {
        let then = if scene == Scene::Stale { now.plus(Span::seconds(-12)) } else { now };
        for news in picture(scene, then) {
            model.fold(news, then);
        }
    }
    match scene {
        Scene::NoRunner => model.fold(gone(true), now),
        Scene::Lost => model.fold(gone(false), now.plus(Span::seconds(-40))),
        Scene::Frozen => {
            model.toggle_frozen(now);
            for news in picture(scene, now).into_iter().skip(1) {
                model.fold(news, now);
            }
        }
        Scene::Live
        | Scene::Connecting
        | Scene::Stale
        | Scene::ReadOnly
        | Scene::Empty
        | Scene::Trouble
        | Scene::Halted
        | Scene::RollingBack
        | Scene::Waiting => {}
    }
    model
}

fn gone(absent: bool) -> News {
    let why = if absent { "no runner is up for this workspace" } else { "the runner went down" };
    News::Disconnected { why: why.to_owned(), absent, retry_in: Span::seconds(4) }
}

fn picture(scene: Scene, now: Timestamp) -> Vec<News> {
    let mut hello = hello();
    if scene == Scene::ReadOnly {
        hello.api = API_VERSION.saturating_add(1);
    }
    let status = match scene {
        Scene::Empty => empty(now),
        Scene::Trouble => trouble(now),
        Scene::Halted => halted(now),
        Scene::RollingBack => rolling_back(now),
        Scene::Waiting => waiting(now),
        Scene::Live
        | Scene::NoRunner
        | Scene::Connecting
        | Scene::Stale
        | Scene::Lost
        | Scene::ReadOnly
        | Scene::Frozen => status(now),
    };
    let mut news = vec![News::Connected(hello), News::Status(Box::new(status))];
    if scene != Scene::Empty {
        let (waiting, refused) = ((5, 433), (5, 429));
        let lines = match scene {
            Scene::Waiting => history::with_examination(now, waiting, examination::passed()),
            Scene::Trouble => history::with_examination(now, refused, examination::hostile()),
            Scene::Live
            | Scene::NoRunner
            | Scene::Connecting
            | Scene::Stale
            | Scene::Lost
            | Scene::ReadOnly
            | Scene::Frozen
            | Scene::Empty
            | Scene::Halted
            | Scene::RollingBack => history::history(now),
        };
        news.push(News::History(lines));
        news.push(News::Chart(study::chart(now)));
        news.push(News::Trials(study::trials(now)));
        news.push(News::Trades(trading::trades(now)));
    }
    news
}

/// What is measured in a stretch of time, as a picture of it needs.
pub fn series(window: &TimeWindow, now: Timestamp) -> BTreeMap<String, SeriesView> {
    let (from, to) = window.range(now);
    let names = machine::view(now);
    let names = crate::pages::system::series_of(&names).into_iter();
    let names = names.chain(crate::pages::pnl::SERIES.map(str::to_owned));
    names.filter_map(|name| Some((name.clone(), machine::series(&name, from, to)?))).collect()
}

/// Who trades beside the live model.
pub fn lanes(now: Timestamp) -> LanesView {
    trading::lanes(now)
}

/// A runner.
pub fn hello() -> Hello {
    Hello {
        api: API_VERSION,
        version: "0.1.0".to_owned(),
        pid: 4000,
        workspace: "/home/ada/trading".to_owned(),
        capabilities: Vec::new(),
    }
}

/// All is well.
pub fn status(now: Timestamp) -> Status {
    Status {
        at: now,
        sequence: Sequence(18_211),
        runner_since: now.plus(Span::hours(-76)),
        shutting_down: false,
        study: study::view(now),
        deployment: deployment(now),
        processes: processes(now),
        alerts: Vec::new(),
        alerts_aside: Vec::new(),
        silences: Vec::new(),
        machine: Some(machine::view(now)),
        pnl: Some(trading::view(now)),
    }
}

fn deployment(now: Timestamp) -> DeploymentView {
    let revisions = vec![
        revision(4, 431, 0.8312, "good", now.plus(Span::hours(-3))),
        revision(3, 412, 0.8125, "good", now.plus(Span::hours(-51))),
        revision(2, 377, 0.79, "bad: the trader kept ending: 5 ends", now.plus(Span::hours(-60))),
        revision(1, 298, 0.7441, "good", now.plus(Span::hours(-75))),
    ];
    DeploymentView {
        mode: "automatic".to_owned(),
        phase: "live".to_owned(),
        generation: Generation(61),
        live: revisions.first().cloned(),
        next: None,
        deadline: None,
        rollback_target: revisions.get(1).cloned(),
        declined: Some("its gain over the live model is 0.0021, at least 0.0083 is needed".into()),
        halted: None,
        holds: vec![HoldView {
            number: TrialNumber(377),
            trial_id: TrialId(378),
            reason: "it kept ending".to_owned(),
        }],
        revisions,
    }
}

fn revision(id: u64, trial: i64, value: f64, standing: &str, created: Timestamp) -> RevisionView {
    RevisionView {
        id: RevisionId(id),
        trial: TrialNumber(trial),
        trial_id: TrialId(trial + 1),
        value,
        standing: standing.to_owned(),
        content: Some(Digest([u8::try_from(trial % 251).unwrap_or(0); 32])),
        created,
    }
}

fn processes(now: Timestamp) -> Vec<ProcessView> {
    let mut all = vec![running("trader", "trader", 4100, now.plus(Span::hours(-3)))];
    for number in 1..=3_u32 {
        let since = now.plus(Span::hours(-7 * i64::from(number)));
        all.push(running(&format!("worker-{number}"), "worker", 4100 + number, since));
    }
    if let Some(trader) = all.first_mut() {
        trader.revision = Some(RevisionId(4));
        trader.signs = vec!["last session row 41s ago, at most 2h 0m".to_owned()];
    }
    if let Some(restarted) = all.get_mut(2) {
        restarted.failures = 1;
        restarted.failures_total = 2;
        restarted.starts = 3;
        restarted.generation = Generation(3);
        restarted.last_exit = Some("life 2 ended with signal 9".to_owned());
        restarted.since = Some(now.plus(Span::minutes(-42)));
        restarted.memory_limit_bytes = Some(24 << 30);
        restarted.signs = [
            "last heartbeat 8s ago, at most 10m 0s",
            "last log line 21s ago, at most 30m 0s",
            "memory 9.6 GiB of at most 24.0 GiB",
        ]
        .map(str::to_owned)
        .to_vec();
    }
    all
}

fn running(name: &str, role: &str, pid: u32, since: Timestamp) -> ProcessView {
    ProcessView {
        name: name_of(name),
        role: role.to_owned(),
        phase: "ready".to_owned(),
        next: String::new(),
        since: Some(since),
        pid: Some(pid),
        generation: Generation(1),
        revision: None,
        failures: 0,
        budget: 3,
        starts: 1,
        failures_total: 0,
        last_exit: None,
        window: Span::minutes(10),
        waits_for: None,
        memory_limit_bytes: None,
        signs: Vec::new(),
    }
}

/// A name that is one.
#[expect(clippy::expect_used, reason = "the sample's names are fixed and the tests read them all")]
fn name_of(name: &str) -> ProcessName {
    ProcessName::new(name).expect("a sample name")
}

fn empty(now: Timestamp) -> Status {
    let mut status = status(now);
    status.study = study::empty_view();
    status.deployment = DeploymentView {
        mode: "automatic".to_owned(),
        phase: "watching".to_owned(),
        generation: Generation(0),
        live: None,
        next: None,
        deadline: None,
        rollback_target: None,
        declined: None,
        halted: None,
        holds: Vec::new(),
        revisions: Vec::new(),
    };
    status.processes.clear();
    status.pnl = None;
    status.sequence = Sequence(1);
    status
}

fn trouble(now: Timestamp) -> Status {
    let mut status = status(now);
    "lost".clone_into(&mut status.study.state);
    let alert = |key: &str, text: &str, remedy: &str, minutes: i64| AlertView {
        key: key.to_owned(),
        since: now.plus(Span::minutes(-minutes)),
        text: text.to_owned(),
        remedy: remedy.to_owned(),
        state: "firing".to_owned(),
        ..AlertView::default()
    };
    status.alerts = vec![
        alert(
            "study/unavailable",
            "the study cannot be read: the disk holding it answers with input/output errors",
            "see `cappuccino check`",
            31,
        ),
        alert(
            "process/worker-3/cooling",
            "worker-3 spent its 3 restarts; one more try follows",
            "look at `cappuccino logs worker-3`, then `cappuccino reset worker-3`",
            4,
        ),
    ];
    if let Some(cooling) = status.alerts.last_mut() {
        "acknowledged".clone_into(&mut cooling.state);
        let reason = "out of memory again; the next version needs less".to_owned();
        let (by, at) = ("ada".to_owned(), now.plus(Span::minutes(-2)));
        cooling.acknowledged = Some(AcknowledgedView { by, reason, at });
    }
    status.alerts.push(alert(
        "deployment/hostile-model/429",
        "the file of trial 429 would run a program when it is opened; it was refused",
        "find out who wrote it; `cappuccino why 429` names what was asked for",
        5,
    ));
    if let Some(hostile) = status.alerts.last_mut() {
        hostile.severity = Severity::Critical;
    }
    let rejected = "rejected: pickle: actor.pth would call posix.system(\"curl …\")";
    let refused = revision(5, 429, 0.8296, rejected, now.plus(Span::minutes(-6)));
    status.deployment.revisions.insert(0, refused);
    let resolved = alert("gpu/0/hot", "the card was at 86 °C", "look at its fans", 190);
    status.alerts_aside = vec![AlertView { state: "resolved".to_owned(), ..resolved }];
    status.silences = vec![SilenceView {
        id: SilenceId(2),
        pattern: Pattern("disk/*".to_owned()),
        by: "ada".to_owned(),
        reason: "the new disk comes on Friday".to_owned(),
        from: now.plus(Span::hours(-1)),
        until: now.plus(Span::hours(23)),
    }];
    ail(&mut status.processes, now);
    status
}

/// One is not ready yet, one shows a sign of life no more, one ended too often.
fn ail(processes: &mut [ProcessView], now: Timestamp) {
    if let Some(slow) = processes.get_mut(1) {
        "running".clone_into(&mut slow.phase);
        slow.since = Some(now.plus(Span::seconds(-50)));
        slow.next = format!("must show that it is ready until {}", now.plus(Span::seconds(70)));
    }
    if let Some(heartbeat) = processes.get_mut(2).and_then(|one| one.signs.first_mut()) {
        "no heartbeat for 12m 0s, at most 10m 0s".clone_into(heartbeat);
    }
    if let Some(worker) = processes.last_mut() {
        "cooldown".clone_into(&mut worker.phase);
        worker.pid = None;
        worker.failures = 3;
        worker.failures_total = 4;
        worker.next = format!("one more try at {}", now.plus(Span::seconds(192)));
        worker.last_exit = Some("life 4 ended with exit code 1".to_owned());
        worker.since = Some(now.plus(Span::minutes(-2)));
    }
}

fn halted(now: Timestamp) -> Status {
    let mut status = status(now);
    let why = "two models in a row failed and there is nothing good to go back to".to_owned();
    "halted".clone_into(&mut status.deployment.phase);
    status.deployment.halted = Some(why);
    status.deployment.live = None;
    status
}

fn rolling_back(now: Timestamp) -> Status {
    let mut status = status(now);
    "draining".clone_into(&mut status.deployment.phase);
    status.deployment.generation = Generation(63);
    status.deployment.next = status.deployment.rollback_target.clone();
    status.deployment.deadline = Some(now.plus(Span::seconds(20)));
    if let Some(trader) = status.processes.first_mut() {
        "stopping".clone_into(&mut trader.phase);
    }
    status
}

/// What the sample's runner would say.
fn foreseen(scene: Scene, command: &CommandBody, now: Timestamp) -> Foreseen {
    let one = |line: String| {
        Foreseen::Leads(Box::new(Foresight { lines: vec![line], ..Foresight::default() }))
    };
    if let CommandBody::Deploy { trial, .. } = command {
        return one(format!("deployment 6 began, of revision 6 from trial {trial}"));
    }
    if let CommandBody::Restart { process } = command {
        return one(format!("{process} is being stopped"));
    }
    let CommandBody::Rollback { to: Some(to), hold, .. } = command else {
        return Foreseen::Leads(Box::default());
    };
    let view = match scene {
        Scene::RollingBack => {
            let why = "a rollback is under way already; wait for it, or look at `cappuccino why`";
            return Foreseen::Refused(why.to_owned());
        }
        Scene::Live
        | Scene::NoRunner
        | Scene::Connecting
        | Scene::Stale
        | Scene::Lost
        | Scene::ReadOnly
        | Scene::Frozen
        | Scene::Empty
        | Scene::Trouble
        | Scene::Halted
        | Scene::Waiting => deployment(now),
    };
    let mut lines = vec![format!("deployment 6 of revision {to}: rolling back")];
    let live = view.live.as_ref().map(|live| live.trial);
    lines.extend(
        live.filter(|_| *hold).map(|live| format!("trial {live} is held back: asked in the app")),
    );
    let found = view.revisions.into_iter().find(|revision| revision.id == *to);
    let holds = live.filter(|_| *hold).into_iter().collect();
    Foreseen::Leads(Box::new(Foresight {
        generation: view.generation,
        from: view.live,
        to: found,
        holds,
        lines,
    }))
}

fn waiting(now: Timestamp) -> Status {
    let mut status = status(now);
    let next = revision(5, 433, 0.8455, "candidate", now.plus(Span::minutes(-6)));
    "awaiting approval".clone_into(&mut status.deployment.phase);
    status.deployment.next = Some(next.clone());
    status.deployment.declined = None;
    status.deployment.revisions.insert(0, next);
    status
}
