//! From a workspace to a running loop: configuration, state, hands, eyes, window; in that order.

use crate::act::Actor;
use crate::clock::{Clock, ClockError};
use crate::config::{self, Config, ConfigError};
use crate::host::{Host, HostConfig, HostError};
use crate::keeper::{Keeper, KeeperError};
use crate::notify::Notifier;
use crate::observe::study::chart::chart;
use crate::observe::study::reader::StudySource;
use crate::observe::study::thread::{Seen, spawn as spawn_study};
use crate::observe::watcher::{Shared, StudyWatcher, trial_view};
use crate::runner::{Ending, Runner};
use crate::serve;
use crate::serve::port::{ASKS_MAX, Order, Port, Trials};
use crate::upkeep::Upkeep;
use crate::workspace::Workspace;
use cappuccino_core::api::{
    API_VERSION, Hello, Status, StudyView, TrialChart, TrialView, status_of,
};
use cappuccino_core::store::{OpenFacts, Samples};
use cappuccino_core::words::study::ResyncReason;
use cappuccino_core::words::{Observation, ProcessReport, Sequence, StudyReport, TrialNumber};
use redb::backends::FileBackend;
use std::fs::OpenOptions;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{mpsc, oneshot, watch};

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
    let study = study(&config, clock, observed.clone());
    let actor = Actor::new(config.clone(), workspace.clone(), host, observed);
    let upkeep = Upkeep::new(config.clone(), workspace.clone(), samples(workspace, clock));
    let now = clock.now();
    let world = keeper.engine().world();
    let first = status_of(world, &config.policy, now, StudyView::default(), now.wall, Sequence(0));
    let (status, seen) = watch::channel(Arc::new(first));
    let notifier = notifier(&config, workspace, &keeper, clock, seen.clone())?;
    let (ask, asks) = mpsc::channel(ASKS_MAX);
    let port = Port {
        hello: Arc::new(hello(workspace)),
        status: seen,
        reader: keeper.readers(),
        trials: Arc::new(CatalogTrials(study.catalog())),
        logs: Arc::new(workspace.logs_dir()),
        notifications: notifier.board(),
        asks: ask,
    };
    let (end, ended) = oneshot::channel::<()>();
    let window = tokio::spawn(serve::serve(listener, port, async move {
        // Either way the loop is over.
        drop(ended.await);
    }));
    let once = options.once;
    let since = now.wall;
    let runner =
        Runner { keeper, actor, study, upkeep, clock, observations, asks, status, since, once };
    let (ending, keeper) = runner.run().await.map_err(|source| BootError::Io {
        what: "signals cannot be listened for".into(),
        source,
    })?;
    let silent = tokio::task::spawn_blocking(|| notifier.stop());
    // Answers under way reach their clients; then the socket goes, and only then the lock that
    // lets the next runner come up and make its own.
    drop(end);
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
    Ok(ending)
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
        capabilities: Vec::new(),
    }
}

/// The process host, its reports forwarded into the one channel of the loop.
fn host(
    workspace: &Workspace,
    clock: Clock,
    observed: mpsc::Sender<Observation>,
) -> Result<Host, BootError> {
    let program = std::env::current_exe()
        .map_err(|source| BootError::Io { what: "cannot find this program".into(), source })?;
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

fn study(config: &Config, clock: Clock, observed: mpsc::Sender<Observation>) -> StudyWatcher {
    let source = StudySource {
        database: config.study.database.clone(),
        name: config.study.name.clone(),
        objective: config.study.objective,
    };
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
    StudyWatcher::new(config.study.database.display().to_string(), handle, shared)
}

/// The channels to the user, woken whenever the loop shows a new picture.
fn notifier(
    config: &Config,
    workspace: &Workspace,
    keeper: &Keeper,
    clock: Clock,
    mut pictures: watch::Receiver<Arc<Status>>,
) -> Result<Notifier, BootError> {
    let readers = keeper.readers();
    let newest = readers.borrow().last_sequence().map_err(|source| KeeperError::Store {
        path: workspace.state_file().display().to_string(),
        source,
    })?;
    let file = workspace.notify_file();
    let notifier =
        Notifier::start(&config.notify, &file, &readers, newest, clock).map_err(|source| {
            BootError::Io {
                what: format!("notifications cannot be kept in {}", file.display()),
                source,
            }
        })?;
    let bell = notifier.bell();
    tokio::spawn(async move {
        while pictures.changed().await.is_ok() {
            bell.turn(pictures.borrow_and_update().sequence);
        }
    });
    Ok(notifier)
}

/// The metrics file. It holds nothing that decisions need: a broken one is set aside.
fn samples(workspace: &Workspace, clock: Clock) -> Option<Samples> {
    let path: PathBuf = workspace.metrics_file();
    let facts =
        OpenFacts { now: clock.now().wall, app_version: env!("CARGO_PKG_VERSION").to_owned() };
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| error.to_string())
        .and_then(|file| FileBackend::new(file).map_err(|error| error.to_string()))
        .and_then(|backend| Samples::open(backend, &facts).map_err(|error| error.to_string()));
    match opened {
        Ok(samples) => Some(samples),
        Err(why) => {
            tracing::error!(
                "metrics are not recorded: {}: {why}; move the file away and restart the runner",
                path.display()
            );
            None
        }
    }
}

/// Listings of trials for clients.
struct CatalogTrials(Arc<RwLock<crate::observe::study::catalog::Catalog>>);

impl Trials for CatalogTrials {
    fn list(&self, order: Order, limit: usize) -> Vec<TrialView> {
        let catalog = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let summaries = match order {
            Order::Newest => catalog.newest(limit),
            Order::Best => catalog.best_first(limit),
        };
        summaries.iter().map(trial_view).collect()
    }

    fn find(&self, number: TrialNumber) -> Option<TrialView> {
        let catalog = self.0.read().unwrap_or_else(PoisonError::into_inner);
        catalog.find(number).as_ref().map(trial_view)
    }

    fn chart(&self, dots: usize) -> TrialChart {
        chart(&self.0.read().unwrap_or_else(PoisonError::into_inner), dots)
    }
}
