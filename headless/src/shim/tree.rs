//! The tree below a shim: its group is signalled, its orphans are adopted, its rest is swept.

use super::exit_status;
use cappuccino_core::words::ExitStatus;
use std::fs;
use std::io;
use std::process::Child;
use std::time::Duration;

/// Rounds of killing what is left; each kills a whole generation of descendants.
const SWEEP_ROUNDS: u32 = 1000;
/// Pause between two rounds, for the killed to die.
const SWEEP_PAUSE: Duration = Duration::from_millis(2);

/// What the tree used.
pub(super) struct Usage {
    pub(super) max_rss_kib: u64,
    pub(super) cpu_milliseconds: u64,
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

/// Collects every child that has ended; the status of `child` when it is among them.
pub(super) fn reap(child: &mut Child) -> Option<ExitStatus> {
    // Its own status first, through the handle that knows it, before a general wait eats it.
    match child.try_wait() {
        Ok(Some(status)) => return Some(exit_status(status)),
        Ok(None) => {}
        Err(_) => return Some(ExitStatus::Unknown),
    }
    for pid in children() {
        if u32::try_from(pid).is_ok_and(|pid| pid != child.id()) {
            reap_one(pid);
        }
    }
    None
}

/// Kills descendants until there are none.
pub(super) fn sweep() {
    for _ in 0..SWEEP_ROUNDS {
        let left = children();
        if left.is_empty() {
            return;
        }
        for pid in left {
            // SAFETY: plain system call on an unreaped child of ours: the pid is its own.
            unsafe { libc::kill(pid, libc::SIGKILL) };
            reap_one(pid);
        }
        std::thread::sleep(SWEEP_PAUSE);
    }
}

fn reap_one(pid: i32) {
    // SAFETY: plain system call; no status is asked for.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), libc::WNOHANG) };
}

/// Our direct children; orphaned descendants are among them.
fn children() -> Vec<i32> {
    let text = fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// What all reaped descendants used together.
pub(super) fn usage() -> Usage {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: a zeroed rusage is valid; the call fills it.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    let milliseconds = |time: libc::timeval| time.tv_sec.saturating_mul(1000) + time.tv_usec / 1000;
    let cpu = milliseconds(usage.ru_utime).saturating_add(milliseconds(usage.ru_stime));
    Usage {
        max_rss_kib: u64::try_from(usage.ru_maxrss).unwrap_or(0),
        cpu_milliseconds: u64::try_from(cpu).unwrap_or(0),
    }
}
