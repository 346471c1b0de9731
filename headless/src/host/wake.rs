//! Waiting on descriptors: by the kernel's wake-up, or by looking where it has none to give.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// Pause between two looks without a wake-up.
const BLIND_PAUSE: Duration = Duration::from_secs(1);

/// Completes when there is something to read, or an end.
pub(super) async fn readable(descriptor: BorrowedFd<'_>) {
    let woken = async { registered(descriptor)?.readable().await.map(drop) };
    if let Err(error) = woken.await {
        tracing::warn!("the kernel has no wake-up to give: {error}; looking instead");
        while !is_readable(descriptor) {
            tokio::time::sleep(BLIND_PAUSE).await;
        }
    }
}

/// A descriptor with a wake-up.
pub(super) fn registered(descriptor: BorrowedFd<'_>) -> io::Result<AsyncFd<BorrowedFd<'_>>> {
    // SAFETY: it is borrowed for as long as the registration lives, so it stays open.
    Ok(unsafe { AsyncFd::register(descriptor) }?)
}

/// Whether there is something to read, or an end, now.
pub(crate) fn is_readable(descriptor: BorrowedFd<'_>) -> bool {
    let mut descriptors = [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut descriptors, Some(&at_once)).is_ok_and(|ready| ready > 0)
}
