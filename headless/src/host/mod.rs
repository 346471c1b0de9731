//! Starting, watching and stopping processes through one shim each. No policy: the machine
//! `process` decides, this acts and tells.
//!
//! The invariant: a slot's lock is held exactly while somebody of that slot lives. The runner
//! takes it, hands it to the shim as an inherited descriptor and closes its own copy; so a start
//! that would double a life fails, whoever was killed when.

pub mod identity;
mod log;
pub mod record;
mod slot;
mod watch;

pub use log::cap_log;
pub use slot::Slot;

use crate::shim::{self, ShimOrder};
use cappuccino_core::words::{
    BootId, ExitStatus, Generation, Probe, ProcessName, ProcessReport, RunIdentity, Span,
};
use record::{Ending, ExitRecord, RecordError, RunRecord, SlotFiles};
use rustix::fd::{AsRawFd, OwnedFd};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;
use watch::Watch;

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
    watched: BTreeMap<ProcessName, (Generation, AbortHandle)>,
    /// Lives that were asked to end: asking again means force.
    asked: BTreeMap<ProcessName, Generation>,
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
    /// A host that tells `reports` what happens. Must be used within a runtime.
    ///
    /// # Errors
    /// The folder of locks and records cannot be made.
    pub fn new(config: HostConfig, reports: Reports) -> Result<Self, HostError> {
        std::fs::create_dir_all(&config.run_dir).map_err(|source| HostError::System {
            what: format!("cannot make {}", config.run_dir.display()),
            source,
        })?;
        Ok(Self { config, reports, watched: BTreeMap::new(), asked: BTreeMap::new() })
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
        let lock = slot
            .take()
            .map_err(failed("taking the slot's lock"))?
            .ok_or_else(|| LaunchError::SlotTaken { name: name.clone() })?;
        if slot.occupant(self.config.boot).map_err(failed("reading the slot's record"))?.is_some() {
            return Err(LaunchError::SlotTaken { name });
        }
        let order = self.order(spec, &lock);
        let mut command = self.shim_command(spec, &slot).map_err(failed("opening the log"))?;
        let raw = lock.as_raw_fd();
        // SAFETY: between fork and exec only async-signal-safe calls are made, on a descriptor
        // that is open in the child because it is open here.
        unsafe {
            command.pre_exec(move || {
                let lock = rustix::fd::BorrowedFd::borrow_raw(raw);
                rustix::io::fcntl_setfd(lock, rustix::io::FdFlags::empty())?;
                rustix::process::setsid()?;
                Ok(())
            });
        }
        let mut child = command.spawn().map_err(failed("starting the shim"))?;
        drop(lock);
        tell(&mut child, &order).map_err(failed("telling the shim"))?;
        self.asked.remove(&name);
        let watch = Watch::new(name, slot, self.reports.clone());
        let task = tokio::spawn(watch.launched(child, spec.generation));
        self.watched.insert(spec.name.clone(), (spec.generation, task.abort_handle()));
        Ok(())
    }

    /// The shim's call. Its environment, which the process inherits, marks everybody of the slot.
    fn shim_command(&self, spec: &LaunchSpec, slot: &Slot) -> io::Result<Command> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&spec.log_file)?;
        let mut command = Command::new(&self.config.shim_program);
        command
            .arg(shim::WORD)
            .arg(spec.name.as_str())
            .envs(spec.environment.iter().map(|(key, value)| (key, value)))
            .env("CAPPUCCINO_GENERATION", spec.generation.to_string())
            .env(slot::MARK, slot.mark())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log);
        Ok(command)
    }

    fn order(&self, spec: &LaunchSpec, lock: &OwnedFd) -> ShimOrder {
        ShimOrder {
            name: spec.name.to_string(),
            run_dir: self.config.run_dir.clone(),
            generation: spec.generation,
            boot: format!("{:032x}", self.config.boot.0),
            command: spec.command.clone(),
            directory: spec.directory.clone(),
            log_file: spec.log_file.clone(),
            lock_fd: lock.as_raw_fd(),
            stop_signal: spec.stop_signal,
            stop_grace_milliseconds: u64::try_from(spec.stop_grace.0).unwrap_or(0),
        }
    }

    /// Looks for whoever lives in a slot. Who is found is watched from then on.
    ///
    /// # Errors
    /// The lock or a record cannot be read: nothing is known.
    pub fn probe(&mut self, name: &ProcessName) -> Result<ProcessReport, HostError> {
        let slot = self.slot(name);
        let system = |source| HostError::System { what: format!("looking for {name}"), source };
        if let Some(lock) = slot.take().map_err(system)? {
            drop(lock);
            if let Some(record) = slot.occupant(self.config.boot).map_err(system)? {
                return self.adopt(name, slot, &record);
            }
            if slot.sweep_leftovers().map_err(system)? > 0 {
                let why = format!("processes that {name} left behind were ended; looking again");
                return Ok(ProcessReport::Probed(Probe::Unidentified(why)));
            }
            self.forget(name);
            return Ok(last_life(&slot)?);
        }
        if let Some(record) = slot.living(self.config.boot).map_err(system)? {
            return self.adopt(name, slot, &record);
        }
        let swept = slot.sweep_leftovers().map_err(system)?;
        let why = if swept == 0 {
            format!("somebody holds {}, but has not said who", slot.files.lock.display())
        } else {
            format!("{swept} processes that {name} left behind were ended")
        };
        Ok(ProcessReport::Probed(Probe::Unidentified(why)))
    }

    fn adopt(
        &mut self,
        name: &ProcessName,
        slot: Slot,
        record: &RunRecord,
    ) -> Result<ProcessReport, HostError> {
        let identity = record
            .identity()
            .map_err(|why| RecordError::Malformed { path: slot.files.run.clone(), why })?;
        let generation = record.generation;
        let known = self
            .watched
            .get(name)
            .is_some_and(|(watched, task)| *watched == generation && !task.is_finished());
        if !known {
            self.forget(name);
            let watch = Watch::new(name.clone(), slot, self.reports.clone());
            let task = tokio::spawn(watch.adopted(record.clone()));
            self.watched.insert(name.clone(), (generation, task.abort_handle()));
        }
        Ok(ProcessReport::Probed(Probe::Held(generation, identity)))
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
        let record = record::read::<RunRecord>(&slot.files.run)?;
        let record = record
            .filter(|record| record.identity().as_ref() == Ok(identity))
            .ok_or_else(|| HostError::NotThatOne { name: name.clone(), pid: identity.pid })?;
        // Asked again, the shim is past its grace already: what is left to do is to end the
        // process itself. The shim stays, to sweep and to record.
        let again = self.asked.insert(name.clone(), record.generation) == Some(record.generation);
        if again && slot::signal_process(&record, libc::SIGKILL).map_err(system)? {
            return Ok(());
        }
        if slot::signal_shim(&record).map_err(system)? {
            return Ok(());
        }
        if !slot::signal_process(&record, signal).map_err(system)? {
            return Err(HostError::NotThatOne { name: name.clone(), pid: identity.pid });
        }
        let wait = std::time::Duration::from_millis(u64::try_from(grace.0).unwrap_or(0));
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            if let Err(error) = slot.kill_holders() {
                tracing::warn!("{}: {error}", slot.files.lock.display());
            }
        });
        Ok(())
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
        Slot { files: SlotFiles::new(&self.config.run_dir, name.as_str()) }
    }

    fn forget(&mut self, name: &ProcessName) {
        if let Some((_, task)) = self.watched.remove(name) {
            task.abort();
        }
    }
}

/// How the last life of a vacant slot ended. One that said it ran but left no exit record was
/// killed together with its shim: it did live, and nobody saw the end.
fn last_life(slot: &Slot) -> Result<ProcessReport, RecordError> {
    let ran = record::read::<RunRecord>(&slot.files.run)?.map(|record| record.generation);
    let ended = record::read::<ExitRecord>(&slot.files.exit)?;
    let free = |last| ProcessReport::Probed(Probe::Free(last));
    Ok(match (ran, ended) {
        (Some(ran), Some(ended)) if ran > ended.generation => {
            free(Some((ran, ExitStatus::Unknown)))
        }
        (Some(ran), None) => free(Some((ran, ExitStatus::Unknown))),
        (_, Some(ExitRecord { generation, ending, .. })) => match ending {
            Ending::Ended(status) => free(Some((generation, status))),
            Ending::NotStarted(why) => ProcessReport::Probed(Probe::NotStarted(generation, why)),
        },
        (None, None) => free(None),
    })
}

/// Gives the shim its order and closes its standard input.
fn tell(child: &mut Child, order: &ShimOrder) -> io::Result<()> {
    let text = serde_json::to_vec(order)?;
    let input = child.stdin.take();
    input.map_or(Ok(()), |mut input| input.write_all(&text))
}
