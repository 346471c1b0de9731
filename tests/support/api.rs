//! A window without a runner behind it: a fixed picture, a store in memory, scripted answers.

use cappuccino_core::api::{
    API_VERSION, Accepted, AlertView, CAPABILITIES, CommandBody, CommandRequest, CountsView,
    DeploymentView, Foresight, Hello, HoldView, ParamView, ProcessView, RevisionView, Status,
    StudyView, TrialChart, TrialDot, TrialView, ViewValue,
};
use cappuccino_core::client::{self, Client};
use cappuccino_core::store::{Batch, OpenFacts, Samples, SeriesKind, Store};
use cappuccino_core::words::trial::{Distribution, Param};
use cappuccino_core::words::{
    Direction, Generation, Note, ProcessName, Refusal, RevisionId, Sequence, Span, Timestamp,
    TrialId, TrialNumber, TrialState,
};
use cappuccino_headless::serve::port::{ASKS_MAX, Ask, AskError, Order, Port, Reply, Trials};
use cappuccino_headless::serve::{serve, socket};
use cappuccino_headless::workspace::Workspace;
use hyper_util::rt::TokioIo;
use redb::backends::InMemoryBackend;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot, watch};

type Answer = Box<dyn FnMut(&CommandRequest) -> Option<Result<Accepted, AskError>> + Send>;

/// A served window and everything behind it that a test may turn.
pub struct Window {
    folder: TempDir,
    store: Store,
    status: watch::Sender<Arc<Status>>,
    readers: watch::Sender<cappuccino_core::store::Reader>,
    samples: Samples,
    /// What the runner says that it can do beyond the first version, from the next service on.
    pub capabilities: Vec<String>,
    asked: Arc<Mutex<Vec<CommandRequest>>>,
    answer: Arc<Mutex<Answer>>,
    server: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Window {
    /// A workspace whose runner has the picture of [`status`] and an empty history.
    pub fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cappuccino.toml"), CONFIGURATION).unwrap();
        let facts = OpenFacts { now: noon(), app_version: "0".into() };
        let store = Store::open(InMemoryBackend::new(), &facts).unwrap();
        let accept: Answer = Box::new(|request| {
            let generation = Generation(request.expected.map_or(7, |seen| seen.0 + 1));
            Some(Ok(Accepted { text: "revision 4 is settling".into(), generation }))
        });
        let mut window = Self {
            folder,
            readers: watch::Sender::new(store.reader()),
            store,
            status: watch::Sender::new(Arc::new(status())),
            samples: Samples::open(InMemoryBackend::new(), &facts).unwrap(),
            capabilities: CAPABILITIES.map(str::to_owned).to_vec(),
            asked: Arc::default(),
            answer: Arc::new(Mutex::new(accept)),
            server: None,
        };
        window.serve();
        window
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn workspace(&self) -> Workspace {
        Workspace::at(self.root()).unwrap()
    }

    pub fn socket(&self) -> PathBuf {
        self.workspace().run_dir().join("api.sock")
    }

    /// What has been asked so far.
    pub fn asked(&self) -> Vec<CommandRequest> {
        self.asked.lock().unwrap().clone()
    }

    /// Answers like this from now on; `None` keeps the client waiting for ever.
    pub fn answer(
        &self,
        answer: impl FnMut(&CommandRequest) -> Option<Result<Accepted, AskError>> + Send + 'static,
    ) {
        *self.answer.lock().unwrap() = Box::new(answer);
    }

    /// Adds to the history, then shows the new picture.
    pub fn remember(&mut self, notes: impl IntoIterator<Item = Note>) {
        self.remember_at(notes.into_iter().map(|note| (noon(), note)));
    }

    /// As [`Self::remember`], each at its own time.
    pub fn remember_at(&mut self, notes: impl IntoIterator<Item = (Timestamp, Note)>) {
        let mut batch = Batch::new();
        notes.into_iter().for_each(|(at, note)| batch.record(at, &note).unwrap());
        let sequence = self.store.apply(&batch).unwrap().last_sequence;
        self.show(|status| status.sequence = sequence);
    }

    /// Measures something once.
    pub fn measure(&mut self, name: &str, value: f64) {
        let series = self.samples.define(name, "", SeriesKind::Gauge).unwrap();
        self.samples.write(noon(), &[(series, value)]).unwrap();
        self.samples.flush().unwrap();
    }

    fn hello(&self) -> Hello {
        Hello {
            api: API_VERSION,
            version: "0.1.0".into(),
            pid: 1,
            workspace: self.root().display().to_string(),
            capabilities: self.capabilities.clone(),
        }
    }

    /// Changes the picture.
    pub fn show(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_modify(|status| change(Arc::make_mut(status)));
    }

    /// Serves again after [`Self::close`].
    pub fn serve(&mut self) {
        let (stop, stopped) = oneshot::channel();
        let (asks, mut waiting) = mpsc::channel(ASKS_MAX);
        let port = Port {
            hello: Arc::new(self.hello()),
            status: self.status.subscribe(),
            reader: self.readers.subscribe(),
            trials: Arc::new(FewTrials),
            samples: watch::channel(Some(self.samples.reader())).1,
            trading: Arc::new(crate::trading::FewTrades),
            logs: Arc::new(self.root().join(".cappuccino/logs")),
            notifications: Arc::default(),
            asks,
        };
        let (asked, answer) = (Arc::clone(&self.asked), Arc::clone(&self.answer));
        let path = self.socket();
        let (up, is_up) = std::sync::mpsc::channel();
        let server = std::thread::spawn(move || {
            // As few blocking threads as the runner has.
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().max_blocking_threads(4).build().unwrap();
            runtime.block_on(async {
                let (listener, _file) = socket::bind(&path).unwrap();
                up.send(()).unwrap();
                tokio::spawn(async move {
                    let mut unanswered = Vec::new();
                    while let Some(Ask { request, reply }) = waiting.recv().await {
                        let reply = match reply {
                            Reply::Act(reply) => reply,
                            Reply::Foresee(reply) => {
                                drop(reply.send(foreseen(&request)));
                                continue;
                            }
                        };
                        let outcome = answer.lock().unwrap()(&request);
                        asked.lock().unwrap().push(request);
                        match outcome {
                            Some(outcome) => drop(reply.send(outcome)),
                            None => unanswered.push(reply),
                        }
                    }
                });
                serve(listener, port, async { drop(stopped.await) }).await;
            });
            runtime.shutdown_background();
        });
        is_up.recv().unwrap();
        self.server = Some((stop, server));
    }

    /// The runner goes away; its history stays.
    pub fn close(&mut self) {
        if let Some((stop, server)) = self.server.take() {
            drop(stop);
            server.join().unwrap();
        }
    }

    /// A connection, within a runtime.
    pub async fn connect(&self) -> Client {
        connect(&self.socket()).await
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.close();
    }
}

/// A connection to the window at `path`, within a runtime.
pub async fn connect(path: &Path) -> Client {
    let stream = tokio::net::UnixStream::connect(path).await.unwrap();
    let (client, driver) = client::open(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(driver);
    client
}

const CONFIGURATION: &str = "[study]\ndatabase = \"optuna.db\"\n[models]\nfolders = [\"m\"]\n";

/// The moment of every picture and note.
pub fn noon() -> Timestamp {
    Timestamp::parse("2026-03-01T12:00:00Z").unwrap()
}

fn minutes_before_noon(minutes: i64) -> Timestamp {
    Timestamp(noon().0 - minutes * 60_000)
}

fn trial(number: i64, state: TrialState, value: Option<ViewValue>) -> TrialView {
    TrialView {
        number: TrialNumber(number),
        trial_id: TrialId(number + 1),
        state,
        value,
        feasible: true,
        started: Some(minutes_before_noon(500 - number)),
        completed: state.is_finished().then(|| minutes_before_noon(420 - number)),
        abandoned: false,
    }
}

/// The trials of the study, newest first.
pub fn trials() -> Vec<TrialView> {
    use TrialState::{Complete, Failed, Pruned, Running};
    let finite = |value| Some(ViewValue::Finite(value));
    vec![
        trial(413, Running, None),
        trial(412, Complete, finite(1.31)),
        trial(411, Complete, finite(1.3)),
        TrialView { feasible: false, ..trial(410, Complete, finite(9.0)) },
        trial(409, Complete, Some(ViewValue::Infinite("inf".into()))),
        trial(408, Pruned, finite(0.2)),
        trial(407, Failed, None),
        trial(406, Complete, finite(1.1)),
        trial(300, Complete, finite(1.25)),
    ]
}

struct FewTrials;

impl Trials for FewTrials {
    fn list(&self, order: Order, limit: usize) -> Vec<TrialView> {
        let mut all = trials();
        if order == Order::Best {
            let rank = |trial: &TrialView| match trial.value {
                Some(ViewValue::Finite(value)) if trial.feasible => Some(value),
                _ => None,
            };
            all.retain(|trial| trial.state == TrialState::Complete && rank(trial).is_some());
            all.sort_by(|a, b| rank(b).unwrap().total_cmp(&rank(a).unwrap()));
        }
        all.truncate(limit);
        all
    }

    fn params(&self, number: TrialNumber) -> Result<Option<Vec<ParamView>>, String> {
        let param = Param {
            name: "learning_rate".into(),
            internal: 3e-4,
            distribution: Distribution::Float { low: 1e-5, high: 0.1, log: true, step: None },
        };
        Ok(self.find(number).map(|_trial| vec![ParamView::from(&param)]))
    }

    fn chart(&self, _dots: usize) -> TrialChart {
        let dot = |trial: TrialView| TrialDot {
            number: trial.number,
            state: trial.state,
            value: match trial.value {
                Some(ViewValue::Finite(value)) => Some(value),
                Some(ViewValue::Infinite(_)) | None => None,
            },
            at: trial.completed,
        };
        let dots: Vec<TrialDot> = trials().into_iter().map(dot).collect();
        TrialChart { total: 4, direction: Some(Direction::Maximize), dots, best: Vec::new() }
    }

    fn find(&self, number: TrialNumber) -> Option<TrialView> {
        trials().into_iter().find(|trial| trial.number == number)
    }
}

fn revision(id: u64, number: i64, value: f64, standing: &str) -> RevisionView {
    RevisionView {
        id: RevisionId(id),
        trial: TrialNumber(number),
        trial_id: TrialId(number + 1),
        value,
        standing: standing.into(),
        content: None,
        created: minutes_before_noon(60),
    }
}

fn process(name: &str, role: &str, phase: &str) -> ProcessView {
    ProcessView {
        name: ProcessName::new(name).unwrap(),
        role: role.into(),
        phase: phase.into(),
        next: String::new(),
        since: Some(minutes_before_noon(30)),
        pid: Some(4242),
        generation: Generation(3),
        revision: None,
        failures: 0,
        budget: 3,
        starts: 3,
        failures_total: 2,
        last_exit: None,
        window: Span::minutes(10),
        waits_for: None,
        memory_limit_bytes: None,
        signs: Vec::new(),
    }
}

/// What the fake runner foresees of a rollback in [`status`].
fn foreseen(request: &CommandRequest) -> Result<Foresight, AskError> {
    let view = status().deployment;
    let CommandBody::Rollback { to, hold, .. } = &request.command else { panic!("{request:?}") };
    let found = match to {
        None => view.rollback_target,
        Some(id) => view.revisions.into_iter().find(|revision| revision.id == *id),
    };
    let refused = || AskError::Refused(Refusal::UnknownRevision(to.unwrap_or(RevisionId(0))));
    let target = found.ok_or_else(refused)?;
    Ok(Foresight {
        generation: view.generation,
        lines: vec![format!("deployment 8 of revision {}: rolling back", target.id)],
        holds: view.live.iter().filter(|_| *hold).map(|live| live.trial).collect(),
        from: view.live,
        to: Some(target),
    })
}

/// A busy afternoon: a live model, a better trial not good enough, a worker in trouble.
pub fn status() -> Status {
    let live = revision(3, 411, 1.3, "good");
    let before = revision(2, 300, 1.25, "good");
    let failed = revision(1, 200, 2.0, "bad: the trader kept ending: signal 11");
    let trouble = ProcessView {
        phase: "cooldown".into(),
        next: "one more try at 2026-03-01T12:04:00.000Z".into(),
        pid: None,
        failures: 3,
        last_exit: Some("exit code 1".into()),
        ..process("worker-2", "worker", "cooldown")
    };
    Status {
        at: noon(),
        sequence: Sequence(0),
        runner_since: minutes_before_noon(125),
        shutting_down: false,
        study: StudyView {
            state: "following".into(),
            name: Some("momentum".into()),
            database: "/data/optuna.db".into(),
            direction: Some(Direction::Maximize),
            counts: CountsView { running: 1, complete: 410, pruned: 2, failed: 1, waiting: 0 },
            best: trials().into_iter().nth(3),
            best_deployable: trials().into_iter().nth(1),
            finished_last_hour: 9,
            last_finished: None,
            zombies: vec![TrialNumber(409)],
        },
        deployment: DeploymentView {
            mode: "automatic".into(),
            phase: "live".into(),
            generation: Generation(7),
            live: Some(live.clone()),
            next: None,
            deadline: None,
            rollback_target: Some(before.clone()),
            declined: Some("its gain over the live model is 0.01, at least 0.013 is needed".into()),
            halted: None,
            holds: vec![HoldView {
                number: TrialNumber(200),
                trial_id: TrialId(201),
                reason: "it crashed".into(),
            }],
            revisions: vec![live, before, failed],
        },
        processes: vec![
            ProcessView { revision: Some(RevisionId(3)), ..process("trader", "trader", "ready") },
            process("worker-1", "worker", "ready"),
            trouble,
        ],
        machine: None,
        alerts: vec![AlertView {
            key: "process/worker-2/cooling".into(),
            since: minutes_before_noon(30),
            text: "worker-2 keeps ending".into(),
            remedy: "look at `cappuccino logs worker-2`".into(),
            state: "firing".into(),
            ..AlertView::default()
        }],
        alerts_aside: vec![],
        silences: vec![],
        pnl: None,
    }
}

/// One note of every kind, telling one story.
pub fn every_note() -> Vec<Note> {
    use cappuccino_core::words::{
        Candidate, Cause, Command, Decline, DeploymentId, ExitStatus, Failure, Fault, Mode,
        RequestId, Stage, Standing, StudyIdentity,
    };
    let study = StudyIdentity {
        name: "momentum".into(),
        study_id: 1,
        directions: vec![Direction::Maximize],
        anchor: None,
    };
    let candidate = |number: i64, value| Candidate {
        study: study.clone(),
        trial_id: TrialId(number + 1),
        number: TrialNumber(number),
        value,
        direction: Direction::Maximize,
    };
    let name = |name| ProcessName::new(name).unwrap();
    let (first, second) = (DeploymentId(1), DeploymentId(2));
    let (one, two) = (RevisionId(1), RevisionId(3));
    let failed = Failure::CrashLoop("signal 11".into());
    let rollback = Cause::AutomaticRollback("the trader kept ending".into());
    vec![
        Note::RunnerStarted,
        Note::StudyFollowed(study.clone()),
        Note::ProcessStarted(name("worker-1"), Generation(1), 4242),
        Note::ProcessAdopted(name("worker-2"), Generation(1), 4243),
        Note::DeploymentBegan(first, one, candidate(200, 2.0), Cause::Automatic),
        Note::DeploymentReached(first, one, Stage::Settling),
        Note::WentLive(first, one, None, Cause::Automatic),
        Note::RevisionJudged(one, TrialNumber(200), Standing::Bad(failed)),
        Note::DeploymentBegan(second, two, candidate(411, 1.3), rollback.clone()),
        Note::WentLive(second, two, Some(one), rollback),
        Note::TrialHeld(TrialId(201), TrialNumber(200), "it crashed".into()),
        Note::CandidateDeclined(
            candidate(412, 1.31),
            Decline::NotBetter { gain: 0.01, needed: 0.013 },
        ),
        Note::ProcessExited(name("worker-2"), Generation(1), ExitStatus::Code(1), false),
        Note::ProcessExited(name("worker-1"), Generation(1), ExitStatus::Signal(15), true),
        Note::LaunchFailed(name("worker-2"), Generation(2), "no such program: python".into()),
        Note::ProcessCooling(name("worker-2"), Span::minutes(5)),
        Note::ProcessHealthy(name("worker-1"), Generation(2)),
        Note::ProcessReady(name("worker-1"), Generation(3)),
        Note::ProcessCondemned(name("worker-2"), Generation(3), Fault::Memory, "3 of 2 GiB".into()),
        Note::WorkersPaused(Span::minutes(5)),
        Note::AlertRaised(
            "process/worker-2/cooling".into(),
            "worker-2 keeps ending".into(),
            "look at its log".into(),
        ),
        Note::AlertCleared("process/worker-2/cooling".into()),
        Note::Asked(
            RequestId("r1".into()),
            "ada".into(),
            Command::Rollback { to: None, hold: true, reason: "it trades \u{1b}[2Jbadly".into() },
        ),
        Note::ModeChanged(Mode::Paused("holidays".into())),
        Note::TrialReleased(TrialId(201), TrialNumber(200)),
        Note::Halted("three models failed in a row".into()),
        Note::StudyUnavailable("the file is gone".into()),
        Note::StudyReplaced(study),
        Note::RunnerStopping,
    ]
}
