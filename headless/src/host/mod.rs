//! Starting, watching and stopping processes through one shim each. No policy: the machine
//! `process` decides, this acts and tells.
//!
//! The invariant: a slot's lock is held exactly while somebody of that slot lives. The runner
//! takes it, hands it to the shim as an inherited descriptor and closes its own copy; so a start
//! that would double a life fails, whoever was killed when.
//!
//! Whatever has to be waited for is awaited on a thread of its own: the caller is never kept.

mod bell;
pub mod failpoint;
pub mod identity;
pub(crate) mod kernel;
mod leftovers;
mod log;
mod place;
mod ready;
pub mod record;
mod slot;
mod thread;
mod wake;
mod watch;

pub use log::{CappedLog, cap_log, first_byte};
pub(crate) use place::network_file_system;
pub use slot::Slot;
pub(crate) use wake::is_readable;

use crate::service;
use crate::shim::{self, ShimOrder};
use cappuccino_core::words::{
    BootId, Generation, Probe, ProcessName, ProcessReport, RunIdentity, Span,
};
use failpoint::{Step, reach};
use identity::Handle;
use leftovers::{GENERATION_VARIABLE, SLOT_VARIABLE};
use record::{ExitRecord, RecordError, RunRecord, SlotFiles};
use rustix::fs::MemfdFlags;
use rustix::pipe::{PipeFlags, pipe_with};
use slot::Life;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;
use thread::WatcherThread;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use watch::{Launched, Task, Watcher};

/// Least number of the descriptor through which processes hold their slot's lock: scripts use the
/// small ones for their own ends.
const LOCK_NUMBER_MIN: i32 = 100;

/// Where reports go.
pub type Reports = UnboundedSender<(ProcessName, ProcessReport)>;

/// What a host needs to know.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Locks and records.
    pub run_dir: PathBuf,
    /// The program that is called as a shim: this one.
    pub shim_program: PathBuf,
    /// The present boot.
    pub boot: BootId,
}

/// What to start.
#[derive(Clone, Debug)]
pub struct LaunchSpec {
    /// In which slot.
    pub name: ProcessName,
    /// Which life.
    pub generation: Generation,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Working folder.
    pub directory: PathBuf,
    /// Variables on top of the runner's.
    pub environment: Vec<(String, String)>,
    /// Where output goes, appended.
    pub log_file: PathBuf,
    /// Signal that asks it to end.
    pub stop_signal: i32,
    /// Time from that signal to SIGKILL.
    pub stop_grace: Span,
}

/// The process host of one workspace.
pub struct Host {
    config: HostConfig,
    reports: Reports,
    watched: BTreeMap<ProcessName, Watched>,
    /// Lives that were asked to end: asking again means force.
    asked: BTreeMap<ProcessName, Generation>,
    thread: WatcherThread,
}

/// The watcher of a slot.
struct Watched {
    tasks: UnboundedSender<Task>,
    /// The life that it was told to watch last.
    life: Option<Generation>,
}

/// Why the host cannot answer or act.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The system refuses.
    #[error("{what}: {source}")]
    System {
        /// What was being done.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// Locks and records cannot be trusted there.
    #[error(
        "{path} is on the network file system {kind}, where locks and process records cannot be trusted; \
         keep the workspace on a local disk"
    )]
    NotLocal {
        /// The run folder.
        path: PathBuf,
        /// Which one.
        kind: String,
    },
    /// A record cannot be used.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Somebody else is meant than whoever holds the slot.
    #[error("{name} is not the process {pid} that was to end; look again")]
    NotThatOne {
        /// The slot.
        name: ProcessName,
        /// Who was meant.
        pid: u32,
    },
}

/// Why a life did not begin.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Somebody lives in the slot.
    #[error("the slot of {name} is taken by a living process")]
    SlotTaken {
        /// The slot.
        name: ProcessName,
    },
    /// The shim could not be started.
    #[error("{what}: {source}; check the rights of the workspace and the limits of the system")]
    Failed {
        /// What was being done.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
}

impl Host {
    /// A host that tells `reports` what happens.
    ///
    /// # Errors
    /// The folder of locks and records cannot be made or is on a network file system.
    pub fn new(config: HostConfig, reports: Reports) -> Result<Self, HostError> {
        let system = |what: &str| {
            let what = format!("{what} {}", config.run_dir.display());
            move |source| HostError::System { what, source }
        };
        std::fs::create_dir_all(&config.run_dir).map_err(system("cannot make"))?;
        let kind = network_file_system(&config.run_dir).map_err(system("cannot look at"))?;
        if let Some(kind) = kind {
            return Err(HostError::NotLocal { path: config.run_dir, kind });
        }
        let thread = WatcherThread::start().map_err(system("no thread to watch"))?;
        let (watched, asked) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { config, reports, watched, asked, thread })
    }

    /// Keeps these logs within their caps as long as the host is there.
    pub fn keep_logs(&self, logs: Vec<CappedLog>) {
        self.thread.spawn(log::keep(logs));
    }

    /// Starts a life. Whether it really runs comes as a report: `Started`, `LaunchFailed`.
    ///
    /// # Errors
    /// [`LaunchError`]: nothing was started.
    pub fn launch(&mut self, spec: &LaunchSpec) -> Result<(), LaunchError> {
        let name = spec.name.clone();
        let failed = |what: &str| {
            let what = format!("{what} for {}", spec.name);
            move |source| LaunchError::Failed { what, source }
        };
        let slot = self.slot(&name);
        reach(Step::Asked);
        let lock = slot
            .take()
            .map_err(failed("taking the slot's lock"))?
            .ok_or_else(|| LaunchError::SlotTaken { name: name.clone() })?;
        match slot.occupant() {
            Ok(None) => {}
            Err(RecordError::Io { source, .. }) => {
                return Err(failed("reading the slot's record")(source));
            }
            // Whoever it is that this program cannot read of: nobody is doubled.
            Ok(Some(_)) | Err(RecordError::Malformed { .. } | RecordError::Newer { .. }) => {
                return Err(LaunchError::SlotTaken { name });
            }
        }
        reach(Step::Locked);
        let shim = self.start_shim(spec, &slot, &lock.0).map_err(failed("starting the shim"))?;
        reach(Step::Forked);
        drop(lock);
        reach(Step::HandedOver);
        self.asked.remove(&name);
        self.watch(&name, slot, Task::Launched(spec.generation, shim));
        Ok(())
    }

    fn start_shim(&self, spec: &LaunchSpec, slot: &Slot, lock: &OwnedFd) -> io::Result<Launched> {
        let lock = rustix::io::fcntl_dupfd_cloexec(lock, LOCK_NUMBER_MIN)?;
        let (verdict, begun) = pipe_with(PipeFlags::CLOEXEC)?;
        let (end, ended) = pipe_with(PipeFlags::CLOEXEC)?;
        let handed = [&lock, &begun, &ended].map(AsRawFd::as_raw_fd);
        let order = self.order(spec, handed);
        let mut command = self.shim_command(spec, slot, &order)?;
        // SAFETY: between fork and exec only async-signal-safe calls are made, on descriptors
        // that are open in the child because they are open here.
        unsafe {
            command.pre_exec(move || {
                rustix::process::setsid()?;
                handed.iter().try_for_each(|descriptor| kernel::pass_on(*descriptor))
            });
        }
        // Nobody has taken note of the shim's end yet, so its pid is its own.
        let shim = Handle::open_if(command.spawn()?.id(), |_| Ok(true)).unwrap_or_else(|error| {
            tracing::warn!("no handle on the shim of {}: {error}", spec.name);
            None
        });
        Ok(Launched { shim, verdict, end })
    }

    /// The shim's call. Its environment, which the process inherits, marks everybody of the slot.
    fn shim_command(
        &self,
        spec: &LaunchSpec,
        slot: &Slot,
        order: &ShimOrder,
    ) -> io::Result<Command> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&spec.log_file)?;
        let mut command = Command::new(&self.config.shim_program);
        for variable in service::VARIABLES {
            command.env_remove(variable);
        }
        command
            .arg0(shim::PROGRAM)
            .arg(shim::WORD)
            .arg(spec.name.as_str())
            .envs(spec.environment.iter().map(|(key, value)| (key, value)))
            .env(GENERATION_VARIABLE, spec.generation.to_string())
            .env(SLOT_VARIABLE, &slot.files.lock)
            .stdin(in_memory(&serde_json::to_vec(order)?)?)
            .stdout(Stdio::null())
            .stderr(log);
        Ok(command)
    }

    fn order(&self, spec: &LaunchSpec, handed: [RawFd; 3]) -> ShimOrder {
        let [lock_fd, verdict_fd, end_fd] = handed;
        ShimOrder {
            name: spec.name.to_string(),
            run_dir: self.config.run_dir.clone(),
            generation: spec.generation,
            boot: format!("{:032x}", self.config.boot.0),
            command: spec.command.clone(),
            directory: spec.directory.clone(),
            log_file: spec.log_file.clone(),
            lock_fd,
            verdict_fd,
            end_fd,
            stop_signal: spec.stop_signal,
            stop_grace_milliseconds: u64::try_from(spec.stop_grace.0).unwrap_or(0),
        }
    }

    /// Looks for whoever lives in a slot. Who is found is watched from then on. Nothing when the
    /// answer takes a moment: then it comes as a report, within seconds.
    ///
    /// # Errors
    /// The record cannot be read: nothing is known.
    pub fn probe(&mut self, name: &ProcessName) -> Result<Option<ProcessReport>, HostError> {
        let slot = self.slot(name);
        match slot.occupant() {
            Ok(Some(life)) => self.adopt(name, slot, life).map(Some),
            Ok(None) => {
                self.watch(name, slot, Task::Look);
                Ok(None)
            }
            Err(error @ RecordError::Io { .. }) => Err(error.into()),
            Err(error @ (RecordError::Malformed { .. } | RecordError::Newer { .. })) => {
                Ok(Some(ProcessReport::Probed(Probe::Unidentified(error.to_string()))))
            }
        }
    }

    fn adopt(
        &mut self,
        name: &ProcessName,
        slot: Slot,
        life: Life,
    ) -> Result<ProcessReport, HostError> {
        let identity = life
            .record
            .identity()
            .map_err(|why| RecordError::Malformed { path: slot.files.run.clone(), why })?;
        let generation = life.record.generation;
        let watched = self.watched.get(name).and_then(|watched| watched.life);
        if watched != Some(generation) {
            self.watch(name, slot, Task::Adopted(life));
        }
        Ok(ProcessReport::Probed(Probe::Held(generation, identity)))
    }

    /// Gives the slot's watcher something to do after what it does now.
    fn watch(&mut self, name: &ProcessName, slot: Slot, task: Task) {
        let (reports, thread) = (&self.reports, &self.thread);
        let watched = self.watched.entry(name.clone()).or_insert_with(|| {
            let (tasks, given) = unbounded_channel();
            let (name, reports) = (name.clone(), reports.clone());
            thread.spawn(Watcher { name, slot, reports, told: None }.work(given));
            Watched { tasks, life: None }
        });
        watched.life = match &task {
            Task::Launched(generation, ..) => Some(*generation),
            Task::Adopted(life) => Some(life.record.generation),
            Task::Look => watched.life,
        };
        if watched.tasks.send(task).is_err() {
            tracing::error!("nobody watches {name} any more: the watcher had a defect");
        }
    }

    /// Asks a life to end: the polite signal, SIGKILL after the grace, the whole tree. That it
    /// ended comes as a report. Asking the same life again is meant as force.
    ///
    /// # Errors
    /// Somebody else lives in the slot, or the system refuses: nothing was signalled.
    pub fn stop(
        &mut self,
        name: &ProcessName,
        identity: &RunIdentity,
        signal: i32,
        grace: Span,
    ) -> Result<(), HostError> {
        let slot = self.slot(name);
        let system = |source| HostError::System { what: format!("ending {name}"), source };
        let another = || HostError::NotThatOne { name: name.clone(), pid: identity.pid };
        let life = slot.occupant()?.ok_or_else(another)?;
        if life.record.identity().as_ref() != Ok(identity) {
            return Err(another());
        }
        // Asked again, the shim is past its grace already: what is left to do is to end the
        // process itself. The shim stays, to sweep and to record.
        let generation = life.record.generation;
        let again = self.asked.insert(name.clone(), generation) == Some(generation);
        if let Some(program) = life.program.as_ref().filter(|_| again)
            && program.signal(libc::SIGKILL).map_err(system)?
        {
            return Ok(());
        }
        if life.ask_to_end().map_err(system)? {
            return Ok(());
        }
        let program = life.program.ok_or_else(another)?;
        if !program.signal_group(signal).map_err(system)? {
            return Err(another());
        }
        let grace = Duration::from_millis(u64::try_from(grace.0).unwrap_or(0));
        let name = name.clone();
        // Who watches the life ends the rest of its tree.
        self.thread.spawn(async move {
            if tokio::time::timeout(grace, program.ended()).await.is_err()
                && let Err(error) = program.signal(libc::SIGKILL)
            {
                tracing::warn!("{name} cannot be killed: {error}");
            }
        });
        Ok(())
    }

    /// A life to be watched until it is ready.
    pub(crate) fn newcomer(
        &self,
        name: &ProcessName,
        generation: Generation,
        log: PathBuf,
    ) -> ready::Newcomer {
        ready::Newcomer { files: self.slot(name).files, generation, log }
    }

    /// The newest life of a slot that left a record; 0 when none did. A record that cannot be read
    /// is told when somebody looks for that process.
    pub fn newest_life(&self, name: &ProcessName) -> Generation {
        let files = self.slot(name).files;
        let ran = record::read::<RunRecord>(&files.run).ok().flatten();
        let ended = record::read::<ExitRecord>(&files.exit).ok().flatten();
        let ran = ran.map(|record| record.generation);
        ran.max(ended.map(|record| record.generation)).unwrap_or_default()
    }

    fn slot(&self, name: &ProcessName) -> Slot {
        let files = SlotFiles::new(&self.config.run_dir, name.as_str());
        Slot { files, boot: self.config.boot }
    }
}

/// A file without a name that holds `text`, to be read from its beginning.
fn in_memory(text: &[u8]) -> io::Result<File> {
    let mut file = File::from(rustix::fs::memfd_create("order", MemfdFlags::CLOEXEC)?);
    file.write_all(text)?;
    file.rewind()?;
    Ok(file)
}
