//! The eyes on living processes: a thread that looks at their signs of life and their memory, as
//! often as the shortest limit needs, and tells when what they mean changes. Without limits there
//! is no thread.

mod excuse;
mod silence;

use crate::config::Config;
use crate::observe::machine::Seen;
use crate::observe::machine::host::HostEye;
use crate::workspace::Workspace;
use cappuccino_core::api::{ProcessView, Status};
use cappuccino_core::rules::wellness::{self, Memory, Pulse};
use cappuccino_core::words::{
    Generation, Observation, ProcessName, ProcessPolicy, ProcessReport, Sign, Signs, Span,
};
use excuse::Excuses;
use silence::Silence;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc as reports, watch};

/// Longest and shortest time between two looks.
const LOOKS: (Span, Span) = (Span::seconds(10), Span::seconds(1));
/// Looks that the shortest limit takes at least.
const LOOKS_PER_LIMIT: i64 = 5;
/// Least part of a core that counts as use of the processor, in thousandths.
const USE_MIN: u64 = 5;
/// Cards that were looked at longer ago say nothing, in milliseconds.
const CARDS_FRESH: i64 = 60_000;

/// What was seen last of each process, in words.
pub type Shown = Arc<Mutex<BTreeMap<ProcessName, Vec<String>>>>;

/// The running thread; it ends when this is dropped.
pub struct SignsWatcher {
    shown: Shown,
    _stop: mpsc::Sender<()>,
}

impl SignsWatcher {
    /// Starts looking; nothing when no process has a limit.
    ///
    /// # Errors
    /// The system gives no thread, or does not let itself be looked at.
    pub fn start(
        workspace: &Workspace,
        config: &Config,
        status: watch::Receiver<Arc<Status>>,
        cards: Option<Seen>,
        observed: reports::Sender<Observation>,
    ) -> std::io::Result<Option<Self>> {
        let watched = watched(workspace, config);
        if watched.is_empty() {
            return Ok(None);
        }
        let host = HostEye::new().map_err(std::io::Error::other)?;
        let shown = Shown::default();
        let pause = pause(&watched);
        let mut eye = Eye {
            watched,
            session: config.session_csv.clone(),
            host,
            excuses: Excuses::new(PathBuf::from("/proc/pressure")),
            cards,
            status,
            lives: BTreeMap::new(),
            shown: shown.clone(),
        };
        let (stop, stopped) = mpsc::channel::<()>();
        std::thread::Builder::new().name("signs".to_owned()).spawn(move || {
            loop {
                for (name, generation, signs) in eye.look() {
                    let report = ProcessReport::Looked(generation, signs);
                    if observed.blocking_send(Observation::Process(name, report)).is_err() {
                        return;
                    }
                }
                match stopped.recv_timeout(pause) {
                    Err(mpsc::RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => return,
                }
            }
        })?;
        Ok(Some(Self { shown, _stop: stop }))
    }

    /// Writes what was seen last into the picture.
    pub fn show(&self, status: &mut Status) {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        for process in &mut status.processes {
            if let Some(signs) = shown.get(&process.name).filter(|_| lives(process)) {
                process.signs.clone_from(signs);
            }
        }
    }
}

/// What is looked at of one process.
struct Watched {
    policy: ProcessPolicy,
    log: PathBuf,
    heartbeat: Option<PathBuf>,
}

/// One life under watch.
struct Life {
    generation: Generation,
    silences: BTreeMap<Sign, Silence>,
    /// Processor time of its tree at the last look, in milliseconds, and when that was.
    cpu: Option<(u64, Instant)>,
    told: Option<(Pulse, Memory)>,
}

struct Eye {
    watched: BTreeMap<ProcessName, Watched>,
    session: Option<crate::config::SessionPath>,
    host: HostEye,
    excuses: Excuses,
    cards: Option<Seen>,
    status: watch::Receiver<Arc<Status>>,
    lives: BTreeMap<ProcessName, Life>,
    shown: Shown,
}

impl Eye {
    /// Looks at every living process; those of which there is something new to tell.
    fn look(&mut self) -> Vec<(ProcessName, Generation, Signs)> {
        let status = Arc::clone(&self.status.borrow());
        let now = Instant::now();
        let excuse = self.excuses.look(now);
        self.host.look();
        let mut news = Vec::new();
        let mut lives_now = BTreeMap::new();
        for process in status.processes.iter().filter(|process| lives(process)) {
            let Some(watched) = self.watched.get(&process.name) else { continue };
            let mut life = self
                .lives
                .remove(&process.name)
                .filter(|life| life.generation == process.generation)
                .unwrap_or_else(|| Life::new(process.generation));
            let signs = Signs {
                silent: self.silences(watched, &mut life, process, now),
                excuse: excuse.clone(),
                memory_bytes: watched
                    .policy
                    .memory_limit_bytes
                    .zip(process.pid)
                    .map(|(limit, pid)| self.host.memory_of(pid, limit / 4 * 3)),
            };
            self.show(process, watched, &signs);
            if life.is_news(&watched.policy, &signs) {
                news.push((process.name.clone(), process.generation, signs));
            }
            lives_now.insert(process.name.clone(), life);
        }
        self.lives = lives_now;
        news
    }

    fn silences(
        &self,
        watched: &Watched,
        life: &mut Life,
        process: &ProcessView,
        now: Instant,
    ) -> BTreeMap<Sign, Span> {
        let mut silent = BTreeMap::new();
        for sign in watched.policy.liveness.limits.keys() {
            let silence = match sign {
                Sign::Heartbeat => watched.heartbeat.as_deref().map(silence::of_file),
                Sign::Log => Some(silence::of_file(&watched.log)),
                Sign::Session => process
                    .revision
                    .zip(self.session.as_ref())
                    .map(|(revision, session)| silence::of_file(&session.of(revision))),
                Sign::Cpu => process.pid.map(|pid| self.cpu(life, pid, now)),
                Sign::Gpu => self.cards_busy().map(|is_busy| {
                    if is_busy { silence::Look::Active } else { silence::Look::Still }
                }),
            };
            if let Some(look) = silence {
                let entry = life.silences.entry(*sign).or_insert_with(|| Silence::new(now));
                silent.insert(*sign, entry.heard(look, now));
            }
        }
        silent
    }

    /// Whether the tree used the processor since the last look.
    fn cpu(&self, life: &mut Life, pid: u32, now: Instant) -> silence::Look {
        let used = self.host.cpu_milliseconds_of(pid);
        let Some((before, at)) = life.cpu.replace((used, now)) else {
            return silence::Look::Active;
        };
        let elapsed = u64::try_from(now.duration_since(at).as_millis()).unwrap_or(u64::MAX);
        // Less than before: part of the tree ended, so it did something.
        let is_still = used >= before && (used - before) * 1000 < elapsed.saturating_mul(USE_MIN);
        if is_still { silence::Look::Still } else { silence::Look::Active }
    }

    /// Whether any card works; nothing when there is none, or none that answers.
    fn cards_busy(&self) -> Option<bool> {
        let seen = self.cards.as_ref()?.latest()?;
        if crate::clock::wall_now().since(seen.at).0 > CARDS_FRESH {
            return None;
        }
        let used: Vec<f64> = seen.gpus.iter().filter_map(|gpu| gpu.utilisation_percent).collect();
        (!used.is_empty()).then(|| used.iter().any(|percent| *percent > 0.0))
    }

    fn show(&self, process: &ProcessView, watched: &Watched, signs: &Signs) {
        let policy = &watched.policy;
        let limits = policy.liveness.limits.iter();
        let mut lines: Vec<String> = limits
            .map(|(sign, limit)| match signs.silent.get(sign) {
                Some(silent) if silent >= limit => {
                    format!("no {sign} for {silent}, at most {limit}")
                }
                Some(silent) => format!("last {sign} {silent} ago, at most {limit}"),
                None => format!("{sign} cannot be seen, at most {limit}"),
            })
            .collect();
        if let Some((limit, used)) = policy.memory_limit_bytes.zip(signs.memory_bytes) {
            let (used, limit) = (wellness::bytes(used), wellness::bytes(limit));
            lines.push(format!("memory {used} of at most {limit}"));
        }
        lines.extend(signs.excuse.as_ref().map(|why| format!("silence proves nothing: {why}")));
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.insert(process.name.clone(), lines);
    }
}

impl Life {
    const fn new(generation: Generation) -> Self {
        Self { generation, silences: BTreeMap::new(), cpu: None, told: None }
    }

    /// Whether the signs mean something else than those told last; what ends a process is told at
    /// every look, because a look can come too early for the machine.
    fn is_news(&mut self, policy: &ProcessPolicy, signs: &Signs) -> bool {
        let pulse = wellness::pulse(&policy.liveness, signs);
        let memory = wellness::memory(policy.memory_limit_bytes, signs.memory_bytes);
        let ends = matches!(pulse, Pulse::Gone(_)) || memory == Memory::Over;
        let meaning = Some((pulse, memory));
        let is_new = meaning != self.told;
        self.told = meaning;
        is_new || ends
    }
}

fn lives(process: &ProcessView) -> bool {
    process.pid.is_some() && matches!(process.phase.as_str(), "running" | "ready")
}

fn watched(workspace: &Workspace, config: &Config) -> BTreeMap<ProcessName, Watched> {
    let has_limit = |policy: &ProcessPolicy| {
        !policy.liveness.limits.is_empty() || policy.memory_limit_bytes.is_some()
    };
    let processes = config.policy.processes.iter().filter(|(_, policy)| has_limit(policy));
    processes
        .map(|(name, policy)| {
            let command = config.commands.get(name);
            let heartbeat = command.and_then(|command| command.shown_by.heartbeat.clone());
            let log = workspace.log_file(name);
            (name.clone(), Watched { policy: policy.clone(), log, heartbeat })
        })
        .collect()
}

fn pause(watched: &BTreeMap<ProcessName, Watched>) -> Duration {
    let limits = watched.values().flat_map(|watched| watched.policy.liveness.limits.values());
    let shortest = limits.min().map_or(LOOKS.0, |limit| Span(limit.0 / LOOKS_PER_LIMIT));
    let pause = shortest.min(LOOKS.0).max(LOOKS.1);
    Duration::from_millis(u64::try_from(pause.0).unwrap_or(1000))
}
