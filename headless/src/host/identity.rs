//! Who a pid is: a pid alone names nobody; with the inode of its process handle, or with its start
//! time, it does.

use super::{kernel, wake};
use cappuccino_core::words::{ExitStatus, Span};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

/// `PID_FS_MAGIC` of `linux/magic.h`: process handles have inodes of their own, never used twice
/// in a boot, from Linux 6.9 on.
const PIDFS_MAGIC: u64 = 0x5049_4446;
/// `PF_EXITING` of `linux/sched.h`, among the flags in field 9 of proc(5)'s stat.
const EXITING: u32 = 4;
/// Clock ticks in a second, as proc(5) counts them: 100 on every architecture of today.
const TICKS_PER_SECOND: u64 = 100;
/// How long an ended process may stay unreaped before its status is given up: only when it cannot
/// be read of the unreaped either.
const REAPING_PATIENCE: Duration = Duration::from_secs(1);

/// A process in a boot, as it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// Its number.
    pub pid: u32,
    /// Its start time in clock ticks since boot (`/proc/PID/stat` field 22).
    pub start_ticks: u64,
    /// Inode of its process handle; nothing before Linux 6.9.
    #[serde(default)]
    pub inode: Option<u64>,
}

impl Who {
    /// This very process.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn own() -> io::Result<Self> {
        let pid = std::process::id();
        let stat = Stat::read(pid)?.ok_or(io::ErrorKind::NotFound)?;
        let handle = pidfd_open(rustix::process::getpid(), PidfdFlags::empty()).ok();
        let inode = handle.and_then(|handle| inode_of(handle.as_fd()));
        Ok(Self { pid, start_ticks: stat.start_ticks, inode })
    }

    /// Whether exactly this process lives; one that ended and was not reaped yet does not.
    ///
    /// # Errors
    /// The system refuses a handle.
    pub fn lives(&self) -> io::Result<bool> {
        Ok(Handle::open(self)?.is_some_and(|handle| !handle.has_ended()))
    }
}

fn inode_of(pidfd: BorrowedFd<'_>) -> Option<u64> {
    let system = rustix::fs::fstatfs(pidfd).ok()?;
    let known = u64::try_from(system.f_type).is_ok_and(|magic| magic == PIDFS_MAGIC);
    known.then(|| rustix::fs::fstat(pidfd).ok().map(|stat| stat.st_ino)).flatten()
}

/// A proven process, alive or ended: it keeps meaning it, whoever gets the pid later.
#[derive(Debug)]
pub(crate) struct Handle {
    pidfd: OwnedFd,
    pid: u32,
}

impl Handle {
    /// The process `who`; nothing when it is gone or its pid is somebody else's.
    pub(super) fn open(who: &Who) -> io::Result<Option<Self>> {
        let Some(handle) = Self::of_pid(who.pid)? else { return Ok(None) };
        if let (Some(meant), Some(found)) = (who.inode, inode_of(handle.pidfd.as_fd())) {
            return Ok((meant == found).then_some(handle));
        }
        let stat = Stat::read(who.pid)?;
        let same = stat.is_some_and(|stat| stat.start_ticks == who.start_ticks);
        Ok((same && handle.is_unreaped()).then_some(handle))
    }

    /// The process with `pid` when it passes `proof`, which is put to it while it cannot be
    /// replaced by another unnoticed.
    pub(super) fn open_if(
        pid: u32,
        proof: impl FnOnce(u32) -> io::Result<bool>,
    ) -> io::Result<Option<Self>> {
        let Some(handle) = Self::of_pid(pid)? else { return Ok(None) };
        // The proof reads /proc by number; it was this process's all along if it still is.
        Ok((proof(pid)? && handle.is_unreaped()).then_some(handle))
    }

    fn of_pid(pid: u32) -> io::Result<Option<Self>> {
        let Some(number) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
        match pidfd_open(number, PidfdFlags::empty()) {
            Ok(pidfd) => Ok(Some(Self { pidfd, pid })),
            // EINVAL, or ENOENT from Linux 6.16 on: the number is a thread's.
            Err(Errno::SRCH | Errno::INVAL | Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Its pid.
    pub(super) const fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&self) -> bool {
        wake::is_readable(self.pidfd.as_fd())
    }

    fn is_unreaped(&self) -> bool {
        let refused = kernel::signal_process(self.pidfd.as_fd(), 0).err();
        refused.and_then(|error| error.raw_os_error()) != Some(libc::ESRCH)
    }

    /// Completes when it has ended.
    pub(super) async fn ended(&self) {
        wake::readable(self.pidfd.as_fd()).await;
    }

    /// Takes note of its end if it is a child of this process; otherwise somebody else does.
    pub(super) fn reap(&self) {
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        match waitid(WaitId::PidFd(self.pidfd.as_fd()), ended) {
            Ok(_) | Err(Errno::CHILD) => {}
            Err(error) => tracing::warn!("pid {} cannot be reaped: {error}", self.pid),
        }
    }

    /// Signals it; whether it was there to be signalled.
    pub(super) fn signal(&self, signal: i32) -> io::Result<bool> {
        self.unless_gone(signal, kernel::signal_process)
    }

    /// Signals the group that it leads; whether it was there to be signalled.
    pub(super) fn signal_group(&self, signal: i32) -> io::Result<bool> {
        self.unless_gone(signal, kernel::signal_group)
    }

    fn unless_gone(
        &self,
        signal: i32,
        send: impl FnOnce(BorrowedFd<'_>, i32) -> io::Result<()>,
    ) -> io::Result<bool> {
        // One that ended and waits to be reaped accepts signals and does nothing about them.
        if self.has_ended() {
            return Ok(false);
        }
        match send(self.pidfd.as_fd(), signal) {
            Ok(()) => Ok(true),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// How it ended, once it has. A stranger learns it from the process table until the process
    /// is reaped and from its handle afterwards (Linux 6.15); unknown when neither tells.
    pub(super) async fn exit_status(&self) -> ExitStatus {
        let told = async {
            let watched = wake::registered(self.pidfd.as_fd()).ok()?;
            loop {
                // Between the two looks its parent may reap it; then the first has the answer.
                let reaped = || kernel::reaped_status(self.pidfd.as_fd());
                let status = reaped().or_else(|| self.zombie_status()).or_else(reaped);
                if status.is_some() || !self.is_unreaped() {
                    return status;
                }
                let mut ready = watched.readable().await.ok()?;
                ready.clear_ready();
            }
        };
        let told = tokio::time::timeout(REAPING_PATIENCE, told).await;
        told.ok().flatten().unwrap_or(ExitStatus::Unknown)
    }

    fn zombie_status(&self) -> Option<ExitStatus> {
        let stat = Stat::read(self.pid).ok().flatten()?;
        // To strangers of another user the kernel shows 0 in place of the status.
        let us = rustix::process::geteuid();
        let owner = fs::metadata(format!("/proc/{}", self.pid)).ok()?.uid();
        let readable = us.is_root() || owner == us.as_raw();
        (stat.is_zombie && readable && self.is_unreaped()).then(|| kernel::decode(stat.exit_word))
    }
}

/// When a living process began, since boot; nothing when there is none with this pid.
pub(crate) fn alive_since(pid: u32) -> Option<Span> {
    let stat = Stat::read(pid).ok().flatten().filter(|stat| !stat.is_zombie)?;
    let milliseconds = stat.start_ticks.saturating_mul(1000) / TICKS_PER_SECOND;
    Some(Span(i64::try_from(milliseconds).unwrap_or(i64::MAX)))
}

/// What `/proc/PID/stat` says of a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stat {
    pub(super) is_zombie: bool,
    /// It runs no code of its own any more, but the kernel is not done taking it apart.
    pub(super) is_exiting: bool,
    /// Its environment is known, and empty. While it becomes another program it is not known.
    pub(super) has_empty_environment: bool,
    pub(super) parent: u32,
    pub(super) start_ticks: u64,
    exit_word: i32,
}

impl Stat {
    /// Nothing when there is no such process.
    pub(super) fn read(pid: u32) -> io::Result<Option<Self>> {
        match fs::read_to_string(format!("/proc/{pid}/stat")) {
            // It ended between the opening and the reading of its file.
            Ok(text) if text.is_empty() => Ok(None),
            Ok(text) => Self::parse(&text)
                .map(Some)
                .ok_or_else(|| io::Error::other(format!("/proc/{pid}/stat is not as in proc(5)"))),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Fields are counted from 1 in proc(5); the second, the name, may hold spaces and brackets.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number.checked_sub(3)?).copied();
        let (environment, environment_end) = (field(50)?, field(51)?);
        Some(Self {
            is_zombie: matches!(field(3)?, "Z" | "X"),
            is_exiting: field(9)?.parse::<u32>().ok()? & EXITING != 0,
            has_empty_environment: environment == environment_end && environment_end != "0",
            parent: field(4)?.parse().ok()?,
            start_ticks: field(22)?.parse().ok()?,
            exit_word: field(52)?.parse().ok()?,
        })
    }
}

/// Whether reading a file of `/proc/PID` failed because the process ended.
pub(super) fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reused_pid_is_not_the_process_that_was_meant() {
        let us = Who::own().unwrap();
        let later = us.start_ticks + 1;
        assert!(us.lives().unwrap());
        let by_time = Who { inode: None, ..us };
        assert!(by_time.lives().unwrap());
        assert!(!Who { start_ticks: later, ..by_time }.lives().unwrap());
        assert!(!Who { pid: u32::MAX >> 2, ..us }.lives().unwrap());
        if let Some(inode) = us.inode {
            assert!(!Who { inode: Some(inode + 1), ..us }.lives().unwrap());
        }
    }

    #[test]
    fn a_name_full_of_brackets_does_not_shift_the_fields() {
        let head = "7 (a) Z 9 (b) Z 42";
        let (before, between, tail) = ("0 ".repeat(4), "0 ".repeat(12), "0 ".repeat(27));
        let text = format!("{head} {before}4194308 {between}777 {tail}5 5 256\n");
        let stat = Stat::parse(&text).unwrap();
        assert!(stat.is_zombie && stat.is_exiting && stat.has_empty_environment);
        assert_eq!((stat.parent, stat.start_ticks, stat.exit_word), (42, 777, 256));
    }
}
