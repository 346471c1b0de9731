//! The eyes on trials that nobody works on any more. Reading only: the study is its workers' own,
//! and the remedy is a command for the person.

mod claims;

use crate::clock::Clock;
use crate::observe::study::catalog::Catalog;
use cappuccino_core::api::Status;
use cappuccino_core::rules::zombies::{RunningTrial, Usual, zombies};
use cappuccino_core::words::study::Summary;
use cappuccino_core::words::{Moment, Observation, Span, TrialNumber, TrialState};
use claims::Claims;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, mpsc};
use std::time::Duration;
use tokio::sync::{mpsc as reports, watch};

/// Looks at the study between two looks for zombies.
const EVERY_POLLS: i64 = 15;
/// Finished trials that say how long a trial takes, and how many there must be.
const FINISHED: (usize, usize) = (1000, 20);
/// Running trials that are looked at, the newest.
const RUNNING_MAX: usize = 500;

/// The zombies found last; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Zombies(Arc<Mutex<Vec<TrialNumber>>>);

impl Zombies {
    /// Their numbers, in order.
    pub fn numbers(&self) -> Vec<TrialNumber> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, found: Vec<TrialNumber>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }
}

/// Where the study is, and how it is looked at.
#[derive(Clone, Debug)]
pub struct ZombieSource {
    /// Its database.
    pub database: PathBuf,
    /// Time between two looks at the study.
    pub poll: Span,
    /// Time between two heartbeats of a trial.
    pub heartbeat_interval: Span,
}

/// The running thread; it ends when this is dropped.
pub struct ZombieWatcher {
    found: Zombies,
    _stop: mpsc::Sender<()>,
}

impl ZombieWatcher {
    /// Starts looking.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        source: ZombieSource,
        catalog: Arc<RwLock<Catalog>>,
        status: watch::Receiver<Arc<Status>>,
        observed: reports::Sender<Observation>,
        clock: Clock,
    ) -> std::io::Result<Self> {
        let found = Zombies::default();
        let (stop, stopped) = mpsc::channel::<()>();
        let pause = source.poll.times(EVERY_POLLS).0;
        let pause = Duration::from_millis(u64::try_from(pause).unwrap_or(1000).max(1000));
        let shown = found.clone();
        let mut eye = Eye { source, catalog, status, seen: BTreeMap::new(), told: Vec::new() };
        std::thread::Builder::new().name("zombies".to_owned()).spawn(move || {
            while let Err(mpsc::RecvTimeoutError::Timeout) = stopped.recv_timeout(pause) {
                let Some(found) = eye.look(clock.now()) else { continue };
                shown.put(found.clone());
                let remedy = eye.remedy(&found);
                if observed.blocking_send(Observation::Zombies(found, remedy)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { found, _stop: stop })
    }

    /// What was found last.
    pub const fn found(&self) -> &Zombies {
        &self.found
    }
}

struct Eye {
    source: ZombieSource,
    catalog: Arc<RwLock<Catalog>>,
    status: watch::Receiver<Arc<Status>>,
    /// When each running trial was first seen to be; its number may be another's in a new study.
    seen: BTreeMap<(i64, TrialNumber), Moment>,
    told: Vec<TrialNumber>,
}

impl Eye {
    /// Looks; the zombies when they are others than those told last.
    fn look(&mut self, now: Moment) -> Option<Vec<TrialNumber>> {
        let (running, duration_p99) = self.running();
        let key = |trial: &Summary| (trial.trial_id.0, trial.number);
        let keys: Vec<_> = running.iter().map(key).collect();
        self.seen.retain(|known, _| keys.contains(known));
        let claims = match Claims::read(&self.source.database, &running, now) {
            Ok(claims) => claims,
            Err(error) => {
                tracing::debug!("running trials cannot be looked at now: {error}");
                return None;
            }
        };
        let trials: Vec<RunningTrial> = running
            .iter()
            .map(|trial| {
                let since = *self.seen.entry(key(trial)).or_insert(now);
                RunningTrial {
                    number: trial.number,
                    seen_for: now.since(since),
                    worker_ended: claims.worker_ended(trial, since),
                    heartbeat_age: claims.heartbeat_age(trial),
                }
            })
            .collect();
        let heartbeat_interval = self.source.heartbeat_interval;
        let usual = Usual { heartbeat_interval, duration_p99, workers: self.workers() };
        let found = zombies(&trials, &usual);
        if found == self.told {
            return None;
        }
        self.told.clone_from(&found);
        Some(found)
    }

    /// The running trials, and how long a trial takes at most, but for one in a hundred.
    fn running(&self) -> (Vec<Summary>, Option<Span>) {
        let catalog = self.catalog.read().unwrap_or_else(PoisonError::into_inner);
        if catalog.counts().running == 0 {
            return (Vec::new(), None);
        }
        let of_state = |state| catalog.all().filter(move |trial| trial.state == state);
        let running: Vec<Summary> = of_state(TrialState::Running).collect();
        let surplus = running.len().saturating_sub(RUNNING_MAX);
        let running = running.into_iter().skip(surplus).collect();
        let (most, least) = FINISHED;
        let complete = catalog.newest(most);
        let mut durations: Vec<Span> = complete
            .iter()
            .filter(|trial| trial.state == TrialState::Complete)
            .filter_map(|trial| Some(trial.completed?.since(trial.started?)))
            .collect();
        durations.sort_unstable();
        let place = durations.len().saturating_mul(99) / 100;
        let p99 = durations.get(place).copied().filter(|_| durations.len() >= least);
        (running, p99)
    }

    /// Workers that live now.
    fn workers(&self) -> usize {
        let status = self.status.borrow();
        let lives = status.processes.iter().filter(|one| one.role == "worker" && one.pid.is_some());
        lives.count()
    }

    /// The command that tells the study what happened.
    fn remedy(&self, found: &[TrialNumber]) -> String {
        let name = self.status.borrow().study.name.clone().unwrap_or_default();
        let numbers: Vec<String> = found.iter().map(ToString::to_string).collect();
        format!(
            "if no worker of another machine has them: python -c \"import optuna; \
             study = optuna.load_study(study_name={}, storage={}); \
             [study.tell(number, state=optuna.trial.TrialState.FAIL, skip_if_finished=True) \
             for number in [{}]]\"",
            quoted(&name),
            quoted(&format!("sqlite:///{}", self.source.database.display())),
            numbers.join(", ")
        )
    }
}

/// A text as Python reads it, within a shell's double quotes.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => quoted.extend(['\\', '\\', c]),
            '"' | '$' | '`' => quoted.extend(['\\', c]),
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}
