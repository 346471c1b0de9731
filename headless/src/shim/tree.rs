//! The tree below a shim: its group is signalled, its orphans are adopted, its rest is swept.

use crate::host::kernel::{checked, decode};
use cappuccino_core::words::ExitStatus;
use std::fs;
use std::io;

/// How our own child ended.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) max_rss_kib: u64,
}

/// From now on orphaned descendants become our children instead of init's.
pub(super) fn become_subreaper() -> io::Result<()> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    Ok(())
}

/// Signals the process group that `pid` leads, and `pid` itself should it have left the group.
pub(super) fn signal_group(pid: u32, signal: i32) {
    let Ok(pid) = i32::try_from(pid) else { return };
    // SAFETY: plain system calls. Our own child cannot have been reaped by anybody else, so its
    // pid, and the group it leads, are still its own. Errors mean that it is gone.
    unsafe {
        libc::kill(-pid, signal);
        libc::kill(pid, signal);
    }
}

/// Takes note of every child that has ended, orphans among them; how `process` did, if it did.
pub(super) fn reap(process: u32) -> io::Result<Option<Ended>> {
    while let Some((pid, ended)) = wait(libc::WNOHANG)? {
        if u32::try_from(pid) == Ok(process) {
            return Ok(Some(ended));
        }
    }
    Ok(None)
}

/// Kills descendants until there are none. As the subreaper this process inherits every orphan, so
/// whoever was not a child becomes one when its own parent dies, whatever it was just doing.
///
/// One that cannot die yet (a driver holds it) is waited for: until then the slot is taken.
pub(super) fn sweep() -> io::Result<()> {
    loop {
        for child in children()? {
            // SAFETY: plain system call on an unreaped child of ours: the pid is its own. One that
            // gained other rights cannot be killed; it is waited for.
            unsafe { libc::kill(child, libc::SIGKILL) };
        }
        if wait(0)?.is_none() {
            return Ok(());
        }
        while wait(libc::WNOHANG)?.is_some() {}
    }
}

/// The next child that ended; nothing when there is no child, or, with `WNOHANG`, none that ended.
fn wait(options: i32) -> io::Result<Option<(i32, Ended)>> {
    loop {
        let mut word = 0;
        // SAFETY: `rusage` is plain numbers, so zeroes are a value.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: both pointers are to live values of the right types.
        let answer = checked(unsafe { libc::wait4(-1, &raw mut word, options, &raw mut usage) });
        match answer {
            Ok(0) => return Ok(None),
            Ok(pid) => {
                let max_rss_kib = u64::try_from(usage.ru_maxrss).unwrap_or(0);
                return Ok(Some((pid, Ended { status: decode(word), max_rss_kib })));
            }
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Our direct children; orphaned descendants are among them.
fn children() -> io::Result<Vec<i32>> {
    let list = fs::read_to_string("/proc/thread-self/children")?;
    Ok(list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect())
}

/// Processor time of all descendants that were reaped, user and system.
pub(super) fn cpu_milliseconds() -> u64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: a zeroed rusage is valid; the call fills it.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    let milliseconds = |time: libc::timeval| time.tv_sec.saturating_mul(1000) + time.tv_usec / 1000;
    let cpu = milliseconds(usage.ru_utime).saturating_add(milliseconds(usage.ru_stime));
    u64::try_from(cpu).unwrap_or(0)
}
