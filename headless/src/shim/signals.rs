//! The signals a shim lives by, blocked so that none is lost between two looks.

use crate::host::kernel::checked;
use std::io;
use std::time::Duration;

/// A set of blocked signals to wait for.
pub(super) struct Signals(libc::sigset_t);

impl Signals {
    /// Blocks what the shim waits for, and forgets inherited dispositions.
    pub(super) fn take() -> io::Result<Self> {
        forget_dispositions();
        let set = set_of(&[libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGCHLD]);
        // SAFETY: the set is initialised; the shim has one thread.
        checked(unsafe {
            libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut())
        })?;
        Ok(Self(set))
    }

    /// The next signal; nothing when `timeout` passes first, if there is one.
    pub(super) fn next(&self, timeout: Option<Duration>) -> Option<i32> {
        let no_information = std::ptr::null_mut();
        let signal = match timeout {
            // SAFETY: the set is initialised; no information is asked for.
            None => unsafe { libc::sigwaitinfo(&raw const self.0, no_information) },
            Some(timeout) => {
                let time = libc::timespec {
                    tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
                    tv_nsec: i64::from(timeout.subsec_nanos()),
                };
                // SAFETY: set and time are initialised; no information is asked for.
                unsafe { libc::sigtimedwait(&raw const self.0, no_information, &raw const time) }
            }
        };
        (signal > 0).then_some(signal)
    }
}

/// Lets every signal through.
pub(super) fn unblock() -> io::Result<()> {
    let none = set_of(&[]);
    // SAFETY: the set is initialised; the shim has one thread.
    checked(unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()) })
        .map(drop)
}

/// What the shim starts is to begin as from a fresh login, whatever the runner ignores.
fn forget_dispositions() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: the default disposition runs no code of ours; KILL and STOP are refused, which
        // changes nothing.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

fn set_of(signals: &[i32]) -> libc::sigset_t {
    // SAFETY: a zeroed set is memory for a set, emptied before it is used.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in signals {
            libc::sigaddset(&raw mut set, *signal);
        }
        set
    }
}
