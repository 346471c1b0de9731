//! Waiting for a life to introduce itself and to end, by handles that the kernel wakes: nothing is
//! polled while it runs.

use super::identity::{handle, start_ticks};
use super::record::{self, Ending, ExitRecord, RunRecord};
use super::{Reports, Slot};
use cappuccino_core::words::{ExitStatus, Generation, ProcessName, ProcessReport};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::io;
use std::process::Child;
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// Pause between two looks for a record that is being written.
const RECORD_PAUSE: Duration = Duration::from_millis(1);
/// Pause between two tries to find a slot vacant whose last life is dying.
const VACANT_PAUSE: Duration = Duration::from_millis(5);
/// Pause between two looks at a process on which the system gives no handle.
const BLIND_PAUSE: Duration = Duration::from_secs(1);
/// Tries before what is left of a life is killed.
const VACANT_TRIES: u32 = 20;

/// Watches one life.
pub(super) struct Watch {
    name: ProcessName,
    slot: Slot,
    reports: Reports,
}

impl Watch {
    pub(super) const fn new(name: ProcessName, slot: Slot, reports: Reports) -> Self {
        Self { name, slot, reports }
    }

    /// Watches a life that this runner has just started.
    pub(super) async fn launched(self, mut shim: Child, generation: Generation) {
        match own_child(&shim) {
            Ok(gone) => {
                tokio::select! {
                    biased;
                    () = self.introduced(generation) => {}
                    // It may have introduced itself between the last look and its end.
                    () = ended(&gone) => { self.introduce(generation); }
                }
                ended(&gone).await;
            }
            Err(error) => {
                self.blind(&error);
                while matches!(shim.try_wait(), Ok(None)) {
                    self.introduce(generation);
                    tokio::time::sleep(BLIND_PAUSE).await;
                }
            }
        }
        if let Err(error) = shim.wait() {
            tracing::warn!("the shim of {} cannot be reaped: {error}", self.name);
        }
        self.conclude(generation).await;
    }

    /// Watches a life that an earlier runner started.
    pub(super) async fn adopted(self, record: RunRecord) {
        match handle(record.shim_pid, record.shim_start_ticks).and_then(watchable) {
            Ok(Some(shim)) => ended(&shim).await,
            Ok(None) => {}
            Err(error) => {
                self.blind(&error);
                gone_by_looking(record.shim_pid, record.shim_start_ticks).await;
            }
        }
        self.conclude(record.generation).await;
    }

    /// Waits until the life has said who it is, and tells.
    async fn introduced(&self, generation: Generation) {
        while !self.introduce(generation) {
            tokio::time::sleep(RECORD_PAUSE).await;
        }
    }

    /// Tells who the life is, if it has said so; whether it has.
    fn introduce(&self, generation: Generation) -> bool {
        let record = match record::read::<RunRecord>(&self.slot.files.run) {
            Ok(Some(record)) if record.generation == generation => record,
            Ok(_) => return false,
            Err(error) => {
                tracing::warn!("{}: {error}", self.name);
                return false;
            }
        };
        match record.identity() {
            Ok(identity) => self.tell(ProcessReport::Started(generation, identity)),
            Err(why) => tracing::warn!("{}: {why}", self.name),
        }
        true
    }

    /// The shim is gone: tells how the life ended, once nobody of it lives any more.
    async fn conclude(&self, generation: Generation) {
        let report = match record::read::<ExitRecord>(&self.slot.files.exit) {
            Ok(Some(record)) if record.generation == generation => match record.ending {
                Ending::Ended(status) => ProcessReport::Exited(generation, status),
                Ending::NotStarted(why) => ProcessReport::LaunchFailed(generation, why),
            },
            Ok(_) => {
                self.outlive(generation).await;
                ProcessReport::Exited(generation, ExitStatus::Unknown)
            }
            Err(error) => {
                tracing::warn!("{}: {error}", self.name);
                ProcessReport::Exited(generation, ExitStatus::Unknown)
            }
        };
        self.vacated().await;
        self.tell(report);
    }

    /// The shim was killed: waits for the process that it left alone.
    async fn outlive(&self, generation: Generation) {
        let record = match record::read::<RunRecord>(&self.slot.files.run) {
            Ok(record) => record.filter(|record| record.generation == generation),
            Err(error) => return self.blind(&error),
        };
        let Some(record) = record else { return };
        match handle(record.pid, record.start_ticks).and_then(watchable) {
            Ok(Some(process)) => ended(&process).await,
            Ok(None) => {}
            Err(error) => {
                self.blind(&error);
                gone_by_looking(record.pid, record.start_ticks).await;
            }
        }
    }

    /// Waits until the slot's lock can be taken; kills what keeps it after a while. However long
    /// it takes: an end is told only when nobody of that life can be left.
    async fn vacated(&self) {
        let mut tries: u32 = 0;
        loop {
            match self.slot.take() {
                Ok(Some(lock)) => {
                    drop(lock);
                    // Who closed the lock's descriptor is not held by it, but bears the mark.
                    match self.slot.sweep_leftovers() {
                        Ok(0) => return,
                        Ok(swept) => tracing::info!("ended {swept} left behind by {}", self.name),
                        Err(error) => self.blind(&error),
                    }
                }
                Ok(None) => {}
                Err(error) => self.blind(&error),
            }
            tries = tries.saturating_add(1);
            if tries >= VACANT_TRIES
                && let Err(error) = self.slot.kill_holders()
            {
                tracing::warn!("what {} left behind cannot be ended: {error}", self.name);
            }
            tokio::time::sleep(VACANT_PAUSE * tries.min(100)).await;
        }
    }

    fn tell(&self, report: ProcessReport) {
        if self.reports.send((self.name.clone(), report)).is_err() {
            tracing::debug!("the loop ended before a report of {}", self.name);
        }
    }

    /// Says in the log what cannot be seen.
    fn blind(&self, error: &dyn std::fmt::Display) {
        tracing::warn!("{} cannot be watched: {error}", self.name);
    }
}

/// A handle on our own child; its pid cannot be reused before it is reaped here.
fn own_child(child: &Child) -> io::Result<AsyncFd<OwnedFd>> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("a pid out of range"))?;
    register(pidfd_open(pid, PidfdFlags::NONBLOCK)?)
}

fn watchable(handle: Option<OwnedFd>) -> io::Result<Option<AsyncFd<OwnedFd>>> {
    handle.map(register).transpose()
}

fn register(handle: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the descriptor is owned by the returned value and stays open as long as it.
    Ok(unsafe { AsyncFd::register(handle) }?)
}

/// Completes when the process has ended, without a handle on it: for when the system gives none.
async fn gone_by_looking(pid: u32, started: u64) {
    while matches!(start_ticks(pid), Ok(Some(ticks)) if ticks == started) {
        tokio::time::sleep(BLIND_PAUSE).await;
    }
}

/// Completes when the process has ended.
async fn ended(process: &AsyncFd<OwnedFd>) {
    if let Err(error) = process.readable().await {
        tracing::warn!("a process handle failed: {error}");
    }
}
