//! Being woken when something changes on disk: a record put in place, a lock let go, a file
//! written.

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// Pause between two looks when the kernel has no wake-up to give.
const BLIND_PAUSE: Duration = Duration::from_millis(20);
/// The kernel rings just before it takes a closed file's lock back.
const AFTER_RING: Duration = Duration::from_millis(1);

/// Rings for every record that is put in place in a folder, and for every file that its last
/// holder closes. It rings from its making on: look once after that, then wait for it.
pub(super) struct Bell(Option<AsyncFd<OwnedFd>>);

impl Bell {
    /// A bell for `folder`; one without a clapper, which rings by the clock, when the kernel has
    /// none to give.
    pub(super) fn on(folder: &Path) -> Self {
        Self::hang(folder, WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE)
    }

    /// A bell that rings for everything that is written to a file, or to a file of a folder.
    pub(super) fn on_writes(path: &Path) -> Self {
        let written = WatchFlags::MODIFY | WatchFlags::CLOSE_WRITE | WatchFlags::ATTRIB;
        Self::hang(path, written | WatchFlags::CREATE | WatchFlags::MOVED_TO)
    }

    fn hang(path: &Path, events: WatchFlags) -> Self {
        Self(hung(path, events).inspect_err(|error| tracing::warn!("no inotify: {error}")).ok())
    }

    /// Completes when it has rung since the last call.
    pub(super) async fn rung(&self) {
        match &self.0 {
            Some(queue) => {
                if let Err(error) = emptied(queue).await {
                    tracing::warn!("inotify fails: {error}");
                    tokio::time::sleep(BLIND_PAUSE).await;
                }
                tokio::time::sleep(AFTER_RING).await;
            }
            None => tokio::time::sleep(BLIND_PAUSE).await,
        }
    }
}

fn hung(path: &Path, events: WatchFlags) -> io::Result<AsyncFd<OwnedFd>> {
    let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    inotify::add_watch(&queue, path, events)?;
    // SAFETY: the descriptor is owned by the returned value and stays open as long as it.
    Ok(unsafe { AsyncFd::register(queue) }?)
}

/// Waits for events and takes all of them.
async fn emptied(queue: &AsyncFd<OwnedFd>) -> io::Result<()> {
    let mut ready = queue.readable().await?;
    let mut events = [0_u8; 4096];
    loop {
        match rustix::io::read(queue.get_ref(), &mut events) {
            Ok(_) => {}
            Err(Errno::AGAIN) => break,
            Err(error) => return Err(error.into()),
        }
    }
    ready.clear_ready();
    Ok(())
}
