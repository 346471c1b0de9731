//! Who a pid is: a pid alone names nobody, a pid with its start time does.

use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fs;
use std::io;

/// Index of the start time among the fields after the command's closing parenthesis of
/// `/proc/PID/stat` (field 22 of proc(5)).
const START_TIME: usize = 19;

/// Start time of a process in clock ticks since boot; nothing when there is no such process.
///
/// # Errors
/// `/proc` cannot be read.
pub fn start_ticks(pid: u32) -> io::Result<Option<u64>> {
    let text = match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(text) => text,
        Err(error) if gone(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    if text.is_empty() {
        // It ended between the opening and the reading of its file.
        return Ok(None);
    }
    let fields = text.rsplit_once(')').map(|(_, fields)| fields);
    let ticks = fields.and_then(|fields| fields.split_whitespace().nth(START_TIME)?.parse().ok());
    ticks.map(Some).ok_or_else(|| io::Error::other(format!("/proc/{pid}/stat has no start time")))
}

/// Whether exactly this process lives; one that ended and was not reaped yet does not.
///
/// # Errors
/// `/proc` cannot be read.
pub fn lives(pid: u32, started: u64) -> io::Result<bool> {
    if start_ticks(pid)? != Some(started) {
        return Ok(false);
    }
    let text = match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(text) => text,
        Err(error) if gone(&error) => return Ok(false),
        Err(error) => return Err(error),
    };
    let state = text.rsplit_once(')').map(|(_, rest)| rest.trim_start());
    Ok(state.is_some_and(|state| !state.is_empty() && !state.starts_with(['Z', 'X'])))
}

/// A handle on exactly this process: it keeps meaning it, whoever gets the pid later. Nothing when
/// it has gone or the pid is somebody else's.
///
/// # Errors
/// The system refuses a handle.
pub fn handle(pid: u32, started: u64) -> io::Result<Option<OwnedFd>> {
    let Some(raw) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
    let handle = match pidfd_open(raw, PidfdFlags::NONBLOCK) {
        Ok(handle) => handle,
        Err(rustix::io::Errno::SRCH) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // The handle is fixed to a process now; only then is its start time compared.
    Ok((start_ticks(pid)? == Some(started)).then_some(handle))
}

fn gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reused_pid_is_not_the_process_that_was_meant() {
        let us = std::process::id();
        let ticks = start_ticks(us).unwrap().unwrap();
        assert!(handle(us, ticks).unwrap().is_some());
        assert!(handle(us, ticks + 1).unwrap().is_none());
        assert_eq!(start_ticks(u32::MAX >> 2).unwrap(), None);
    }
}
