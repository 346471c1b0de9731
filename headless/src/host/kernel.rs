//! The few system calls that neither std nor rustix offers, each behind a safe function.

use cappuccino_core::words::ExitStatus;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// `PIDFD_SIGNAL_PROCESS_GROUP` of `linux/pidfd.h`, from Linux 6.9 on.
const SIGNAL_PROCESS_GROUP: libc::c_uint = 1 << 2;
/// `PIDFD_INFO_EXIT` of `linux/pidfd.h`, from Linux 6.15 on.
const INFO_EXIT: u64 = 1 << 3;
/// `PIDFD_GET_INFO`: `_IOWR(0xFF, 11, struct pidfd_info)` with the structure's first 64 bytes.
const GET_INFO: libc::c_ulong = (3 << 30) | (64 << 16) | (0xff << 8) | 0x0b;

/// `struct pidfd_info` of `linux/pidfd.h`, first version.
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroup: u64,
    ids: [u32; 11],
    exit_code: i32,
}

/// How a process ended, from the word that `wait` and the kernel's tables speak of it.
pub(crate) const fn decode(word: i32) -> ExitStatus {
    if libc::WIFSIGNALED(word) {
        ExitStatus::Signal(libc::WTERMSIG(word))
    } else {
        ExitStatus::Code(libc::WEXITSTATUS(word))
    }
}

/// How the process behind `pidfd` ended, once its parent has taken note; nothing before that, and
/// on Linux before 6.15.
pub(super) fn reaped_status(pidfd: BorrowedFd<'_>) -> Option<ExitStatus> {
    let mut info = PidfdInfo { mask: INFO_EXIT, ..PidfdInfo::default() };
    // SAFETY: the request's number carries the structure's size, and the structure is live.
    let answer = unsafe { libc::ioctl(pidfd.as_raw_fd(), GET_INFO, &raw mut info) };
    (answer == 0 && info.mask & INFO_EXIT != 0).then(|| decode(info.exit_code))
}

/// Sends `signal` to the process behind `pidfd`; 0 only asks whether it could be sent.
pub(super) fn signal_process(pidfd: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    send(pidfd, signal, 0)
}

/// Sends `signal` to the group that the process behind `pidfd` leads; before Linux 6.9, to that
/// process alone.
pub(super) fn signal_group(pidfd: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    match send(pidfd, signal, SIGNAL_PROCESS_GROUP) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => send(pidfd, signal, 0),
        answer => answer,
    }
}

fn send(pidfd: BorrowedFd<'_>, signal: i32, flags: libc::c_uint) -> io::Result<()> {
    let no_info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the arguments are those of pidfd_send_signal(2); a null info is allowed.
    let answer = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, no_info, flags)
    };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Lets the next program that this process becomes keep the descriptor `number`.
pub(crate) fn pass_on(number: RawFd) -> io::Result<()> {
    // SAFETY: fcntl on any number is harmless; it fails when nothing is open there.
    checked(unsafe { libc::fcntl(number, libc::F_SETFD, 0) }).map(drop)
}

/// Takes possession of a descriptor that was inherited under `number`; it is not passed on.
pub(crate) fn inherited(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl on any number is harmless; it fails when nothing is open there.
    checked(unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    // SAFETY: it is open, as the line above proved, and the caller was given it to own.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

pub(crate) fn checked(answer: i32) -> io::Result<i32> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}
