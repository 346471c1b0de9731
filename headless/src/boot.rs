//! From a workspace to a running loop: configuration, state, hands, eyes, window; in that order.

use crate::act::Actor;
use crate::clock::{Clock, ClockError};
use crate::config::{self, Config, ConfigError};
use crate::handover::Successor;
use crate::host::{CappedLog, Host, HostConfig, HostError};
use crate::keeper::{Keeper, KeeperError};
use crate::notify::Notifier;
use crate::notify::hand::Hand;
use crate::observe::listings::{CatalogTrials, KnownTrading};
use crate::observe::machine::{MachineWatcher, Seen as SeenMachine, Sources};
use crate::observe::session::watcher::SessionWatcher;
use crate::observe::signs::SignsWatcher;
use crate::observe::study::integrity::{IntegrityWatcher, Verdict};
use crate::observe::study::thread::{Seen, spawn as spawn_study};
use crate::observe::watcher::{Shared, StudyWatcher};
use crate::observe::zombies::{ZombieSource, ZombieWatcher};
use crate::runner::{Ending, Runner, trading_revision};
use crate::samples::SampleFile;
use crate::serve;
use crate::serve::port::{ASKS_MAX, Ask, Port};
use crate::serve::socket::SocketFile;
use crate::service::manager::ServiceManager;
use crate::upkeep::Upkeep;
use crate::workspace::Workspace;
use cappuccino_core::api::{API_VERSION, CAPABILITIES, Hello, Status, StudyView, status_of};
use cappuccino_core::words::study::ResyncReason;
use cappuccino_core::words::{Observation, ProcessReport, Sequence, StudyReport};
use cappuccino_core::world::World;
use std::sync::Arc;
use tokio::net::UnixListener;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// Observations that may wait for the loop; observers wait when it is full.
const OBSERVATIONS_MAX: usize = 1024;

/// How a runner is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// End as soon as nothing is under way; the processes run on.
    pub once: bool,
    /// Deploy nothing by itself.
    pub no_auto_deploy: bool,
}

/// Why a runner does not come up.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The configuration has a mistake.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The state cannot be opened.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    /// The clocks cannot be read.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// Processes cannot be supervised.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The socket cannot be opened.
    #[error(transparent)]
    Socket(#[from] serve::socket::SocketError),
    /// A folder or the event loop cannot be made.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

/// Runs the loop in the foreground until it is asked to end.
///
/// # Errors
/// [`BootError`], before anything was started or stopped.
pub fn run(workspace: &Workspace, options: RunOptions) -> Result<Ending, BootError> {
    let mut config = config::load(&workspace.config_file())?;
    if options.no_auto_deploy {
        config.policy.deployment.auto_deploy = false;
    }
    make_folders(workspace)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()
        .map_err(|source| BootError::Io { what: "the event loop cannot be made".into(), source })?;
    let ending = runtime.block_on(up(workspace, Arc::new(config), options));
    runtime.shutdown_background();
    ending
}

async fn up(
    workspace: &Workspace,
    config: Arc<Config>,
    options: RunOptions,
) -> Result<Ending, BootError> {
    let clock = Clock::new()?;
    let keeper = Keeper::open(&workspace.state_file(), config.policy.clone(), clock)?;
    // The state file's lock is ours now: whatever else exists belongs to a runner that is gone.
    let (listener, socket) = serve::socket::bind(&workspace.socket_path())?;
    let (observed, observations) = mpsc::channel(OBSERVATIONS_MAX);
    let host = host(workspace, clock, observed.clone())?;
    host.keep_logs(logs(workspace, &config));
    let study = study(&config, clock, observed.clone())?;
    let actor = Actor::new(config.clone(), workspace.clone(), host, observed.clone());
    let samples = SampleFile::open(workspace.metrics_file(), clock.now());
    let measured = samples.readers();
    let upkeep = Upkeep::new(config.clone(), workspace.backups_dir(), samples, clock.now());
    let now = clock.now();
    let world = keeper.engine().world();
    let first = status_of(world, &config.policy, now, StudyView::default(), now.wall, Sequence(0));
    let session_news = Arc::new(Notify::new());
    let sessions = sessions(&config, world, &session_news, clock);
    let known = sessions.as_ref().map(SessionWatcher::sessions).unwrap_or_default();
    let (status, seen) = watch::channel(Arc::new(first));
    let zombies = zombies(&config, &study, &status, &observed, clock);
    let (ask, asks) = mpsc::channel(ASKS_MAX);
    let notifier = notifier(&config, workspace, &keeper, ask.clone(), clock, seen.clone())?;
    tell_of_channels(&notifier, observed.clone());
    let port = Port {
        hello: Arc::new(hello(workspace)),
        status: seen,
        reader: keeper.readers(),
        trials: Arc::new(trials(&config, &study, zombies.as_ref())),
        samples: measured,
        trading: Arc::new(KnownTrading(known, clock)),
        logs: Arc::new(workspace.logs_dir()),
        notifications: notifier.board(),
        asks: ask,
    };
    let _integrity = integrity(&config, workspace, observed.clone());
    let machine = machine(workspace, &config, study.shared(), &port, observed.clone(), clock);
    let cards = machine.as_ref().map(|machine| machine.seen().clone());
    let signs = signs(workspace, &config, status.subscribe(), cards, observed);
    let (end, window) = window(listener, port);
    let runner = Runner {
        keeper,
        actor,
        study,
        sessions,
        session_news,
        upkeep,
        machine,
        zombies,
        signs,
        clock,
        manager: ServiceManager::of_environment(),
        successor: Successor::new(workspace),
        observations,
        asks,
        status,
        since: now.wall,
        once: options.once,
    };
    let deaf = |source| BootError::Io { what: "signals cannot be listened for".into(), source };
    let (ending, keeper) = runner.run().await.map_err(deaf)?;
    let silent = tokio::task::spawn_blocking(|| notifier.stop());
    drop(end);
    go_down(keeper, window, silent, socket).await;
    Ok(ending)
}

/// What clients may list of the study.
fn trials(config: &Config, study: &StudyWatcher, zombies: Option<&ZombieWatcher>) -> CatalogTrials {
    CatalogTrials {
        catalog: study.catalog(),
        database: config.study.database.clone(),
        zombies: zombies.map(|eye| eye.found().clone()).unwrap_or_default(),
    }
}

/// Opens the window to clients, until the other end is dropped.
fn window(listener: UnixListener, port: Port) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (end, ended) = oneshot::channel::<()>();
    let window = tokio::spawn(serve::serve(listener, port, async move {
        // Either way the loop is over.
        drop(ended.await);
    }));
    (end, window)
}

/// Answers under way reach their clients; then the socket goes, and only then the lock that lets
/// the next runner come up and make its own.
async fn go_down(
    keeper: Keeper,
    window: JoinHandle<()>,
    silent: JoinHandle<()>,
    socket: SocketFile,
) {
    if let Err(error) = window.await {
        tracing::warn!("the window did not close well: {error}");
    }
    if let Err(error) = silent.await {
        tracing::warn!("the notifications did not end well: {error}");
    }
    drop(socket);
    if let Err(error) = keeper.close() {
        tracing::warn!("closing the state file: {error}");
    }
}

fn make_folders(workspace: &Workspace) -> Result<(), BootError> {
    let folders = [
        workspace.state_dir(),
        workspace.models_dir(),
        workspace.run_dir(),
        workspace.logs_dir(),
        workspace.backups_dir(),
    ];
    folders.iter().try_for_each(|folder| {
        std::fs::create_dir_all(folder).map_err(|source| BootError::Io {
            what: format!("cannot make {}; check the rights of the workspace", folder.display()),
            source,
        })
    })
}

fn hello(workspace: &Workspace) -> Hello {
    Hello {
        api: API_VERSION,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        workspace: workspace.root().display().to_string(),
        capabilities: CAPABILITIES.map(str::to_owned).to_vec(),
    }
}

fn logs(workspace: &Workspace, config: &Config) -> Vec<CappedLog> {
    let commands = config.commands.iter();
    commands
        .map(|(name, command)| CappedLog {
            path: workspace.log_file(name),
            cap_bytes: command.log_cap_bytes,
        })
        .collect()
}

/// The process host, its reports forwarded into the one channel of the loop.
fn host(
    workspace: &Workspace,
    clock: Clock,
    observed: mpsc::Sender<Observation>,
) -> Result<Host, BootError> {
    // The file that runs now, also after an upgrade has put another in its place.
    let program = "/proc/self/exe".into();
    let (events, mut reports) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some((name, report)) = reports.recv().await {
            let _: &ProcessReport = &report;
            if observed.send(Observation::Process(name, report)).await.is_err() {
                return;
            }
        }
    });
    let config =
        HostConfig { run_dir: workspace.run_dir(), shim_program: program, boot: clock.boot() };
    Ok(Host::new(config, events)?)
}

fn study(
    config: &Config,
    clock: Clock,
    observed: mpsc::Sender<Observation>,
) -> Result<StudyWatcher, BootError> {
    let source = config.study.source();
    let shared = Shared::default();
    let inside = shared.clone();
    let handle = spawn_study(source, config.study.poll, clock, move |seen, catalog| {
        let report = match seen {
            Seen::Changed(delta) => {
                let first = delta.resync == Some(ResyncReason::FirstLoad);
                let arrived = delta.finished;
                inside.report(delta.identity, arrived, first, clock.now(), catalog)
            }
            Seen::Unavailable(why) => StudyReport::Unavailable(why),
        };
        if observed.blocking_send(Observation::Study(report)).is_err() {
            tracing::debug!("the loop ended before the study's observer");
        }
    });
    let handle = handle.map_err(|source| BootError::Io {
        what: "the study's observer cannot be started".into(),
        source,
    })?;
    Ok(StudyWatcher::new(config.study.database.display().to_string(), handle, shared))
}

/// The look at every page of the study's database. Without it everything else still works.
fn integrity(
    config: &Config,
    workspace: &Workspace,
    observed: mpsc::Sender<Observation>,
) -> Option<IntegrityWatcher> {
    let (database, scratch) = (config.study.database.clone(), workspace.study_copy());
    let tell = move |verdict| {
        let outcome = match verdict {
            Verdict::Whole => Ok(()),
            Verdict::Damaged(why) => Err(why),
            Verdict::Unknown(why) => {
                tracing::info!("the study's database was not checked: {why}");
                return;
            }
        };
        if observed.blocking_send(Observation::StudyChecked(outcome)).is_err() {
            tracing::debug!("the loop ended before the study's file was checked");
        }
    };
    let every = config.study.integrity_every;
    IntegrityWatcher::start(database, scratch, every, tell)
        .inspect_err(|error| tracing::error!("the study's file is not checked: {error}"))
        .ok()
}

/// The channels to the user, woken whenever the loop shows a new picture.
fn notifier(
    config: &Config,
    workspace: &Workspace,
    keeper: &Keeper,
    ask: mpsc::Sender<Ask>,
    clock: Clock,
    mut pictures: watch::Receiver<Arc<Status>>,
) -> Result<Notifier, BootError> {
    let readers = keeper.readers();
    let newest = readers.borrow().last_sequence().map_err(|source| KeeperError::Store {
        path: workspace.state_file().display().to_string(),
        source,
    })?;
    let file = workspace.notify_file();
    let hand = Hand::new(ask, pictures.clone(), clock);
    let notifier = Notifier::start(&config.notify, &file, &readers, newest, clock, &hand).map_err(
        |source| BootError::Io {
            what: format!("notifications cannot be kept in {}", file.display()),
            source,
        },
    )?;
    let bell = notifier.bell();
    tokio::spawn(async move {
        while pictures.changed().await.is_ok() {
            bell.turn(pictures.borrow_and_update().sequence);
        }
    });
    Ok(notifier)
}

/// The loop hears how the channels do, at first that they are there.
fn tell_of_channels(notifier: &Notifier, observed: mpsc::Sender<Observation>) {
    let mut health = notifier.board().health();
    tokio::spawn(async move {
        loop {
            let present = health.borrow_and_update().clone();
            let sent = observed.send(Observation::Channels(present)).await;
            if sent.is_err() || health.changed().await.is_err() {
                return;
            }
        }
    });
}

/// The eyes on the trader's sessions, if there is a trader.
fn sessions(
    config: &Config,
    world: &World,
    news: &Arc<Notify>,
    clock: Clock,
) -> Option<SessionWatcher> {
    let path = config.session_csv.clone()?;
    let live = trading_revision(world, &config.policy);
    let earlier = world.deployment.revisions.keys().copied();
    let news = news.clone();
    Some(SessionWatcher::spawn(path, live, earlier, clock, move || news.notify_one()))
}

/// The eyes on trials that nobody works on. Without them everything else still works.
fn zombies(
    config: &Config,
    study: &StudyWatcher,
    status: &watch::Sender<Arc<Status>>,
    observed: &mpsc::Sender<Observation>,
    clock: Clock,
) -> Option<ZombieWatcher> {
    let source = ZombieSource {
        database: config.study.database.clone(),
        poll: config.study.poll,
        heartbeat_interval: config.study.heartbeat_interval,
    };
    let (catalog, observed) = (study.catalog(), observed.clone());
    ZombieWatcher::start(source, catalog, status.subscribe(), observed, clock)
        .inspect_err(|error| tracing::error!("nobody looks for abandoned trials: {error}"))
        .ok()
}

/// The eyes on signs of life and memory. Without them everything else still works.
fn signs(
    workspace: &Workspace,
    config: &Config,
    status: watch::Receiver<Arc<Status>>,
    cards: Option<SeenMachine>,
    observed: mpsc::Sender<Observation>,
) -> Option<SignsWatcher> {
    SignsWatcher::start(workspace, config, status, cards, observed).unwrap_or_else(|error| {
        tracing::error!("nobody looks for signs of life: {error}; restart the runner");
        None
    })
}

/// The eyes on the machine. Without them everything else still works.
fn machine(
    workspace: &Workspace,
    config: &Config,
    study: Shared,
    port: &Port,
    observed: mpsc::Sender<Observation>,
    clock: Clock,
) -> Option<MachineWatcher> {
    let sources = Sources { status: port.status.clone(), study, samples: port.samples.clone() };
    let (database, how) = (config.study.database.clone(), config.machine.clone());
    match MachineWatcher::start(workspace, database, how, sources, observed, clock) {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            tracing::error!("the machine is not watched: {error}; restart the runner");
            None
        }
    }
}
