//! One slot: its lock, who holds it, and signals to exactly those.

use super::identity::{handle, lives, start_ticks};
use super::record::{self, RunRecord, SlotFiles};
use cappuccino_core::words::BootId;
use rustix::fd::OwnedFd;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::process::{Signal, pidfd_send_signal};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

/// How often, and at what pause, a life that has just begun is given time to say who it is.
const INTRODUCTIONS: u32 = 25;
const INTRODUCTION_PAUSE: Duration = Duration::from_millis(2);

/// Variable that marks everybody of a slot, so that a descendant which closed the lock's
/// descriptor is still found.
pub(super) const MARK: &str = "CAPPUCCINO_SLOT";

/// One slot on disk.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Its files.
    pub files: SlotFiles,
}

/// A process that holds a slot's lock.
#[derive(Clone, Copy, Debug)]
struct Holder {
    pid: u32,
    start_ticks: u64,
    is_shim: bool,
}

impl Slot {
    /// Takes the slot's lock: the exclusive right to start a life in it. Nothing when somebody
    /// lives there.
    ///
    /// # Errors
    /// The lock file cannot be made.
    pub fn take(&self) -> io::Result<Option<OwnedFd>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
        let file = open(&self.files.lock, flags, Mode::RUSR | Mode::WUSR)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Who lives in the slot, proven by boot, pid and start time. A life that began this moment is
    /// given time to introduce itself.
    pub(super) fn living(&self, boot: BootId) -> io::Result<Option<RunRecord>> {
        for _ in 0..INTRODUCTIONS {
            if let Some(record) = self.occupant(boot)? {
                return Ok(Some(record));
            }
            std::thread::sleep(INTRODUCTION_PAUSE);
        }
        Ok(None)
    }

    /// Who lives in the slot by its record, whether or not the lock is held: a program may have
    /// closed the descriptor that holds it.
    pub(super) fn occupant(&self, boot: BootId) -> io::Result<Option<RunRecord>> {
        let record = record::read::<RunRecord>(&self.files.run).map_err(io::Error::other)?;
        let here = record.filter(|record| record.identity().is_ok_and(|who| who.boot == boot));
        let Some(record) = here else { return Ok(None) };
        let alive = lives(record.shim_pid, record.shim_start_ticks)?
            || lives(record.pid, record.start_ticks)?;
        Ok(alive.then_some(record))
    }

    /// Kills everybody who holds the slot's lock.
    pub(super) fn kill_holders(&self) -> io::Result<()> {
        for holder in self.holders()? {
            send(holder.pid, holder.start_ticks, libc::SIGKILL)?;
        }
        Ok(())
    }

    /// Kills what a life left behind when both it and its shim are gone; a shim that is just
    /// beginning is left alone. How many there were.
    pub(super) fn sweep_leftovers(&self) -> io::Result<usize> {
        let holders = self.holders()?;
        if holders.iter().any(|holder| holder.is_shim) {
            return Ok(0);
        }
        for holder in &holders {
            send(holder.pid, holder.start_ticks, libc::SIGKILL)?;
        }
        Ok(holders.len())
    }

    /// What [`MARK`] is set to for everybody of this slot.
    pub(super) fn mark(&self) -> &std::path::Path {
        &self.files.lock
    }

    /// Everybody but us who belongs to the slot: who holds its lock by inheritance, or bears its
    /// mark.
    fn holders(&self) -> io::Result<Vec<Holder>> {
        let lock = fs::metadata(&self.files.lock)?;
        let mark = [MARK.as_bytes(), b"=", self.mark().as_os_str().as_bytes()].concat();
        let us = std::process::id();
        let mut holders = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            if pid != us
                && (has_locked(pid, &lock) || is_marked(pid, &mark))
                && let Some(start_ticks) = start_ticks(pid)?
            {
                holders.push(Holder { pid, start_ticks, is_shim: is_shim(pid) });
            }
        }
        Ok(holders)
    }
}

/// Asks the shim of a life to end its tree; whether there is a shim.
pub(super) fn signal_shim(record: &RunRecord) -> io::Result<bool> {
    send(record.shim_pid, record.shim_start_ticks, libc::SIGTERM)
}

/// Signals the process of a life itself; whether it is there.
pub(super) fn signal_process(record: &RunRecord, signal: i32) -> io::Result<bool> {
    send(record.pid, record.start_ticks, signal)
}

/// Signals exactly this process; whether it is there.
fn send(pid: u32, started: u64, signal: i32) -> io::Result<bool> {
    let Some(handle) = handle(pid, started)? else { return Ok(false) };
    // One that ended and waits to be reaped accepts signals and does nothing about them.
    if !lives(pid, started)? {
        return Ok(false);
    }
    let signal = Signal::from_named_raw(signal)
        .ok_or_else(|| io::Error::other(format!("{signal} is no signal")))?;
    match pidfd_send_signal(handle, signal) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether a process holds the lock on this file; having it open is not enough, a backup program
/// does. A process that goes away meanwhile does not.
fn has_locked(pid: u32, file: &fs::Metadata) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors.flatten().any(|descriptor| {
        let same = fs::metadata(descriptor.path())
            .is_ok_and(|open| open.dev() == file.dev() && open.ino() == file.ino());
        let number = descriptor.file_name();
        let info = format!("/proc/{pid}/fdinfo/{}", number.to_string_lossy());
        same && fs::read_to_string(info).is_ok_and(|info| info.contains("FLOCK"))
    })
}

/// Whether a process was started in the slot, by its environment.
fn is_marked(pid: u32, mark: &[u8]) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == mark)
}

fn is_shim(pid: u32) -> bool {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    words.split(|byte| *byte == 0).nth(1) == Some(crate::shim::WORD.as_bytes())
}
